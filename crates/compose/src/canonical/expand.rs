//! The keys that have a short form, and the long form of each.

use super::context::Context;
use super::short;
use crate::diagnostic::Report;
use crate::node::{Mapping, Node, Value, entry};
use crate::number::Number;
use crate::problem::Problem;
use crate::syntax;
use crate::trail::Trail;
use crate::walk::{each_entry, each_item};

/// Expands everything in a model.
pub(crate) fn canonical(top: &mut Node, context: &mut Context<'_>) {
    for section in ["services", "jobs"] {
        each_entry(
            top.get_mut(section),
            &Trail::of([section]),
            |node, trail| {
                service(node, trail, context);
            },
        );
    }
    for section in ["volumes", "networks", "secrets", "configs"] {
        each_entry(
            top.get_mut(section),
            &Trail::of([section]),
            |node, trail| {
                external(node, trail, context.report);
            },
        );
    }
}

fn service(node: &mut Node, trail: &Trail, context: &mut Context<'_>) {
    container(node, trail, context);
    each_item(
        node.get_mut("pre_start"),
        &trail.key("pre_start"),
        |hook, trail| {
            container(hook, trail, context);
        },
    );
    for hooks in ["post_start", "pre_stop"] {
        each_item(node.get_mut(hooks), &trail.key(hooks), |hook, trail| {
            short::command(hook.get_mut("command"), &trail.key("command"), context);
        });
    }
    if let Some(build) = node.get_mut("build") {
        self::build(build, &trail.key("build"), context);
    }
    if let Some(depends_on) = node.get_mut("depends_on") {
        self::depends_on(depends_on);
    }
    if let Some(extends) = node.get_mut("extends")
        && extends.as_text().is_some()
    {
        wrap(extends, "service");
    }
    short::ports(node, trail, context);
    if let Some(test) = node
        .get_mut("healthcheck")
        .and_then(|check| check.get_mut("test"))
        && test.as_text().is_some()
    {
        let shell = Node::text(&test.place, "CMD-SHELL");
        let command = Node::new(&test.place, test.value.clone());
        test.value = Value::List(vec![shell, command]);
    }
    let watch = trail.key("develop").key("watch");
    each_item(
        node.get_mut("develop")
            .and_then(|develop| develop.get_mut("watch")),
        &watch,
        |rule, trail| {
            list(rule.get_mut("ignore"));
            list(rule.get_mut("include"));
            let exec = trail.key("exec").key("command");
            short::command(
                rule.get_mut("exec")
                    .and_then(|exec| exec.get_mut("command")),
                &exec,
                context,
            );
        },
    );
    let triggers = node.get_mut("triggers");
    each_item(
        triggers.and_then(|triggers| triggers.get_mut("schedule")),
        trail,
        |schedule, _| {
            if schedule.as_text().is_some() {
                wrap(schedule, "cron");
            }
        },
    );
}

fn container(node: &mut Node, trail: &Trail, context: &mut Context<'_>) {
    for key in ["env_file", "label_file", "dns", "dns_search", "tmpfs"] {
        list(node.get_mut(key));
    }
    for key in ["dns"] {
        if let Some(Value::List(items)) = node.get_mut(key).map(|node| &mut node.value) {
            items.retain(|item| !item.is_null() && item.as_text() != Some(""));
        }
    }
    each_item(node.get_mut("env_file"), trail, |file, _| {
        if file.as_text().is_some() {
            wrap(file, "path");
        }
        let place = file.place.clone();
        if let Some(map) = file.as_map_mut() {
            let required = || entry(&place, Node::bool(&place, true));
            map.entry("required".to_owned()).or_insert_with(required);
        }
    });
    for key in ["networks", "models"] {
        if let Some(node) = node.get_mut(key) {
            names(node, |place| Node::new(&place.place, Value::Null));
        }
    }
    for key in ["secrets", "configs"] {
        each_item(node.get_mut(key), trail, |file, _| {
            if file.as_text().is_some() {
                wrap(file, "source");
            }
        });
    }
    if let Some(gpus) = node.get_mut("gpus")
        && gpus.as_text().is_some()
    {
        let all = Node::text(&gpus.place, "all");
        let request = Node::map(&gpus.place, [("count", all)]);
        gpus.value = Value::List(vec![request]);
    }
    // As text, too, a leading 0 makes it octal.
    if let Some(umask) = node.get_mut("umask")
        && let Some(Ok(bits)) = umask.as_text().map(syntax::umask)
    {
        umask.value = Value::Number(Number::whole(bits.into()));
    }
    short::volumes(node, trail, context);
    short::devices(node, trail, context);
    for key in ["command", "entrypoint"] {
        short::command(node.get_mut(key), &trail.key(key), context);
    }
}

fn build(node: &mut Node, trail: &Trail, context: &mut Context<'_>) {
    if node.as_text().is_some() {
        wrap(node, "context");
    }
    each_item(node.get_mut("secrets"), trail, |file, _| {
        if file.as_text().is_some() {
            wrap(file, "source");
        }
    });
    for key in ["provenance", "sbom"] {
        if let Some(value) = node.get_mut(key)
            && let Some(text) = value.scalar_text()
        {
            value.value = Value::Text(text);
        }
    }
    list(node.get_mut("no_cache_filter"));
    for key in ["additional_contexts", "ssh"] {
        if let Some(pairs) = node.get_mut(key) {
            short::pairs(pairs, &trail.key(key), key == "ssh", context);
        }
    }
}

fn depends_on(node: &mut Node) {
    names(node, |place| Node::map(&place.place, []));
    each_entry(Some(node), &Trail::top(), |wait, _| {
        let place = wait.place.clone();
        if let Some(map) = wait.as_map_mut() {
            let condition = || entry(&place, Node::text(&place, "service_started"));
            map.entry("condition".to_owned()).or_insert_with(condition);
            let required = || entry(&place, Node::bool(&place, true));
            map.entry("required".to_owned()).or_insert_with(required);
        }
    });
}

/// `external: {name: x}`, the form of old files.
fn external(node: &mut Node, trail: &Trail, report: &mut Report) {
    let Some(map) = node.as_map_mut() else { return };
    let Some(external) = map.get_mut("external") else {
        return;
    };
    let Value::Map(old) = &external.node.value else {
        return;
    };
    let name = old.get("name").cloned();
    external.node.value = Value::Bool(true);
    match (name, map.get("name")) {
        (Some(name), None) => {
            map.insert("name".to_owned(), name);
        }
        (Some(old), Some(name)) if old != *name => {
            let problem = Problem::Differ {
                one: "name",
                other: "external.name",
            };
            report.error(&old.node.place, trail, problem);
        }
        _ => {}
    }
}

/// Makes a list of one of a text.
fn list(node: Option<&mut Node>) {
    if let Some(node) = node
        && let Some(text) = node.as_text()
    {
        node.value = Value::List(vec![Node::text(&node.place, text)]);
    }
}

/// Makes `{key: value}` of a value.
fn wrap(node: &mut Node, key: &str) {
    let inner = Node::new(&node.place, node.value.clone());
    node.value = Value::Map([(key.to_owned(), entry(&node.place, inner))].into());
}

/// Makes a mapping of a list of names.
fn names(node: &mut Node, value: impl Fn(&Node) -> Node) {
    let Some(items) = node.as_list() else { return };
    let name = |item: &Node| Some((item.as_text()?.to_owned(), entry(&item.place, value(item))));
    if let Some(map) = items.iter().map(name).collect::<Option<Mapping>>() {
        node.value = Value::Map(map);
    }
}

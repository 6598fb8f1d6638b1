//! Completes a model: the default network, the names of networks and volumes, and the dependencies
//! of services that other keys imply.
//!
//! Source: compose-go's `loader/normalize.go`.

use crate::canonical::is_true;
use crate::diagnostic::Report;
use crate::limits::Budget;
use crate::load::Variables;
use crate::merge::merge;
use crate::node::{Mapping, Node, Value, entry};
use crate::schema::is_container_key;
use crate::syntax::clean;
use crate::trail::Trail;
use crate::walk::{each_entry, each_item};

pub(crate) fn normalise(
    top: &mut Node,
    name: &str,
    variables: &Variables,
    budget: &mut Budget,
    report: &mut Report,
) {
    networks(top);
    for section in ["services", "jobs"] {
        each_entry(
            top.get_mut(section),
            &Trail::of([section]),
            |node, trail| {
                let place = node.place.clone();
                if let Some(map) = node.as_map_mut() {
                    if map
                        .get("pull_policy")
                        .and_then(|entry| entry.node.as_text())
                        == Some("if_not_present")
                    {
                        map.insert(
                            "pull_policy".to_owned(),
                            entry(&place, Node::text(&place, "missing")),
                        );
                    }
                    waits(map);
                }
                build(node, variables);
                values(node.get_mut("environment"), variables, true);
                each_item(node.get_mut("volumes"), &Trail::top(), |mount, _| {
                    if let Some(target) = mount.get_mut("target")
                        && let Some(path) = target.as_text()
                    {
                        target.value = Value::Text(clean(path));
                    }
                });
                pre_start(node, trail, budget, report);
            },
        );
    }
    for section in ["networks", "volumes", "configs", "secrets"] {
        each_entry(
            top.get_mut(section),
            &Trail::of([section]),
            |node, trail| {
                if node.is_null() {
                    node.value = Value::Map(Mapping::new());
                }
                let external = node.get("external").is_some_and(is_true);
                let key = trail.last().unwrap_or_default();
                let full = if external {
                    key.to_owned()
                } else {
                    format!("{name}_{key}")
                };
                let place = node.place.clone();
                if let Some(map) = node.as_map_mut()
                    && map.get("name").is_none_or(|name| name.node.is_null())
                {
                    map.insert("name".to_owned(), entry(&place, Node::text(&place, full)));
                }
            },
        );
    }
}

/// A service without networks joins `default`, which exists if a service joins it.
fn networks(top: &mut Node) {
    let mut used = false;
    for section in ["services", "jobs"] {
        each_entry(top.get_mut(section), &Trail::top(), |node, _| {
            let place = node.place.clone();
            let Some(map) = node.as_map_mut() else { return };
            if map.contains_key("provider") || map.contains_key("network_mode") {
                return;
            }
            let joined = map.get("networks").and_then(|entry| entry.node.as_map());
            match joined {
                Some(joined) if !joined.is_empty() => used |= joined.contains_key("default"),
                _ => {
                    let nothing = Node::new(&place, Value::Null);
                    let joined = Node::map(&place, [("default", nothing)]);
                    map.insert("networks".to_owned(), entry(&place, joined));
                    used = true;
                }
            }
        });
    }
    let place = top.place.clone();
    if let Some(map) = top.as_map_mut().filter(|_| used) {
        let empty = || entry(&place, Node::new(&place, Value::Map(Mapping::new())));
        let networks = map.entry("networks".to_owned()).or_insert_with(empty);
        if let Some(networks) = networks.node.as_map_mut() {
            let nothing = || entry(&place, Node::new(&place, Value::Null));
            networks.entry("default".to_owned()).or_insert_with(nothing);
        }
    }
}

/// Links, shared namespaces and shared volumes make a service wait for another one.
fn waits(map: &mut Mapping) {
    let mut others: Vec<(String, bool, Node)> = Vec::new();
    let items = |key: &str| {
        map.get(key)
            .and_then(|entry| entry.node.as_list())
            .unwrap_or_default()
    };
    for link in items("links") {
        if let Some(text) = link.as_text() {
            let parts: Vec<&str> = text.split(':').collect();
            let name = if parts.len() == 2 { parts[0] } else { text };
            others.push((name.to_owned(), true, link.clone()));
        }
    }
    for key in ["network_mode", "ipc", "pid", "uts", "cgroup"] {
        if let Some(node) = map.get(key).map(|entry| &entry.node)
            && let Some(name) = node
                .as_text()
                .and_then(|text| text.strip_prefix("service:"))
        {
            others.push((name.to_owned(), true, node.clone()));
        }
    }
    for volumes in items("volumes_from") {
        if let Some(text) = volumes
            .as_text()
            .filter(|text| !text.starts_with("container:"))
        {
            let name = text.split(':').next().unwrap_or(text);
            others.push((name.to_owned(), false, volumes.clone()));
        }
    }
    for (name, restart, at) in others {
        let empty = || entry(&at.place, Node::new(&at.place, Value::Map(Mapping::new())));
        let depends_on = map.entry("depends_on".to_owned()).or_insert_with(empty);
        if let Some(depends_on) = depends_on.node.as_map_mut() {
            let wait = || {
                let wait = [
                    ("condition", Node::text(&at.place, "service_started")),
                    ("restart", Node::bool(&at.place, restart)),
                    ("required", Node::bool(&at.place, true)),
                ];
                entry(&at.place, Node::map(&at.place, wait))
            };
            depends_on.entry(name).or_insert_with(wait);
        }
    }
}

fn build(node: &mut Node, variables: &Variables) {
    let Some(build) = node.get_mut("build") else {
        return;
    };
    let place = build.place.clone();
    if let Some(map) = build.as_map_mut()
        && !map.contains_key("dockerfile")
        && !map.contains_key("dockerfile_inline")
    {
        let name = Node::text(&place, "Dockerfile");
        map.insert("dockerfile".to_owned(), entry(&place, name));
    }
    values(build.get_mut("args"), variables, false);
}

/// Gives names without a value the variable's; without one, they stay only if `keep`.
fn values(node: Option<&mut Node>, variables: &Variables, keep: bool) {
    match node.map(|node| &mut node.value) {
        Some(Value::Map(map)) => map.retain(|name, entry| {
            match (entry.node.is_null(), variables.get(name)) {
                (true, Some(value)) => entry.node.value = Value::Text(value.clone()),
                (true, None) => return keep,
                (false, _) => {}
            }
            true
        }),
        Some(Value::List(items)) => items.retain_mut(|item| {
            let name = item.as_text().filter(|text| !text.contains('='));
            match name.map(|name| (name, variables.get(name))) {
                Some((name, Some(value))) => item.value = Value::Text(format!("{name}={value}")),
                Some((_, None)) => return keep,
                None => {}
            }
            true
        }),
        _ => {}
    }
}

/// A `pre_start` container has the keys of its service, except its mounts, beneath its own.
fn pre_start(service: &mut Node, trail: &Trail, budget: &mut Budget, report: &mut Report) {
    let Some(map) = service.as_map() else { return };
    let inherited = map
        .iter()
        .filter(|(key, _)| *key != "volumes" && is_container_key(key));
    let inherited: Mapping = inherited
        .map(|(key, entry)| (key.clone(), entry.clone()))
        .collect();
    let base = Node::new(&service.place, Value::Map(inherited));
    let size = base.size();
    each_item(
        service.get_mut("pre_start"),
        &trail.key("pre_start"),
        |hook, at| match budget.nodes(size) {
            Ok(()) => *hook = merge(base.clone(), hook.clone(), trail, report),
            Err(limit) => report.error(&hook.place, at, limit),
        },
    );
}

//! Short forms that are small languages of their own: ports, mounts, devices, command lines.

use super::context::Context;
use crate::node::{Mapping, Node, Place, Value, entry};
use crate::number::Number;
use crate::problem::{Problem, Warning};
use crate::syntax::{self, ShortMount, ShortPort, SyntaxError, Words};
use crate::trail::Trail;
use crate::walk::each_item;

/// One short form may stand for many ports.
pub(super) fn ports(service: &mut Node, trail: &Trail, context: &mut Context<'_>) {
    let trail = trail.key("ports");
    let Some(Value::List(items)) = service.get_mut("ports").map(|node| &mut node.value) else {
        return;
    };
    let mut expanded = Vec::new();
    for (index, item) in std::mem::take(items).into_iter().enumerate() {
        let text = match &item.value {
            Value::Text(_) | Value::Number(_) => item.scalar_text().unwrap_or_default(),
            _ => {
                expanded.push(item);
                continue;
            }
        };
        match syntax::ports(&text) {
            Ok(ports) => {
                if let Err(limit) = context.budget.nodes(ports.len() * 6) {
                    context.report.error(&item.place, &trail.item(index), limit);
                    break;
                }
                expanded.extend(ports.into_iter().map(|short| port(&item.place, short)));
            }
            Err(error) => context.report.error(&item.place, &trail.item(index), error),
        }
    }
    *items = expanded;
}

fn port(place: &Place, short: ShortPort) -> Node {
    let ShortPort {
        address,
        published,
        target,
        protocol,
    } = short;
    let target = Node::new(place, Value::Number(Number::whole(target.into())));
    let mut map = Mapping::new();
    let mut add = |key: &str, node: Node| map.insert(key.to_owned(), entry(place, node));
    add("mode", Node::text(place, "ingress"));
    add("target", target);
    add("protocol", Node::text(place, protocol));
    if let Some(address) = address {
        add("host_ip", Node::text(place, address));
    }
    if let Some(published) = published {
        add("published", Node::text(place, published));
    }
    Node::new(place, Value::Map(map))
}

pub(super) fn volumes(container: &mut Node, trail: &Trail, context: &mut Context<'_>) {
    texts(
        container,
        "volumes",
        trail,
        context,
        |place, text, trail, context| {
            let short = syntax::mount(text)?;
            if short.unknown_option {
                context.report.warn(place, trail, Warning::VolumeOption);
            }
            Ok(mount(place, short))
        },
    );
}

fn mount(place: &Place, short: ShortMount) -> Node {
    let ShortMount {
        source,
        target,
        read_only,
        no_copy,
        propagation,
        selinux,
        bind,
        bare,
        unknown_option: _,
    } = short;
    let mut map = Mapping::new();
    let mut add = |key: &str, node: Node| map.insert(key.to_owned(), entry(place, node));
    add(
        "type",
        Node::text(place, if bind { "bind" } else { "volume" }),
    );
    add("target", Node::text(place, syntax::clean(&target)));
    if let Some(source) = source {
        add("source", Node::text(place, source));
    }
    if read_only {
        add("read_only", Node::bool(place, true));
    }
    let mut options = Mapping::new();
    if let Some(propagation) = propagation {
        options.insert(
            "propagation".to_owned(),
            entry(place, Node::text(place, propagation)),
        );
    }
    if let Some(selinux) = selinux {
        options.insert(
            "selinux".to_owned(),
            entry(place, Node::text(place, selinux)),
        );
    }
    if bind {
        // Docker makes a folder that the short form names.
        options.insert(
            "create_host_path".to_owned(),
            entry(place, Node::bool(place, true)),
        );
    }
    if !options.is_empty() {
        add("bind", Node::new(place, Value::Map(options)));
    }
    let mut volume = Mapping::new();
    if no_copy {
        volume.insert("nocopy".to_owned(), entry(place, Node::bool(place, true)));
    }
    if no_copy || !(bind || bare) {
        add("volume", Node::new(place, Value::Map(volume)));
    }
    Node::new(place, Value::Map(map))
}

pub(super) fn devices(container: &mut Node, trail: &Trail, context: &mut Context<'_>) {
    texts(container, "devices", trail, context, |place, text, _, _| {
        let (source, target, permissions) = syntax::device(text)?;
        Ok(Node::map(
            place,
            [
                ("source", Node::text(place, source)),
                ("target", Node::text(place, target)),
                ("permissions", Node::text(place, permissions)),
            ],
        ))
    });
}

/// Expands the items of a list that are text; those that cannot be read are reported and left out.
fn texts(
    container: &mut Node,
    key: &str,
    trail: &Trail,
    context: &mut Context<'_>,
    expand: impl Fn(&Place, &str, &Trail, &mut Context<'_>) -> Result<Node, SyntaxError>,
) {
    let trail = trail.key(key);
    let mut wrong = Vec::new();
    let mut index = 0;
    each_item(container.get_mut(key), &trail, |item, trail| {
        if let Some(text) = item.as_text() {
            match expand(&item.place, text, trail, context) {
                Ok(node) => *item = node,
                Err(error) => {
                    context.report.error(&item.place, trail, error);
                    wrong.push(index);
                }
            }
        }
        index += 1;
    });
    if let Some(Value::List(items)) = container.get_mut(key).map(|node| &mut node.value) {
        for index in wrong.into_iter().rev() {
            items.remove(index);
        }
    }
}

/// A command line as a list of words.
pub(super) fn command(node: Option<&mut Node>, trail: &Trail, context: &mut Context<'_>) {
    let Some(node) = node else { return };
    let Some(text) = node.as_text() else { return };
    match syntax::words(text) {
        Ok(Words { words, cut }) => {
            if let Some(operator) = cut {
                context
                    .report
                    .warn(&node.place, trail, Warning::CommandCut { operator });
            }
            let words = words.into_iter().map(|word| Node::text(&node.place, word));
            node.value = Value::List(words.collect());
        }
        Err(error) => {
            context.report.error(&node.place, trail, error);
            node.value = Value::Null;
        }
    }
}

/// A list of `key=value` as a mapping. A key alone may stand there if `alone`.
pub(super) fn pairs(node: &mut Node, trail: &Trail, alone: bool, context: &mut Context<'_>) {
    let Some(items) = node.as_list() else { return };
    let mut map = Mapping::new();
    for (index, item) in items.iter().enumerate() {
        let Some(text) = item.as_text() else { return };
        let (key, value) = match text.split_once('=') {
            Some((key, value)) => (key, Node::text(&item.place, value)),
            None if alone && text == "default" => (text, Node::new(&item.place, Value::Null)),
            None => {
                let problem = Problem::from(SyntaxError::KeyValue);
                context
                    .report
                    .error(&item.place, &trail.item(index), problem);
                continue;
            }
        };
        map.insert(key.to_owned(), entry(&item.place, value));
    }
    node.value = Value::Map(map);
}

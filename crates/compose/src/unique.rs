//! Lists in which one key counts once: of equal ones the last counts, at the place of the first.
//!
//! Source: compose-go's `override` package, `uncity.go`.

use std::collections::BTreeMap;

use crate::node::{Node, Value};
use crate::syntax;
use crate::trail::Trail;

/// Leaves one entry per key in each list that has keys.
pub(crate) fn enforce(node: &mut Node, trail: &Trail) {
    match &mut node.value {
        Value::Map(map) => {
            for (key, entry) in map.iter_mut() {
                if !key.starts_with("x-") {
                    enforce(&mut entry.node, &trail.key(key));
                }
            }
        }
        Value::List(items) => {
            if let Some(key_of) = key_of(trail) {
                *items = unique_by(std::mem::take(items), key_of);
            }
        }
        _ => {}
    }
}

/// The key of an entry; nothing if it has none, so that it stands for itself.
type KeyOf = fn(&Node) -> Option<String>;

fn key_of(trail: &Trail) -> Option<KeyOf> {
    Some(match trail.keys().as_slice() {
        ["networks", _, "labels"] | ["networks", _, "ipam", "options"] => by_name,
        ["services", _, rest @ ..] => match rest {
            [
                "annotations" | "cap_add" | "cap_drop" | "dns" | "dns_opt" | "dns_search"
                | "environment" | "labels" | "links" | "profiles" | "sysctls" | "tmpfs",
            ]
            | [
                "build",
                "args" | "additional_contexts" | "platform" | "tags" | "labels",
            ]
            | ["deploy", "labels"]
            | ["networks", _, "aliases" | "link_local_ips"] => by_name,
            ["configs"] => |node| by_target(node, ""),
            ["secrets"] => |node| by_target(node, "/run/secrets"),
            ["env_file"] => by_path,
            ["expose"] => Node::scalar_text,
            ["ports"] => by_port,
            ["volumes"] => by_mount,
            ["devices"] => by_device,
            _ => return None,
        },
        _ => return None,
    })
}

pub(crate) fn unique_by(items: Vec<Node>, key_of: impl Fn(&Node) -> Option<String>) -> Vec<Node> {
    let mut known: BTreeMap<String, usize> = BTreeMap::new();
    let mut result: Vec<Node> = Vec::new();
    for item in items {
        let key = key_of(&item);
        let at = key.as_ref().and_then(|key| known.get(key)).copied();
        match at.and_then(|at| result.get_mut(at)) {
            Some(place) => *place = item,
            None => {
                if let Some(key) = key {
                    known.insert(key, result.len());
                }
                result.push(item);
            }
        }
    }
    result
}

/// `NAME` of `NAME=value`.
pub(crate) fn by_name(node: &Node) -> Option<String> {
    let text = node.scalar_text()?;
    let name = text.split_once('=').map(|(name, _)| name.to_owned());
    Some(name.unwrap_or(text))
}

fn by_target(node: &Node, folder: &str) -> Option<String> {
    if let Some(source) = node.as_text() {
        return Some(format!("{folder}/{source}"));
    }
    match node.get("target") {
        Some(target) => target.scalar_text(),
        None => Some(format!("{folder}/{}", node.get("source")?.scalar_text()?)),
    }
}

fn by_path(node: &Node) -> Option<String> {
    node.as_text()
        .or_else(|| node.get("path")?.as_text())
        .map(str::to_owned)
}

fn by_port(node: &Node) -> Option<String> {
    if node.as_map().is_none() {
        return node.scalar_text();
    }
    let text = |key: &str| node.get(key).and_then(Node::scalar_text);
    let host = text("host_ip").unwrap_or_else(|| "0.0.0.0".to_owned());
    let published = text("published").unwrap_or_default();
    let protocol = text("protocol").unwrap_or_else(|| "tcp".to_owned());
    Some(format!("{host}:{published}:{}/{protocol}", text("target")?))
}

fn by_mount(node: &Node) -> Option<String> {
    match node.as_text() {
        Some(text) => syntax::mount(text).ok().map(|mount| mount.target),
        None => node.get("target")?.scalar_text(),
    }
}

fn by_device(node: &Node) -> Option<String> {
    match node.as_text() {
        Some(text) => {
            let mut parts = text.split(':');
            let source = parts.next();
            parts.next().or(source).map(str::to_owned)
        }
        None => node.get("target")?.scalar_text(),
    }
}

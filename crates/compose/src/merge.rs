//! Merges a later file over an earlier one.
//!
//! Mappings are merged by key, lists are joined without repetitions, anything else is replaced; the
//! keys below have rules of their own.
//!
//! Source: the Compose Specification, "Merge"; compose-go's `override` package.

use std::collections::BTreeSet;

use crate::diagnostic::Report;
use crate::node::{Mapping, Mark, Node, Value, entry};
use crate::problem::Problem;
use crate::trail::Trail;
use crate::unique::{by_name, unique_by};

/// Lays `over` over `base`. What cannot be merged is reported and `base` is kept.
pub(crate) fn merge(base: Node, over: Node, trail: &Trail, report: &mut Report) -> Node {
    let rule = rule(trail);
    if matches!(rule, Rule::Replace) {
        return over;
    }
    if over.is_null() {
        return base;
    }
    match rule {
        Rule::Replace => over,
        Rule::Pairs => {
            let place = over.place.clone();
            let mut items = into_items(base);
            items.extend(into_items(over));
            Node::new(&place, Value::List(unique_by(items, by_name)))
        }
        Rule::Sequence => {
            let place = over.place.clone();
            let items = append(into_items(base), into_items(over));
            Node::new(&place, Value::List(items))
        }
        Rule::Build => plain(
            into_keyed(base, build),
            into_keyed(over, build),
            trail,
            report,
        ),
        Rule::DependsOn => {
            let wait = |node: &Node| {
                let condition = Node::text(&node.place, "service_started");
                let required = Node::bool(&node.place, true);
                Node::map(
                    &node.place,
                    [("condition", condition), ("required", required)],
                )
            };
            plain(
                into_keyed(base, |node| names(node, wait)),
                into_keyed(over, |node| names(node, wait)),
                trail,
                report,
            )
        }
        Rule::Names => {
            let nothing = |node: &Node| Node::new(&node.place, Value::Null);
            plain(
                into_keyed(base, |node| names(node, nothing)),
                into_keyed(over, |node| names(node, nothing)),
                trail,
                report,
            )
        }
        Rule::Logging => {
            let driver = |node: &Node| node.get("driver").cloned();
            match (driver(&base), driver(&over)) {
                (Some(one), Some(other)) if one != other => over,
                _ => plain(base, over, trail, report),
            }
        }
        Rule::Ulimit => match (&base.value, &over.value) {
            (Value::Map(_), Value::Map(_)) => plain(base, over, trail, report),
            _ => over,
        },
        Rule::Pools => pools(base, over, trail, report),
        Rule::Plain => plain(base, over, trail, report),
    }
}

enum Rule {
    Plain,
    Replace,
    /// `NAME=value`, of which the last counts.
    Pairs,
    /// Text or a list, joined.
    Sequence,
    Build,
    DependsOn,
    /// A list of names, or a mapping with more about each.
    Names,
    /// Options count for one driver.
    Logging,
    Ulimit,
    /// Address pools are the same if their subnets are.
    Pools,
}

fn rule(trail: &Trail) -> Rule {
    match trail.keys().as_slice() {
        ["networks", _, "ipam", "config"] => Rule::Pools,
        ["networks" | "volumes" | "secrets" | "configs", _, "labels"] => Rule::Pairs,
        ["services" | "jobs", _, rest @ ..] => match rest {
            ["annotations" | "environment" | "labels" | "sysctls"]
            | ["build", "args" | "additional_contexts" | "labels"]
            | ["volumes", _, "volume", "labels"]
            | ["deploy", "labels"] => Rule::Pairs,
            [
                "dns" | "dns_opt" | "dns_search" | "env_file" | "label_file" | "extra_hosts"
                | "tmpfs",
            ]
            | ["build", "extra_hosts"] => Rule::Sequence,
            ["command" | "entrypoint"] | ["healthcheck", "test"] => Rule::Replace,
            ["build"] => Rule::Build,
            ["depends_on"] => Rule::DependsOn,
            ["models" | "networks"] => Rule::Names,
            ["logging"] => Rule::Logging,
            ["ulimits", _] => Rule::Ulimit,
            _ => Rule::Plain,
        },
        _ => Rule::Plain,
    }
}

fn plain(base: Node, over: Node, trail: &Trail, report: &mut Report) -> Node {
    if over.is_null() {
        return base;
    }
    let kinds = (base.kind(), over.kind());
    match (base.value, over.value) {
        (Value::Map(map), Value::Map(more)) => {
            let merged = mappings(map, more, trail, report);
            Node {
                place: over.place,
                value: Value::Map(merged),
                mark: None,
            }
        }
        (Value::List(items), Value::List(more)) => Node {
            place: over.place,
            value: Value::List(append(items, more)),
            mark: None,
        },
        (value @ (Value::Map(_) | Value::List(_)), _) => {
            let problem = Problem::Merge {
                base: kinds.0,
                found: kinds.1,
            };
            report.error(&over.place, trail, problem);
            Node {
                place: base.place,
                value,
                mark: None,
            }
        }
        (_, value) => Node {
            place: over.place,
            value,
            mark: None,
        },
    }
}

fn mappings(mut base: Mapping, over: Mapping, trail: &Trail, report: &mut Report) -> Mapping {
    for (key, more) in over {
        let merged = match base.remove(&key) {
            None => more,
            Some(old) => {
                let node = merge(old.node, more.node, &trail.key(&key), report);
                entry(&more.key.0, node)
            }
        };
        base.insert(key, merged);
    }
    base
}

/// Joins two lists; what stands in both stands once.
fn append(mut base: Vec<Node>, over: Vec<Node>) -> Vec<Node> {
    let mut known: BTreeSet<Node> = base.iter().cloned().collect();
    for item in over {
        if known.insert(item.clone()) {
            base.push(item);
        }
    }
    base
}

/// Text as a list of one, and a mapping as a list of `key=value`.
fn into_items(node: Node) -> Vec<Node> {
    match node.value {
        Value::List(items) => items,
        Value::Text(text) => vec![Node::text(&node.place, text)],
        Value::Map(map) => {
            let mut items: Vec<Node> = map
                .into_iter()
                .flat_map(|(key, entry)| pair(&key, entry.node))
                .collect();
            items.sort();
            items
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => vec![],
    }
}

fn pair(key: &str, node: Node) -> Vec<Node> {
    match node.value {
        Value::Null => vec![Node::text(&node.place, key)],
        Value::List(items) => items.into_iter().flat_map(|item| pair(key, item)).collect(),
        _ => {
            let value = node.scalar_text().unwrap_or_default();
            vec![Node::text(&node.place, format!("{key}={value}"))]
        }
    }
}

fn into_keyed(node: Node, keyed: impl Fn(&Node) -> Option<Mapping>) -> Node {
    match keyed(&node) {
        Some(map) => Node {
            value: Value::Map(map),
            ..node
        },
        None => node,
    }
}

fn build(node: &Node) -> Option<Mapping> {
    node.as_text()?;
    let context = Node {
        mark: None,
        ..node.clone()
    };
    Some([("context".to_owned(), entry(&node.place, context))].into())
}

fn names(node: &Node, more: impl Fn(&Node) -> Node) -> Option<Mapping> {
    if node.is_null() {
        return Some(Mapping::new());
    }
    let items = node.as_list()?;
    let name = |item: &Node| Some((item.as_text()?.to_owned(), entry(&item.place, more(item))));
    items.iter().map(name).collect()
}

/// The later file's pools, each laid over the earlier one of the same subnet. The reference mixes
/// pools of different subnets up where there are several; this is what it does with one.
fn pools(base: Node, over: Node, trail: &Trail, report: &mut Report) -> Node {
    let (Some(originals), Some(overrides)) = (base.as_list(), over.as_list()) else {
        return plain(base, over, trail, report);
    };
    let mut result: Vec<Node> = Vec::new();
    for (index, pool) in overrides.iter().enumerate() {
        let same = |other: &&Node| other.get("subnet") == pool.get("subnet");
        result.push(match originals.iter().find(same) {
            Some(original) => plain(original.clone(), pool.clone(), &trail.item(index), report),
            None => pool.clone(),
        });
    }
    Node::new(&over.place, Value::List(result))
}

/// Takes the values marked `!reset` out of a file's tree, and says where they and those marked
/// `!override` stood.
pub(crate) fn take_marks(node: &mut Node, trail: &Trail, found: &mut Vec<Trail>) {
    let mut keep = |node: &mut Node, trail: Trail| {
        match node.mark {
            Some(mark) => {
                found.push(trail);
                node.mark = None;
                if mark == Mark::Reset {
                    return false;
                }
            }
            None => take_marks(node, &trail, found),
        }
        true
    };
    match &mut node.value {
        Value::Map(map) => map.retain(|key, entry| keep(&mut entry.node, trail.key(key))),
        Value::List(items) => {
            let mut index = 0;
            items.retain_mut(|item| {
                index += 1;
                keep(item, trail.item(index - 1))
            });
        }
        _ => {}
    }
}

/// Removes from an earlier tree what a later file marked.
pub(crate) fn apply_marks(node: &mut Node, marks: &[Trail]) {
    for mark in marks {
        // The earlier tree has an adopted extension under its new name already.
        let keys: Vec<&str> = mark.keys().into_iter().map(adopted).collect();
        let Some((last, way)) = keys.split_last() else {
            continue;
        };
        let mut at = Some(&mut *node);
        for key in way {
            at = at.and_then(|node| node.get_mut(key));
        }
        if let Some(map) = at.and_then(Node::as_map_mut) {
            map.remove(*last);
        }
    }
}

/// The name under which the specification adopted an extension.
fn adopted(key: &str) -> &str {
    match key {
        "x-develop" => "develop",
        "x-initialSync" => "initial_sync",
        key => key,
    }
}

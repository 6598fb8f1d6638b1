//! Each value of a mapping or list, with the keys that lead to it.

use crate::node::{Node, Value};
use crate::trail::Trail;

/// Calls `act` with each value of a mapping.
pub(crate) fn each_entry(
    node: Option<&mut Node>,
    trail: &Trail,
    mut act: impl FnMut(&mut Node, &Trail),
) {
    if let Some(map) = node.and_then(Node::as_map_mut) {
        for (key, entry) in map.iter_mut() {
            act(&mut entry.node, &trail.key(key));
        }
    }
}

/// Calls `act` with each item of a list.
pub(crate) fn each_item(
    node: Option<&mut Node>,
    trail: &Trail,
    mut act: impl FnMut(&mut Node, &Trail),
) {
    if let Some(Value::List(items)) = node.map(|node| &mut node.value) {
        for (index, item) in items.iter_mut().enumerate() {
            act(item, &trail.item(index));
        }
    }
}

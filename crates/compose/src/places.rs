//! The places of the keys of a model.

use crate::node::{Node, Place, Value};
use crate::trail::Trail;
use std::sync::Arc;

/// The places of a model's keys, the merged and expanded files behind it.
#[derive(Debug)]
pub struct Places(Node);

impl Default for Places {
    fn default() -> Self {
        let place = Place {
            file: Arc::from(""),
            line: 1,
            column: 1,
        };
        Self(Node::new(&place, Value::Null))
    }
}

impl Places {
    pub(crate) const fn new(top: Node) -> Self {
        Self(top)
    }

    pub(crate) const fn top(&self) -> &Node {
        &self.0
    }

    /// Whether a file says the key. What the reader fills in stands at one place with its key.
    #[must_use]
    pub fn is_written(&self, trail: &Trail) -> bool {
        let mut keys = trail.keys();
        let Some(last) = keys.pop() else {
            return true;
        };
        let above = keys
            .into_iter()
            .try_fold(&self.0, |node, key| node.get(key));
        let entry = above.and_then(Node::as_map).and_then(|map| map.get(last));
        entry.is_some_and(|entry| entry.key.0 != entry.node.place)
    }

    /// The place of the key, or of the nearest one above it that is written.
    #[must_use]
    pub fn of(&self, trail: &Trail) -> &Place {
        let mut node = &self.0;
        let mut place = &node.place;
        for key in trail.keys() {
            let index = key.strip_prefix('[').and_then(|key| key.strip_suffix(']'));
            match (
                &node.value,
                index.and_then(|index| index.parse::<usize>().ok()),
            ) {
                (Value::Map(map), _) => match map.get(key) {
                    Some(entry) => {
                        place = &entry.key.0;
                        node = &entry.node;
                    }
                    None => break,
                },
                (Value::List(items), Some(index)) => match items.get(index) {
                    Some(item) => {
                        place = &item.place;
                        node = item;
                    }
                    None => break,
                },
                _ => break,
            }
        }
        place
    }
}

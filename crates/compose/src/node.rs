//! A YAML document as a tree in which every key and every value knows its place.
//!
//! Comparing two nodes compares their values: places do not count.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::number::Number;

/// A place in a file. Lines and columns count from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file's path, as it was asked for.
    pub file: Arc<str>,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// A value and its place.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub place: Place,
    pub value: Value,
    pub mark: Option<Mark>,
}

/// The tags by which a later file replaces what an earlier one says instead of adding to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// `!reset`: the key is removed.
    Reset,
    /// `!override`: the key is replaced whole.
    Override,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Node>),
    Map(Mapping),
}

/// The entries of a mapping: by key, the key's own place and the value.
pub(crate) type Mapping = BTreeMap<String, Entry>;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entry {
    pub key: KeyPlace,
    pub node: Node,
}

/// The place of a key. All of them are equal, so that mappings compare by keys and values alone.
#[derive(Clone, Debug)]
pub(crate) struct KeyPlace(pub Place);

impl PartialEq for KeyPlace {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}
impl Eq for KeyPlace {}
impl PartialOrd for KeyPlace {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for KeyPlace {
    fn cmp(&self, _: &Self) -> Ordering {
        Ordering::Equal
    }
}

impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}
impl Eq for Node {}
impl PartialOrd for Node {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Node {
    fn cmp(&self, other: &Self) -> Ordering {
        self.value.cmp(&other.value)
    }
}

impl Node {
    pub(crate) fn new(place: &Place, value: Value) -> Self {
        Self {
            place: place.clone(),
            value,
            mark: None,
        }
    }

    pub(crate) fn text(place: &Place, text: impl Into<String>) -> Self {
        Self::new(place, Value::Text(text.into()))
    }

    pub(crate) fn bool(place: &Place, value: bool) -> Self {
        Self::new(place, Value::Bool(value))
    }

    /// A mapping whose keys and values all stand at `place`.
    pub(crate) fn map<const N: usize>(place: &Place, entries: [(&str, Self); N]) -> Self {
        let entries = entries.map(|(key, node)| (key.to_owned(), node));
        Self::new(place, Value::Map(mapping(place, entries)))
    }

    pub(crate) fn as_map(&self) -> Option<&Mapping> {
        match &self.value {
            Value::Map(map) => Some(map),
            _ => None,
        }
    }

    pub(crate) fn as_map_mut(&mut self) -> Option<&mut Mapping> {
        match &mut self.value {
            Value::Map(map) => Some(map),
            _ => None,
        }
    }

    pub(crate) fn as_list(&self) -> Option<&[Self]> {
        match &self.value {
            Value::List(items) => Some(items),
            _ => None,
        }
    }

    pub(crate) fn as_text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The value of `key`, if this is a mapping that has it.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        Some(&self.as_map()?.get(key)?.node)
    }

    pub(crate) fn get_mut(&mut self, key: &str) -> Option<&mut Self> {
        Some(&mut self.as_map_mut()?.get_mut(key)?.node)
    }

    pub(crate) fn is_null(&self) -> bool {
        self.value == Value::Null
    }

    /// A scalar as the text that the reference makes of it; nothing for lists and mappings.
    pub(crate) fn scalar_text(&self) -> Option<String> {
        match &self.value {
            Value::Null => Some(String::new()),
            Value::Bool(value) => Some(value.to_string()),
            Value::Number(number) => Some(number.to_string()),
            Value::Text(text) => Some(text.clone()),
            Value::List(_) | Value::Map(_) => None,
        }
    }

    /// The number of values in this one, itself included.
    pub(crate) fn size(&self) -> usize {
        match &self.value {
            Value::List(items) => 1 + items.iter().map(Self::size).sum::<usize>(),
            Value::Map(map) => 1 + map.values().map(|entry| entry.node.size()).sum::<usize>(),
            _ => 1,
        }
    }

    /// In words, for a message.
    pub(crate) fn kind(&self) -> &'static str {
        match &self.value {
            Value::Null => "nothing",
            Value::Bool(_) => "true or false",
            Value::Number(_) => "a number",
            Value::Text(_) => "text",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
        }
    }
}

pub(crate) fn entry(place: &Place, node: Node) -> Entry {
    Entry {
        key: KeyPlace(place.clone()),
        node,
    }
}

pub(crate) fn mapping(place: &Place, entries: impl IntoIterator<Item = (String, Node)>) -> Mapping {
    entries
        .into_iter()
        .map(|(key, node)| (key, entry(place, node)))
        .collect()
}

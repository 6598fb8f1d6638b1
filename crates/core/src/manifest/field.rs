//! A place in the YAML tree with the path that leads there: what every reader in this folder reads
//! from.
//!
//! Text is interpolated when it is read, so an error inside a variable names the line that used it.
//! For the same reason an error names keys and places and never quotes a value: any of them may be
//! a password, or hold the setting that is one.

use std::collections::BTreeMap;
use std::time::Duration;

use super::duration::parse_duration;
use super::error::{ManifestError, Place};
use super::interpolate;
use super::yaml::{Node, Value};
use crate::name::check_part;

/// State shared by all fields of one document.
pub(crate) struct Scope {
    file: String,
    /// `None`: text is taken as it stands.
    variables: Option<BTreeMap<String, String>>,
}

impl Scope {
    pub(crate) fn literal(file: &str) -> Self {
        Self {
            file: file.to_owned(),
            variables: None,
        }
    }

    pub(crate) fn with_variables(file: &str, variables: BTreeMap<String, String>) -> Self {
        Self {
            file: file.to_owned(),
            variables: Some(variables),
        }
    }
}

#[derive(Clone)]
pub(crate) struct Field<'a> {
    scope: &'a Scope,
    name: String,
    path: String,
    place: Place,
    node: &'a Node,
}

static NULL: Node = Node {
    place: Place { line: 1, column: 1 },
    value: Value::Null,
};

impl<'a> Field<'a> {
    pub(crate) fn root(scope: &'a Scope, node: &'a Node) -> Self {
        Self {
            scope,
            name: String::new(),
            path: String::new(),
            place: node.place,
            node,
        }
    }

    /// The last part of the path: the key.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The whole path, such as `services.web.ports[0]`.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    pub(crate) fn place(&self) -> Place {
        self.place
    }

    pub(crate) fn error(&self, problem: impl Into<String>) -> ManifestError {
        ManifestError::new(&self.scope.file, self.place, &self.path, problem)
    }

    pub(crate) fn check_name(&self, what: &'static str) -> Result<(), ManifestError> {
        check_part(what, &self.name).map_err(|error| self.error(error.to_string()))
    }

    pub(crate) fn is_null(&self) -> bool {
        self.node.value == Value::Null
    }

    pub(crate) fn is_list(&self) -> bool {
        matches!(self.node.value, Value::List(_))
    }

    pub(crate) fn is_map(&self) -> bool {
        matches!(self.node.value, Value::Map(_))
    }

    /// The field at a path of keys, as far as it exists: for errors found later.
    pub(crate) fn at(&self, keys: &[&str]) -> Field<'a> {
        keys.iter()
            .fold(self.clone(), |field, key| field.get(key).unwrap_or(field))
    }

    pub(crate) fn get(&self, key: &str) -> Option<Field<'a>> {
        let Value::Map(entries) = &self.node.value else {
            return None;
        };
        entries
            .iter()
            .find(|(name, _)| name.text == key)
            .map(|(name, node)| self.child(name.text.clone(), name.place, node))
    }

    /// The item of this list with that text, or the list itself: for errors found later.
    pub(crate) fn item(&self, text: &str) -> Field<'a> {
        let items = self.items().unwrap_or_default();
        let found = items
            .into_iter()
            .find(|item| item.text().is_ok_and(|other| other == text));
        found.unwrap_or_else(|| self.clone())
    }

    fn child(&self, name: String, place: Place, node: &'a Node) -> Field<'a> {
        let path = if self.path.is_empty() {
            name.clone()
        } else {
            format!("{}.{name}", self.path)
        };
        Field {
            scope: self.scope,
            name,
            path,
            place,
            node,
        }
    }

    pub(crate) fn entries(&self) -> Result<Vec<Field<'a>>, ManifestError> {
        match &self.node.value {
            Value::Map(entries) => Ok(entries
                .iter()
                .map(|(key, node)| self.child(key.text.clone(), key.place, node))
                .collect()),
            _ => Err(self.error("expected a mapping (key: value)")),
        }
    }

    pub(crate) fn entries_or_null(&self) -> Result<Vec<Field<'a>>, ManifestError> {
        if self.is_null() {
            Ok(Vec::new())
        } else {
            self.entries()
        }
    }

    pub(crate) fn items(&self) -> Result<Vec<Field<'a>>, ManifestError> {
        match &self.node.value {
            Value::List(items) => Ok(items
                .iter()
                .enumerate()
                .map(|(index, node)| Field {
                    scope: self.scope,
                    name: self.name.clone(),
                    path: format!("{}[{index}]", self.path),
                    place: node.place,
                    node,
                })
                .collect()),
            _ => Err(self.error("expected a list")),
        }
    }

    /// The scalar's text with its variables filled in.
    pub(crate) fn text(&self) -> Result<String, ManifestError> {
        let Value::Text { text, .. } = &self.node.value else {
            return Err(self.error("expected a text"));
        };
        match &self.scope.variables {
            None => Ok(text.clone()),
            Some(variables) => interpolate::interpolate(text, variables)
                .map_err(|problem| self.error(problem.to_string())),
        }
    }

    pub(crate) fn texts(&self) -> Result<Vec<String>, ManifestError> {
        self.items()?.iter().map(Field::text).collect()
    }

    /// A list of texts, or one text.
    pub(crate) fn text_or_texts(&self) -> Result<Vec<String>, ManifestError> {
        if self.is_list() {
            self.texts()
        } else {
            Ok(vec![self.text()?])
        }
    }

    pub(crate) fn boolean(&self) -> Result<bool, ManifestError> {
        match self.text()?.as_str() {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(self.error("expected true or false")),
        }
    }

    pub(crate) fn integer(&self) -> Result<i64, ManifestError> {
        let text = self.text()?;
        text.parse()
            .map_err(|_| self.error("expected a whole number"))
    }

    pub(crate) fn count(&self) -> Result<u64, ManifestError> {
        let text = self.text()?;
        text.parse()
            .map_err(|_| self.error("expected a whole number from 0"))
    }

    pub(crate) fn duration(&self) -> Result<Duration, ManifestError> {
        parse_duration(&self.text()?).map_err(|problem| self.error(problem.to_string()))
    }

    pub(crate) fn port(&self) -> Result<u16, ManifestError> {
        let text = self.text()?;
        match text.parse() {
            Ok(port) if port > 0 => Ok(port),
            _ => Err(self.error("expected a port from 1 to 65535")),
        }
    }

    /// `KEY: value` pairs, or a list of `KEY=value`: Compose allows both for variables, labels and
    /// the like.
    pub(crate) fn pairs(&self) -> Result<BTreeMap<String, String>, ManifestError> {
        let mut pairs = BTreeMap::new();
        if self.is_list() {
            for item in self.items()? {
                let text = item.text()?;
                let (key, value) = text.split_once('=').ok_or_else(|| {
                    item.error("a name without a value takes it from the shell in Compose; here there is none: write NAME=value")
                })?;
                if pairs.insert(key.to_owned(), value.to_owned()).is_some() {
                    return Err(item.error("this name is set twice"));
                }
            }
        } else {
            for entry in self.entries_or_null()? {
                let value = if entry.is_null() {
                    String::new()
                } else {
                    entry.text()?
                };
                pairs.insert(entry.name().to_owned(), value);
            }
        }
        Ok(pairs)
    }

    /// Reads a mapping whose keys are all known: calls `read` for each, and refuses what `read`
    /// does not take.
    pub(crate) fn each(
        &self,
        mut read: impl FnMut(&str, &Field<'a>) -> Result<bool, ManifestError>,
    ) -> Result<(), ManifestError> {
        for entry in self.entries()? {
            let name = entry.name.clone();
            if !read(&name, &entry)? {
                return Err(entry.error("unknown key; docs/manifest.md lists those that exist"));
            }
        }
        Ok(())
    }

    /// A field of the same mapping that stands for nothing: the value of an absent key.
    pub(crate) fn absent(&self, key: &str) -> Field<'a> {
        self.child(key.to_owned(), self.place, &NULL)
    }

    pub(crate) fn required(&self, key: &str) -> Result<Field<'a>, ManifestError> {
        self.get(key)
            .ok_or_else(|| self.error(format!("`{key}` is missing")))
    }
}

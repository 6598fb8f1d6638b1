//! A place in the YAML tree with the path that leads there: what `x-archipelago` is read from.
//!
//! Text is filled in when it is read, so an error inside a variable names the line that used it.
//! For the same reason an error names keys and places and never quotes a value: any of them may be
//! a password, or hold the setting that is one.

use std::cell::RefCell;
use std::collections::BTreeMap;

use compose::{EntryView, View, interpolate_noting};

use super::error::{ManifestError, Place};
use super::variables::unknown;

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

    pub(crate) fn variables(&self) -> &BTreeMap<String, String> {
        static NONE: BTreeMap<String, String> = BTreeMap::new();
        self.variables.as_ref().unwrap_or(&NONE)
    }
}

#[derive(Clone)]
pub(crate) struct Field<'a> {
    scope: &'a Scope,
    name: String,
    path: String,
    place: Place,
    /// `None`: the key is absent.
    value: Option<View<'a>>,
}

impl<'a> Field<'a> {
    pub(crate) fn root(scope: &'a Scope, top: View<'a>) -> Self {
        Self {
            scope,
            name: String::new(),
            path: String::new(),
            place: top.place().into(),
            value: Some(top),
        }
    }

    /// The last part of the path: the key.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn file(&self) -> &str {
        &self.scope.file
    }

    pub(crate) fn unknown(&self) -> ManifestError {
        self.error("unknown key; docs/manifest.md lists those that exist")
    }

    pub(crate) fn error(&self, problem: impl Into<String>) -> ManifestError {
        ManifestError::new(&self.scope.file, self.place, &self.path, problem)
    }

    pub(crate) fn is_null(&self) -> bool {
        self.value.is_none_or(View::is_nothing)
    }

    pub(crate) fn is_map(&self) -> bool {
        self.value.is_some_and(|value| value.entries().is_some())
    }

    /// The field at a path of keys, as far as it exists: for errors found later.
    pub(crate) fn at(&self, keys: &[&str]) -> Field<'a> {
        keys.iter()
            .fold(self.clone(), |field, key| field.get(key).unwrap_or(field))
    }

    pub(crate) fn get(&self, key: &str) -> Option<Field<'a>> {
        Some(self.child(self.value?.get(key)?))
    }

    /// The item of this list with that text, or the list itself: for errors found later.
    pub(crate) fn item(&self, text: &str) -> Field<'a> {
        let items = self.items().unwrap_or_default();
        let found = items
            .into_iter()
            .find(|item| item.text().is_ok_and(|other| other == text));
        found.unwrap_or_else(|| self.clone())
    }

    fn child(&self, entry: EntryView<'a>) -> Field<'a> {
        let EntryView { key, place, value } = entry;
        Field {
            place: place.into(),
            value: Some(value),
            ..self.absent(key)
        }
    }

    /// In the order of the file.
    pub(crate) fn entries(&self) -> Result<Vec<Field<'a>>, ManifestError> {
        let entries = self.value.and_then(View::entries);
        let entries = entries.ok_or_else(|| self.error("expected a mapping (key: value)"))?;
        let mut fields: Vec<Field<'a>> = entries.map(|entry| self.child(entry)).collect();
        fields.sort_by_key(|field| field.place);
        Ok(fields)
    }

    pub(crate) fn entries_or_null(&self) -> Result<Vec<Field<'a>>, ManifestError> {
        if self.is_null() {
            Ok(Vec::new())
        } else {
            self.entries()
        }
    }

    pub(crate) fn items(&self) -> Result<Vec<Field<'a>>, ManifestError> {
        let items = self.value.and_then(View::items);
        let items = items.ok_or_else(|| self.error("expected a list"))?;
        let items = items.enumerate().map(|(index, item)| Field {
            scope: self.scope,
            name: self.name.clone(),
            path: format!("{}[{index}]", self.path),
            place: item.place().into(),
            value: Some(item),
        });
        Ok(items.collect())
    }

    /// The scalar's text with its variables filled in.
    pub(crate) fn text(&self) -> Result<String, ManifestError> {
        let text = self.value.and_then(View::text);
        let text = text.ok_or_else(|| self.error("expected a text"))?;
        let Some(variables) = &self.scope.variables else {
            return Ok(text.into_owned());
        };
        let unset = RefCell::new(None);
        let note = |name: Option<&str>| *unset.borrow_mut() = Some(name.map(str::to_owned));
        let filled = interpolate_noting(&text, &|name| variables.get(name).cloned(), &note);
        let filled = filled.map_err(|error| self.error(error.to_string()))?;
        match unset.into_inner() {
            Some(name) => Err(self.error(unknown(name.as_deref(), variables))),
            None => Ok(filled),
        }
    }

    /// A text of one line.
    pub(crate) fn line(&self) -> Result<String, ManifestError> {
        let text = self.text()?;
        if text.contains(char::is_control) {
            return Err(self.error("expected one line of text, without control characters"));
        }
        Ok(text)
    }

    pub(crate) fn texts(&self) -> Result<Vec<String>, ManifestError> {
        self.items()?.iter().map(Field::text).collect()
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

    pub(crate) fn port(&self) -> Result<u16, ManifestError> {
        let text = self.text()?;
        match text.parse() {
            Ok(port) if port > 0 => Ok(port),
            _ => Err(self.error("expected a port from 1 to 65535")),
        }
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
                return Err(entry.unknown());
            }
        }
        Ok(())
    }

    /// A field of the same mapping that stands for nothing: the value of an absent key.
    pub(crate) fn absent(&self, key: &str) -> Field<'a> {
        let path = if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        };
        Field {
            scope: self.scope,
            name: key.to_owned(),
            path,
            place: self.place,
            value: None,
        }
    }

    pub(crate) fn required(&self, key: &str) -> Result<Field<'a>, ManifestError> {
        self.get(key)
            .ok_or_else(|| self.error(format!("`{key}` is missing")))
    }
}

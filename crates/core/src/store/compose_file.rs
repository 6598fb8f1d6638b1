//! The Compose file of an app in a store, before interpolation.

use std::collections::BTreeMap;

use compose::{Document, EntryView, View};
use serde_json::Value;

use super::error::Error;
use crate::file::Files;
use crate::manifest::documents;

/// The names of a Compose file, in the order in which Compose looks for them.
const NAMES: [&str; 4] = [
    "compose.yaml",
    "compose.yml",
    "docker-compose.yml",
    "docker-compose.yaml",
];

/// A Compose file and its documents.
pub(super) struct ComposeFile<'a> {
    /// Its name in messages.
    pub file: String,
    /// Its path in the app's folder.
    pub name: &'static str,
    pub text: &'a str,
    documents: Vec<Document>,
}

impl<'a> ComposeFile<'a> {
    /// Finds it among an app's files. `folder` is the name of the folder in messages.
    pub(super) fn find(folder: &str, files: &'a Files) -> Result<Self, Error> {
        let Some(name) = name_in(files) else {
            return Err(Error::NoComposeFile {
                folder: folder.to_owned(),
            });
        };
        let file = format!("{folder}/{name}");
        let text = files[name]
            .text()
            .ok_or_else(|| Error::NotText { file: file.clone() })?;
        Self::of(file, name, text)
    }

    pub(super) fn of(file: String, name: &'static str, text: &'a str) -> Result<Self, Error> {
        let documents = documents(&file, text)?;
        Ok(Self {
            file,
            name,
            text,
            documents,
        })
    }

    /// The top of each document.
    pub(super) fn tops(&self) -> impl Iterator<Item = View<'_>> {
        self.documents.iter().map(Document::top)
    }

    /// A key at the top of the first document that has it.
    pub(super) fn get(&self, key: &str) -> Option<View<'_>> {
        self.tops().find_map(|top| Some(top.get(key)?.value))
    }

    /// The services of the first document with services.
    pub(super) fn services(&self) -> BTreeMap<&str, View<'_>> {
        let services = self.get("services").and_then(View::entries);
        let services = services.into_iter().flatten();
        services.map(|entry| (entry.key, entry.value)).collect()
    }
}

/// The name of the Compose file among an app's files.
pub(super) fn name_in(files: &Files) -> Option<&'static str> {
    NAMES.into_iter().find(|name| files.contains_key(*name))
}

/// Whether a file of this name is a Compose file.
pub(super) fn is_name(name: &str) -> bool {
    NAMES.contains(&name)
}

/// The text of the value at a path of keys.
pub(super) fn text_at(view: View<'_>, keys: &[&str]) -> Option<String> {
    let found = keys
        .iter()
        .try_fold(view, |view, key| Some(view.get(key)?.value));
    Some(found?.text()?.into_owned())
}

/// Name and text of each variable of a service, by its `environment`.
pub(super) fn environment(service: View<'_>) -> Vec<(String, String)> {
    let Some(found) = service.get("environment").map(|entry| entry.value) else {
        return Vec::new();
    };
    if let Some(entries) = found.entries() {
        let pair = |entry: EntryView<'_>| Some((entry.key.to_owned(), entry.value.text()?.into()));
        return entries.filter_map(pair).collect();
    }
    let items = found.items().into_iter().flatten();
    let pair = |item: View<'_>| {
        let text = item.text()?;
        let (name, value) = text.split_once('=')?;
        Some((name.to_owned(), value.to_owned()))
    };
    items.filter_map(pair).collect()
}

/// Calls `visit` with each text beneath a value, the keys that lead to it, and its place. Mappings
/// under the keys in `left_out` are left out.
pub(super) fn each_text<'a>(
    view: View<'a>,
    left_out: &[&str],
    path: &mut Vec<String>,
    visit: &mut dyn FnMut(&[String], &'a compose::Place, &str),
) {
    if let Some(entries) = view.entries() {
        for entry in entries.filter(|entry| !left_out.contains(&entry.key)) {
            path.push(entry.key.to_owned());
            each_text(entry.value, left_out, path, visit);
            path.pop();
        }
    } else if let Some(items) = view.items() {
        items.for_each(|item| each_text(item, left_out, path, visit));
    } else if let Some(text) = view.text() {
        visit(path, view.place(), &text);
    }
}

/// A value as JSON. A number stays a number.
pub(super) fn json(view: View<'_>) -> Value {
    if let Some(entries) = view.entries() {
        let entries = entries.map(|entry| (entry.key.to_owned(), json(entry.value)));
        return Value::Object(entries.collect());
    }
    if let Some(items) = view.items() {
        return Value::Array(items.map(json).collect());
    }
    match view.text() {
        None => Value::Null,
        Some(text) => match text.parse::<i64>() {
            Ok(number) => Value::from(number),
            Err(_) if text == "true" || text == "false" => Value::Bool(text == "true"),
            Err(_) => Value::String(text.into_owned()),
        },
    }
}

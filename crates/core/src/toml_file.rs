//! A TOML file that a person may edit, read key by key.
//!
//! An error names file, line, column, key and what is expected, and never quotes a value or a line:
//! intents hold passwords. So what the TOML crate says of a document is shown only where its words
//! are fixed.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use crate::manifest::{ManifestError, Place};

/// A document that can be read.
pub(crate) struct Document<'a> {
    file: &'a str,
    text: &'a str,
    root: DeTable<'a>,
}

/// A value of a document, with the path of keys that leads there.
pub(crate) struct Entry<'a> {
    file: &'a str,
    text: &'a str,
    name: &'a str,
    path: String,
    key: Range<usize>,
    value: &'a Spanned<DeValue<'a>>,
}

impl<'a> Document<'a> {
    /// Parses a document. `file` is how the person knows it. Where the document cannot be parsed,
    /// no key is named: it may be a part of a text whose quotation marks are wrong.
    pub(crate) fn parse(file: &'a str, text: &'a str) -> Result<Self, ManifestError> {
        let root = DeTable::parse(text).map_err(|error| {
            let offset = error.span().map_or(text.len(), |span| span.start);
            let problem = format!(
                "this is not TOML: {}; each line is KEY = VALUE, and a text stands in quotation marks",
                error.message()
            );
            ManifestError::new(file, place(text, offset), "", problem)
        })?;
        Ok(Self {
            file,
            text,
            root: root.into_inner(),
        })
    }

    /// Calls `read` with each key and its value, and refuses what `read` does not take.
    pub(crate) fn each(
        &'a self,
        known: &[&str],
        read: impl FnMut(&str, &Entry<'a>) -> Result<bool, ManifestError>,
    ) -> Result<(), ManifestError> {
        each(self.file, self.text, "", &self.root, known, read)
    }
}

impl<'a> Entry<'a> {
    pub(crate) fn error(&self, problem: impl Into<String>) -> ManifestError {
        let place = place(self.text, self.key.start);
        ManifestError::new(self.file, place, &self.path, problem)
    }

    /// The key alone.
    pub(crate) fn name(&self) -> &str {
        self.name
    }

    pub(crate) fn text(&self) -> Result<&str, ManifestError> {
        match self.value.get_ref() {
            DeValue::String(text) => Ok(text),
            _ => Err(self.error("expected a text in quotation marks")),
        }
    }

    pub(crate) fn boolean(&self) -> Result<bool, ManifestError> {
        match self.value.get_ref() {
            DeValue::Boolean(value) => Ok(*value),
            _ => Err(self.error("expected true or false, without quotation marks")),
        }
    }

    /// A whole number; `None` for anything else.
    pub(crate) fn integer(&self) -> Option<i64> {
        match self.value.get_ref() {
            DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix()).ok(),
            _ => None,
        }
    }

    pub(crate) fn texts(&self) -> Result<Vec<&str>, ManifestError> {
        let expected = || self.error("expected a list of texts, such as [\"a\", \"b\"]");
        let DeValue::Array(items) = self.value.get_ref() else {
            return Err(expected());
        };
        let items: &DeArray<'_> = items;
        let texts = items.iter().map(|item| match item.get_ref() {
            DeValue::String(text) => Ok(text.as_ref()),
            _ => Err(expected()),
        });
        texts.collect()
    }

    /// The values of a table.
    pub(crate) fn entries(&self) -> Result<Vec<Entry<'a>>, ManifestError> {
        let DeValue::Table(table) = self.value.get_ref() else {
            let problem = format!(
                "expected a table: a line [{}], then lines KEY = VALUE",
                self.path
            );
            return Err(self.error(problem));
        };
        Ok(entries(self.file, self.text, &self.path, table))
    }
}

fn each<'a>(
    file: &'a str,
    text: &'a str,
    path: &str,
    table: &'a DeTable<'a>,
    known: &[&str],
    mut read: impl FnMut(&str, &Entry<'a>) -> Result<bool, ManifestError>,
) -> Result<(), ManifestError> {
    for entry in entries(file, text, path, table) {
        if !read(entry.name(), &entry)? {
            return Err(entry.error(format!("unknown key; there are {}", known.join(", "))));
        }
    }
    Ok(())
}

/// In the order of the file, so that the first error is the first one in it.
fn entries<'a>(file: &'a str, text: &'a str, path: &str, table: &'a DeTable<'a>) -> Vec<Entry<'a>> {
    let mut entries: Vec<Entry<'a>> = table
        .iter()
        .map(|(key, value)| Entry {
            file,
            text,
            name: key.get_ref(),
            path: match path {
                "" => key.get_ref().to_string(),
                _ => format!("{path}.{}", key.get_ref()),
            },
            key: key.span(),
            value,
        })
        .collect();
    entries.sort_by_key(|entry| entry.key.start);
    entries
}

fn place(text: &str, offset: usize) -> Place {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |end| end + 1);
    Place {
        line: before.matches('\n').count() + 1,
        column: before[line_start..].chars().count() + 1,
    }
}

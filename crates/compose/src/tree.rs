//! A YAML document as it is written, for callers that read keys of their own: no variable is filled
//! in and no short form expanded. Aliases and `<<` are followed.

use std::borrow::Cow;
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Report};
use crate::limits::Budget;
use crate::node::{Node, Place, Value};
use crate::yaml;

#[derive(Clone, Debug)]
pub struct Document(Node);

/// A value of a document.
#[derive(Clone, Copy, Debug)]
pub struct View<'a>(&'a Node);

/// An entry of a mapping.
#[derive(Clone, Copy, Debug)]
pub struct EntryView<'a> {
    pub key: &'a str,
    /// The place of the key.
    pub place: &'a Place,
    pub value: View<'a>,
}

impl Document {
    /// Reads the documents of a file.
    ///
    /// # Errors
    /// Everything in the file that is no YAML, or no key.
    pub fn read_all(file: &str, text: &str) -> Result<Vec<Self>, Vec<Diagnostic>> {
        let mut report = Report::default();
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let documents = yaml::parse(&Arc::from(file), text, &mut Budget::default(), &mut report);
        match documents {
            Some(documents) if !report.has_errors() => {
                Ok(documents.into_iter().map(Self).collect())
            }
            _ => Err(report.into_sorted()),
        }
    }

    /// The value at the top.
    #[must_use]
    pub const fn top(&self) -> View<'_> {
        View(&self.0)
    }
}

impl<'a> View<'a> {
    #[must_use]
    pub const fn place(self) -> &'a Place {
        &self.0.place
    }

    /// Whether it is `null`, `~` or not written.
    #[must_use]
    pub fn is_nothing(self) -> bool {
        self.0.is_null()
    }

    /// The text of a scalar. A number stays as it is written.
    #[must_use]
    pub fn text(self) -> Option<Cow<'a, str>> {
        match &self.0.value {
            Value::Text(text) => Some(text.into()),
            Value::Number(number) => Some((&number.written).into()),
            Value::Bool(value) => Some(if *value { "true" } else { "false" }.into()),
            Value::Null | Value::List(_) | Value::Map(_) => None,
        }
    }

    /// The items of a list.
    #[must_use]
    pub fn items(self) -> Option<impl Iterator<Item = View<'a>>> {
        Some(self.0.as_list()?.iter().map(View))
    }

    /// The entries of a mapping, in the order of their keys.
    #[must_use]
    pub fn entries(self) -> Option<impl Iterator<Item = EntryView<'a>>> {
        let map = self.0.as_map()?;
        Some(map.iter().map(|(key, entry)| EntryView {
            key,
            place: &entry.key.0,
            value: View(&entry.node),
        }))
    }

    /// The entry of a key, if this is a mapping that has it.
    #[must_use]
    pub fn get(self, key: &str) -> Option<EntryView<'a>> {
        let (key, entry) = self.0.as_map()?.get_key_value(key)?;
        Some(EntryView {
            key,
            place: &entry.key.0,
            value: View(&entry.node),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_keep_their_text_and_variables_stay() {
        let text = "a: 1.10\nb: 0600\nc: \"1\"\nd: ~\ne: ${x}\nf: true\n---\n[one]\n";
        let documents = Document::read_all("f", text).unwrap();
        let [document, second] = documents.as_slice() else {
            panic!("{documents:?}");
        };
        let top = document.top();
        let texts: Vec<(&str, Option<String>)> = top
            .entries()
            .unwrap()
            .map(|entry| (entry.key, entry.value.text().map(Cow::into_owned)))
            .collect();
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(
            texts,
            [
                ("a", text("1.10")),
                ("b", text("0600")),
                ("c", text("1")),
                ("d", None),
                ("e", text("${x}")),
                ("f", text("true")),
            ]
        );
        let entry = top.get("d").unwrap();
        assert!(entry.value.is_nothing());
        assert_eq!(entry.place.to_string(), "f:4:1");
        assert!(top.get("g").is_none() && top.items().is_none());
        assert_eq!(second.top().items().unwrap().count(), 1);
        assert!(second.top().entries().is_none());
    }

    #[test]
    fn everything_that_is_no_yaml_is_said() {
        let said = |text: &str| -> Vec<String> {
            let wrong = Document::read_all("f", text).unwrap_err();
            wrong.iter().map(ToString::to_string).collect()
        };
        let twice = "this key stands twice in the same mapping; remove one of them";
        assert_eq!(
            said("a: 1\na: 2\nb: {c: , c: }\n"),
            [
                format!("f:2:1: a: {twice}"),
                format!("f:3:10: b.c: {twice}")
            ]
        );
        assert_eq!(said("a: [1\n").len(), 1);
    }
}

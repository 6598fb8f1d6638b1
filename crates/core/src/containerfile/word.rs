//! Words as in a shell: quotation marks, escapes and variables.
//!
//! Source: `shell_parser.go` of openshift/imagebuilder, and `frontend/dockerfile/shell` of
//! moby/buildkit, which finds here-documents.

use std::collections::BTreeMap;
use std::str::Chars;

/// How deep `${A:-${B}}` may be nested.
const MOST_NESTED: usize = 16;

/// Divides text at white space outside of quotation marks, and keeps all marks; `None` when a
/// quotation mark is missing.
pub(super) fn split(text: &str) -> Option<Vec<String>> {
    let mut words = vec![String::new()];
    let mut quote = None;
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        if letter.is_whitespace() && quote.is_none() {
            words.push(String::new());
            continue;
        }
        let word = words.last_mut()?;
        word.push(letter);
        match letter {
            _ if quote == Some(letter) => quote = None,
            '"' | '\'' if quote.is_none() => quote = Some(letter),
            '\\' if quote != Some('\'') => word.extend(letters.next()),
            _ => {}
        }
    }
    words.retain(|word| !word.is_empty());
    quote.is_none().then_some(words)
}

/// Takes away quotation marks and escapes, and replaces `$NAME`, `${NAME}`, `${NAME:-DEFAULT}` and
/// `${NAME:+OTHER}` by their values. `None` when a value is unknown or written in another form, or
/// when a quotation mark is missing. Without `known`, variables stay as they are.
pub(crate) fn expand(word: &str, known: Option<&BTreeMap<String, String>>) -> Option<String> {
    let mut expansion = Expansion {
        letters: word.chars(),
        known,
        nested: 0,
    };
    expansion.text(None)
}

struct Expansion<'a> {
    letters: Chars<'a>,
    known: Option<&'a BTreeMap<String, String>>,
    nested: usize,
}

impl Expansion<'_> {
    /// The text up to a letter outside of quotation marks, which is consumed, or to the end.
    fn text(&mut self, end: Option<char>) -> Option<String> {
        let mut text = String::new();
        let mut is_quoted = false;
        while let Some(letter) = self.letters.next() {
            match letter {
                letter if Some(letter) == end && !is_quoted => return Some(text),
                '"' => is_quoted = !is_quoted,
                '\'' if !is_quoted => loop {
                    match self.letters.next()? {
                        '\'' => break,
                        letter => text.push(letter),
                    }
                },
                '\\' => text.extend(self.escaped(is_quoted)),
                '$' => text.push_str(&self.variable()?),
                letter => text.push(letter),
            }
        }
        (end.is_none() && !is_quoted).then_some(text)
    }

    /// The letters that a backslash stands for. Between double quotation marks it is a plain letter
    /// before most others.
    fn escaped(&mut self, is_quoted: bool) -> Option<String> {
        let next = self.letters.clone().next()?;
        if is_quoted && !['"', '$', '\\'].contains(&next) {
            return Some('\\'.to_string());
        }
        self.letters.next();
        Some(next.to_string())
    }

    /// The value of a variable whose `$` was read.
    fn variable(&mut self) -> Option<String> {
        let Some(known) = self.known else {
            return Some('$'.to_string());
        };
        let is_braced = self.take('{');
        let name = self.name();
        let value = known.get(&name).cloned();
        if !is_braced {
            return if name.is_empty() {
                Some('$'.to_string())
            } else {
                value
            };
        }
        if self.take('}') {
            return value;
        }
        let operator = self.take(':').then(|| self.letters.next()).flatten();
        self.nested += 1;
        if self.nested > MOST_NESTED {
            return None;
        }
        let other = self.text(Some('}'));
        self.nested -= 1;
        let is_given = value.as_ref().is_some_and(|value| !value.is_empty());
        match operator {
            Some('-') if is_given => value,
            Some('-') => other,
            Some('+') if is_given => other,
            Some('+') => Some(String::new()),
            _ => None,
        }
    }

    fn name(&mut self) -> String {
        let rest = self.letters.as_str();
        let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
        let end = rest.find(|letter| !is_part(letter)).unwrap_or(rest.len());
        let (name, rest) = rest.split_at(end);
        self.letters = rest.chars();
        name.to_owned()
    }

    fn take(&mut self, letter: char) -> bool {
        let rest = self.letters.as_str().strip_prefix(letter);
        if let Some(rest) = rest {
            self.letters = rest.chars();
        }
        rest.is_some()
    }
}

//! The variables that a Compose file uses, and the settings that they become.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::clean;
use super::compose_file::{ComposeFile, each_text};
use super::overlay::Overlay;

/// The keys with texts for people, in which a dollar sign has no meaning.
const FOR_PEOPLE: [&str; 2] = ["x-casaos", "x-archipelago"];
const NAME_MAX: usize = 64;

/// The uses of one variable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Uses {
    /// The defaults of its uses, each once; empty for a use without a default.
    defaults: Vec<String>,
    /// The author's message where it must have a value.
    required: Option<String>,
    /// Whether a use distinguishes an empty value from none.
    tells_empty: bool,
}

/// The variables of a file by name.
pub(super) fn used(source: &ComposeFile<'_>) -> BTreeMap<String, Uses> {
    let mut found = BTreeMap::new();
    let mut visit = |_: &[String], _: &compose::Place, text: &str| note(text, &mut found);
    for top in source.tops() {
        each_text(top, &FOR_PEOPLE, &mut Vec::new(), &mut visit);
    }
    found
}

/// The variables that are used only in texts for people.
pub(super) fn in_words(source: &ComposeFile<'_>) -> Vec<String> {
    let mut all = BTreeMap::new();
    let mut visit = |_: &[String], _: &compose::Place, text: &str| note(text, &mut all);
    for top in source.tops() {
        each_text(top, &[], &mut Vec::new(), &mut visit);
    }
    let used = used(source);
    all.into_keys()
        .filter(|name| !used.contains_key(name))
        .collect()
}

impl Uses {
    /// Whether every use has a default.
    pub(super) fn has_defaults(&self) -> bool {
        self.required.is_none() && self.defaults.iter().all(|default| !default.is_empty())
    }

    fn default(&mut self, text: &str) {
        if !self.defaults.iter().any(|known| known == text) {
            self.defaults.push(text.to_owned());
        }
    }
}

fn note(text: &str, found: &mut BTreeMap<String, Uses>) {
    let mut rest = text;
    while let Some(start) = rest.find('$') {
        rest = &rest[start + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            rest = after;
        } else if let Some(after) = rest.strip_prefix('{') {
            let Some(end) = closing_brace(after) else {
                return;
            };
            note_braces(&after[..end], found);
            rest = &after[end + 1..];
        } else {
            let (name, after) = split_name(rest);
            if !name.is_empty() {
                found.entry(name.to_owned()).or_default().default("");
            }
            rest = after;
        }
    }
}

fn note_braces(inside: &str, found: &mut BTreeMap<String, Uses>) {
    let (name, operator) = split_name(inside);
    if name.is_empty() {
        return;
    }
    let uses = found.entry(name.to_owned()).or_default();
    let (colon, operator) = match operator.strip_prefix(':') {
        Some(operator) => (true, operator),
        None => (false, operator),
    };
    let mut characters = operator.chars();
    let kind = characters.next();
    let text = characters.as_str();
    match kind {
        Some('-') => {
            uses.default(text);
            uses.tells_empty |= !colon;
        }
        Some('?') => uses.required = Some(text.to_owned()),
        Some('+') => {
            uses.default("");
            uses.tells_empty |= !colon;
        }
        _ => uses.default(""),
    }
    note(text, found);
}

/// The matching closing brace, as Compose finds it.
fn closing_brace(text: &str) -> Option<usize> {
    let mut depth = 0;
    let mut before = ' ';
    for (at, character) in text.char_indices() {
        match character {
            '{' if before == '$' => depth += 1,
            '}' if depth == 0 => return Some(at),
            '}' => depth -= 1,
            _ => {}
        }
        before = character;
    }
    None
}

fn split_name(text: &str) -> (&str, &str) {
    let is_part = |(at, c): (usize, char)| {
        c.is_ascii_alphabetic() || c == '_' || (at > 0 && c.is_ascii_digit())
    };
    let end = text.char_indices().find(|part| !is_part(*part));
    text.split_at(end.map_or(text.len(), |(at, _)| at))
}

/// Makes settings of the variables that nothing else gives a value. `known` are the values in the
/// app's own `.env`.
pub(super) fn to_settings(
    uses: &BTreeMap<String, Uses>,
    known: &BTreeMap<String, String>,
    overlay: &mut Overlay,
) {
    for (name, uses) in uses {
        let is_given = overlay.variables.contains_key(name) || name.len() > NAME_MAX;
        if is_given || overlay.settings.contains_key(name) {
            continue;
        }
        let in_file = known.get(name).map(String::as_str);
        let default = match (in_file, &uses.required, uses.defaults.as_slice()) {
            (Some(value), _, _) => Some(value),
            (None, Some(_), _) => None,
            (None, None, [only]) if !only.contains('$') => Some(only.as_str()),
            // Each use has its own default, which takes effect for an empty value.
            (None, None, _) if uses.tells_empty => continue,
            (None, None, _) => Some(""),
        };
        let description = match uses.required.as_deref() {
            Some(message) if !message.is_empty() => clean::line(message),
            _ => format!("The variable {name} of the Compose file."),
        };
        overlay
            .settings
            .insert(name.clone(), setting(default, &description));
    }
}

/// A setting that takes a text.
pub(super) fn setting(default: Option<&str>, description: &str) -> Value {
    let is_line = default.is_none_or(|text| !text.contains(['\n', '\t']));
    let kind = if is_line { "string" } else { "text" };
    let has_other = |text: &&str| {
        let is_other = |c: char| c.is_control() && c != '\n' && c != '\t';
        !text.contains(is_other)
    };
    match default.filter(has_other) {
        Some(default) => json!({"type": kind, "default": default, "description": description}),
        None => json!({"type": kind, "description": description}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uses(text: &str) -> BTreeMap<String, Uses> {
        let mut found = BTreeMap::new();
        note(text, &mut found);
        found
    }

    #[test]
    fn every_form_of_a_variable_is_seen() {
        let seen = uses("$A ${B} ${C:-x:y} ${D-${E:?no}} ${F:+z} $$G ${H:-${I}} $1 a$");
        let names: Vec<&str> = seen.keys().map(String::as_str).collect();
        assert_eq!(names, ["A", "B", "C", "D", "E", "F", "H", "I"]);
        assert_eq!(seen["C"].defaults, ["x:y"]);
        assert_eq!(seen["E"].required.as_deref(), Some("no"));
        assert!(seen["D"].tells_empty && !seen["C"].tells_empty);
        assert!(seen["C"].has_defaults() && !seen["A"].has_defaults());
    }

    #[test]
    fn a_setting_has_the_default_of_its_variable() {
        let mut overlay = Overlay::default();
        overlay.variables.insert("GIVEN".to_owned(), "1".to_owned());
        let known = BTreeMap::from([("IN_FILE".to_owned(), "f".to_owned())]);
        let uses = uses(
            "$PLAIN ${SAME:-a}${SAME:-a} ${TWO:-a}${TWO:-b} ${THREE-a}${THREE-b} ${MUST:?say it} ${IN_FILE:-x} ${GIVEN}",
        );
        to_settings(&uses, &known, &mut overlay);
        let default = |name: &str| overlay.settings[name].get("default").cloned();
        assert_eq!(default("PLAIN"), Some("".into()));
        assert_eq!(default("SAME"), Some("a".into()));
        assert_eq!(default("TWO"), Some("".into()));
        assert_eq!(default("MUST"), None);
        assert_eq!(overlay.settings["MUST"]["description"], "say it");
        assert_eq!(default("IN_FILE"), Some("f".into()));
        assert!(!overlay.settings.contains_key("THREE"));
        assert!(!overlay.settings.contains_key("GIVEN"));
    }
}

//! Variables that a Compose file uses and nobody sets.

use std::collections::BTreeMap;

/// The words for a variable that is not there. Its name is given if it stands in braces: a word
/// after a plain dollar sign may be a part of a password.
pub(super) fn unknown(name: Option<&str>, settings: &BTreeMap<String, String>) -> String {
    let known: Vec<&str> = settings.keys().map(String::as_str).collect();
    let known = if known.is_empty() {
        "none".to_owned()
    } else {
        known.join(", ")
    };
    match name {
        Some(name) => format!(
            "there is no variable {name:?}; those of this app are its settings: {known}. Declare it under `x-archipelago.settings`, or write `${{{name}:-default}}`"
        ),
        None => format!(
            "`$` begins a variable, and there is none of this name; those of this app are its settings: {known}. A dollar sign is written `$$`"
        ),
    }
}

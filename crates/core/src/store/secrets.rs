//! Passwords that a store's system puts into variables. Here they become secrets, so that neither a
//! unit nor a command of Podman shows them.

use std::collections::BTreeMap;

use compose::{View, interpolate};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::compose_file::{ComposeFile, each_text, environment};
use super::error::Error;
use super::overlay::Overlay;
use crate::hex::hex;

/// The marks around the name of a variable in an interpolated text. YAML does not allow these
/// characters.
const BEGIN: char = '\u{fffe}';
const END: char = '\u{ffff}';

/// A variable that holds a secret.
#[derive(Clone, Copy, Debug)]
pub(super) struct SecretVariable {
    /// In the Compose file.
    pub variable: &'static str,
    /// The secret.
    pub secret: &'static str,
    /// The text from which it is derived, together with the node's seed and the app's id.
    pub entropy: &'static str,
    pub description: &'static str,
}

/// Makes secrets of the variables of services that hold one of `secret`.
pub(super) fn take(
    source: &ComposeFile<'_>,
    secret: &[SecretVariable],
    overlay: &mut Overlay,
) -> Result<(), Error> {
    for (name, service) in source.services() {
        if overlay.removed.contains(name) {
            continue;
        }
        take_of_service(name, service, secret, overlay);
        refuse_elsewhere(source, name, service, secret)?;
    }
    Ok(())
}

fn take_of_service(
    name: &str,
    service: View<'_>,
    secret: &[SecretVariable],
    overlay: &mut Overlay,
) {
    let mut taken: BTreeMap<String, String> = BTreeMap::new();
    for (variable, text) in environment(service) {
        let lookup = |name: &str| match secret.iter().find(|secret| secret.variable == name) {
            Some(secret) => Some(format!("{BEGIN}{}{END}", secret.secret)),
            None => overlay.variables.get(name).cloned(),
        };
        // Errors in a text are reported when the file is read.
        let Ok(filled) = interpolate(&text, &lookup) else {
            continue;
        };
        let parts = parts(&filled, secret);
        let kept = match parts.as_slice() {
            [Part::Secret(only)] => {
                let recipe = json!([{"entropy": only.entropy}]);
                add(&mut overlay.secrets, only.secret, only.description, &recipe);
                only.secret.to_owned()
            }
            parts if parts.iter().any(|part| matches!(part, Part::Secret(_))) => {
                let recipe: Vec<Value> = parts.iter().map(Part::json).collect();
                let recipe = Value::Array(recipe);
                let kept = joint_name(&variable, &recipe);
                let description = format!("{variable} of {name}");
                add(&mut overlay.secrets, &kept, &description, &recipe);
                kept
            }
            _ => continue,
        };
        taken.insert(variable, kept);
    }
    if taken.is_empty() {
        return;
    }
    let service = overlay.service(name);
    service.without.extend(taken.keys().cloned());
    service
        .added
        .insert("x-environment-secrets".to_owned(), json!(taken));
}

fn add(secrets: &mut Map<String, Value>, name: &str, description: &str, recipe: &Value) {
    let secret = json!({"description": description, "seeded": recipe});
    secrets.insert(name.to_owned(), secret);
}

/// The name of a secret that also holds other text. The name contains a hash of that text, because
/// an existing secret is never regenerated.
fn joint_name(variable: &str, recipe: &Value) -> String {
    let readable: String = variable
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == '_')
        .take(40)
        .collect();
    let hash = hex(&Sha256::digest(recipe.to_string())[..4]);
    format!("text_{}_{hash}", readable.to_lowercase())
}

enum Part<'a> {
    Text(&'a str),
    Secret(&'a SecretVariable),
}

impl Part<'_> {
    fn json(&self) -> Value {
        match self {
            Self::Text(text) => json!({"text": text}),
            Self::Secret(secret) => json!({"entropy": secret.entropy}),
        }
    }
}

fn parts<'a>(filled: &'a str, secret: &'a [SecretVariable]) -> Vec<Part<'a>> {
    let pieces = filled.split([BEGIN, END]).enumerate();
    let pieces = pieces.filter(|(_, piece)| !piece.is_empty());
    pieces
        .map(|(at, piece)| {
            let named = secret.iter().find(|secret| secret.secret == piece);
            match named.filter(|_| at % 2 == 1) {
                Some(secret) => Part::Secret(secret),
                None => Part::Text(piece),
            }
        })
        .collect()
}

/// Refuses a secret in any other text of a service.
fn refuse_elsewhere(
    source: &ComposeFile<'_>,
    name: &str,
    service: View<'_>,
    secret: &[SecretVariable],
) -> Result<(), Error> {
    let mut found = None;
    let mut visit = |path: &[String], place: &compose::Place, text: &str| {
        let noted = std::cell::Cell::new(false);
        let lookup = |name: &str| {
            if secret.iter().any(|secret| secret.variable == name) {
                noted.set(true);
            }
            Some(String::new())
        };
        let _ = interpolate(text, &lookup);
        if noted.get() && found.is_none() {
            found = Some((path.join("."), place.line, place.column));
        }
    };
    each_text(service, &["environment"], &mut Vec::new(), &mut visit);
    match found {
        None => Ok(()),
        Some((key, line, column)) => Err(Error::Exposed {
            file: source.file.clone(),
            line,
            column,
            key: format!("services.{name}.{key}"),
        }),
    }
}

//! Passwords that a store's system puts into variables. Here they become secrets, so that neither a
//! unit nor a command of Podman shows them.

use std::collections::{BTreeMap, BTreeSet};

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
    pub made_of: MadeOf,
    pub description: &'static str,
}

/// The origin of such a secret.
#[derive(Clone, Copy, Debug)]
pub(super) enum MadeOf {
    /// The node's seed, the app's id and this name.
    Entropy(&'static str),
    /// A secret that another app exports.
    Other {
        app: &'static str,
        secret: &'static str,
    },
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
    let followed: BTreeSet<String> = overlay.followed.keys().cloned().collect();
    for (variable, text) in environment(service) {
        let lookup = |name: &str| match secret.iter().find(|secret| secret.variable == name) {
            Some(secret) => Some(format!("{BEGIN}{}{END}", secret.secret)),
            None if followed.contains(name) => Some(format!("{BEGIN}{name}{END}")),
            None => overlay.variables.get(name).cloned(),
        };
        // Errors in a text are reported when the file is read.
        let Ok(filled) = interpolate(&text, &lookup) else {
            continue;
        };
        let parts = parts(&filled, secret, &followed);
        let kept = match parts.as_slice() {
            [Part::Secret(only)] => {
                add_alone(&mut overlay.secrets, only);
                only.secret.to_owned()
            }
            parts if parts.iter().any(|part| matches!(part, Part::Secret(_))) => {
                add_mixed(&mut overlay.secrets, name, &variable, parts)
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

/// Gives a service of ours those variables, of `secret`, that `is_used` names.
pub(super) fn give(
    service: &str,
    secret: &[SecretVariable],
    is_used: impl Fn(&str) -> bool,
    overlay: &mut Overlay,
) {
    let mut given = Map::new();
    for secret in secret.iter().filter(|secret| is_used(secret.variable)) {
        add_alone(&mut overlay.secrets, secret);
        given.insert(secret.variable.to_owned(), json!(secret.secret));
    }
    if !given.is_empty() {
        let added = &mut overlay.service(service).added;
        added.insert("x-environment-secrets".to_owned(), Value::Object(given));
    }
}

fn add_alone(secrets: &mut Map<String, Value>, secret: &SecretVariable) {
    let (key, part) = match secret.made_of {
        MadeOf::Entropy(entropy) => ("seeded", json!({"entropy": entropy})),
        MadeOf::Other { app, secret } => ("joined", json!({"app": app, "secret": secret})),
    };
    let declared = json!({"description": secret.description, key: [part]});
    secrets.insert(secret.secret.to_owned(), declared);
}

/// Adds a secret that holds other text too. Returns its name.
fn add_mixed(
    secrets: &mut Map<String, Value>,
    service: &str,
    variable: &str,
    parts: &[Part<'_>],
) -> String {
    let is_seeded = parts.iter().all(Part::is_seeded);
    let recipe = parts.iter().map(|part| match part {
        Part::Text(text) => json!({"text": text}),
        Part::Setting(name) => json!({"setting": name}),
        Part::Secret(secret) => match secret.made_of {
            MadeOf::Entropy(entropy) if is_seeded => json!({"entropy": entropy}),
            MadeOf::Entropy(_) => {
                add_alone(secrets, secret);
                json!({"secret": secret.secret})
            }
            MadeOf::Other { app, secret } => json!({"app": app, "secret": secret}),
        },
    });
    let recipe = Value::Array(recipe.collect());
    let name = joint_name(variable, &recipe);
    let key = if is_seeded { "seeded" } else { "joined" };
    let declared = json!({"description": format!("{variable} of {service}"), key: recipe});
    secrets.insert(name.clone(), declared);
    name
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
    /// A variable that follows a setting of another app.
    Setting(&'a str),
    Secret(&'a SecretVariable),
}

impl Part<'_> {
    /// Whether the node's seed is enough to make it.
    fn is_seeded(&self) -> bool {
        match self {
            Self::Text(_) => true,
            Self::Setting(_) => false,
            Self::Secret(secret) => matches!(secret.made_of, MadeOf::Entropy(_)),
        }
    }
}

fn parts<'a>(
    filled: &'a str,
    secret: &'a [SecretVariable],
    followed: &BTreeSet<String>,
) -> Vec<Part<'a>> {
    let pieces = filled.split([BEGIN, END]).enumerate();
    let pieces = pieces.filter(|(_, piece)| !piece.is_empty());
    pieces
        .map(|(at, piece)| {
            if at % 2 == 0 {
                return Part::Text(piece);
            }
            let named = secret.iter().find(|secret| secret.secret == piece);
            match named {
                Some(secret) => Part::Secret(secret),
                None if followed.contains(piece) => Part::Setting(piece),
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

//! The secrets of an app, and those that a service mounts.

use super::ManifestError;
use super::extension::line;
use super::field::Field;

/// A secret that is generated once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secret {
    /// One sentence for people.
    pub description: String,
    pub recipe: Recipe,
}

/// The recipe for the text of a secret.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Recipe {
    /// Random bytes.
    #[default]
    Random,
    /// These parts, concatenated.
    Seeded(Vec<Part>),
}

/// A part of a secret's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// A literal text.
    Text(String),
    /// Derived from the node's seed, the app's id and this name: the same each time.
    Entropy(String),
}

impl Secret {
    pub(super) fn read(field: &Field<'_>) -> Result<Self, ManifestError> {
        let mut secret = Self {
            description: String::new(),
            recipe: Recipe::Random,
        };
        if field.is_null() {
            return Ok(secret);
        }
        field.each(|key, value| {
            match key {
                "description" => secret.description = line(value)?,
                "seeded" => {
                    let parts: Result<Vec<Part>, _> =
                        value.items()?.iter().map(Part::read).collect();
                    secret.recipe = Recipe::Seeded(parts?);
                }
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(secret)
    }
}

impl Part {
    fn read(field: &Field<'_>) -> Result<Self, ManifestError> {
        let mut part = None;
        field.each(|key, value| {
            let text = line(value)?;
            part = match key {
                "text" => Some(Self::Text(text)),
                "entropy" => Some(Self::Entropy(text)),
                _ => return Ok(false),
            };
            Ok(true)
        })?;
        part.ok_or_else(|| field.error("expected `text` or `entropy`"))
    }
}

/// A secret mounted as a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretMount {
    /// The secret's name in `x-archipelago.secrets`.
    pub secret: String,
    /// The file name under `/run/secrets`, or an absolute path.
    pub target: Option<String>,
    /// Owner in the container.
    pub uid: Option<u32>,
    /// Group in the container.
    pub gid: Option<u32>,
    /// Mode, as octal digits.
    pub mode: Option<String>,
}

//! The secrets of an app, and those that a service mounts.

use std::fmt;

use super::ManifestError;
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
    /// A person has chosen the text, and may choose another.
    Given(GivenText),
}

/// The text of a secret that a person chose. It is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct GivenText(String);

impl fmt::Debug for GivenText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("GivenText")
    }
}

/// Podman takes no longer secret (podman-secret-create(1)), and none that is empty.
const TEXT_BYTES_MAX: usize = 512_000;

impl GivenText {
    /// The text without line feeds at its end: the file of a secret is read without them.
    /// `None` when Podman could not keep it.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        let text = text.trim_end_matches('\n');
        let fits = !text.is_empty() && text.len() < TEXT_BYTES_MAX;
        fits.then(|| Self(text.to_owned()))
    }

    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }
}

impl Recipe {
    /// Whether this text is one of the recipe's. One that was generated is kept whatever it is.
    #[must_use]
    pub fn is_met_by(&self, text: &str) -> bool {
        match self {
            Self::Random | Self::Seeded(_) => true,
            Self::Given(given) => given.text() == text,
        }
    }
}

/// The name under which a secret of Compose is kept. Hyphens would let the secrets of two apps have
/// one name: Podman's is made of the app's, which may hold them, and the secret's.
pub(super) fn kept_name(name: &str) -> String {
    name.replace(['-', '.'], "_")
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
                "description" => secret.description = value.line()?,
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
            let text = value.line()?;
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
    /// The name under which the secret is kept: that in `x-archipelago.secrets`, or one made of
    /// Compose's.
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

//! The secrets of an app, and those that a service mounts.

use std::fmt;

use super::ManifestError;
use super::field::Field;
use crate::name::AppId;

/// A secret of an app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secret {
    /// One sentence for people.
    pub description: String,
    pub origin: SecretOrigin,
}

/// The origin of a secret's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretOrigin {
    /// It is made once and kept in a file.
    Kept(Recipe),
    /// It is joined of these parts, in their order. It is kept in no file, so it changes with its
    /// parts.
    Joined(Vec<Joint>),
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

/// A part of a joined secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Joint {
    /// As it stands.
    Text(String),
    /// The value of a setting of the app, or of one of its variables.
    Setting(String),
    /// Another secret of the app.
    Secret(String),
    /// A secret that another app exports.
    OtherSecret { app: AppId, name: String },
    /// A file that another app exports, with its bytes as they are.
    OtherFile { app: AppId, name: String },
}

impl Joint {
    /// The other app that it is of.
    #[must_use]
    pub fn other(&self) -> Option<&AppId> {
        match self {
            Self::Text(_) | Self::Setting(_) | Self::Secret(_) => None,
            Self::OtherSecret { app, .. } | Self::OtherFile { app, .. } => Some(app),
        }
    }
}

impl Secret {
    /// How it is made once; `None` when it is joined.
    #[must_use]
    pub fn recipe(&self) -> Option<&Recipe> {
        match &self.origin {
            SecretOrigin::Kept(recipe) => Some(recipe),
            SecretOrigin::Joined(_) => None,
        }
    }

    /// Its parts, if it is joined.
    #[must_use]
    pub fn joints(&self) -> &[Joint] {
        match &self.origin {
            SecretOrigin::Kept(_) => &[],
            SecretOrigin::Joined(joints) => joints,
        }
    }

    pub(super) fn read(field: &Field<'_>) -> Result<Self, ManifestError> {
        let mut secret = Self {
            description: String::new(),
            origin: SecretOrigin::Kept(Recipe::Random),
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
                    secret.origin = SecretOrigin::Kept(Recipe::Seeded(parts?));
                }
                "joined" => {
                    let joints: Result<Vec<Joint>, _> =
                        value.items()?.iter().map(Joint::read).collect();
                    secret.origin = SecretOrigin::Joined(joints?);
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

impl Joint {
    /// `{text: TEXT}`, `{setting: NAME}`, `{secret: NAME}`, `{app: ID, secret: NAME}` or
    /// `{app: ID, file: NAME}`.
    fn read(field: &Field<'_>) -> Result<Self, ManifestError> {
        let app = field.get("app").map(|app| {
            let parsed = AppId::parse(&app.text()?);
            parsed.map_err(|error| app.error(error.to_string()))
        });
        let app = app.transpose()?;
        let mut joint = None;
        field.each(|key, value| {
            let read = match (key, &app) {
                ("app", _) => return Ok(true),
                ("text", None) => Self::Text(value.line()?),
                ("setting", None) => Self::Setting(value.text()?),
                ("secret", None) => Self::Secret(value.text()?),
                ("secret", Some(app)) => Self::OtherSecret {
                    app: app.clone(),
                    name: value.text()?,
                },
                ("file", Some(app)) => Self::OtherFile {
                    app: app.clone(),
                    name: value.text()?,
                },
                _ => return Ok(false),
            };
            if joint.replace(read).is_some() {
                return Err(value.error("one part is one of these keys; make two parts of it"));
            }
            Ok(true)
        })?;
        joint.ok_or_else(|| {
            field.error("expected `text`, `setting`, `secret`, or `app` with `secret` or `file`")
        })
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

//! Settings: what an app lets the operator choose, with types and defaults.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ManifestError;
use super::field::Field;

/// A setting that an app declares.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    pub kind: SettingKind,
    /// The value when the operator chooses none; `None` means that one must be chosen.
    pub default: Option<SettingValue>,
    /// One sentence for people.
    pub description: String,
}

/// The type of a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettingKind {
    /// One line.
    String,
    /// Any lines.
    Text,
    /// A whole number within bounds, both inclusive.
    Integer {
        /// The least value.
        minimum: i64,
        /// The greatest value.
        maximum: i64,
    },
    /// `true` or `false`.
    Boolean,
    /// One of these.
    Choice(Vec<String>),
    /// A port from 1 to 65535.
    Port,
    /// An absolute path on the node.
    Path,
}

/// The value of a setting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum SettingValue {
    /// `boolean`.
    Boolean(bool),
    /// `integer` and `port`.
    Integer(i64),
    /// All others.
    Text(String),
}

impl std::fmt::Display for SettingValue {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Boolean(value) => write!(formatter, "{value}"),
            Self::Integer(value) => write!(formatter, "{value}"),
            Self::Text(value) => formatter.write_str(value),
        }
    }
}

/// Why a value given for a setting is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingError {
    /// No such setting.
    #[error("{app} has no setting {name:?}; it has: {known}")]
    Unknown {
        /// The app.
        app: String,
        /// The name given.
        name: String,
        /// The known names, for people.
        known: String,
    },
    /// The value does not fit. It may be a password, so it is not quoted.
    #[error("the setting {name} does not fit: {rule}")]
    Invalid {
        /// The setting.
        name: String,
        /// The rule that the value breaks.
        rule: String,
    },
    /// No value and no default.
    #[error("the setting {name} must be chosen: --set {name}=… ({rule})")]
    Missing {
        /// The setting.
        name: String,
        /// The rule that the value breaks.
        rule: String,
    },
}

/// The chosen settings of an app, complete and checked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Settings(pub BTreeMap<String, SettingValue>);

impl Settings {
    /// Completes what the operator gave with the defaults.
    ///
    /// # Errors
    /// The first value that is unknown, unfit or missing.
    pub fn settle(
        app: &str,
        schema: &BTreeMap<String, Setting>,
        given: &BTreeMap<String, SettingValue>,
    ) -> Result<Self, SettingError> {
        if let Some(name) = given.keys().find(|name| !schema.contains_key(*name)) {
            let known = schema.keys().cloned().collect::<Vec<_>>().join(", ");
            return Err(SettingError::Unknown {
                app: app.to_owned(),
                name: name.clone(),
                known: if known.is_empty() {
                    "none".into()
                } else {
                    known
                },
            });
        }
        let mut settled = BTreeMap::new();
        for (name, setting) in schema {
            let value = match (given.get(name), &setting.default) {
                (Some(value), _) => setting.kind.accept(name, value)?,
                (None, Some(default)) => default.clone(),
                (None, None) => {
                    return Err(SettingError::Missing {
                        name: name.clone(),
                        rule: setting.kind.rule(),
                    });
                }
            };
            settled.insert(name.clone(), value);
        }
        Ok(Self(settled))
    }

    /// The settings as Compose variables.
    pub(crate) fn variables(&self) -> BTreeMap<String, String> {
        self.0
            .iter()
            .map(|(name, value)| (name.clone(), value.to_string()))
            .collect()
    }
}

impl SettingKind {
    /// The accepted values, for people.
    #[must_use]
    pub fn rule(&self) -> String {
        match self {
            Self::String => "one line of text".into(),
            Self::Text => "text".into(),
            Self::Integer { minimum, maximum } => match (*minimum, *maximum) {
                (i64::MIN, i64::MAX) => "a whole number".into(),
                (minimum, i64::MAX) => format!("a whole number from {minimum}"),
                (i64::MIN, maximum) => format!("a whole number up to {maximum}"),
                (minimum, maximum) => format!("a whole number from {minimum} to {maximum}"),
            },
            Self::Boolean => "true or false".into(),
            Self::Choice(choices) => format!("one of {}", choices.join(", ")),
            Self::Port => "a port from 1 to 65535".into(),
            Self::Path => "an absolute path".into(),
        }
    }

    /// Reads a value from text, as `--set` gives it.
    ///
    /// # Errors
    /// When the text does not fit.
    pub fn parse(&self, name: &str, text: &str) -> Result<SettingValue, SettingError> {
        let value = match self {
            Self::Integer { .. } | Self::Port => text.parse().ok().map(SettingValue::Integer),
            Self::Boolean => text.parse().ok().map(SettingValue::Boolean),
            Self::String | Self::Text | Self::Choice(_) | Self::Path => {
                Some(SettingValue::Text(text.to_owned()))
            }
        };
        match value {
            Some(value) => self.accept(name, &value),
            None => Err(self.refuse(name)),
        }
    }

    fn refuse(&self, name: &str) -> SettingError {
        SettingError::Invalid {
            name: name.to_owned(),
            rule: format!("it takes {}", self.rule()),
        }
    }

    fn accept(&self, name: &str, value: &SettingValue) -> Result<SettingValue, SettingError> {
        let fits = match (self, value) {
            (Self::String, SettingValue::Text(text)) => !text.contains(char::is_control),
            (Self::Text, SettingValue::Text(text)) => {
                !text.contains(|c: char| c.is_control() && c != '\n' && c != '\t')
            }
            (Self::Integer { minimum, maximum }, SettingValue::Integer(number)) => {
                (minimum..=maximum).contains(&number)
            }
            (Self::Boolean, SettingValue::Boolean(_)) => true,
            (Self::Choice(choices), SettingValue::Text(text)) => choices.contains(text),
            (Self::Port, SettingValue::Integer(port)) => (1..=65_535).contains(port),
            (Self::Path, SettingValue::Text(text)) => {
                text.starts_with('/')
                    && !text.contains(char::is_control)
                    && !text.split('/').any(|part| part == "..")
            }
            _ => false,
        };
        if fits {
            Ok(value.clone())
        } else {
            Err(self.refuse(name))
        }
    }
}

impl Setting {
    pub(super) fn read(field: &Field<'_>) -> Result<Self, ManifestError> {
        let type_field = field.required("type")?;
        let name = type_field.text()?;
        let (mut minimum, mut maximum) = (i64::MIN, i64::MAX);
        let (mut choices, mut description, mut default) = (None, String::new(), None);
        field.each(|key, value| {
            match (key, name.as_str()) {
                ("type", _) => {}
                ("description", _) => description = value.text()?,
                ("default", _) => default = Some(value.clone()),
                ("minimum", "integer") => minimum = value.integer()?,
                ("maximum", "integer") => maximum = value.integer()?,
                ("choices", "choice") => choices = Some(value.texts()?),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        let kind = match name.as_str() {
            "string" => SettingKind::String,
            "text" => SettingKind::Text,
            "integer" => SettingKind::Integer { minimum, maximum },
            "boolean" => SettingKind::Boolean,
            "choice" => {
                SettingKind::Choice(choices.filter(|list| !list.is_empty()).ok_or_else(|| {
                    field.error("a choice needs `choices`, a list of at least one")
                })?)
            }
            "port" => SettingKind::Port,
            "path" => SettingKind::Path,
            _ => {
                return Err(type_field.error(
                    "this is no type of a setting; there are string, text, integer, boolean, choice, port and path",
                ));
            }
        };
        let default = default
            .map(|value| {
                kind.parse(field.name(), &value.text()?)
                    .map_err(|error| value.error(error.to_string()))
            })
            .transpose()?;
        Ok(Self {
            kind,
            default,
            description,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: &SettingKind, text: &str, fits: bool) {
        assert_eq!(kind.parse("x", text).is_ok(), fits, "{kind:?} and {text:?}");
    }

    #[test]
    fn values_are_held_to_their_type() {
        let percent = SettingKind::Integer {
            minimum: 0,
            maximum: 100,
        };
        for (text, fits) in [
            ("0", true),
            ("100", true),
            ("101", false),
            ("-1", false),
            ("x", false),
            ("", false),
        ] {
            check(&percent, text, fits);
        }
        for (text, fits) in [("1", true), ("65535", true), ("0", false), ("65536", false)] {
            check(&SettingKind::Port, text, fits);
        }
        check(&SettingKind::String, "one\ntwo", false);
        check(&SettingKind::Text, "one\ntwo", true);
        check(&SettingKind::Text, "one\0two", false);
        check(&SettingKind::Path, "/mnt/a", true);
        check(&SettingKind::Path, "mnt", false);
        check(&SettingKind::Path, "/mnt/../etc", false);
        check(&SettingKind::Path, "/mnt/a\n", false);
        check(&SettingKind::Boolean, "yes", false);
        check(&SettingKind::Choice(vec!["a".into()]), "b", false);
    }

    #[test]
    fn what_is_not_given_takes_its_default_or_is_asked_for() {
        let schema = BTreeMap::from([(
            "port".to_owned(),
            Setting {
                kind: SettingKind::Port,
                default: None,
                description: String::new(),
            },
        )]);
        let missing = Settings::settle("web", &schema, &BTreeMap::new()).unwrap_err();
        assert_eq!(
            missing.to_string(),
            "the setting port must be chosen: --set port=… (a port from 1 to 65535)"
        );
        let given = BTreeMap::from([("prot".to_owned(), SettingValue::Integer(80))]);
        let unknown = Settings::settle("web", &schema, &given).unwrap_err();
        assert_eq!(
            unknown.to_string(),
            "web has no setting \"prot\"; it has: port"
        );
        let none = Settings::settle("web", &BTreeMap::new(), &given).unwrap_err();
        assert_eq!(
            none.to_string(),
            "web has no setting \"prot\"; it has: none"
        );
        // An intent can be edited by hand: a port in quotes is no number.
        let given = BTreeMap::from([("port".to_owned(), SettingValue::Text("80".to_owned()))]);
        let unfit = Settings::settle("web", &schema, &given).unwrap_err();
        assert_eq!(
            unfit.to_string(),
            "the setting port does not fit: it takes a port from 1 to 65535"
        );
    }

    #[test]
    fn a_number_is_told_by_the_bounds_that_it_has() {
        for (minimum, maximum, rule) in [
            (i64::MIN, i64::MAX, "a whole number"),
            (1, i64::MAX, "a whole number from 1"),
            (i64::MIN, 9, "a whole number up to 9"),
            (1, 9, "a whole number from 1 to 9"),
        ] {
            assert_eq!(SettingKind::Integer { minimum, maximum }.rule(), rule);
        }
    }
}

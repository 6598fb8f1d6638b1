//! The names of apps and of what belongs to them: units, containers, networks, volumes, secrets.
//!
//! Every name that reaches systemd, Podman or the disk is made here and nowhere else. A name that
//! could be read as something else (a path, an option, a template unit) cannot be built.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The prefix of every unit, container, network and volume of ours.
pub const PREFIX: &str = "archy-";

/// The id of an app: lower-case letters, digits and inner hyphens, at most 40 characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AppId(String);

impl TryFrom<String> for AppId {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        Self::parse(&text)
    }
}

impl From<AppId> for String {
    fn from(id: AppId) -> Self {
        id.0
    }
}

/// Why a text is no app id, service name, volume name or the like. It does not quote the text,
/// which may be a value out of place.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("this cannot be the name of {what}: {rule}")]
pub struct NameError {
    what: &'static str,
    rule: &'static str,
}

/// The longest id of an app.
pub const ID_MAX: usize = 40;

const LABEL_RULE: &str = "use 1 to 40 lower-case letters, digits and hyphens, starting and ending with a letter or digit";

fn is_label(text: &str) -> bool {
    let edge = |character: Option<char>| {
        character.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
    };
    text.len() <= ID_MAX
        && text
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        && edge(text.chars().next())
        && edge(text.chars().last())
}

impl AppId {
    /// Parses an app id.
    ///
    /// # Errors
    /// When the text breaks the rule above.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        if is_label(text) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NameError {
                what: "an app",
                rule: LABEL_RULE,
            })
        }
    }

    /// An id from a folder's name. Characters that an id cannot have become hyphens.
    ///
    /// # Errors
    /// When the result is too long or empty.
    pub fn of_folder(name: &str) -> Result<Self, NameError> {
        let fit = |c: char| match c {
            c if c.is_ascii_alphanumeric() => c.to_ascii_lowercase(),
            _ => '-',
        };
        let name: String = name.chars().map(fit).collect();
        Self::parse(name.trim_matches('-'))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a name of a unit, container, network, volume, secret or image can be this app's.
    /// Another app's may begin the same, so this is needed for ownership beside the mark, and never
    /// enough.
    #[must_use]
    pub fn may_own(&self, name: &str) -> bool {
        name.strip_prefix(PREFIX)
            .and_then(|rest| rest.strip_prefix(&self.0))
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    }

    /// The app's network, which is also the stem of its unit.
    #[must_use]
    pub fn network(&self) -> String {
        format!("{PREFIX}{}", self.0)
    }

    /// The network on which the app's exported services meet those of the apps that require it;
    /// also the stem of its unit.
    #[must_use]
    pub fn exports_network(&self) -> String {
        format!("{PREFIX}{}-exports", self.0)
    }

    /// A network that the app's file declares; also the stem of its unit.
    #[must_use]
    pub fn named_network(&self, network: &str) -> String {
        format!("{PREFIX}{}-{network}", self.0)
    }

    /// The app's name for one of its networks, from Podman's name of it; `None` for the default
    /// network.
    #[must_use]
    pub fn name_of_network<'a>(&self, network: &'a str) -> Option<&'a str> {
        let rest = network.strip_prefix(PREFIX)?;
        rest.strip_prefix(&self.0)?.strip_prefix('-')
    }

    /// The Podman volume (and unit stem) of the app's volume `volume`.
    #[must_use]
    pub fn volume(&self, volume: &str) -> String {
        format!("{PREFIX}{}-{volume}", self.0)
    }

    /// The Podman secret of the app's secret `secret`.
    #[must_use]
    pub fn podman_secret(&self, secret: &str) -> String {
        format!("{PREFIX}{}-{secret}", self.0)
    }

    /// The unit stem and container name of a service: the app's own name for its main service.
    #[must_use]
    pub fn container(&self, service: &str, is_main: bool) -> String {
        if is_main {
            self.network()
        } else {
            format!("{PREFIX}{}-{service}", self.0)
        }
    }
}

impl fmt::Display for AppId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Checks the name of a service, volume, secret or setting inside a manifest.
///
/// Compose allows upper case, dots and underscores as well; they stay valid in Podman's and
/// systemd's names.
///
/// # Errors
/// When the text is empty, longer than 64 characters, starts with something else than a letter or
/// digit, or holds anything but letters, digits, `.`, `_` and `-`.
pub fn check_part(what: &'static str, text: &str) -> Result<(), NameError> {
    let valid = text.len() <= 64
        && text
            .chars()
            .next()
            .is_some_and(|c| c.is_ascii_alphanumeric())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'));
    if valid {
        Ok(())
    } else {
        Err(NameError {
            what,
            rule: "use 1 to 64 letters, digits, dots, underscores and hyphens, starting with a letter or digit",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_that_could_be_read_as_something_else_are_refused() {
        for good in ["bitcoin", "a", "a-b", "0x"] {
            assert_eq!(AppId::parse(good).unwrap().as_str(), good);
        }
        let long = "a".repeat(41);
        for bad in [
            "", "-a", "a-", "A", "a_b", "a.b", "a/b", "a@b", "..", "a b", &long,
        ] {
            assert!(AppId::parse(bad).is_err(), "{bad:?} was accepted");
        }
    }

    #[test]
    fn a_name_can_only_be_that_of_its_app() {
        let id = AppId::parse("web").unwrap();
        for (name, may) in [
            ("archy-web", true),
            ("archy-web-ui", true),
            ("archy-website", false),
            ("archy-we", false),
            ("web", false),
            ("my-archy-web", false),
        ] {
            assert_eq!(id.may_own(name), may, "{name}");
        }
    }

    #[test]
    fn the_main_service_bears_the_name_of_the_app() {
        let id = AppId::parse("lnd").unwrap();
        assert_eq!(id.container("lnd", true), "archy-lnd");
        assert_eq!(id.container("ui", false), "archy-lnd-ui");
        assert_eq!(id.volume("data"), "archy-lnd-data");
    }

    #[test]
    fn parts_keep_to_what_podman_and_systemd_both_accept() {
        assert!(check_part("a service", "Web_1.x-y").is_ok());
        assert!(check_part("a service", &"a".repeat(64)).is_ok());
        let long = "a".repeat(65);
        for bad in ["", ".a", "-a", "a b", "a/b", "a%b", "ü", &long] {
            assert!(
                check_part("a service", bad).is_err(),
                "{bad:?} was accepted"
            );
        }
    }
}

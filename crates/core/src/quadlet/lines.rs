//! The lines of a unit file, key by key.

use std::collections::BTreeMap;
use std::time::Duration;

use super::escape::{EscapeError, token, words};

/// A text that cannot stand in a unit, and the key it was meant for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{unit}: {key}")]
pub struct RenderError {
    /// The unit file.
    pub unit: String,
    pub key: String,
    /// Why.
    #[source]
    pub source: EscapeError,
}

pub(super) struct Lines<'a> {
    pub unit: &'a str,
    pub text: String,
}

pub(super) type Rendered = Result<(), RenderError>;

impl Lines<'_> {
    pub(super) fn section(&mut self, name: &str) {
        self.text.push_str(&format!("\n[{name}]\n"));
    }

    /// A value of our own making, which needs no escaping.
    pub(super) fn plain(&mut self, key: &str, value: impl std::fmt::Display) {
        self.text.push_str(&format!("{key}={value}\n"));
    }

    pub(super) fn escaped(&mut self, key: &str, escaped: Result<String, EscapeError>) -> Rendered {
        let text = escaped.map_err(|source| RenderError {
            unit: self.unit.to_owned(),
            key: key.to_owned(),
            source,
        })?;
        self.plain(key, text);
        Ok(())
    }

    pub(super) fn optional(&mut self, key: &str, text: Option<&str>, escape: Escape) -> Rendered {
        text.map_or(Ok(()), |text| self.escaped(key, escape(text)))
    }

    pub(super) fn list(&mut self, key: &str, texts: &[String], escape: Escape) -> Rendered {
        texts
            .iter()
            .try_for_each(|text| self.escaped(key, escape(text)))
    }

    pub(super) fn pairs(
        &mut self,
        key: &str,
        pairs: &BTreeMap<String, String>,
        escape: Escape,
    ) -> Rendered {
        pairs.iter().try_for_each(|(name, value)| {
            let refused = |key: String| {
                let unit = self.unit.to_owned();
                move |source| RenderError { unit, key, source }
            };
            // A text that is no name may be a misplaced value, so it is not quoted.
            check_name(name).map_err(refused(key.to_owned()))?;
            let text = escape(&format!("{name}={value}"));
            let text = text.map_err(refused(format!("{key} {name}")))?;
            self.plain(key, text);
            Ok(())
        })
    }

    pub(super) fn flag(&mut self, key: &str, on: bool) {
        if on {
            self.plain(key, "true");
        }
    }

    pub(super) fn seconds(&mut self, key: &str, duration: Option<Duration>) {
        if let Some(duration) = duration {
            self.plain(key, whole_seconds(duration));
        }
    }

    /// An option that Podman has had for long and Quadlet has no key for in the oldest version that
    /// is supported: an unknown key would cost the whole unit.
    pub(super) fn podman_option(&mut self, option: &str, text: &str) -> Rendered {
        self.escaped("PodmanArgs", words([option, text]))
    }

    pub(super) fn milliseconds(&mut self, key: &str, duration: Option<Duration>) {
        if let Some(duration) = duration {
            self.plain(key, format_args!("{}ms", duration.as_millis()));
        }
    }
}

pub(super) type Escape = fn(&str) -> Result<String, EscapeError>;

/// A part of a second is more than none: 0 would mean at once.
pub(super) fn whole_seconds(duration: Duration) -> u128 {
    duration.as_millis().div_ceil(1000)
}

/// Quadlet cuts the word at its first equals sign, and Podman reads a variable's name with `*` as a
/// pattern.
fn check_name(name: &str) -> Result<(), EscapeError> {
    token(name)?;
    if name.contains(['=', '*']) {
        return Err(EscapeError::name());
    }
    Ok(())
}

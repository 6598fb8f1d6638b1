//! The operator's intent: one small file per app, `apps/<id>.toml`, which a person may edit or keep in git.
//!
//! Installing, starting, stopping and uninstalling change this file and nothing else; the reconciler does the rest. It names the definition
//! beside the settings, so that one rename changes all that an app is. An app without the
//! file is not wanted and not unwanted: its units are left alone and reported, because destruction is asked for by name.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::image::Reference;
use crate::manifest::SettingValue;
use crate::release::ReleaseId;

/// What the operator wants of an app.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Intent {
    /// What it should be.
    #[serde(default)]
    pub state: Goal,
    /// With `removed`: whether its data, secrets and images go as well.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub purge: bool,
    /// Where the definition was taken from, for people: `catalog` or a path.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub source: String,
    /// The release that is its definition. 0.1.0 named none: the definition is a folder beside the intent then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<ReleaseId>,
    /// Images to use in place of others, by digest: what this node would use, to what the app is held to.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub images: BTreeMap<Reference, Reference>,
    /// The settings that differ from their defaults.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: BTreeMap<String, SettingValue>,
}

/// What an app should be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Goal {
    /// Its containers run, now and after a reboot.
    #[default]
    Running,
    /// Its units are there, and nothing of it runs.
    Stopped,
    /// Nothing of it is there; its data stay unless a purge was asked for.
    Removed,
}

/// An intent file that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {problem}")]
pub struct IntentError {
    file: String,
    problem: String,
}

const HEADER: &str = "\
# What this node's operator wants of this app. Edit it or keep it in git: Archipelago follows it within seconds.
# state = \"running\", \"stopped\" or \"removed\"; settings are listed by `archipelago catalog <app>`; `release` is changed by
# `archipelago install <app>`.
";

impl Intent {
    /// Reads the content of an intent file.
    ///
    /// # Errors
    /// With line and key of what cannot be understood.
    pub fn parse(file: &str, text: &str) -> Result<Self, IntentError> {
        toml::from_str(text).map_err(|error| IntentError {
            file: file.to_owned(),
            problem: error.to_string().trim_end().to_owned(),
        })
    }

    /// The content of the file.
    ///
    /// # Panics
    /// Never: the type holds nothing that TOML cannot say.
    #[must_use]
    pub fn to_text(&self) -> String {
        let body = toml::to_string(self).expect("an intent is plain text, numbers and booleans");
        format!("{HEADER}{body}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_intent_survives_its_file() {
        let intent = Intent {
            state: Goal::Stopped,
            purge: false,
            source: "catalog".into(),
            release: Some(ReleaseId::of(&crate::file::Files::new())),
            images: BTreeMap::from([(
                Reference::parse("nginx").unwrap(),
                Reference::parse(&format!("nginx@sha256:{}", "a".repeat(64))).unwrap(),
            )]),
            settings: BTreeMap::from([
                ("network".into(), SettingValue::Text("regtest".into())),
                ("prune".into(), SettingValue::Integer(0)),
                ("txindex".into(), SettingValue::Boolean(true)),
            ]),
        };
        assert_eq!(Intent::parse("a.toml", &intent.to_text()), Ok(intent));
        assert_eq!(Intent::parse("a.toml", "").unwrap().state, Goal::Running);
    }

    #[test]
    fn an_edit_gone_wrong_names_file_line_and_key() {
        let error = Intent::parse("apps/a.toml", "state = \"running\"\nsate = 1\n")
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("apps/a.toml") && error.contains("line 2") && error.contains("sate"),
            "{error}"
        );
        let error = Intent::parse("apps/a.toml", "state = \"off\"\n")
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("line 1") && error.contains("`stopped`"),
            "{error}"
        );
    }
}

//! The operator's intent: one small file per app, `apps/<id>.toml`, which a person may edit or keep
//! in git.
//!
//! Installing, starting, stopping and uninstalling change this file and nothing else; the
//! reconciler does the rest. It names the definition beside the settings, so that one rename
//! changes all that an app is. An app without the file is not wanted and not unwanted: its units
//! are left alone and reported, because destruction is asked for by name.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::Serialize;

use crate::image::{ImageDigest, Reference};
use crate::image_facts::Bases;
use crate::layout::Layout;
use crate::manifest::{ManifestError, SettingValue};
use crate::name::AppId;
use crate::release::ReleaseId;
use crate::toml_file::{Document, Entry};

/// The operator's wish for an app.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Intent {
    pub state: WantedState,
    /// With `removed`: whether its data, secrets and images go as well.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub purge: bool,
    /// The source of the definition, for people: `catalog` or a path.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub source: String,
    /// The release that is its definition. Version 0.1.0 named none: the definition is a folder
    /// beside the intent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release: Option<ReleaseId>,
    /// The definition is from version 0.1.0, which knew no exports: an app that requires this one
    /// reaches all of it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub exports_all: bool,
    /// The app's rights on this host beyond those of every app, in the words of `--allow`.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub allow: BTreeSet<String>,
    /// Images by digest, each in place of the one that the definition or the node's configuration
    /// names.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub images: BTreeMap<Reference, Reference>,
    /// The base images that a rebuild found changed. An image that is built of them has another
    /// name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub bases: Bases,
    /// The node's ports that were chosen from a range, by service, range and port of the container:
    /// `"web:8000-8010:80/tcp" = 8003`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub ports: BTreeMap<String, u16>,
    /// The settings that differ from their defaults.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: BTreeMap<String, SettingValue>,
}

/// The wanted state of an app.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum WantedState {
    /// Its containers run, now and after a reboot.
    #[default]
    Running,
    /// Its units are there, and nothing of it runs.
    Stopped,
    /// Nothing of it is there; its data stay unless a purge was asked for.
    Removed,
}

impl WantedState {
    /// The word for it, in intents and JSON.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Stopped => "stopped",
            Self::Removed => "removed",
        }
    }
}

const HEADER: &str = "\
# How this node's operator wants this app to be. Edit it or keep it in git: Archipelago follows it within seconds.
# state = \"running\", \"stopped\" or \"removed\"; settings are listed by `archipelago catalog <app>`; `release` is changed by
# `archipelago install <app>`.
";

impl Intent {
    /// Reads the content of an intent file.
    ///
    /// # Errors
    /// With line and key of what cannot be understood, and never a value: settings may be
    /// passwords.
    pub fn parse(file: &str, text: &str) -> Result<Self, ManifestError> {
        let mut intent = Self::default();
        let document = Document::parse(file, text)?;
        let keys = [
            "state",
            "purge",
            "source",
            "release",
            "exports_all",
            "allow",
            "images",
            "bases",
            "ports",
            "settings",
        ];
        document.each(&keys, |key, value| {
            match key {
                "state" => intent.state = goal(value)?,
                "purge" => intent.purge = value.boolean()?,
                "source" => intent.source = value.text()?.to_owned(),
                "release" => {
                    let release = ReleaseId::parse(value.text()?);
                    intent.release = Some(release.map_err(|error| value.error(error.to_string()))?);
                }
                "exports_all" => intent.exports_all = value.boolean()?,
                "allow" => {
                    intent.allow = value.texts()?.into_iter().map(str::to_owned).collect();
                }
                "images" => {
                    for image in value.entries()? {
                        let named = reference(&image, image.name())?;
                        let used = reference(&image, image.text()?)?;
                        intent.images.insert(named, used);
                    }
                }
                "bases" => {
                    for base in value.entries()? {
                        let digest = base_digest(&base)?;
                        intent.bases.insert(base.name().to_owned(), digest);
                    }
                }
                "ports" => {
                    for chosen in value.entries()? {
                        let port = chosen.integer().and_then(|port| u16::try_from(port).ok());
                        let port = port.filter(|port| *port > 0);
                        let port =
                            port.ok_or_else(|| chosen.error("expected a port from 1 to 65535"))?;
                        intent.ports.insert(chosen.name().to_owned(), port);
                    }
                }
                "settings" => {
                    for setting in value.entries()? {
                        let value = setting_value(&setting)?;
                        intent.settings.insert(setting.name().to_owned(), value);
                    }
                }
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(intent)
    }

    /// The folder of the app's definition: its release, or the folder that version 0.1.0 used.
    #[must_use]
    pub fn definition_folder(&self, layout: &Layout, app: &AppId) -> PathBuf {
        match &self.release {
            Some(release) => layout.release(release),
            None => layout.definition(app),
        }
    }

    /// Lets an intent of version 0.1.0 name its definition, and keep the rights that it uses
    /// without having asked for them.
    pub fn name_release(&mut self, release: &ReleaseId, allow: &BTreeSet<String>) {
        if self.release.is_none() {
            self.release = Some(release.clone());
            self.exports_all = true;
            self.allow.extend(allow.iter().cloned());
        }
    }

    /// Whether both ask for the same definition, settings and images, be the app running or not.
    #[must_use]
    pub fn is_same_version(&self, other: &Self) -> bool {
        let Self {
            state: _,
            purge: _,
            source: _,
            release,
            exports_all: _,
            allow: _,
            images,
            bases,
            ports,
            settings,
        } = self;
        release == &other.release
            && images == &other.images
            && bases == &other.bases
            && ports == &other.ports
            && settings == &other.settings
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

fn goal(entry: &Entry<'_>) -> Result<WantedState, ManifestError> {
    let goals = [
        WantedState::Running,
        WantedState::Stopped,
        WantedState::Removed,
    ];
    let text = entry.text().unwrap_or_default();
    let found = goals.into_iter().find(|goal| goal.word() == text);
    found.ok_or_else(|| entry.error("expected \"running\", \"stopped\" or \"removed\""))
}

fn reference(entry: &Entry<'_>, text: &str) -> Result<Reference, ManifestError> {
    Reference::parse(text).map_err(|_| entry.error("expected \"IMAGE\" = \"IMAGE@sha256:DIGEST\""))
}

fn base_digest(entry: &Entry<'_>) -> Result<ImageDigest, ManifestError> {
    let digest = Reference::parse(entry.name()).and_then(|_| {
        let text = entry.text().unwrap_or_default();
        ImageDigest::parse(text)
    });
    digest.map_err(|_| entry.error("expected \"IMAGE\" = \"sha256:DIGEST\""))
}

fn setting_value(entry: &Entry<'_>) -> Result<SettingValue, ManifestError> {
    if let Some(number) = entry.integer() {
        return Ok(SettingValue::Integer(number));
    }
    if let Ok(boolean) = entry.boolean() {
        return Ok(SettingValue::Boolean(boolean));
    }
    let text = entry.text().map(|text| SettingValue::Text(text.to_owned()));
    text.map_err(|_| {
        entry.error("expected a text in quotation marks, a whole number, true or false")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_intent_survives_its_file() {
        let intent = Intent {
            state: WantedState::Stopped,
            purge: false,
            source: "catalog".into(),
            release: Some(ReleaseId::of(&crate::file::Files::new())),
            exports_all: true,
            allow: ["host-network", "path:/srv/films:ro"]
                .map(str::to_owned)
                .into(),
            images: BTreeMap::from([(
                Reference::parse("nginx").unwrap(),
                Reference::parse(&format!("nginx@sha256:{}", "a".repeat(64))).unwrap(),
            )]),
            bases: BTreeMap::from([(
                "localhost/base:1".into(),
                ImageDigest::parse(&format!("sha256:{}", "b".repeat(64))).unwrap(),
            )]),
            ports: BTreeMap::from([("web:80/tcp".into(), 8003)]),
            settings: BTreeMap::from([
                ("network".into(), SettingValue::Text("regtest".into())),
                ("prune".into(), SettingValue::Integer(0)),
                ("txindex".into(), SettingValue::Boolean(true)),
            ]),
        };
        assert_eq!(Intent::parse("a.toml", &intent.to_text()), Ok(intent));
        assert_eq!(
            Intent::parse("a.toml", "").unwrap().state,
            WantedState::Running
        );
    }

    #[test]
    fn an_edit_gone_wrong_names_place_and_key_and_no_value() {
        for (text, expected) in [
            (
                "state = \"running\"\nsate = 1\n",
                "a.toml:2:1: sate: unknown key; there are state, purge, source, release, exports_all, allow, images, bases, ports, settings",
            ),
            (
                "state = \"hunter2\"\n",
                "a.toml:1:1: state: expected \"running\", \"stopped\" or \"removed\"",
            ),
            (
                "purge = \"hunter2\"\n",
                "a.toml:1:1: purge: expected true or false, without quotation marks",
            ),
            (
                "allow = [\"hunter2\", 1]\n",
                "a.toml:1:1: allow: expected a list of texts, such as [\"a\", \"b\"]",
            ),
            (
                "[bases]\n\"nginx\" = \"hunter2\"\n",
                "a.toml:2:1: bases.nginx: expected \"IMAGE\" = \"sha256:DIGEST\"",
            ),
            (
                "source = 1\n",
                "a.toml:1:1: source: expected a text in quotation marks",
            ),
            (
                "settings = \"hunter2\"\n",
                "a.toml:1:1: settings: expected a table: a line [settings], then lines KEY = VALUE",
            ),
            (
                "[settings]\n password = [\"hunter2\"]\n",
                "a.toml:2:2: settings.password: expected a text in quotation marks, a whole number, true or false",
            ),
            (
                "[settings]\npassword = \"hunter2\nport = 1\n",
                "a.toml:2:20: this is not TOML: invalid basic string, expected `\"`; each line is KEY = VALUE, and a text stands in quotation marks",
            ),
            (
                "[settings]\npassword = hunter2\n",
                "a.toml:2:12: this is not TOML: string values must be quoted, expected literal string; each line is KEY = VALUE, and a text stands in quotation marks",
            ),
        ] {
            let error = Intent::parse("a.toml", text).unwrap_err();
            assert_eq!(error.to_string(), expected, "{text}");
        }
    }

    /// However one place of a file is broken, no part of a value is shown.
    #[test]
    fn no_broken_intent_shows_a_value() {
        let text = "state = \"running\"\nsource = 'zqxj1vwk'\n[settings]\na = \"zqxj2vwk\"\n\
                    b = \"\"\"\nzqxj3vwk = \"zqxj4vwk\"\n\"\"\"\nc = 7\nd = '''zqxj5vwk'''\n";
        assert!(Intent::parse("a.toml", text).is_ok());
        let mut refused = 0;
        for at in 0..text.len() {
            let (before, after) = text.split_at(at);
            let inserted = ["\"", "'", "=", "\n", "[", "{", "\\", "#", "\u{7}", "\"\"\""];
            let mut broken: Vec<String> = inserted
                .iter()
                .map(|inserted| format!("{before}{inserted}{after}"))
                .collect();
            broken.extend([before.to_owned(), format!("{before}{}", &after[1..])]);
            for broken in broken {
                let Err(error) = Intent::parse("a.toml", &broken) else {
                    continue;
                };
                refused += 1;
                let error = error.to_string();
                assert!(!error.contains("zqx"), "{error}\nfor\n{broken}");
            }
        }
        assert!(refused > 500, "{refused}");
    }
}

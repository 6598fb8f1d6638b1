//! The operator's intent: one small file per app, `apps/<id>.toml`, which a person may edit or keep in git.
//!
//! Installing, starting, stopping and uninstalling change this file and nothing else; the reconciler does the rest. It names the definition
//! beside the settings, so that one rename changes all that an app is. An app without the
//! file is not wanted and not unwanted: its units are left alone and reported, because destruction is asked for by name.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::image::{ImageDigest, Reference};
use crate::manifest::{ManifestError, SettingValue};
use crate::release::{EARLIER_MAX, ReleaseId};
use crate::toml_file::{Document, Entry};

/// What the operator wants of an app.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Intent {
    /// What it should be.
    pub state: Goal,
    /// With `removed`: whether its data, secrets and images go as well.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub purge: bool,
    /// Where the definition was taken from, for people: `catalog` or a path.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub source: String,
    /// The release that is its definition. Version 0.1.0 named none: its definition lies beside the intent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release: Option<ReleaseId>,
    /// The settings that differ from their defaults.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: BTreeMap<String, SettingValue>,
    /// The digests of base images when `archipelago rebuild` last looked for newer ones: what is built of others is built anew.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub bases: BTreeMap<Reference, ImageDigest>,
    /// What the app was before, the last one first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<Earlier>,
}

/// An earlier release of an app, with all that belonged to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Earlier {
    pub release: ReleaseId,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: BTreeMap<String, SettingValue>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub bases: BTreeMap<Reference, ImageDigest>,
}

/// What an app should be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
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

const HEADER: &str = "\
# What this node's operator wants of this app. Edit it or keep it in git: Archipelago follows it within seconds.
# state = \"running\", \"stopped\" or \"removed\"; settings are listed by `archipelago catalog <app>`.
# release, bases and earlier are written by `archipelago install` and `archipelago rebuild`.
";

impl Intent {
    /// Reads the content of an intent file.
    ///
    /// # Errors
    /// With line and key of what cannot be understood, and never a value: settings may be passwords.
    pub fn parse(file: &str, text: &str) -> Result<Self, ManifestError> {
        let mut intent = Self::default();
        let document = Document::parse(file, text)?;
        document.each(&KEYS, |key, value| {
            match key {
                "state" => intent.state = goal(value)?,
                "purge" => intent.purge = value.boolean()?,
                "source" => intent.source = value.text()?.to_owned(),
                "release" => intent.release = Some(release(value)?),
                "settings" => intent.settings = settings(value)?,
                "bases" => intent.bases = bases(value)?,
                "earlier" => {
                    let all = value.tables()?.into_iter();
                    intent.earlier = all
                        .map(|table| earlier(value, &table))
                        .collect::<Result<_, _>>()?;
                }
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(intent)
    }

    /// The same app with another release. What it was is kept to go back to. `was` is the release that its definition is now.
    #[must_use]
    pub fn switched(&self, was: Option<ReleaseId>, release: ReleaseId) -> Self {
        let was = was.filter(|was| *was != release).map(|release| Earlier {
            release,
            settings: self.settings.clone(),
            bases: self.bases.clone(),
        });
        let is_kept = |earlier: &&Earlier| {
            earlier.release != release
                && was
                    .as_ref()
                    .is_none_or(|was| was.release != earlier.release)
        };
        let kept = self.earlier.iter().filter(is_kept).cloned();
        let earlier = was.clone().into_iter().chain(kept);
        Self {
            earlier: earlier.take(EARLIER_MAX).collect(),
            release: Some(release),
            ..self.clone()
        }
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

const KEYS: [&str; 7] = [
    "state", "purge", "source", "release", "settings", "bases", "earlier",
];

fn release(entry: &Entry<'_>) -> Result<ReleaseId, ManifestError> {
    ReleaseId::parse(entry.text()?).map_err(|error| entry.error(error.to_string()))
}

fn settings(entry: &Entry<'_>) -> Result<BTreeMap<String, SettingValue>, ManifestError> {
    let settings = entry.entries()?;
    let settings = settings.iter();
    settings
        .map(|setting| Ok((setting.name().to_owned(), setting_value(setting)?)))
        .collect()
}

fn bases(entry: &Entry<'_>) -> Result<BTreeMap<Reference, ImageDigest>, ManifestError> {
    let bases = entry.entries()?;
    let read = |base: &Entry<'_>| {
        let reference =
            Reference::parse(base.name()).map_err(|error| base.error(error.to_string()))?;
        let digest = ImageDigest::parse(base.text()?).ok_or_else(|| {
            base.error("expected a digest: sha256: and 64 lower-case hexadecimal digits")
        })?;
        Ok((reference, digest))
    };
    bases.iter().map(read).collect()
}

fn earlier(list: &Entry<'_>, table: &[Entry<'_>]) -> Result<Earlier, ManifestError> {
    let (mut named, mut settings_of, mut bases_of) = (None, BTreeMap::new(), BTreeMap::new());
    for entry in table {
        match entry.name() {
            "release" => named = Some(release(entry)?),
            "settings" => settings_of = settings(entry)?,
            "bases" => bases_of = bases(entry)?,
            _ => return Err(entry.error("unknown key; there are release, settings, bases")),
        }
    }
    Ok(Earlier {
        release: named.ok_or_else(|| list.error("each [[earlier]] names its release"))?,
        settings: settings_of,
        bases: bases_of,
    })
}

fn goal(entry: &Entry<'_>) -> Result<Goal, ManifestError> {
    match entry.text() {
        Ok("running") => Ok(Goal::Running),
        Ok("stopped") => Ok(Goal::Stopped),
        Ok("removed") => Ok(Goal::Removed),
        _ => Err(entry.error("expected \"running\", \"stopped\" or \"removed\"")),
    }
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
            state: Goal::Stopped,
            purge: false,
            source: "catalog".into(),
            settings: BTreeMap::from([
                ("network".into(), SettingValue::Text("regtest".into())),
                ("prune".into(), SettingValue::Integer(0)),
                ("txindex".into(), SettingValue::Boolean(true)),
            ]),
            release: Some(named("a")),
            bases: bases(),
            earlier: vec![Earlier {
                release: named("b"),
                settings: BTreeMap::from([("prune".into(), SettingValue::Integer(1))]),
                bases: bases(),
            }],
        };
        assert_eq!(Intent::parse("a.toml", &intent.to_text()), Ok(intent));
        assert_eq!(Intent::parse("a.toml", "").unwrap().state, Goal::Running);
    }

    fn named(digit: &str) -> ReleaseId {
        ReleaseId::parse(&digit.repeat(64)).unwrap()
    }

    fn bases() -> BTreeMap<Reference, ImageDigest> {
        let digest = ImageDigest::parse(&format!("sha256:{}", "c".repeat(64))).unwrap();
        BTreeMap::from([(Reference::parse("nginx:stable").unwrap(), digest)])
    }

    #[test]
    fn a_switch_keeps_the_last_few_each_once() {
        let check = |intent: &Intent, release: &str, earlier: &[&str]| {
            assert_eq!(intent.release, Some(named(release)));
            let kept: Vec<_> = intent
                .earlier
                .iter()
                .map(|earlier| &earlier.release)
                .collect();
            let expected: Vec<_> = earlier.iter().map(|digit| named(digit)).collect();
            assert_eq!(kept, expected.iter().collect::<Vec<_>>());
        };
        let switch = |intent: &Intent, to: &str| intent.switched(intent.release.clone(), named(to));
        let first = Intent::default().switched(None, named("1"));
        check(&first, "1", &[]);
        // The same again, perhaps with other settings, is nothing to go back to.
        check(&switch(&first, "1"), "1", &[]);
        let third = switch(&switch(&first, "2"), "3");
        check(&third, "3", &["2", "1"]);
        check(&switch(&third, "1"), "1", &["3", "2"]);
        let fifth = switch(&switch(&third, "4"), "5");
        check(&fifth, "5", &["4", "3", "2"]);
    }

    #[test]
    fn what_an_app_was_is_kept_as_a_whole() {
        let settings = BTreeMap::from([("prune".into(), SettingValue::Integer(0))]);
        let before = Intent {
            settings: settings.clone(),
            bases: bases(),
            ..Intent::default()
        };
        // Of version 0.1.0: it names no release.
        let after = before.switched(Some(named("1")), named("2"));
        let expected = Earlier {
            release: named("1"),
            settings,
            bases: bases(),
        };
        assert_eq!(after.earlier, [expected]);
    }

    #[test]
    fn an_edit_gone_wrong_names_place_and_key_and_no_value() {
        for (text, expected) in [
            (
                "state = \"running\"\nsate = 1\n",
                "a.toml:2:1: sate: unknown key; there are state, purge, source, release, settings, bases, earlier",
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
                "source = 1\n",
                "a.toml:1:1: source: expected a text in quotation marks",
            ),
            (
                "release = \"hunter2\"\n",
                "a.toml:1:1: release: a release is named by 64 lower-case hexadecimal digits; `archipelago install` writes it",
            ),
            (
                "[bases]\nnginx = \"hunter2\"\n",
                "a.toml:2:1: bases.nginx: expected a digest: sha256: and 64 lower-case hexadecimal digits",
            ),
            (
                "[[earlier]]\nsource = \"hunter2\"\n",
                "a.toml:2:1: earlier[0].source: unknown key; there are release, settings, bases",
            ),
            (
                "[[earlier]]\n[earlier.settings]\nport = 1\n",
                "a.toml:1:3: earlier: each [[earlier]] names its release",
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

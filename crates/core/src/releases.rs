//! The releases of the installed apps: which are needed, which are stored, and which are damaged.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::file::Files;
use crate::file_error::FileError;
use crate::intent::Intent;
use crate::layout::Layout;
use crate::name::AppId;
use crate::release::ReleaseId;

/// How many earlier intents of an app are kept to go back to.
pub const KEPT: usize = 5;

/// The releases that the installed apps need.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Releases {
    /// The apps whose intent names no release: their definition is a folder, as version 0.1.0 kept
    /// it.
    pub former: BTreeMap<AppId, Former>,
    /// The releases that intents and earlier intents name; `None` when one of these cannot be read.
    pub named: Option<BTreeSet<ReleaseId>>,
    /// The apps whose definition cannot be used.
    pub unusable: BTreeMap<AppId, Unusable>,
}

/// A definition in the folder where version 0.1.0 kept it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Former {
    /// The release that the folder would be.
    pub release: ReleaseId,
    pub files: Files,
    /// The words of the rights that the app uses: version 0.1.0 asked nobody.
    pub allow: BTreeSet<String>,
}

/// The content of the folder of releases.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stored {
    /// Everything in it that has the name of a release.
    pub all: BTreeSet<ReleaseId>,
    /// The releases that containers should mount and whose files are as they were stored.
    pub whole: BTreeSet<ReleaseId>,
    /// The apps with a folder where version 0.1.0 kept definitions.
    pub former: BTreeSet<AppId>,
}

/// Why an app whose intent names a damaged release cannot be resolved, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "its definition {} {damage}; containers keep running; archipelago install {} stores it again",
    folder.display(),
    self.installed_from()
)]
pub struct Unusable {
    damage: Damage,
    folder: PathBuf,
    app: AppId,
    /// Where the app was taken from, as its intent says.
    origin: String,
}

/// The damage to a stored release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    #[error("is missing")]
    Missing,
    #[error("is not as it was installed: a file in it was changed, added or removed")]
    Changed,
}

impl Releases {
    /// Judges the definitions that were read for the intents. `named` is what earlier intents name.
    #[must_use]
    pub fn of(
        layout: &Layout,
        intents: &BTreeMap<AppId, Result<Intent, FileError>>,
        definitions: &BTreeMap<AppId, Files>,
        named: Option<BTreeSet<ReleaseId>>,
    ) -> Self {
        let mut releases = Self {
            named,
            ..Self::default()
        };
        for (app, intent) in intents {
            let Ok(intent) = intent else {
                // The release that it names is not known.
                releases.named = None;
                continue;
            };
            let files = definitions.get(app);
            match &intent.release {
                Some(release) => {
                    if let Some(named) = &mut releases.named {
                        named.insert(release.clone());
                    }
                    if files.is_some_and(|files| ReleaseId::of(files) != *release) {
                        let folder = layout.release(release);
                        let unusable = Unusable::new(Damage::Changed, &folder, app, &intent.source);
                        releases.unusable.insert(app.clone(), unusable);
                    }
                }
                None => match files {
                    Some(files) => {
                        let former = Former {
                            release: ReleaseId::of(files),
                            files: files.clone(),
                            allow: BTreeSet::new(),
                        };
                        releases.former.insert(app.clone(), former);
                    }
                    // An editor empties a file before it writes it: the release is not known.
                    None => releases.named = None,
                },
            }
        }
        releases
    }
}

impl Unusable {
    /// `origin` is where the app was taken from, as its intent says.
    #[must_use]
    pub fn new(damage: Damage, folder: &Path, app: &AppId, origin: &str) -> Self {
        Self {
            damage,
            folder: folder.to_owned(),
            app: app.clone(),
            origin: origin.to_owned(),
        }
    }

    fn installed_from(&self) -> &str {
        match self.origin.as_str() {
            "" | "catalog" => self.app.as_str(),
            path => path,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An editor may empty a file before it writes it.
    #[test]
    fn an_intent_without_its_release_leaves_unknown_which_are_needed() {
        let layout = Layout::under("/");
        let web = AppId::parse("web").unwrap();
        let named = |intent: Intent, files: Option<Files>| {
            let definitions = files
                .map(|files| (web.clone(), files))
                .into_iter()
                .collect();
            let intents = BTreeMap::from([(web.clone(), Ok(intent))]);
            Releases::of(&layout, &intents, &definitions, Some(BTreeSet::new())).named
        };
        let files = Files::new();
        let release = ReleaseId::of(&files);
        let installed = Intent {
            release: Some(release.clone()),
            ..Intent::default()
        };
        assert_eq!(
            named(installed, Some(files.clone())),
            Some([release].into())
        );
        assert_eq!(named(Intent::default(), None), None);
        // A definition of version 0.1.0 is a folder, which no release names yet.
        assert_eq!(named(Intent::default(), Some(files)), Some(BTreeSet::new()));
    }

    #[test]
    fn the_cure_for_damage_names_where_the_app_came_from() {
        let cause = |source: &str, damage: Damage| {
            let app = AppId::parse("web").unwrap();
            Unusable::new(damage, Path::new("/releases/1"), &app, source).to_string()
        };
        assert_eq!(
            cause("catalog", Damage::Missing),
            "its definition /releases/1 is missing; containers keep running; archipelago install web stores it again"
        );
        assert_eq!(
            cause("/home/me/web", Damage::Changed),
            "its definition /releases/1 is not as it was installed: a file in it was changed, added or removed; containers keep running; archipelago install /home/me/web stores it again"
        );
    }
}

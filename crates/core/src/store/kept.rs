//! Refuses an app that would take the id, the place or the data of an app from another source.

use crate::name::AppId;

use super::name::{CATALOG, StoredApp};

/// Why an app cannot be installed under its id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameTaken {
    #[error(
        "{app} is installed from {installed}, so {source_name} cannot be installed under this id; choose another one with --as, or uninstall {app} first"
    )]
    Installed {
        app: AppId,
        installed: String,
        source_name: String,
    },
    #[error(
        "the data of {app} from {kept} are still there, and {source_name} would get them; choose another id with --as, or remove them with archipelago uninstall {app} --purge"
    )]
    Data {
        app: AppId,
        kept: String,
        source_name: String,
    },
    #[error(
        "{app} is the id of an app of the catalog, on which other apps may rely; install {source_name} under another id with --as"
    )]
    Catalog { app: AppId, source_name: String },
}

/// Whether the source of a definition, as an intent names it, is a store that was added.
#[must_use]
pub fn is_added_store(source: &str) -> bool {
    StoredApp::parse(source).is_some_and(|stored| !stored.store.is_catalog())
}

/// Judges the source of an app against that of the installed one.
///
/// # Errors
/// When the sources differ and one of them is an added store.
pub fn judge_installed(app: &AppId, installed: &str, source: &str) -> Result<(), NameTaken> {
    if may_replace(installed, source) {
        return Ok(());
    }
    Err(NameTaken::Installed {
        app: app.clone(),
        installed: words(installed),
        source_name: words(source),
    })
}

/// Judges the source of an app against that of the app whose data are still there. `kept` is empty
/// when that source is unknown.
///
/// # Errors
/// When the data belong to an app of another source.
pub fn judge_data(app: &AppId, kept: &str, source: &str) -> Result<(), NameTaken> {
    if may_replace(kept, source) {
        return Ok(());
    }
    Err(NameTaken::Data {
        app: app.clone(),
        kept: words(kept),
        source_name: words(source),
    })
}

/// Judges the id of an app against those of the catalog.
///
/// # Errors
/// When an added store's app would get the id of an app of the catalog.
pub fn judge_catalog(app: &AppId, source: &str, catalog: &[AppId]) -> Result<(), NameTaken> {
    if is_added_store(source) && catalog.contains(app) {
        return Err(NameTaken::Catalog {
            app: app.clone(),
            source_name: source.to_owned(),
        });
    }
    Ok(())
}

fn may_replace(before: &str, source: &str) -> bool {
    before == source || (!is_added_store(before) && !is_added_store(source))
}

fn words(source: &str) -> String {
    match source {
        "" => "another source".to_owned(),
        CATALOG => "the catalog".to_owned(),
        source => source.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_takes_no_place_of_another_source() {
        let app = AppId::parse("notes").unwrap();
        for (before, source, may) in [
            ("umbrel/notes", "umbrel/notes", true),
            ("catalog", "catalog", true),
            ("/home/a/notes", "/home/b/notes", true),
            ("catalog", "/home/a/notes", true),
            ("umbrel/notes", "casaos/notes", false),
            ("umbrel/notes", "umbrel/other", false),
            ("catalog", "umbrel/notes", false),
            ("umbrel/notes", "catalog", false),
            ("umbrel/notes", "/home/a/notes", false),
            ("", "umbrel/notes", false),
        ] {
            assert_eq!(
                judge_installed(&app, before, source).is_ok(),
                may,
                "{before} {source}"
            );
            assert_eq!(
                judge_data(&app, before, source).is_ok(),
                may,
                "{before} {source}"
            );
        }
        let catalog = [AppId::parse("notes").unwrap()];
        assert!(judge_catalog(&app, "umbrel/notes", &catalog).is_err());
        assert!(judge_catalog(&app, "catalog", &catalog).is_ok());
        assert!(judge_catalog(&app, "umbrel/notes", &[]).is_ok());
    }
}

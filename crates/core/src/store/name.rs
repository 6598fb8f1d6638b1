//! The names of stores, and of apps in them: `STORE/APP`.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::name::{AppId, NameError};

/// The store that comes with Archipelago.
pub const CATALOG: &str = "catalog";

/// The name of a store, by the same rule as an app's id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StoreName(AppId);

/// The error for a text that is not the name of a store.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "this cannot be the name of a store: use 1 to 40 lower-case letters, digits and hyphens, starting and ending with a letter or digit; choose one with --name"
)]
pub struct StoreNameError;

impl StoreName {
    /// Parses a name.
    ///
    /// # Errors
    /// When the text breaks the rule.
    pub fn parse(text: &str) -> Result<Self, StoreNameError> {
        AppId::parse(text).map(Self).map_err(|_| StoreNameError)
    }

    /// The default name of a store: the last part of its folder or URL.
    ///
    /// # Errors
    /// When that part has no character that a name may have.
    pub fn of_source(source: &str) -> Result<Self, StoreNameError> {
        let source = source.trim_end_matches('/');
        let last = source.rsplit(['/', ':']).next().unwrap_or_default();
        let last = last.strip_suffix(".git").unwrap_or(last);
        AppId::of_folder(last).map(Self).map_err(|_| StoreNameError)
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Whether this is the store that comes with Archipelago.
    #[must_use]
    pub fn is_catalog(&self) -> bool {
        self.as_str() == CATALOG
    }
}

impl fmt::Display for StoreName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// An app of a store.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StoredApp {
    pub store: StoreName,
    /// Its name in the store.
    pub app: AppId,
}

impl StoredApp {
    /// Reads `STORE/APP`; `None` for a text of another form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (store, app) = text.split_once('/')?;
        Some(Self {
            store: StoreName::parse(store).ok()?,
            app: AppId::parse(app).ok()?,
        })
    }

    /// Its source, as an intent names it.
    #[must_use]
    pub fn source(&self) -> String {
        match self.store.is_catalog() {
            true => CATALOG.to_owned(),
            false => self.to_string(),
        }
    }
}

impl fmt::Display for StoredApp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.store, self.app)
    }
}

impl From<NameError> for StoreNameError {
    fn from(_: NameError) -> Self {
        Self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_named_after_the_end_of_its_source() {
        for (source, name) in [
            (
                "https://git.example/getumbrel/umbrel-apps.git",
                "umbrel-apps",
            ),
            ("https://git.example/a/Big_Bear/", "big-bear"),
            ("git@git.example:apps.git", "apps"),
            ("/srv/my store", "my-store"),
        ] {
            assert_eq!(StoreName::of_source(source).unwrap().as_str(), name);
        }
        assert!(StoreName::of_source("https://git.example/..").is_err());
    }

    #[test]
    fn an_app_of_a_store_is_told_from_a_path() {
        let app = StoredApp::parse("umbrel/notes").unwrap();
        assert_eq!(app.to_string(), "umbrel/notes");
        assert_eq!(app.source(), "umbrel/notes");
        assert_eq!(StoredApp::parse("catalog/lnd").unwrap().source(), CATALOG);
        for path in [
            "./umbrel/notes",
            "/umbrel/notes",
            "umbrel",
            "a/b/c",
            "a/",
            "a/../b",
        ] {
            assert_eq!(StoredApp::parse(path), None, "{path}");
        }
    }
}

//! `umbrel-app.yml`, and the names by which Umbrel knows the parts of an app.

use compose::View;

use crate::file::Files;
use crate::manifest::documents;
use crate::name::{AppId, check_part};
use crate::store::clean;
use crate::store::compose_file::text_at;
use crate::store::error::Error;
use crate::store::notice::Login;

/// The file that marks an app of Umbrel.
pub(in crate::store) const MANIFEST: &str = "umbrel-app.yml";

/// The service that stands for Umbrel's own proxy.
pub(super) const PROXY: &str = "app_proxy";

/// The name of the secret with the password. Messages name its file.
pub(super) const PASSWORD: &str = "app_password";

/// Umbrel's apps that are in our catalog under another name.
const OURS: [(&str, &str); 1] = [("lightning", "lnd")];

/// The parts of an `umbrel-app.yml` that we use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::store) struct About {
    /// The app's id in Umbrel, which is part of its containers' names.
    pub id: String,
    pub name: String,
    pub version: String,
    pub tagline: String,
    pub category: String,
    pub icon: Option<String>,
    pub port: Option<u16>,
    pub path: String,
    pub dependencies: Vec<String>,
    user: String,
    password: String,
    has_own_password: bool,
    pub is_disabled: bool,
}

impl About {
    /// Reads it.
    pub(in crate::store) fn read(folder: &str, files: &Files) -> Result<Self, Error> {
        let file = format!("{folder}/{MANIFEST}");
        let text = files.get(MANIFEST).and_then(|file| file.text());
        let text = text.ok_or_else(|| Error::NotText { file: file.clone() })?;
        let documents = documents(&file, text)?;
        let missing = |key| Error::Key {
            file: file.clone(),
            key,
        };
        let top = documents.first().ok_or_else(|| missing("id"))?.top();
        let raw = |key: &str| text_at(top, &[key]).unwrap_or_default();
        let line = |key: &str| clean::line(&raw(key));
        let id = raw("id");
        check_part("an app", &id).map_err(|_| missing("id"))?;
        let dependencies = top.get("dependencies").and_then(|list| list.value.items());
        let dependencies = dependencies.into_iter().flatten().filter_map(View::text);
        Ok(Self {
            id,
            name: line("name"),
            version: line("version"),
            tagline: line("tagline"),
            category: line("category"),
            icon: clean::web_address(&raw("icon")),
            port: raw("port").parse().ok().filter(|port| *port > 0),
            path: raw("path"),
            dependencies: dependencies.map(|text| clean::line(&text)).collect(),
            user: line("defaultUsername"),
            password: line("defaultPassword"),
            has_own_password: raw("deterministicPassword") == "true",
            is_disabled: raw("disabled") == "true",
        })
    }

    /// The app that it requires, as this node calls it.
    pub(in crate::store) fn required(&self) -> impl Iterator<Item = AppId> {
        self.dependencies.iter().filter_map(|name| {
            let ours = OURS.iter().find(|(theirs, _)| theirs == name);
            AppId::parse(ours.map_or(name, |(_, ours)| ours)).ok()
        })
    }

    pub(super) fn login(&self) -> Option<Login> {
        let generated = self.has_own_password || self.password.contains("APP_PASSWORD");
        if !generated && self.password.is_empty() && self.user.is_empty() {
            return None;
        }
        Some(Login {
            user: self.user.clone(),
            password: (!generated).then(|| self.password.clone()),
            secret: PASSWORD,
        })
    }
}

/// The name of a service's container on Umbrel.
pub(super) fn container_name(id: &str, service: &str) -> String {
    format!("{id}_{service}_1")
}

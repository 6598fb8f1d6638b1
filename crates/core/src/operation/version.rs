//! The version of an app, as people call it.

use serde::{Deserialize, Serialize};

use crate::desired::read_schema;
use crate::intent::Intent;
use crate::manifest::Files;
use crate::name::AppId;
use crate::release::ReleaseId;

/// A version of an app: its definition, and how the definition calls itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<ReleaseId>,
    /// Empty when it does not say.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub version: String,
}

impl Version {
    /// How people call it: `2.1`, or the beginning of its release.
    #[must_use]
    pub fn name(&self) -> String {
        match (&self.release, self.version.as_str()) {
            (Some(release), "") => release.short().to_owned(),
            (None, "") => "another version".to_owned(),
            (_, version) => version.to_owned(),
        }
    }

    /// The version of an app with this intent and definition.
    #[must_use]
    pub fn of(app: &AppId, intent: &Intent, files: Option<&Files>) -> Self {
        let schema = files.and_then(|files| read_schema("", files, app.as_str()).ok());
        let version = schema.map(|schema| schema.extension.version);
        Self {
            release: intent.release.clone(),
            version: version.unwrap_or_default(),
        }
    }
}

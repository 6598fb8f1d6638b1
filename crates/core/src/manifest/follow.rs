//! `x-archipelago.variables`: variables of the Compose file that follow settings of other apps.

use std::collections::BTreeMap;

use super::ManifestError;
use super::field::Field;
use crate::name::AppId;

/// A variable of the Compose file that has the value of a setting which another app exports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Followed {
    pub app: AppId,
    /// The setting.
    pub setting: String,
    /// This app's words for values that it calls otherwise.
    pub words: BTreeMap<String, String>,
}

impl Followed {
    /// `{app: ID, setting: NAME, words: {VALUE: WORD, …}}`.
    pub(super) fn read(field: &Field<'_>) -> Result<Self, ManifestError> {
        let app = field.required("app")?;
        let mut followed = Self {
            app: AppId::parse(&app.text()?).map_err(|error| app.error(error.to_string()))?,
            setting: field.required("setting")?.text()?,
            words: BTreeMap::new(),
        };
        field.each(|key, value| {
            match key {
                "app" | "setting" => {}
                "words" => {
                    for word in value.entries_or_null()? {
                        let text = word.text()?;
                        followed.words.insert(word.name().to_owned(), text);
                    }
                }
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(followed)
    }

    /// The word for a value of the setting.
    #[must_use]
    pub fn word(&self, value: String) -> String {
        self.words.get(&value).cloned().unwrap_or(value)
    }
}

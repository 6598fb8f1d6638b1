//! The variables of a service: `environment` and `env_file`.

use std::collections::BTreeMap;

use super::field::Field;
use super::mount::relative;
use super::{Files, ManifestError};

/// Compose takes a variable without a value from the shell it is started in; here there is none.
pub(super) fn read_environment(
    field: &Field<'_>,
) -> Result<BTreeMap<String, String>, ManifestError> {
    if field.is_map()
        && let Some(bare) = field.entries()?.iter().find(|entry| entry.is_null())
    {
        return Err(bare.error(
            "a variable without a value takes it from the shell in Compose; here there is none: write \"\" for an empty one",
        ));
    }
    field.pairs()
}

pub(super) fn read_env_files(
    field: &Field<'_>,
    files: &Files,
) -> Result<BTreeMap<String, String>, ManifestError> {
    let names = if field.is_list() {
        field.items()?
    } else {
        vec![field.clone()]
    };
    let mut variables = BTreeMap::new();
    for name in names {
        let path = relative(&name, &name.text()?)?;
        let content = files
            .get(&path)
            .ok_or_else(|| name.error("there is no such file in the app's folder"))?;
        let text = content
            .text()
            .ok_or_else(|| name.error(format!("{path:?} is not UTF-8 text")))?;
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (key, value) = line
                .split_once('=')
                .ok_or_else(|| name.error(format!("{path}:{}: expected NAME=value", index + 1)))?;
            let value = value.trim();
            let bare = ['"', '\'']
                .iter()
                .find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote))
                .unwrap_or(value);
            variables.insert(key.trim().to_owned(), bare.to_owned());
        }
    }
    Ok(variables)
}

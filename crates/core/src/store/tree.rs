//! The apps in the folder of a store.

use std::collections::{BTreeMap, BTreeSet};

use super::compose_file::is_name;
use crate::name::AppId;

/// The maximum depth of an app's folder: it is in the store's folder, or in a folder of that such
/// as `Apps`.
const DEPTH_MAX: usize = 3;

/// An app in a store's folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundApp {
    pub app: AppId,
    /// Its folder, relative to the store's.
    pub folder: String,
}

/// Finds the apps among the paths of a store's files: the folders with a Compose file, unless they
/// are inside the folder of an app. Also returns the folders that are left out, because their name
/// is not one for an app or another app has it.
#[must_use]
pub fn apps_in<'a>(paths: impl IntoIterator<Item = &'a str>) -> (Vec<FoundApp>, Vec<String>) {
    let folders = paths.into_iter().filter_map(|path| {
        let (folder, name) = path.rsplit_once('/')?;
        let is_near = folder.split('/').count() <= DEPTH_MAX;
        let is_hidden = folder.split('/').any(|part| part.starts_with('.'));
        (is_name(name) && is_near && !is_hidden).then_some(folder)
    });
    let folders: BTreeSet<&str> = folders.collect();
    let mut found: BTreeMap<AppId, String> = BTreeMap::new();
    let mut left_out = Vec::new();
    for folder in &folders {
        if is_beneath_another(folder, &folders) {
            continue;
        }
        let name = folder.rsplit('/').next().unwrap_or(folder);
        match AppId::of_folder(name) {
            Ok(app) if !found.contains_key(&app) => {
                found.insert(app, (*folder).to_owned());
            }
            _ => left_out.push((*folder).to_owned()),
        }
    }
    let found = found.into_iter();
    let found = found.map(|(app, folder)| FoundApp { app, folder });
    (found.collect(), left_out)
}

fn is_beneath_another(folder: &str, folders: &BTreeSet<&str>) -> bool {
    let mut above = folder;
    while let Some((next, _)) = above.rsplit_once('/') {
        above = next;
        if folders.contains(above) {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn apps_are_the_folders_with_a_compose_file() {
        let (found, left_out) = apps_in([
            "README.md",
            "compose.yaml",
            "notes/umbrel-app.yml",
            "notes/docker-compose.yml",
            "notes/data/compose.yml",
            "Apps/Big Bear/docker-compose.yml",
            "Apps/big-bear/docker-compose.yml",
            "Apps/___/compose.yaml",
            ".github/x/compose.yaml",
            "a/b/c/d/compose.yaml",
            "pictures/1.jpg",
        ]);
        let found: Vec<(&str, &str)> = found
            .iter()
            .map(|found| (found.app.as_str(), found.folder.as_str()))
            .collect();
        assert_eq!(found, [("big-bear", "Apps/Big Bear"), ("notes", "notes")]);
        assert_eq!(left_out, ["Apps/___", "Apps/big-bear"]);
    }
}

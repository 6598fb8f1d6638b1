//! An app's folder as the reader of Compose files sees it: below a path of its own, so that a
//! relative path of the app and an absolute one of the node cannot be mistaken for each other.

use compose::ReadError;

use super::{COMPOSE_FILE, Files};

/// The folder above the app's. Nobody writes it; and it is deep, so that a path with many `..`
/// still begins with [`TOP`].
const PARENT: &str = "/\u{fdd0}/1/2/3/4/5/6/7/8/9";
const TOP: &str = "/\u{fdd0}";
/// The app's folder.
pub(super) const FOLDER: &str = "/\u{fdd0}/1/2/3/4/5/6/7/8/9/\u{fdd0}";

/// Files that Compose lays over `compose.yaml` where they are.
const OVERRIDES: [&str; 4] = [
    "compose.override.yaml",
    "compose.override.yml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
];

/// The place of an absolute path that the reader gives.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Location<'a> {
    /// A file or folder of the app, relative to its folder; empty for all of it.
    Inside(&'a str),
    /// A folder beside the app's, or what is in it.
    Beside(&'a str),
    /// Farther out of the app's folder.
    Outside,
    /// A path of the node, or none at all.
    Elsewhere(&'a str),
}

pub(super) fn locate(path: &str) -> Location<'_> {
    let beneath = |folder: &str| {
        let rest = path.strip_prefix(folder)?;
        match rest.strip_prefix('/') {
            Some(inside) => Some(inside),
            None => rest.is_empty().then_some(""),
        }
    };
    if let Some(inside) = beneath(FOLDER) {
        Location::Inside(inside)
    } else if let Some(beside) = beneath(PARENT).filter(|beside| !beside.is_empty()) {
        Location::Beside(beside)
    } else if beneath(TOP).is_some() {
        Location::Outside
    } else {
        Location::Elsewhere(path)
    }
}

/// The app's files for the reader, and their names for the person.
#[derive(Clone, Copy)]
pub(super) struct Folder<'a> {
    /// `compose.yaml`, as the person knows it.
    pub file: &'a str,
    /// Its text.
    pub text: &'a str,
    pub files: &'a Files,
}

impl Folder<'_> {
    /// The Compose files, a later one over those before it.
    pub(super) fn compose_files(&self) -> Vec<String> {
        let over = OVERRIDES
            .iter()
            .find(|name| self.files.contains_key(**name));
        let names = [COMPOSE_FILE].into_iter().chain(over.copied());
        names.map(|name| format!("{FOLDER}/{name}")).collect()
    }

    pub(super) fn read(&self, path: &str) -> Result<Vec<u8>, ReadError> {
        match locate(path) {
            Location::Inside(COMPOSE_FILE) => Ok(self.text.as_bytes().to_vec()),
            Location::Inside(inside) => {
                let file = self.files.get(inside).ok_or(ReadError::Absent)?;
                Ok(file.content.to_vec())
            }
            Location::Beside(_) | Location::Outside | Location::Elsewhere(_) => {
                Err(ReadError::Other("it is not in the app's folder".to_owned()))
            }
        }
    }

    /// A file, as the person knows it.
    pub(super) fn name(&self, path: &str) -> String {
        match locate(path) {
            Location::Inside(COMPOSE_FILE) => self.file.to_owned(),
            Location::Inside(inside) => match self.file.rsplit_once('/') {
                Some((folder, _)) => format!("{folder}/{inside}"),
                None => inside.to_owned(),
            },
            _ => self.words(path),
        }
    }

    /// A message of the reader with the paths as they are written.
    pub(super) fn words(&self, message: &str) -> String {
        message
            .replace(&format!("{FOLDER}/"), "")
            .replace(FOLDER, ".")
            .replace(&format!("{PARENT}/"), "../")
            .replace(PARENT, "..")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_of_the_app_is_told_from_one_of_the_node() {
        for (path, expected) in [
            (FOLDER.to_owned(), Location::Inside("")),
            (format!("{FOLDER}/data/x"), Location::Inside("data/x")),
            (format!("{PARENT}/shared"), Location::Beside("shared")),
            (format!("{FOLDER}x"), Location::Beside("\u{fdd0}x")),
            (PARENT.to_owned(), Location::Outside),
            ("/\u{fdd0}/1/data".to_owned(), Location::Outside),
            ("/srv".to_owned(), Location::Elsewhere("/srv")),
        ] {
            assert_eq!(locate(&path), expected, "{path:?}");
        }
    }
}

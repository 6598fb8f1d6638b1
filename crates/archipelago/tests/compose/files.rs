//! The Compose files of the comparison.

use std::collections::BTreeSet;
use std::path::PathBuf;

use archipelago_core::manifest::keys::{
    BUILD, DEPLOY, NETWORK, SERVICE, TOP, Table, Treatment, VOLUME,
};

/// One of the files.
pub(crate) struct Compared {
    /// The name of its folder.
    pub(crate) name: String,
    /// The app's id and the project's name.
    pub(crate) id: String,
}

pub(crate) fn folder() -> PathBuf {
    crate::support::repository().join("crates/archipelago/tests/compose/files")
}

/// All of them, in the order of their numbers.
pub(crate) fn apps() -> Vec<Compared> {
    let entries = std::fs::read_dir(folder()).expect("the folder of the files");
    let mut names: Vec<String> = entries
        .map(|entry| entry.expect("a folder").file_name())
        .map(|name| name.into_string().expect("a name in UTF-8"))
        .collect();
    names.sort();
    let compared = |name: String| {
        let (_, id) = name.split_once('-').expect("a number and a name");
        Compared {
            id: id.to_owned(),
            name,
        }
    };
    names.into_iter().map(compared).collect()
}

/// The keys in all files, as words before a colon.
fn written() -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    for app in apps() {
        let path = folder().join(&app.name).join("compose.yaml");
        let text = std::fs::read_to_string(path).expect("a Compose file");
        let before_colons = text.lines().filter_map(|line| line.split_once(':'));
        let keys = before_colons.map(|(key, _)| key.trim().trim_start_matches("- ").to_owned());
        words.extend(keys);
    }
    words
}

/// Keys that podman-compose does not know or reads in another way. They are tried on a host of
/// their own (`lifecycle/compose_keys.rs`).
const APART: [&str; 6] = [
    "dockerfile_inline",
    "driver_opts",
    "platform",
    "post_start",
    "pre_stop",
    "use_api_socket",
];

#[test]
fn the_files_use_every_key_that_has_its_effect() {
    let written = written();
    let tables: [Table; 6] = [TOP, SERVICE, BUILD, DEPLOY, NETWORK, VOLUME];
    let missing: Vec<&str> = (tables.into_iter().flatten())
        .filter(|(_, treatment)| matches!(treatment, Treatment::Translated(_)))
        .map(|(key, _)| *key)
        .filter(|key| !written.contains(*key) && !APART.contains(key))
        .collect();
    assert_eq!(missing, Vec::<&str>::new());
    assert!(apps().len() >= 30);
}

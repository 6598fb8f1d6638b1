//! Files in memory, read as an app in `/app`.

use std::collections::{BTreeMap, BTreeSet};

use compose::{Loaded, ReadError, Request, Variables, load};

/// The files of an app, by path from its folder.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// Reads `compose.yaml`, and `compose.override.yaml` if it is there.
pub(crate) fn read(files: &Files, variables: &Variables, profiles: &[&str]) -> Loaded {
    let bytes = |path: &str| {
        let name = path.strip_prefix("/app/").ok_or(ReadError::Absent)?;
        files.get(name).cloned().ok_or(ReadError::Absent)
    };
    let names = ["compose.yaml", "compose.override.yaml"];
    let present = names.iter().filter(|name| files.contains_key(**name));
    let paths: Vec<String> = present.map(|name| format!("/app/{name}")).collect();
    let profiles: Vec<String> = profiles.iter().map(|name| (*name).to_owned()).collect();
    load(&Request {
        name: "app",
        folder: "/app",
        files: &paths,
        variables,
        home: Some("/home/user"),
        set_aside: &[],
        secrets: &BTreeSet::new(),
        lenient: false,
        profiles: &profiles,
        read: &bytes,
    })
}

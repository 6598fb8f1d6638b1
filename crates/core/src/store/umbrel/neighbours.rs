//! The variables that the scripts `exports.sh` of an app itself, and of the apps of its store that
//! it depends on, set for it.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::about::{About, PROXY, container_name};
use super::{exports, nodes};
use crate::file::Files;
use crate::name::AppId;
use crate::store::compose_file::ComposeFile;
use crate::store::overlay::Overlay;

/// Gives the variables of the apps that it depends on. They name the hosts of those apps by their
/// containers' names, which are the same on this node and on the networks of exports. A variable
/// with a folder of another app is not given: no app sees that.
pub(super) fn give(about: &About, neighbours: &BTreeMap<String, Files>, overlay: &mut Overlay) {
    for name in &about.dependencies {
        let files = neighbours.get(name).filter(|_| !nodes::is_ours(name));
        let Some((app, files)) = files.and_then(|files| Some((AppId::parse(name).ok()?, files)))
        else {
            continue;
        };
        let Ok(source) = ComposeFile::find(name, files) else {
            continue;
        };
        let mut known = overlay.variables.clone();
        known.remove("APP_DATA_DIR");
        known.insert("EXPORTS_APP_ID".to_owned(), name.clone());
        let main = main_service(&app, &source);
        let host = |service: &str| app.container(service, main == Some(service));
        for (name, value) in exports::of(&source, files, &known, host) {
            overlay.variables.entry(name).or_insert(value);
        }
    }
}

/// Gives the variables of its own script.
pub(super) fn give_own(
    about: &About,
    source: &ComposeFile<'_>,
    files: &Files,
    overlay: &mut Overlay,
) {
    let mut known = overlay.variables.clone();
    // A mount of `./data` is a folder of the app's data.
    for (name, value) in [
        ("EXPORTS_APP_ID", about.id.as_str()),
        ("EXPORTS_APP_DIR", "."),
        ("EXPORTS_APP_DATA_DIR", "./data"),
    ] {
        known.insert(name.to_owned(), value.to_owned());
    }
    let host = |service: &str| container_name(&about.id, service);
    for (name, value) in exports::of(source, files, &known, host) {
        overlay.variables.entry(name).or_insert(value);
    }
}

/// The services that other apps know by an address on Umbrel: they offer them to the apps that
/// depend on this one. A host name of its own could be taken for a service of another app.
pub(super) fn exported(
    addressed: &BTreeMap<&str, String>,
    source: &ComposeFile<'_>,
) -> Option<Map<String, Value>> {
    let services = source.services();
    let has_name = |name: &str| {
        services
            .get(name)
            .is_some_and(|it| it.get("hostname").is_some())
    };
    let names = addressed.keys().filter(|name| !has_name(name));
    let exported: Map<_, _> = names
        .map(|name| ((*name).to_owned(), Value::Null))
        .collect();
    (!exported.is_empty()).then_some(exported)
}

/// The service that has the app's name on this node: the one of the same name, or the only one.
fn main_service<'a>(app: &AppId, source: &'a ComposeFile<'_>) -> Option<&'a str> {
    let services = source.services();
    let own = services.into_keys().filter(|name| *name != PROXY);
    let all: Vec<&str> = own.collect();
    let named = all.iter().find(|name| **name == app.as_str());
    match (named, all.as_slice()) {
        (Some(named), _) => Some(named),
        (None, [only]) => Some(only),
        _ => None,
    }
}

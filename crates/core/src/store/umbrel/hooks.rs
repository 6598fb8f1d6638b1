//! The scripts in `hooks/` of Umbrel's apps, which become jobs of the app.
//!
//! Umbrel runs them as root on its host. Here a script runs in a container of its own, without a
//! network, that sees the files that came with the app and the folders that its services mount.
//! As on Umbrel, an app starts although a script has failed.
//!
//! Source: `execute_hook` of umbreld's legacy `app` script.

use std::collections::{BTreeMap, BTreeSet};

use compose::interpolate;
use serde_json::{Map, Value, json};

use super::about::PROXY;
use crate::file::Files;
use crate::manifest::COMPOSE_FILE;
use crate::store::clean;
use crate::store::compose_file::ComposeFile;
use crate::store::ignored::is_ignored;
use crate::store::notice::Notice;
use crate::store::overlay::Overlay;
use crate::store::secrets::{self, SecretVariable};
use crate::store::translated::Scripts;
use crate::store::volumes;

/// Debian with bash and GNU's tools, as Umbrel's own system.
const IMAGE: &str = "docker.io/library/debian:trixie-slim@sha256:3a39a0592364683e6bab97937b72cad5a8fa6dcbbee90edb3bb48c7f8e94f258";

/// Umbrel's folder in the container.
const ROOT: &str = "/umbrel";

/// The turn of an app's start at which a script runs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Turn {
    Before,
    After,
}

/// The scripts that are run, each with its turn.
const RUN: [(&str, Turn); 2] = [
    ("hooks/pre-start", Turn::Before),
    ("hooks/post-start", Turn::After),
];

/// The notes about the scripts of an app.
pub(super) fn notices(files: &Files, scripts: Scripts) -> Vec<Notice> {
    let run: Vec<&str> = match scripts {
        Scripts::Run => run(files).collect(),
        Scripts::Skip => Vec::new(),
    };
    let others = all(files).filter(|path| !run.contains(path));
    let others: Vec<String> = others.map(clean::line).collect();
    let run: Vec<String> = run.into_iter().map(clean::line).collect();
    let of_run = (!run.is_empty()).then_some(Notice::Scripts(run));
    let of_others = (!others.is_empty()).then_some(Notice::Shell(others));
    of_run.into_iter().chain(of_others).collect()
}

/// The scripts that Umbrel would run.
fn all(all: &Files) -> impl Iterator<Item = &str> {
    let files = all.iter().filter(|(path, file)| {
        // Umbrel passes over files that are not executable.
        let name = path.strip_prefix("hooks/");
        let is_hook = name.is_some_and(|name| !name.contains('/')) && file.mode.executable;
        is_hook || (*path == "exports.sh" && super::exports::is_program(all))
    });
    files.map(|(path, _)| path.as_str())
}

/// Those that are run here.
fn run(files: &Files) -> impl Iterator<Item = &str> {
    all(files).filter(|path| RUN.iter().any(|(run, _)| run == path))
}

/// Adds the jobs. The overlay has all variables by now.
pub(super) fn add(
    id: &str,
    source: &ComposeFile<'_>,
    files: &Files,
    secret: &[SecretVariable],
    overlay: &mut Overlay,
) {
    let services = source.services();
    let others: Vec<&str> = services.keys().copied().filter(|it| *it != PROXY).collect();
    let folder = format!("{ROOT}/app-data/{id}");
    let mounts = mounts(&folder, source, files, overlay);
    let environment = environment(&folder, overlay);
    let mut before = None;
    for (path, turn) in RUN {
        if !run(files).any(|run| run == path) {
            continue;
        }
        let mut name = path.replace('/', "-").replacen("hooks", "hook", 1);
        while services.contains_key(&*name) {
            name.push_str("-1");
        }
        let mut job = json!({
            "image": IMAGE,
            "network_mode": "none",
            "restart": "no",
            "security_opt": ["no-new-privileges:true"],
            // Bash also runs a script without an interpreter's name.
            "entrypoint": ["bash", "-c", format!("{folder}/{path}")],
            "working_dir": folder,
            "environment": environment,
            "volumes": mounts,
            "x-script": path,
        });
        match turn {
            Turn::Before => {
                let awaited = json!({&name: {"condition": "service_started"}});
                for other in &others {
                    let added = &mut overlay.service(other).added;
                    added.insert("depends_on".to_owned(), awaited.clone());
                }
                before = Some(name.clone());
            }
            Turn::After => {
                let awaited = others.iter().copied().chain(before.as_deref());
                let awaited =
                    awaited.map(|it| (it.to_owned(), json!({"condition": "service_started"})));
                job["depends_on"] = Value::Object(awaited.collect());
            }
        }
        if let Value::Object(job) = job {
            overlay.service(&name).added = job;
        }
        let text = files.get(path).and_then(|file| file.text());
        let is_used = |variable: &str| text.is_some_and(|text| text.contains(variable));
        secrets::give(&name, secret, is_used, overlay);
    }
}

/// The variables that Umbrel gives to a script.
fn environment(folder: &str, overlay: &Overlay) -> Map<String, Value> {
    let given = overlay.variables.iter();
    let given = given.map(|(name, value)| (name.as_str(), value.replace('$', "$$")));
    let followed = overlay.followed.keys();
    let followed = followed.map(|name| (name.as_str(), format!("${{{name}}}")));
    let own = [("APP_DATA_DIR", folder), ("UMBREL_ROOT", ROOT)];
    let own = own.map(|(name, value)| (name, value.to_owned()));
    let all = given.chain(followed).chain(own);
    all.map(|(name, value)| (name.to_owned(), json!(value)))
        .collect()
}

/// The app's folder as a script sees it: the folders that services mount, and the files that came
/// with the app.
fn mounts(folder: &str, source: &ComposeFile<'_>, files: &Files, overlay: &Overlay) -> Vec<Value> {
    let data = data_folders(source, files, overlay);
    let own: BTreeSet<&str> = files
        .keys()
        .map(String::as_str)
        .filter(|path| *path != source.name && *path != COMPOSE_FILE && !is_hidden(path))
        .collect();
    let mut mounts: BTreeMap<&str, bool> = BTreeMap::new();
    for path in &data {
        // A container that writes a folder could replace what others mount in it.
        let holds = data.iter().any(|other| is_beneath(other, path));
        mounts.insert(path, holds);
    }
    for path in own {
        mounts.insert(whole(path, &data), true);
    }
    let mounts = mounts.into_iter().map(|(path, read_only)| {
        let path = path.replace('$', "$$");
        json!({
            "type": "bind",
            "source": format!("./{path}"),
            "target": format!("{folder}/{path}"),
            "read_only": read_only,
        })
    });
    mounts.collect()
}

/// Whether a file is left out of the folder: those of ours, and those that cannot be mounted.
fn is_hidden(path: &str) -> bool {
    path == ".env" || path.contains(':') || is_ignored(path)
}

/// The folders of the app's data that services mount, relative to the app's folder.
fn data_folders(source: &ComposeFile<'_>, files: &Files, overlay: &Overlay) -> BTreeSet<String> {
    let lookup = |name: &str| overlay.variables.get(name).cloned();
    let sources = volumes::sources(source, overlay).into_iter();
    let paths = sources.filter_map(|source| {
        let path = interpolate(&source, &lookup).ok()?;
        let parts = path.strip_prefix("./")?.split('/');
        let parts: Vec<&str> = parts.filter(|part| !matches!(*part, "" | ".")).collect();
        Some(parts.join("/"))
    });
    let comes_along = |path: &String| files.keys().any(|own| own == path || is_beneath(own, path));
    paths
        .filter(|path| !path.is_empty() && !path.contains("..") && !comes_along(path))
        .collect()
}

/// The outermost folder of a file in which no folder of the data lies.
fn whole<'a>(path: &'a str, data: &BTreeSet<String>) -> &'a str {
    let ends = path.match_indices('/').map(|(at, _)| &path[..at]);
    let is_free = |folder: &&str| {
        !data
            .iter()
            .any(|data| data == folder || is_beneath(data, folder) || is_beneath(folder, data))
    };
    let mut folders = ends.filter(is_free);
    folders.next().unwrap_or(path)
}

fn is_beneath(path: &str, folder: &str) -> bool {
    let rest = path.strip_prefix(folder);
    rest.is_some_and(|rest| rest.starts_with('/'))
}

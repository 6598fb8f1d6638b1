//! Reading what the desired state is worked out from: configuration, intents, definitions, secrets, captured files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use archipelago_core::config::Config;
use archipelago_core::desired::{Apps, Desired, Inputs, assemble};
use archipelago_core::intent::{Goal, Intent};
use archipelago_core::layout::Layout;
use archipelago_core::name::AppId;
use rustix::fs::{Mode, OFlags, ResolveFlags, open, openat2};

use super::cache::ReadSet;
use crate::definition;
use archipelago_core::error::chain;

/// A captured file is a credential or an address, not data.
const CAPTURE_BYTES_MAX: u64 = 64 * 1024;

/// Works out what should be on the host.
pub fn desired(layout: &Layout, read_set: &mut ReadSet) -> Desired {
    let mut inputs = read_traced(layout, read_set);
    let apps = Apps::read(&inputs);
    inputs.captured = captured(layout, apps.captures(layout), read_set);
    assemble(&inputs, &apps)
}

/// Reads all but the captured files. What cannot be read is part of the result: one broken app does not hide the others.
pub fn read(layout: &Layout) -> Inputs {
    read_traced(layout, &mut ReadSet::begin())
}

fn read_traced(layout: &Layout, read_set: &mut ReadSet) -> Inputs {
    let mut intents = intents(layout, read_set);
    let mut definitions = BTreeMap::new();
    for (id, intent) in &mut intents {
        match definition::read_traced(&layout.definition(id), read_set) {
            Ok(files) if files.is_empty() => {}
            Ok(files) => {
                definitions.insert(id.clone(), files);
            }
            // To be removed, an app needs no definition.
            Err(_)
                if intent
                    .as_ref()
                    .is_ok_and(|intent| intent.state == Goal::Removed) => {}
            Err(error) => *intent = Err(chain(&error)),
        }
    }
    let all_secrets = layout.data.join("secrets");
    let with_secrets = read_set.names(&all_secrets).unwrap_or_default();
    let with_secrets: BTreeSet<&str> = with_secrets.iter().map(String::as_str).collect();
    let secrets = intents
        .keys()
        .filter(|id| with_secrets.contains(id.as_str()))
        .map(|id| (id.clone(), secrets(&layout.secrets(id), read_set)))
        .collect();
    Inputs {
        layout: layout.clone(),
        config: config_traced(layout, read_set),
        intents,
        definitions,
        secrets,
        captured: BTreeMap::new(),
    }
}

/// Reads the node's configuration.
///
/// # Errors
/// When it is there and cannot be understood.
pub fn config(layout: &Layout) -> Result<Config, String> {
    config_traced(layout, &mut ReadSet::begin())
}

fn config_traced(layout: &Layout, read_set: &mut ReadSet) -> Result<Config, String> {
    let path = layout.config_file();
    match read_set.read_text(&path) {
        Ok(None) => Ok(Config::default()),
        Ok(Some(text)) => {
            Config::parse(&path.display().to_string(), &text).map_err(|error| error.to_string())
        }
        Err(error) => Err(chain(&error)),
    }
}

fn intents(layout: &Layout, read_set: &mut ReadSet) -> BTreeMap<AppId, Result<Intent, String>> {
    let names = read_set.names(&layout.apps()).unwrap_or_default();
    names
        .iter()
        .filter_map(|name| AppId::parse(name.strip_suffix(".toml")?).ok())
        .map(|id| {
            let intent = intent_traced(layout, &id, read_set)
                .and_then(|intent| intent.ok_or_else(|| "its intent is gone".to_owned()));
            (id, intent)
        })
        .collect()
}

/// Reads an app's intent; `None` when it is not installed.
///
/// # Errors
/// When it is there and cannot be understood.
pub fn intent(layout: &Layout, id: &AppId) -> Result<Option<Intent>, String> {
    intent_traced(layout, id, &mut ReadSet::begin())
}

fn intent_traced(
    layout: &Layout,
    id: &AppId,
    read_set: &mut ReadSet,
) -> Result<Option<Intent>, String> {
    let path = layout.intent(id);
    let text = read_set.read_text(&path).map_err(|error| chain(&error))?;
    text.map(|text| Intent::parse(&path.display().to_string(), &text))
        .transpose()
        .map_err(|error| error.to_string())
}

/// The secrets that exist. One that cannot be read counts as absent here, and is never overwritten: generating refuses a name that is taken.
fn secrets(folder: &Path, read_set: &mut ReadSet) -> BTreeMap<String, String> {
    let names = read_set.names(folder).unwrap_or_default();
    names
        .into_iter()
        .filter(|name| !name.starts_with('.'))
        .filter_map(|name| {
            let text = read_set.read_text(&folder.join(&name)).ok()??;
            Some((name, text.trim_end_matches('\n').to_owned()))
        })
        .filter(|(_, text)| !text.is_empty())
        .collect()
}

/// Reads the captured files that exist. An app writes them, so nothing in its volume may lead anywhere else: no link is followed, and
/// what is no file, or too large, counts as absent.
fn captured(
    layout: &Layout,
    paths: BTreeSet<PathBuf>,
    read_set: &mut ReadSet,
) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut captured = BTreeMap::new();
    for path in paths {
        read_set.note(&path);
        match read_beneath(&layout.data, &path) {
            Some(content) => drop(captured.insert(path, content)),
            // It may be there, but in a way that is not accepted; what would change that need not show in the file itself.
            None => read_set.doubt(),
        }
    }
    captured
}

fn read_beneath(root: &Path, path: &Path) -> Option<Vec<u8>> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let root_folder = open(root, flags | OFlags::DIRECTORY, Mode::empty()).ok()?;
    let file = openat2(
        &root_folder,
        path.strip_prefix(root).ok()?,
        // A pipe without a writer must not hold up the pass.
        flags | OFlags::NONBLOCK,
        Mode::empty(),
        ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS,
    )
    .ok()?;
    let file = File::from(file);
    let metadata = file.metadata().ok()?;
    if !metadata.is_file() || metadata.len() > CAPTURE_BYTES_MAX {
        return None;
    }
    let mut content = Vec::new();
    file.take(CAPTURE_BYTES_MAX)
        .read_to_end(&mut content)
        .ok()?;
    Some(content)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk;

    #[test]
    fn a_captured_file_leads_nowhere_else() {
        let data =
            std::env::temp_dir().join(format!("archipelago-captures-{}", std::process::id()));
        let volume = data.join("volumes/lnd/data");
        disk::make_folder(&volume, 0o755).unwrap();
        let secret = data.join("secret");
        std::fs::write(&secret, "not theirs").unwrap();
        std::fs::write(volume.join("plain"), "macaroon").unwrap();
        std::fs::write(volume.join("large"), vec![0; 70_000]).unwrap();
        std::os::unix::fs::symlink(&secret, volume.join("link")).unwrap();
        std::os::unix::fs::symlink(&data, volume.join("folder")).unwrap();
        let read = |name: &str| read_beneath(&data, &volume.join(name));
        assert_eq!(read("plain").as_deref(), Some(b"macaroon".as_slice()));
        for name in ["link", "folder/secret", "large", "none", "."] {
            assert_eq!(read(name), None, "{name}");
        }
        disk::remove_folder(&data).unwrap();
    }
}

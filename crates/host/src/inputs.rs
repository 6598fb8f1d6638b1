//! Reading what the desired state is worked out from: configuration, intents, definitions, secrets,
//! captured files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use archipelago_core::config::Config;
use archipelago_core::data_folder::judge;
use archipelago_core::desired::{Apps, Desired, HostFacts, Inputs, assemble};
use archipelago_core::error::chain;
use archipelago_core::file_error::FileError;
use archipelago_core::held::{Granted, is_settled};
use archipelago_core::image_facts;
use archipelago_core::intent::{Intent, WantedState};
use archipelago_core::layout::Layout;
use archipelago_core::manifest::Files;
use archipelago_core::name::AppId;
use archipelago_core::operation::{hold, judged_paths};
use archipelago_core::releases::Releases;
use rustix::fs::{Mode, OFlags, ResolveFlags, open, openat2};
use rustix::io::Errno;

use super::cache::ReadSet;
use crate::{data_folder, definition, disk, links, records, releases};

/// A captured file is a credential or an address, not data.
const CAPTURE_BYTES_MAX: u64 = 64 * 1024;

/// Resolves the desired state of the host.
///
/// # Errors
/// When it cannot be told which apps there are.
pub fn desired(layout: &Layout, read_set: &mut ReadSet) -> Result<Desired, disk::Error> {
    let mut inputs = read_traced(layout, read_set)?;
    let apps = settle(&mut inputs, read_set);
    Ok(assemble(&inputs, &apps))
}

/// Lets edited intents wait that ask for more than a person has agreed to, and reads what the
/// definitions of these inputs name: captured files, and where mounts lead.
pub fn complete(inputs: &mut Inputs) {
    settle(inputs, &mut ReadSet::begin());
}

fn settle(inputs: &mut Inputs, read_set: &mut ReadSet) -> Apps {
    let layout = inputs.layout.clone();
    find_trails(inputs, judged_paths(inputs));
    hold(inputs);
    let apps = Apps::read(inputs);
    read_captured(inputs, apps.captures(&layout), read_set);
    find_trails(inputs, apps.mounted(&layout));
    apps
}

/// Reads everything except captured files. An unreadable app is reported in the result and does not
/// hide the others.
///
/// # Errors
/// When it cannot be told which apps there are.
pub fn read(layout: &Layout) -> Result<Inputs, disk::Error> {
    read_traced(layout, &mut ReadSet::begin())
}

/// Finds where the mounted paths of apps lead. Returns whether one of them leads over a link.
///
/// The links are not part of the read set: a container cannot place a link on these paths, because
/// such a mount is refused, so only the operator can change them.
pub fn find_trails(inputs: &mut Inputs, paths: Vec<PathBuf>) -> bool {
    let trails = paths.into_iter().filter_map(|path| {
        let trail = links::trail(&path);
        (trail.as_slice() != [path.as_path()]).then_some((path, trail))
    });
    let trails: BTreeMap<_, _> = trails.collect();
    let any = !trails.is_empty();
    inputs.found.trails.extend(trails);
    any
}

/// Finds out which of the paths that apps mount are not there. Says whether one is not.
pub fn find_missing(inputs: &mut Inputs, paths: &[PathBuf]) -> bool {
    let is_missing = |path: &&PathBuf| disk::file_type(path).is_ok_and(|kind| kind.is_none());
    let missing: BTreeSet<PathBuf> = paths.iter().filter(is_missing).cloned().collect();
    inputs.found.missing = missing;
    !inputs.found.missing.is_empty()
}

fn read_traced(layout: &Layout, read_set: &mut ReadSet) -> Result<Inputs, disk::Error> {
    let mut intents = intents(layout, read_set)?;
    let mut definitions = BTreeMap::new();
    for (id, intent) in &mut intents {
        let Ok(known) = intent else { continue };
        let folder = known.definition_folder(layout, id);
        match definition::read_traced(&folder, read_set) {
            Ok(files) if files.is_empty() => {}
            Ok(files) => {
                definitions.insert(id.clone(), files);
            }
            // To be removed, an app needs no definition.
            Err(_) if known.state == WantedState::Removed => {}
            Err(error) => *intent = Err(of_definition(&error)),
        }
    }
    let granted = granted(layout, &intents, read_set);
    let named = releases::named_by_history(layout, read_set);
    let releases = Releases::of(layout, &intents, &definitions, named);
    let open = records::Open::read(layout, read_set);
    let mut inputs = Inputs {
        config: config_traced(layout, read_set),
        intents,
        definitions,
        found: HostFacts {
            images: image_facts::read(read_set.read(&layout.images()).ok().flatten().as_deref()),
            claim: judge(&data_folder::observe(layout, read_set)),
            operations: open.last,
            updating: open.updating,
            ..HostFacts::default()
        },
        releases,
        granted,
        ..Inputs::new(layout.clone())
    };
    read_secrets(&mut inputs, read_set);
    Ok(inputs)
}

/// Reads the node's configuration.
///
/// # Errors
/// When it is there and cannot be understood.
pub fn config(layout: &Layout) -> Result<Config, FileError> {
    config_traced(layout, &mut ReadSet::begin())
}

fn config_traced(layout: &Layout, read_set: &mut ReadSet) -> Result<Config, FileError> {
    let path = layout.config_file();
    match read_set.read_text(&path) {
        Ok(None) => Ok(Config::default()),
        Ok(Some(text)) => Ok(Config::parse(&path.display().to_string(), &text)?),
        Err(error) => Err(of_disk(&error)),
    }
}

fn intents(
    layout: &Layout,
    read_set: &mut ReadSet,
) -> Result<BTreeMap<AppId, Result<Intent, FileError>>, disk::Error> {
    let names = read_set.names(&layout.apps())?;
    let intents = names
        .iter()
        .filter_map(|name| AppId::parse(name.strip_suffix(".toml")?).ok())
        .map(|id| {
            let intent = intent_traced(layout, &id, read_set)
                .and_then(|intent| intent.ok_or(FileError::IntentGone));
            (id, intent)
        })
        .collect();
    Ok(intents)
}

/// The versions of the apps that a person has agreed to, without those that cannot be read. The
/// files are read where the present intent is another version.
fn granted(
    layout: &Layout,
    intents: &BTreeMap<AppId, Result<Intent, FileError>>,
    read_set: &mut ReadSet,
) -> BTreeMap<AppId, Granted> {
    let mut all = BTreeMap::new();
    for (id, intent) in intents {
        let Ok(present) = intent else { continue };
        let path = layout.granted(id);
        let text = read_set.read_text(&path).ok().flatten();
        let Some(intent) = text.and_then(|text| Granted::read(&text)) else {
            continue;
        };
        let mut granted = Granted {
            intent,
            files: Files::new(),
        };
        if !is_settled(present, Some(&granted)) {
            let folder = granted.intent.definition_folder(layout, id);
            granted.files = definition::read_traced(&folder, read_set).unwrap_or_default();
        }
        all.insert(id.clone(), granted);
    }
    all
}

/// Reads an app's intent; `None` when it is not installed.
///
/// # Errors
/// When it is there and cannot be understood.
pub fn intent(layout: &Layout, id: &AppId) -> Result<Option<Intent>, FileError> {
    intent_traced(layout, id, &mut ReadSet::begin())
}

fn intent_traced(
    layout: &Layout,
    id: &AppId,
    read_set: &mut ReadSet,
) -> Result<Option<Intent>, FileError> {
    let path = layout.intent(id);
    let text = read_set.read_text(&path).map_err(|error| of_disk(&error))?;
    let intent = text.map(|text| Intent::parse(&path.display().to_string(), &text));
    Ok(intent.transpose()?)
}

fn of_disk(error: &disk::Error) -> FileError {
    FileError::Disk(chain(error))
}

fn of_definition(error: &definition::Error) -> FileError {
    match error {
        definition::Error::Disk(error) => of_disk(error),
        other => FileError::Definition(chain(other)),
    }
}

/// Reads the secrets that exist, and notes what cannot be read: it is not taken for absent.
fn read_secrets(inputs: &mut Inputs, read_set: &mut ReadSet) {
    let all = inputs.layout.data.join("secrets");
    let unreadable = &mut inputs.found.unreadable;
    let mut names_in = |folder: &Path, unreadable: &mut BTreeMap<PathBuf, FileError>| {
        let names = read_set.names(folder);
        names.unwrap_or_else(|error| {
            unreadable.insert(folder.to_owned(), of_disk(&error));
            Vec::new()
        })
    };
    let mut files = Vec::new();
    let with_secrets: BTreeSet<String> = names_in(&all, unreadable).into_iter().collect();
    let apps = inputs.intents.keys();
    for id in apps.filter(|id| with_secrets.contains(id.as_str())) {
        inputs.secrets.insert(id.clone(), BTreeMap::new());
        let folder = inputs.layout.secrets(id);
        let names = names_in(&folder, unreadable).into_iter();
        let names = names.filter(|name| !name.starts_with('.'));
        files.extend(names.map(|name| (id.clone(), folder.join(&name), name)));
    }
    for (id, path, name) in files {
        match read_set.read_text(&path) {
            Ok(text) => {
                let text = text.unwrap_or_default().trim_end_matches('\n').to_owned();
                if !text.is_empty() {
                    inputs.secrets.entry(id).or_default().insert(name, text);
                }
            }
            Err(error) => drop(unreadable.insert(path, of_disk(&error))),
        }
    }
}

/// Reads the captured files that exist. An app writes them, so nothing in its volume may lead
/// anywhere else: no link is followed, and what is no file, or too large, counts as absent. What is
/// there and cannot be read does not.
fn read_captured(inputs: &mut Inputs, paths: BTreeSet<PathBuf>, read_set: &mut ReadSet) {
    for path in paths {
        read_set.note(&path);
        match read_beneath(&inputs.layout.data, &path) {
            Ok(Some(content)) => {
                inputs.captured.insert(path, content);
                continue;
            }
            Ok(None) => {}
            Err(error) => {
                let cause = FileError::Disk(format!("read {}: {error}", path.display()));
                inputs.found.unreadable.insert(path, cause);
            }
        }
        // It may be there, but in a way that is not accepted; what would change that need not show
        // in the file itself.
        read_set.doubt();
    }
}

/// `None` when there is none, or nothing that is accepted for one.
fn read_beneath(root: &Path, path: &Path) -> io::Result<Option<Vec<u8>>> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let Ok(inside) = path.strip_prefix(root) else {
        return Ok(None);
    };
    let opened = open(root, flags | OFlags::DIRECTORY, Mode::empty()).and_then(|root| {
        openat2(
            &root,
            inside,
            // A pipe without a writer must not block the pass.
            flags | OFlags::NONBLOCK,
            Mode::empty(),
            ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS,
        )
    });
    let file = match opened {
        Ok(file) => File::from(file),
        Err(error) if is_none(error) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let metadata = file.metadata()?;
    if !metadata.is_file() || metadata.len() > CAPTURE_BYTES_MAX {
        return Ok(None);
    }
    let mut content = Vec::new();
    file.take(CAPTURE_BYTES_MAX).read_to_end(&mut content)?;
    Ok(Some(content))
}

/// There is nothing, a file where a folder should be, a link, or a socket (`open(2)`,
/// `openat2(2)`).
fn is_none(error: Errno) -> bool {
    matches!(
        error,
        Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::XDEV | Errno::NXIO
    )
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let read = |name: &str| read_beneath(&data, &volume.join(name)).unwrap();
        assert_eq!(read("plain").as_deref(), Some(b"macaroon".as_slice()));
        for name in ["link", "folder/secret", "large", "none", "plain/none", "."] {
            assert_eq!(read(name), None, "{name}");
        }
        assert_eq!(read_beneath(&volume, &data.join("none")).unwrap(), None);
        assert_eq!(
            read_beneath(&data.join("none"), &data.join("none/x")).unwrap(),
            None
        );
        disk::remove_folder(&data).unwrap();
    }
}

//! Quadlet's generator, as far as the units of these worlds go: from unit files to what systemd loads.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use archipelago_core::quadlet::{Mark, is_unit_file, mark_of, service_of};

use super::disk::Bytes;

/// A service as systemd has loaded it.
#[derive(Clone, Debug, PartialEq)]
pub struct Definition {
    /// The name of the unit file that it was made of.
    pub file: String,
    /// Its content.
    pub text: Bytes,
    /// Our mark in it.
    pub mark: Option<Mark>,
    /// What it runs.
    pub kind: Kind,
    /// `Wants=`
    pub wants: Vec<String>,
    /// `After=`, those that Quadlet adds included.
    pub after: Vec<String>,
    /// `PartOf=`
    pub part_of: Vec<String>,
    /// What Quadlet makes of the networks and volumes that it names.
    pub requires: Vec<String>,
    /// Whether it starts at boot.
    pub at_boot: bool,
    /// The services that start it along with them: `WantedBy=`, but for the target of the boot.
    pub wanted_by: Vec<String>,
}

/// What a service runs.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// A container.
    Container(Container),
    /// Makes a network of that name.
    Network(Made),
    /// Makes a volume of that name.
    Volume(Made, Option<PathBuf>),
}

/// What a one-shot service makes.
#[derive(Clone, Debug, PartialEq)]
pub struct Made {
    /// Podman's name.
    pub name: String,
    /// The label that says whose it is.
    pub label: Option<String>,
}

/// A container as its unit describes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Container {
    /// Its name.
    pub name: String,
    /// The label that says whose it is.
    pub label: Option<String>,
    /// Its image.
    pub image: String,
    /// The unit files of its networks.
    pub networks: Vec<String>,
    /// The unit files of its volumes.
    pub volumes: Vec<String>,
    /// What it mounts from the disk.
    pub mounts: Vec<PathBuf>,
    /// The volumes that are asked for before it starts.
    pub checked: Vec<String>,
    /// Podman's names of its secrets.
    pub secrets: Vec<String>,
}

type Loaded = Result<Arc<Definition>, String>;

/// What the boot starts.
const BOOT_TARGET: &str = "default.target";

/// The keys of a container that Quadlet knows, of those that come up in these worlds (podman-systemd.unit(5)). Any other costs the unit.
const KEYS: [&str; 15] = [
    "AutoUpdate",
    "ContainerName",
    "Environment",
    "Exec",
    "Image",
    "Label",
    "LogDriver",
    "Network",
    "NoNewPrivileges",
    "PodmanArgs",
    "PublishPort",
    "Pull",
    "RunInit",
    "Secret",
    "Volume",
];

thread_local! {
    /// Texts that were read before: the same ones come back a million times.
    static KNOWN: RefCell<HashMap<(String, Bytes), Loaded>> = RefCell::new(HashMap::new());
}

/// Texts that are remembered at once; a world uses some dozens.
const KNOWN_MAX: usize = 4096;

/// What the generator makes of these files, by service, and what it says of those that it leaves out.
pub fn generate(
    files: &BTreeMap<String, Bytes>,
) -> (BTreeMap<String, Arc<Definition>>, BTreeMap<String, String>) {
    let (mut made, mut refused) = (BTreeMap::new(), BTreeMap::new());
    for (name, text) in files.iter().filter(|(name, _)| is_unit_file(name)) {
        match load(name, text).and_then(|definition| complete(files, definition)) {
            Ok(definition) => drop(made.insert(service_of(name), definition)),
            Err(cause) => drop(refused.insert(name.clone(), cause)),
        }
    }
    (made, refused)
}

/// What the generator says of a unit with these drop-ins beside it; what they change in it is not part of these worlds.
pub fn complaint(name: &str, drop_ins: &[Bytes]) -> Option<String> {
    let unknown = |text: &Bytes| unknown_key(&entries(std::str::from_utf8(text).ok()?));
    name.ends_with(".container")
        .then(|| drop_ins.iter().find_map(unknown))
        .flatten()
}

type Entries<'a> = BTreeMap<(&'a str, &'a str), Vec<&'a str>>;

fn entries(text: &str) -> Entries<'_> {
    let mut entries = Entries::new();
    let mut section = "";
    for line in text.lines().map(str::trim) {
        if let Some(inside) = line.strip_prefix('[') {
            section = inside.trim_end_matches(']');
        } else if let Some((key, value)) = line.split_once('=')
            && !line.starts_with('#')
        {
            entries.entry((section, key)).or_default().push(value);
        }
    }
    entries
}

fn unknown_key(entries: &Entries<'_>) -> Option<String> {
    let mut keys = entries.keys();
    let (group, key) = keys.find(|(group, key)| *group == "Container" && !KEYS.contains(key))?;
    Some(format!("unsupported key '{key}' in group '{group}'"))
}

fn load(name: &str, text: &Bytes) -> Loaded {
    let key = (name.to_owned(), Arc::clone(text));
    if let Some(known) = KNOWN.with_borrow(|known| known.get(&key).cloned()) {
        return known;
    }
    let loaded = read(name, text);
    KNOWN.with_borrow_mut(|known| {
        if known.len() >= KNOWN_MAX {
            known.clear();
        }
        known.insert(key, loaded.clone());
    });
    loaded
}

/// A unit that names another one needs its file.
fn complete(files: &BTreeMap<String, Bytes>, definition: Arc<Definition>) -> Loaded {
    if let Kind::Container(container) = &definition.kind {
        let named = container.networks.iter().chain(&container.volumes);
        if let Some(missing) = named
            .into_iter()
            .find(|unit| !files.contains_key(unit.as_str()))
        {
            return Err(format!("requested Quadlet unit {missing} was not found"));
        }
    }
    Ok(definition)
}

fn read(name: &str, bytes: &Bytes) -> Loaded {
    let text = std::str::from_utf8(bytes).map_err(|_| "not UTF-8".to_owned())?;
    let entries = entries(text);
    if let Some(complaint) = unknown_key(&entries) {
        return Err(complaint);
    }
    let all = |section: &'static str, key: &'static str| -> Vec<String> {
        let values = entries.get(&(section, key)).cloned().unwrap_or_default();
        values
            .iter()
            .map(|value| value.trim_matches('"').to_owned())
            .collect()
    };
    let one = |section, key| all(section, key).into_iter().next();
    let label = |section| {
        let labels = all(section, "Label");
        labels
            .iter()
            .find_map(|label| label.strip_prefix("archipelago.app="))
            .map(str::to_owned)
    };
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let made = |section, key| Made {
        name: one(section, key).unwrap_or_else(|| format!("systemd-{stem}")),
        label: label(section),
    };
    let kind = match name.rsplit_once('.') {
        Some((_, "network")) => Kind::Network(made("Network", "NetworkName")),
        Some((_, "volume")) => Kind::Volume(
            made("Volume", "VolumeName"),
            one("Volume", "Device").map(PathBuf::from),
        ),
        Some((_, "container")) => {
            let image = one("Container", "Image").ok_or("no Image key specified")?;
            let (mut volumes, mut mounts) = (Vec::new(), Vec::new());
            for volume in all("Container", "Volume") {
                let source = volume.split(':').next().unwrap_or_default();
                if source.ends_with(".volume") {
                    volumes.push(source.to_owned());
                } else {
                    mounts.push(PathBuf::from(source));
                }
            }
            let first = |text: String, end: char| text.split(end).next().map(str::to_owned);
            Kind::Container(Container {
                name: one("Container", "ContainerName")
                    .unwrap_or_else(|| format!("systemd-{stem}")),
                label: label("Container"),
                image,
                networks: all("Container", "Network")
                    .into_iter()
                    .filter_map(|network| first(network, ':'))
                    .filter(|network| network.ends_with(".network"))
                    .collect(),
                volumes,
                mounts,
                checked: all("Service", "ExecStartPre")
                    .iter()
                    .filter_map(|line| line.strip_prefix("podman volume exists "))
                    .map(str::to_owned)
                    .collect(),
                secrets: all("Container", "Secret")
                    .into_iter()
                    .filter_map(|secret| first(secret, ','))
                    .collect(),
            })
        }
        _ => return Err("a kind of unit that these worlds have not".to_owned()),
    };
    let requires: Vec<String> = match &kind {
        Kind::Container(container) => {
            let named = container.networks.iter().chain(&container.volumes);
            named.map(|unit| service_of(unit)).collect()
        }
        Kind::Network(_) | Kind::Volume(..) => Vec::new(),
    };
    let wanted_by = words(all("Install", "WantedBy"));
    let mut after = words(all("Unit", "After"));
    after.extend(requires.iter().cloned());
    Ok(Arc::new(Definition {
        file: name.to_owned(),
        text: Arc::clone(bytes),
        mark: mark_of(bytes),
        kind,
        wants: words(all("Unit", "Wants")),
        after,
        part_of: words(all("Unit", "PartOf")),
        requires,
        at_boot: wanted_by.iter().any(|name| name == BOOT_TARGET),
        wanted_by: wanted_by
            .into_iter()
            .filter(|name| name != BOOT_TARGET)
            .collect(),
    }))
}

fn words(lines: Vec<String>) -> Vec<String> {
    lines
        .iter()
        .flat_map(|line| line.split_whitespace())
        .map(str::to_owned)
        .collect()
}

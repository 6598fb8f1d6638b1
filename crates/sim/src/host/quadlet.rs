//! Quadlet's generator: from unit files to the services that systemd loads. It knows the keys and
//! kinds of unit that the simulated apps use (podman-systemd.unit(5)), and refuses others.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use archipelago_core::quadlet::{Mark, is_unit_file, mark_of, service_of};

use super::disk::Bytes;

/// A service as systemd has loaded it.
#[derive(Clone, Debug, PartialEq)]
pub struct Definition {
    /// The name of its unit file.
    pub file: String,
    /// The content of its unit file.
    pub text: Bytes,
    /// Archipelago's mark in the unit file.
    pub mark: Option<Mark>,
    pub kind: Kind,
    /// `Wants=`
    pub wants: Vec<String>,
    /// `After=`, with the services of networks and volumes, which Quadlet adds.
    pub after: Vec<String>,
    /// `PartOf=`
    pub part_of: Vec<String>,
    /// `Requires=`, with the services of the networks and volumes that it names.
    pub requires: Vec<String>,
    /// Whether `WantedBy=` names the target of the boot.
    pub at_boot: bool,
    /// `WantedBy=`, without the target of the boot.
    pub wanted_by: Vec<String>,
}

/// The work of a service.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    Container(Container),
    /// A one-shot service that makes a network.
    Network(Made),
    /// A one-shot service that makes a volume, with the volume's folder.
    Volume(Made, Option<PathBuf>),
}

/// The network or volume that a one-shot service makes.
#[derive(Clone, Debug, PartialEq)]
pub struct Made {
    /// Its name in Podman.
    pub name: String,
    /// Its label of ownership.
    pub label: Option<String>,
    /// Whether a network is isolated from all others.
    pub isolated: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Container {
    pub name: String,
    /// Its label of ownership.
    pub label: Option<String>,
    pub image: String,
    /// The unit files of its networks.
    pub networks: Vec<String>,
    /// The unit files of its volumes.
    pub volumes: Vec<String>,
    /// The paths that it mounts from the disk.
    pub mounts: Vec<PathBuf>,
    /// The mounted paths that it can write.
    pub written: Vec<PathBuf>,
    /// The volumes that `ExecStartPre=podman volume exists` checks.
    pub checked_volumes: Vec<String>,
    /// The names of its secrets in Podman.
    pub secrets: Vec<String>,
    /// The capabilities that it has beyond the usual ones.
    pub capabilities: Vec<String>,
    /// `Type=oneshot` with `RemainAfterExit=yes`: a job.
    pub one_shot: bool,
}

impl Container {
    /// The networks by their usual names in Podman.
    pub fn network_names(&self) -> impl Iterator<Item = &str> {
        self.networks.iter().filter_map(|unit| stem(unit))
    }

    /// The volumes by their usual names in Podman.
    pub fn volume_names(&self) -> impl Iterator<Item = &str> {
        self.volumes.iter().filter_map(|unit| stem(unit))
    }
}

/// Why the generator leaves a unit out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Complaint {
    NotText,
    UnknownKey {
        group: String,
        key: String,
    },
    NoImage,
    /// The unit file of a network or volume is not there.
    NoUnit(String),
    /// A kind of unit that is not simulated.
    UnknownKind,
}

impl fmt::Display for Complaint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotText => formatter.write_str("not UTF-8"),
            Self::UnknownKey { group, key } => {
                write!(formatter, "unsupported key '{key}' in group '{group}'")
            }
            Self::NoImage => formatter.write_str("no Image key specified"),
            Self::NoUnit(unit) => {
                write!(formatter, "requested Quadlet unit {unit} was not found")
            }
            Self::UnknownKind => formatter.write_str("this kind of unit is not simulated"),
        }
    }
}

impl std::error::Error for Complaint {}

type Loaded = Result<Arc<Definition>, Complaint>;

const BOOT_TARGET: &str = "default.target";

/// The keys of `[Container]` that are known here; any other makes Quadlet drop the unit.
const KEYS: [&str; 16] = [
    "AddCapability",
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
    /// The results of earlier parsing, because a long run parses the same texts a million times.
    static CACHE: RefCell<HashMap<(String, Bytes), Loaded>> = RefCell::new(HashMap::new());
}

/// The most entries of the cache. One run needs some dozens.
const CACHE_MAX: usize = 4096;

/// The services made of these unit files, and the complaint about each file that is left out.
pub fn generate(
    files: &BTreeMap<String, Bytes>,
) -> (
    BTreeMap<String, Arc<Definition>>,
    BTreeMap<String, Complaint>,
) {
    let (mut generated, mut refused) = (BTreeMap::new(), BTreeMap::new());
    for (name, text) in files.iter().filter(|(name, _)| is_unit_file(name)) {
        match load(name, text).and_then(|definition| check_references(files, definition)) {
            Ok(definition) => drop(generated.insert(service_of(name), definition)),
            Err(cause) => drop(refused.insert(name.clone(), cause)),
        }
    }
    (generated, refused)
}

/// Whether the generator leaves a unit out for its drop-ins. Their other effects are not simulated.
pub fn refuses(name: &str, drop_ins: &[Bytes]) -> bool {
    let is_unknown = |text: &Bytes| {
        std::str::from_utf8(text).is_ok_and(|text| unknown_key(&Entries::parse(text)).is_some())
    };
    name.ends_with(".container") && drop_ins.iter().any(is_unknown)
}

/// The lines of a unit file, by section and key.
struct Entries<'a>(BTreeMap<(&'a str, &'a str), Vec<&'a str>>);

impl<'a> Entries<'a> {
    fn parse(text: &'a str) -> Self {
        let mut entries = Self(BTreeMap::new());
        let mut section = "";
        for line in text.lines().map(str::trim) {
            if let Some(inside) = line.strip_prefix('[') {
                section = inside.trim_end_matches(']');
            } else if let Some((key, value)) = line.split_once('=')
                && !line.starts_with('#')
            {
                entries.0.entry((section, key)).or_default().push(value);
            }
        }
        entries
    }

    fn values<'b>(&'b self, section: &'b str, key: &'b str) -> impl Iterator<Item = &'b str> {
        let values = self.0.get(&(section, key)).into_iter().flatten();
        values.map(|value| value.trim_matches('"'))
    }

    fn first(&self, section: &str, key: &str) -> Option<String> {
        self.values(section, key).next().map(str::to_owned)
    }

    fn words(&self, section: &str, key: &str) -> Vec<String> {
        let words = self.values(section, key).flat_map(str::split_whitespace);
        words.map(str::to_owned).collect()
    }

    /// The label of ownership.
    fn label(&self, section: &str) -> Option<String> {
        let mut labels = self.values(section, "Label");
        let owner = labels.find_map(|label| label.strip_prefix("archipelago.app="));
        owner.map(str::to_owned)
    }
}

fn unknown_key(entries: &Entries<'_>) -> Option<Complaint> {
    let mut keys = entries.0.keys();
    let (group, key) = keys.find(|(group, key)| *group == "Container" && !KEYS.contains(key))?;
    let (group, key) = ((*group).to_owned(), (*key).to_owned());
    Some(Complaint::UnknownKey { group, key })
}

fn load(name: &str, text: &Bytes) -> Loaded {
    let key = (name.to_owned(), Arc::clone(text));
    if let Some(loaded) = CACHE.with_borrow(|cache| cache.get(&key).cloned()) {
        return loaded;
    }
    let loaded = read(name, text);
    CACHE.with_borrow_mut(|cache| {
        if cache.len() >= CACHE_MAX {
            cache.clear();
        }
        cache.insert(key, loaded.clone());
    });
    loaded
}

/// Refuses a container whose network or volume has no unit file.
fn check_references(files: &BTreeMap<String, Bytes>, definition: Arc<Definition>) -> Loaded {
    if let Kind::Container(container) = &definition.kind {
        let named = container.networks.iter().chain(&container.volumes);
        if let Some(missing) = named
            .into_iter()
            .find(|unit| !files.contains_key(unit.as_str()))
        {
            return Err(Complaint::NoUnit(missing.clone()));
        }
    }
    Ok(definition)
}

fn read(name: &str, bytes: &Bytes) -> Loaded {
    let text = std::str::from_utf8(bytes).map_err(|_| Complaint::NotText)?;
    let entries = Entries::parse(text);
    if let Some(complaint) = unknown_key(&entries) {
        return Err(complaint);
    }
    let (stem, suffix) = name.rsplit_once('.').unwrap_or((name, ""));
    let made = |section, key| Made {
        name: entries
            .first(section, key)
            .unwrap_or_else(|| format!("systemd-{stem}")),
        label: entries.label(section),
        isolated: entries
            .values(section, "Options")
            .any(|option| option == "isolate=strict"),
    };
    let kind = match suffix {
        "network" => Kind::Network(made("Network", "NetworkName")),
        "volume" => Kind::Volume(
            made("Volume", "VolumeName"),
            entries.first("Volume", "Device").map(PathBuf::from),
        ),
        "container" => Kind::Container(read_container(stem, &entries)?),
        _ => return Err(Complaint::UnknownKind),
    };
    let mut requires = entries.words("Unit", "Requires");
    let made: Vec<String> = match &kind {
        Kind::Container(container) => {
            let named = container.networks.iter().chain(&container.volumes);
            named.map(|unit| service_of(unit)).collect()
        }
        Kind::Network(_) | Kind::Volume(..) => Vec::new(),
    };
    let wanted_by = entries.words("Install", "WantedBy");
    let mut after = entries.words("Unit", "After");
    after.extend(made.iter().cloned());
    requires.extend(made);
    Ok(Arc::new(Definition {
        file: name.to_owned(),
        text: Arc::clone(bytes),
        mark: mark_of(bytes),
        kind,
        wants: entries.words("Unit", "Wants"),
        after,
        part_of: entries.words("Unit", "PartOf"),
        requires,
        at_boot: wanted_by.iter().any(|name| name == BOOT_TARGET),
        wanted_by: wanted_by
            .into_iter()
            .filter(|name| name != BOOT_TARGET)
            .collect(),
    }))
}

fn read_container(stem: &str, entries: &Entries<'_>) -> Result<Container, Complaint> {
    let image = entries.first("Container", "Image");
    let image = image.ok_or(Complaint::NoImage)?;
    let (mut volumes, mut mounts, mut written) = (Vec::new(), Vec::new(), Vec::new());
    for volume in entries.values("Container", "Volume") {
        let mut parts = volume.split(':');
        let source = parts.next().unwrap_or_default();
        let options = parts.nth(1).unwrap_or_default();
        if source.ends_with(".volume") {
            volumes.push(source.to_owned());
        } else {
            mounts.push(PathBuf::from(source));
            if !options.split(',').any(|option| option == "ro") {
                written.push(PathBuf::from(source));
            }
        }
    }
    let until = |value: &str, end: char| value.split(end).next().map(str::to_owned);
    Ok(Container {
        name: entries
            .first("Container", "ContainerName")
            .unwrap_or_else(|| format!("systemd-{stem}")),
        label: entries.label("Container"),
        image,
        networks: entries
            .values("Container", "Network")
            .filter_map(|network| until(network, ':'))
            .filter(|network| network.ends_with(".network"))
            .collect(),
        volumes,
        mounts,
        written,
        checked_volumes: entries
            .values("Service", "ExecStartPre")
            .filter_map(|line| line.strip_prefix("podman volume exists "))
            .map(str::to_owned)
            .collect(),
        secrets: entries
            .values("Container", "Secret")
            .filter_map(|secret| until(secret, ','))
            .collect(),
        capabilities: entries.words("Container", "AddCapability"),
        one_shot: entries.first("Service", "Type").as_deref() == Some("oneshot"),
    })
}

fn stem(unit: &str) -> Option<&str> {
    Some(unit.rsplit_once('.')?.0)
}

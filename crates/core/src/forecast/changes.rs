//! A forecast as people read it: what is added, changed and removed, and which services start,
//! restart and stop, app by app. The steps between, such as a reload, are left out.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Serialize, Serializer};

use crate::action::{Action, AppAction, AppStep, HostStep, Reason, reason};
use crate::desired::{Desired, Origin};
use crate::name::AppId;
use crate::observed::Observed;

use super::Forecast;

/// The section of a unit that only Archipelago reads.
const OWN_SECTION: &str = "[X-Archipelago]";

/// The changes of a forecast.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Changes {
    /// By app; of each app in the order in which people read them.
    pub apps: BTreeMap<AppId, Vec<Change>>,
    /// Changes of the host as a whole.
    pub host: Vec<Change>,
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    pub sign: Sign,
    pub object: Object,
    /// The name of the object: a container's, a path, an address, an image's reference.
    pub name: String,
    /// Why, where the sign does not say it.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "told")]
    pub reason: Option<Reason>,
    /// More about it: the keys of a unit that change, or the way by which an image comes. No value
    /// of a setting is among it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<String>,
}

/// The kind of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Sign {
    Add,
    Change,
    Remove,
    Start,
    Restart,
    Stop,
}

/// A kind of object, in the order in which people read them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Object {
    Image,
    Secret,
    Folder,
    Volume,
    Network,
    File,
    Container,
    Port,
    Service,
    Data,
    App,
    PodmanSocket,
}

impl Object {
    /// Its word for people.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Secret => "secret",
            Self::Folder => "folder",
            Self::Volume => "volume",
            Self::Network => "network",
            Self::File => "file",
            Self::Container => "container",
            Self::Port => "port",
            Self::Service => "service",
            Self::Data => "data",
            Self::App => "app",
            Self::PodmanSocket => "Podman's socket",
        }
    }
}

impl Sign {
    /// Its sign in a plan.
    #[must_use]
    pub fn symbol(self) -> char {
        match self {
            Self::Add | Self::Start => '+',
            Self::Change | Self::Restart => '~',
            Self::Remove | Self::Stop => '-',
        }
    }
}

impl Changes {
    /// The changes of a forecast, from what was wanted before and what was seen of the host then.
    #[must_use]
    pub fn of(before: &Desired, observed: &Observed, forecast: &Forecast) -> Self {
        let mut changes = Self::default();
        for action in &forecast.actions {
            match action {
                Action::App(action) => {
                    if let Some(change) = of_app(action, observed) {
                        changes.push(&action.app, change);
                    }
                }
                Action::Host(action) => changes.host.extend(of_host(&action.step, &action.reason)),
            }
        }
        changes.ports(before, &forecast.desired);
        for of_app in changes.apps.values_mut() {
            of_app.sort_by_key(|change| change.object);
        }
        changes
    }

    /// Whether nothing changes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.apps.is_empty() && self.host.is_empty()
    }

    /// How many changes bear this sign.
    #[must_use]
    pub fn count(&self, sign: Sign) -> usize {
        let of_apps = self.apps.values().flatten();
        let all = of_apps.chain(&self.host);
        all.filter(|change| change.sign == sign).count()
    }

    /// A unit and the object that it makes go together for people.
    fn push(&mut self, app: &AppId, change: Change) {
        let known = self.apps.entry(app.clone()).or_default();
        let is_same = |other: &Change| {
            (other.sign, other.object, &other.name) == (change.sign, change.object, &change.name)
        };
        if !known.iter().any(is_same) {
            known.push(change);
        }
    }

    fn ports(&mut self, before: &Desired, after: &Desired) {
        let all = |desired: &Desired| {
            let ports = desired.present().flat_map(|(app, present)| {
                let ports = present.ports.iter();
                ports.map(|(address, protocol)| (app.clone(), format!("{address}/{protocol}")))
            });
            ports.collect::<BTreeSet<_>>()
        };
        let (before, after) = (all(before), all(after));
        let of = |sign| move |(app, port): &(AppId, String)| (app.clone(), port.clone(), sign);
        let added = after.difference(&before).map(of(Sign::Add));
        let removed = before.difference(&after).map(of(Sign::Remove));
        for (app, name, sign) in added.chain(removed).collect::<Vec<_>>() {
            let change = Change {
                sign,
                object: Object::Port,
                name,
                reason: None,
                details: Vec::new(),
            };
            self.push(&app, change);
        }
    }
}

fn told<S: Serializer>(reason: &Option<Reason>, serializer: S) -> Result<S::Ok, S::Error> {
    match reason {
        Some(reason) => reason::with_message(reason, serializer),
        None => serializer.serialize_none(),
    }
}

fn of_host(step: &HostStep, reason: &Reason) -> Option<Change> {
    let (sign, object, name) = match step {
        HostStep::ReloadNetworks(containers) => {
            let names: Vec<&str> = containers.iter().map(String::as_str).collect();
            (Sign::Restart, Object::Network, names.join(", "))
        }
        HostStep::RestartPodmanSocket => (Sign::Restart, Object::PodmanSocket, String::new()),
        // Archipelago's own notes and checks.
        HostStep::ClaimData(_)
        | HostStep::CheckUnits { .. }
        | HostStep::Remember(_)
        | HostStep::Reload
        | HostStep::RemoveRelease(_) => return None,
    };
    Some(Change {
        sign,
        object,
        name,
        reason: Some(reason.clone()),
        details: Vec::new(),
    })
}

fn of_app(action: &AppAction, observed: &Observed) -> Option<Change> {
    let AppAction {
        app,
        step,
        reason,
        operation: _,
    } = action;
    let mut details = Vec::new();
    let (sign, object, name) = match step {
        AppStep::GenerateSecret { name, .. } => (Sign::Add, Object::Secret, name.clone()),
        AppStep::StoreSecret { name, .. } => (add_or_change(reason), Object::Secret, name.clone()),
        AppStep::MakeFolder(path) => (Sign::Add, Object::Folder, path.display().to_string()),
        AppStep::GiveFolder { path, owner } => {
            details.push(format!("to {owner}"));
            (Sign::Change, Object::Folder, path.display().to_string())
        }
        AppStep::EnsureImage(image) => {
            details.push(match image.origin {
                Origin::Pull { .. } => "to be pulled".to_owned(),
                Origin::Build(_) => "to be built here".to_owned(),
            });
            (Sign::Add, Object::Image, image.reference.to_string())
        }
        AppStep::WriteFile { path, .. } => {
            let name = path.display().to_string();
            (add_or_change(reason), Object::File, name)
        }
        AppStep::WriteUnit { name, content } => {
            let (object, stem) = of_unit(name);
            let old = observed.unit_files.get(name);
            let sign = match old {
                Some(old) => {
                    details = differing(&String::from_utf8_lossy(old), content);
                    Sign::Change
                }
                None => Sign::Add,
            };
            (sign, object, stem)
        }
        AppStep::RemoveUnit(name) => {
            let (object, stem) = of_unit(name);
            (Sign::Remove, object, stem)
        }
        AppStep::RemoveContainer(name) => (Sign::Remove, Object::Container, name.clone()),
        AppStep::RemoveNetwork(name) => (Sign::Remove, Object::Network, name.clone()),
        AppStep::RemoveVolume(name) => (Sign::Remove, Object::Volume, name.clone()),
        AppStep::RemoveSecret(name) => (Sign::Remove, Object::Secret, name.clone()),
        AppStep::RemoveImage(name) => (Sign::Remove, Object::Image, name.clone()),
        AppStep::Start(service) => (Sign::Start, Object::Service, service.clone()),
        AppStep::Restart(service) => (Sign::Restart, Object::Service, service.clone()),
        AppStep::Stop(service) => (Sign::Stop, Object::Service, service.clone()),
        AppStep::RemoveData => (Sign::Remove, Object::Data, app.to_string()),
        AppStep::Forget => (Sign::Remove, Object::App, app.to_string()),
        // Archipelago's own notes and copies; and what goes with a unit.
        AppStep::RememberImages(_)
        | AppStep::RemoveRendered(_)
        | AppStep::CancelJob(_)
        | AppStep::StoreRelease { .. }
        | AppStep::NameRelease { .. }
        | AppStep::KeepGranted(_)
        | AppStep::RemoveFormer => return None,
    };
    let is_plain = matches!(
        reason,
        Reason::Missing | Reason::NotRunning | Reason::UninstallAsked | Reason::PurgeAsked
    );
    Some(Change {
        sign,
        object,
        name,
        reason: (!is_plain).then(|| reason.clone()),
        details,
    })
}

fn add_or_change(reason: &Reason) -> Sign {
    match reason {
        Reason::Missing => Sign::Add,
        _ => Sign::Change,
    }
}

/// The object that a unit makes, and its name.
fn of_unit(unit: &str) -> (Object, String) {
    let (stem, kind) = unit.rsplit_once('.').unwrap_or((unit, ""));
    let object = match kind {
        "network" => Object::Network,
        "volume" => Object::Volume,
        _ => Object::Container,
    };
    (object, stem.to_owned())
}

/// The keys of a unit whose values differ, without Archipelago's own.
fn differing(old: &str, new: &str) -> Vec<String> {
    let (old, new) = (values(old), values(new));
    let keys: BTreeSet<&(&str, &str)> = old.keys().chain(new.keys()).collect();
    let differing = keys
        .into_iter()
        .filter(|key| old.get(*key) != new.get(*key));
    differing.map(|(_, key)| (*key).to_owned()).collect()
}

fn values(unit: &str) -> BTreeMap<(&str, &str), Vec<&str>> {
    let mut values: BTreeMap<_, Vec<&str>> = BTreeMap::new();
    let mut section = "";
    for line in unit.lines() {
        if line.starts_with('[') {
            section = line;
        } else if section != OWN_SECTION
            && let Some((key, value)) = line.split_once('=')
        {
            values.entry((section, key)).or_default().push(value);
        }
    }
    values
}

//! What should be on the host: every byte of it, worked out from intents, definitions, settings and secrets.
//!
//! Two steps, because some files can only be read once it is known which: [`Apps::read`] parses every installed app,
//! [`assemble`] turns them into units and files. An app that cannot be worked out is [`App::Broken`]: what it has on the host is left alone
//! and the cause is reported; the others go on.

mod compose;
mod nesting;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use crate::config::Config;
use crate::data_folder::Claim;
use crate::image::{ImageDigest, Reference};
use crate::intent::{Goal, Intent};
use crate::layout::Layout;
use crate::manifest::{
    COMPOSE_FILE, Exports, Files, Manifest, ManifestError, ProbeKind, Schema, Settings,
};
use crate::name::AppId;
use crate::progress::Subject;
use crate::quadlet::{Mark, UnitFile};
use crate::release::ReleaseId;

pub use compose::APP_LABEL;

/// All that the desired state is worked out from.
#[derive(Clone, Debug)]
pub struct Inputs {
    /// Where things lie.
    pub layout: Layout,
    /// The node's configuration, or why it cannot be read.
    pub config: Result<Config, String>,
    /// The intents, or why one cannot be read.
    pub intents: BTreeMap<AppId, Result<Intent, String>>,
    /// The definitions of the installed apps.
    pub definitions: BTreeMap<AppId, Files>,
    /// The secrets that exist: app, name, text.
    pub secrets: BTreeMap<AppId, BTreeMap<String, String>>,
    /// The captured files that exist.
    pub captured: BTreeMap<PathBuf, Vec<u8>>,
    /// What the node says of its files besides what is in them.
    pub found: Found,
}

/// What the node says of its files besides what is in them. Empty, it says that all of it is plain and readable.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Whose the data folder is.
    pub claim: Claim,
    /// Of the paths of [`Apps::mounted`] that lead over links: each link on the way, then the place itself.
    pub trails: BTreeMap<PathBuf, Vec<PathBuf>>,
    /// The captured files, secrets and folders of secrets that are there, or may be, and cannot be read: why.
    pub unreadable: BTreeMap<PathBuf, String>,
}

/// The installed apps, parsed.
#[derive(Clone, Debug)]
pub struct Apps(BTreeMap<AppId, Result<Installed, Unreadable>>);

/// An app whose intent or definition cannot be read.
#[derive(Clone, Debug)]
struct Unreadable {
    cause: String,
    /// What it requires, as far as that can be read: these apps are not to be removed under it.
    requires: BTreeSet<AppId>,
}

#[derive(Clone, Debug)]
struct Installed {
    intent: Intent,
    /// `None` for an app that is to be removed and whose definition cannot be read any more.
    manifest: Option<Manifest>,
}

/// What should be on the host.
#[derive(Clone, Debug)]
pub struct Desired {
    /// Where things lie.
    pub layout: Layout,
    /// Whose the data folder is.
    pub claim: Claim,
    /// The apps by id.
    pub apps: BTreeMap<AppId, App>,
    /// The releases that intents name, and the apps whose intent names one; `None` when an intent
    /// cannot be read.
    pub named: Option<Named>,
}

/// The releases that intents name, now or among the earlier ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Named {
    pub releases: BTreeSet<ReleaseId>,
    /// The apps whose own release is named, so that no folder of version 0.1.0 is their definition.
    pub apps: BTreeSet<AppId>,
}

impl Named {
    fn by(intents: &BTreeMap<AppId, Result<Intent, String>>) -> Option<Self> {
        let mut named = Self::default();
        for (app, intent) in intents {
            let intent = intent.as_ref().ok()?;
            if let Some(release) = &intent.release {
                named.apps.insert(app.clone());
                named.releases.insert(release.clone());
            }
            let earlier = intent.earlier.iter();
            named
                .releases
                .extend(earlier.map(|earlier| earlier.release.clone()));
        }
        Some(named)
    }
}

/// One app's part.
#[derive(Clone, Debug)]
pub enum App {
    /// It cannot be worked out; hands off.
    Broken {
        /// Why, and what to do.
        cause: String,
        /// Whose fault it is.
        fault: Fault,
    },
    /// Its secrets must be generated before anything else can be worked out.
    NeedsSecrets {
        /// The missing ones.
        missing: BTreeSet<String>,
    },
    /// It waits for another app to have its secrets.
    NeedsApp {
        /// That app.
        other: AppId,
    },
    /// It should be there.
    Present(Box<Present>),
    /// It should go.
    Removed {
        /// Whether its data go as well.
        purge: bool,
        /// The apps that require it and must go first.
        required_by: BTreeSet<AppId>,
        /// Its containers, as far as its definition still tells.
        containers: BTreeSet<String>,
    },
}

/// Whose fault it is that an app cannot be worked out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// That of its own definition, intent or requirements.
    Own,
    /// Another app has a name or port that it needs.
    Conflict,
    /// The data folder is not this node's, as when its disk is not mounted.
    Data,
}

/// An app that should be there.
#[derive(Clone, Debug)]
pub struct Present {
    /// Its name for people.
    pub title: String,
    /// Its version.
    pub version: String,
    /// Whether it should run.
    pub running: bool,
    /// Its units by file name.
    pub units: BTreeMap<String, DesiredUnit>,
    /// Its rendered files by path.
    pub files: BTreeMap<PathBuf, String>,
    /// The folders that its mounts need.
    pub folders: BTreeSet<PathBuf>,
    /// The Podman secrets it uses, by Podman's name.
    pub secrets: BTreeMap<String, PodmanSecret>,
    /// What must answer before it is ready.
    pub probes: Vec<DesiredProbe>,
    /// Where people open it: title and URL.
    pub urls: Vec<(String, String)>,
    /// The ports of the node that it publishes.
    pub ports: BTreeSet<(SocketAddr, Transport)>,
    /// The apps it requires, each with its main service if it has one.
    pub requires: BTreeMap<AppId, Option<String>>,
}

/// A transport protocol, for [`Present::ports`].
pub use crate::manifest::Protocol as Transport;

/// A unit that should be there.
#[derive(Clone, Debug, PartialEq)]
pub struct DesiredUnit {
    /// The file.
    pub file: UnitFile,
    /// The systemd service that Quadlet makes of it.
    pub service: String,
    /// What it is for.
    pub role: Role,
}

impl DesiredUnit {
    /// Whether this is what Quadlet has made its service of, by the marks in what it made.
    #[must_use]
    pub fn is_generated(&self, generated: &BTreeMap<String, Mark>) -> bool {
        let mark = generated.get(&self.service);
        mark.is_some_and(|mark| mark.revision == self.file.revision)
    }
}

/// What a unit is for.
#[derive(Clone, Debug, PartialEq)]
pub enum Role {
    /// A network, by Podman's name.
    Network(String),
    /// A volume, by Podman's name.
    Volume(String),
    /// A container.
    Container(Box<DesiredContainer>),
}

/// A container that should be there.
#[derive(Clone, Debug, PartialEq)]
pub struct DesiredContainer {
    /// Its name.
    pub name: String,
    /// Whether it is a companion.
    pub companion: bool,
    /// Its image.
    pub image: DesiredImage,
    /// Whether it counts as started only once its health check succeeds.
    pub starts_healthy: bool,
    /// The networks that it joins, by Podman's names.
    pub networks: BTreeSet<String>,
    /// The services that systemd starts along with it.
    pub wants: Vec<String>,
    /// The services of other apps that it knows by their containers' addresses: it is restarted once they have been.
    pub follows: Vec<String>,
}

/// An image that must be on the node before a container starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DesiredImage {
    /// Its name.
    pub reference: Reference,
    /// How it gets here.
    pub origin: Origin,
}

/// How an image gets to the node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Pulled from its registry.
    Pull {
        /// Whether without TLS; only for a registry on the allowlist.
        without_tls: bool,
    },
    /// Built from a folder of the app.
    Build(Box<BuildContext>),
}

/// A local build, complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildContext {
    /// The files.
    pub files: Files,
    /// The path of the Containerfile among them.
    pub containerfile: String,
    /// Build arguments.
    pub args: BTreeMap<String, String>,
    /// The stage to build.
    pub target: Option<String>,
    /// The images that it begins with, as far as their names can point to another image later.
    pub bases: BTreeSet<Reference>,
    /// The digests of these when `archipelago rebuild` last looked for newer ones.
    pub renewed: BTreeMap<Reference, ImageDigest>,
    /// What to pull under the built image's name when it cannot be built, and whether without TLS.
    pub otherwise: Option<(Reference, bool)>,
}

/// A Podman secret that a container uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodmanSecret {
    /// The app.
    pub app: AppId,
    /// The name in the manifest; the text lies in the app's secrets folder.
    pub secret: String,
    /// Changes when the text does; says nothing about it (a hash of 256 random bits).
    pub revision: String,
}

/// A question whose answer says that the app is ready.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DesiredProbe {
    /// The systemd service that answers.
    pub service: String,
    /// Where to ask.
    pub address: SocketAddr,
    /// How.
    pub kind: ProbeKind,
}

impl Inputs {
    /// Where an app's definition lies.
    #[must_use]
    pub fn definition_folder(&self, app: &AppId) -> PathBuf {
        let intent = self.intents.get(app);
        let release = intent.and_then(|intent| intent.as_ref().ok()?.release.as_ref());
        self.layout.definition(app, release)
    }
}

impl DesiredImage {
    /// What attempts to get it are remembered by.
    #[must_use]
    pub fn subject(&self) -> Subject {
        let without_tls = match &self.origin {
            Origin::Pull { without_tls } => *without_tls,
            Origin::Build(context) => context
                .otherwise
                .as_ref()
                .is_some_and(|(_, without_tls)| *without_tls),
        };
        Subject::Image {
            reference: self.reference.to_string(),
            without_tls,
        }
    }
}

impl App {
    fn broken(cause: String) -> Self {
        Self::Broken {
            cause,
            fault: Fault::Own,
        }
    }
}

impl Apps {
    /// Parses the installed apps.
    #[must_use]
    pub fn read(inputs: &Inputs) -> Self {
        let apps = inputs
            .intents
            .iter()
            .map(|(id, intent)| {
                let unreadable = |cause| Unreadable {
                    cause,
                    requires: requires(inputs, id),
                };
                let app = read_app(inputs, id, intent).map_err(unreadable);
                (id.clone(), app)
            })
            .collect();
        Self(apps)
    }

    /// The files that the apps' captures need, as far as they exist.
    #[must_use]
    pub fn captures(&self, layout: &Layout) -> BTreeSet<PathBuf> {
        self.manifests()
            .flat_map(|(id, manifest)| compose::capture_paths(layout, id, manifest).into_values())
            .collect()
    }

    /// The paths of the node that mounts name, for [`Found::trails`].
    #[must_use]
    pub fn mounted(&self, layout: &Layout) -> Vec<PathBuf> {
        nesting::paths(layout, self)
    }

    /// The names of the secrets that the manifests ask for, each with its app.
    pub fn secret_names(&self) -> impl Iterator<Item = (&AppId, &String)> {
        self.manifests().flat_map(|(id, manifest)| {
            let names = manifest.extension.secrets.keys();
            names.map(move |name| (id, name))
        })
    }

    /// What was left out of the manifests.
    pub fn warnings(&self) -> impl Iterator<Item = &ManifestError> {
        self.manifests()
            .flat_map(|(_, manifest)| &manifest.warnings)
    }

    fn manifests(&self) -> impl Iterator<Item = (&AppId, &Manifest)> {
        self.0
            .iter()
            .filter_map(|(id, app)| Some((id, app.as_ref().ok()?.manifest.as_ref()?)))
    }

    fn definition_folder(&self, layout: &Layout, id: &AppId) -> PathBuf {
        let app = self.0.get(id).and_then(|app| app.as_ref().ok());
        layout.definition(id, app.and_then(|app| app.intent.release.as_ref()))
    }

    fn manifest(&self, id: &AppId) -> Option<&Manifest> {
        self.0.get(id)?.as_ref().ok()?.manifest.as_ref()
    }

    /// An app that this one requires and that, directly or not, requires this one.
    fn in_a_circle(&self, id: &AppId) -> Option<AppId> {
        let direct = &self.manifest(id)?.extension.requires.apps;
        direct
            .iter()
            .find(|other| self.all_required(other).contains(id))
            .cloned()
    }

    /// The apps that this one requires, directly or not.
    fn all_required<'a>(&'a self, id: &'a AppId) -> BTreeSet<&'a AppId> {
        let mut required = BTreeSet::new();
        let mut next = vec![id];
        while let Some(id) = next.pop() {
            if let Some(manifest) = self.manifest(id) {
                let direct = manifest.extension.requires.apps.iter();
                next.extend(direct.filter(|other| required.insert(*other)));
            }
        }
        required
    }

    /// Whether an app that this one requires, directly or not, is stopped.
    fn rests_for_another(&self, id: &AppId) -> bool {
        self.all_required(id).into_iter().any(|other| {
            let installed = self.0.get(other).and_then(|app| app.as_ref().ok());
            installed.is_some_and(|installed| installed.intent.state == Goal::Stopped)
        })
    }

    /// The apps that require this one and are to stay.
    #[must_use]
    pub fn dependants(&self, id: &AppId) -> BTreeSet<AppId> {
        let mut dependants = self.required_by(id);
        dependants.retain(|other| {
            let installed = self.0.get(other).and_then(|app| app.as_ref().ok());
            installed.is_none_or(|installed| installed.intent.state != Goal::Removed)
        });
        dependants
    }

    fn required_by(&self, id: &AppId) -> BTreeSet<AppId> {
        let requires = |app: &Result<Installed, Unreadable>| match app {
            Ok(Installed { manifest, .. }) => manifest
                .as_ref()
                .is_some_and(|manifest| manifest.extension.requires.apps.contains(id)),
            Err(unreadable) => unreadable.requires.contains(id),
        };
        let apps = self.0.iter().filter(|(_, app)| requires(app));
        apps.map(|(other, _)| other.clone()).collect()
    }
}

/// The apps that this one requires, by its definition alone.
fn requires(inputs: &Inputs, id: &AppId) -> BTreeSet<AppId> {
    let schema = inputs
        .definitions
        .get(id)
        .and_then(|files| read_schema(COMPOSE_FILE, files, id.as_str()).ok());
    let apps = schema.map(|schema| schema.extension.requires.apps);
    apps.into_iter().flatten().collect()
}

fn read_app(
    inputs: &Inputs,
    id: &AppId,
    intent: &Result<Intent, String>,
) -> Result<Installed, String> {
    let intent = intent.clone()?;
    let manifest = read_manifest(inputs, id, &intent);
    if intent.state == Goal::Removed {
        return Ok(Installed {
            intent,
            manifest: manifest.ok(),
        });
    }
    inputs.config.as_ref().map_err(Clone::clone)?;
    Ok(Installed {
        intent,
        manifest: Some(manifest?),
    })
}

fn read_manifest(inputs: &Inputs, id: &AppId, intent: &Intent) -> Result<Manifest, String> {
    let folder = inputs.definition_folder(id);
    let files = inputs.definitions.get(id).ok_or_else(|| {
        format!(
            "its definition {} is missing; install {id} again",
            folder.display()
        )
    })?;
    let file = folder.join(COMPOSE_FILE).display().to_string();
    let schema = read_schema(&file, files, id.as_str())?;
    if schema.extension.id != *id {
        return Err(format!(
            "{file} is the app {:?}, but its intent is named {id}; install it under its own name",
            schema.extension.id.as_str()
        ));
    }
    let settings = Settings::settle(id.as_str(), &schema.extension.settings, &intent.settings)
        .map_err(|error| format!("{}: {error}", inputs.layout.intent(id).display()))?;
    let mut manifest = schema
        .manifest(&settings, files)
        .map_err(|error| error.to_string())?;
    if intent.release.is_none() && manifest.extension.exports == Exports::default() {
        manifest.extension.exports = Exports::of_0_1_0(&manifest);
    }
    Ok(manifest)
}

/// Reads the schema from an app's files; `file` is how the person knows the Compose file.
///
/// # Errors
/// When there is no Compose file, or it cannot be accepted.
pub fn read_schema(file: &str, files: &Files, default_id: &str) -> Result<Schema, String> {
    let content = files
        .get(COMPOSE_FILE)
        .ok_or_else(|| format!("{file} is missing; an app is a folder with a {COMPOSE_FILE}"))?;
    let text = content
        .text()
        .ok_or_else(|| format!("{file} is not UTF-8 text"))?;
    Schema::read(file, text, default_id).map_err(|error| error.to_string())
}

/// Works out what should be on the host.
#[must_use]
pub fn assemble(inputs: &Inputs, apps: &Apps) -> Desired {
    let mut desired = BTreeMap::new();
    let claim = inputs.found.claim.clone();
    if let Claim::Refused(refusal) = &claim {
        let cause = refusal.cause(&inputs.layout);
        let held = |id: &AppId| {
            let app = App::Broken {
                cause: cause.clone(),
                fault: Fault::Data,
            };
            (id.clone(), app)
        };
        return Desired {
            layout: inputs.layout.clone(),
            claim,
            apps: apps.0.keys().map(held).collect(),
            named: None,
        };
    }
    let nested = nesting::refusals(inputs, apps);
    for (id, app) in &apps.0 {
        let worked_out = match app {
            Err(unreadable) => App::broken(unreadable.cause.clone()),
            Ok(installed) => match nested.get(id) {
                Some(cause) if installed.intent.state != Goal::Removed => {
                    App::broken(cause.clone())
                }
                _ => assemble_app(inputs, apps, id, installed),
            },
        };
        desired.insert(id.clone(), worked_out);
    }
    refuse_conflicts(&mut desired);
    Desired {
        layout: inputs.layout.clone(),
        claim,
        apps: desired,
        named: Named::by(&inputs.intents),
    }
}

/// The apps as they would be. Secrets that are not there yet are made up.
pub(crate) fn worked_out(mut all: Inputs) -> BTreeMap<AppId, App> {
    let apps = Apps::read(&all);
    for (id, name) in apps.secret_names() {
        let secrets = all.secrets.entry(id.clone()).or_default();
        secrets
            .entry(name.clone())
            .or_insert_with(|| "0".repeat(64));
    }
    assemble(&all, &apps).apps
}

fn assemble_app(inputs: &Inputs, apps: &Apps, id: &AppId, installed: &Installed) -> App {
    let (intent, manifest) = match (installed.intent.state, &installed.manifest) {
        (Goal::Running | Goal::Stopped, Some(manifest)) => (&installed.intent, manifest),
        _ => {
            return App::Removed {
                purge: installed.intent.purge,
                required_by: apps.required_by(id),
                containers: installed
                    .manifest
                    .iter()
                    .flat_map(|manifest| {
                        manifest
                            .services
                            .keys()
                            .map(|service| manifest.container(service))
                    })
                    .collect(),
            };
        }
    };
    if let Some(other) = apps.in_a_circle(id) {
        return App::broken(format!(
            "it requires {other}, which requires it in turn; neither could start first. Mend `requires` in one of the two"
        ));
    }
    if let Some(cause) = unreadable_secret(inputs, id, manifest) {
        return App::broken(cause);
    }
    let none = BTreeMap::new();
    let secrets = inputs.secrets.get(id).unwrap_or(&none);
    let missing: BTreeSet<String> = manifest
        .extension
        .secrets
        .keys()
        .filter(|name| !secrets.contains_key(*name))
        .cloned()
        .collect();
    if !missing.is_empty() {
        return App::NeedsSecrets { missing };
    }
    for other in &manifest.extension.requires.apps {
        let Some(required) = apps.manifest(other) else {
            return App::broken(format!(
                "it requires {other}, which is not installed or cannot be read; archipelago install {other}"
            ));
        };
        if let Some(cause) = unreadable_secret(inputs, other, required) {
            return App::broken(cause);
        }
        let known = inputs.secrets.get(other).unwrap_or(&none);
        if required
            .extension
            .secrets
            .keys()
            .any(|name| !known.contains_key(name))
        {
            return App::NeedsApp {
                other: other.clone(),
            };
        }
    }
    let config = inputs.config.clone().unwrap_or_default();
    match compose::present(
        inputs,
        &config,
        apps,
        manifest,
        intent.state == Goal::Running,
    ) {
        Ok(present) => App::Present(Box::new(present)),
        Err(cause) => App::broken(cause),
    }
}

/// Why a secret that the app asks for cannot be read, if so. To generate another one would lock out what uses it.
fn unreadable_secret(inputs: &Inputs, id: &AppId, manifest: &Manifest) -> Option<String> {
    let unreadable = &inputs.found.unreadable;
    let folder = inputs.layout.secrets(id);
    let mut names = manifest.extension.secrets.keys();
    let first = names.next()?;
    // The folder of all secrets, that of the app's, and each of them.
    let above = folder.ancestors().take(2).map(Path::to_owned);
    let each = std::iter::once(first).chain(names);
    let mut paths = above.chain(each.map(|name| folder.join(name)));
    let cause = paths.find_map(|path| unreadable.get(&path))?;
    Some(format!(
        "a secret of {id} cannot be read, so nothing is changed: {cause}"
    ))
}

/// Two apps cannot have the same unit or the same port of the node; the one that sorts last steps back.
fn refuse_conflicts(apps: &mut BTreeMap<AppId, App>) {
    let mut units: BTreeMap<String, AppId> = BTreeMap::new();
    let mut ports: BTreeMap<(u16, Transport), Vec<(IpAddr, AppId)>> = BTreeMap::new();
    for (id, app) in apps {
        let App::Present(present) = app else { continue };
        let unit = present
            .units
            .values()
            .find_map(|unit| Some((&unit.service, units.get(&unit.service)?)));
        let port = present.ports.iter().find_map(|(address, transport)| {
            let same = ports.get(&(address.port(), *transport))?;
            let (_, other) = same.iter().find(|(ip, _)| overlap(*ip, address.ip()))?;
            Some((address, other))
        });
        let cause = match (unit, port) {
            (Some((unit, other)), _) => Some(format!(
                "its unit {unit} has the same name as one of {other}; uninstall one of the two"
            )),
            (_, Some((port, other))) => Some(format!(
                "its port {port} is already that of {other}; choose another with --set, or uninstall one of the two"
            )),
            (None, None) => None,
        };
        if let Some(cause) = cause {
            *app = App::Broken {
                cause,
                fault: Fault::Conflict,
            };
            continue;
        }
        units.extend(
            present
                .units
                .values()
                .map(|unit| (unit.service.clone(), id.clone())),
        );
        for (address, transport) in &present.ports {
            let same = ports.entry((address.port(), *transport)).or_default();
            same.push((address.ip(), id.clone()));
        }
    }
}

fn overlap(one: IpAddr, other: IpAddr) -> bool {
    one == other || one.is_unspecified() || other.is_unspecified()
}

impl Desired {
    /// The apps that should be there.
    pub fn present(&self) -> impl Iterator<Item = (&AppId, &Present)> {
        self.apps.iter().filter_map(|(id, app)| match app {
            App::Present(present) => Some((id, present.as_ref())),
            _ => None,
        })
    }
}

impl Present {
    /// Its containers: unit, and what is in it.
    pub fn containers(&self) -> impl Iterator<Item = (&DesiredUnit, &DesiredContainer)> {
        self.units.values().filter_map(|unit| match &unit.role {
            Role::Container(container) => Some((unit, container.as_ref())),
            Role::Network(_) | Role::Volume(_) => None,
        })
    }
}

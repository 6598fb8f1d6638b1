//! The desired state of the host, to the last byte: worked out from intents, definitions, settings
//! and secrets.
//!
//! There are two steps, because the first one tells which files the second one needs:
//! [`Apps::read`] parses every installed app, [`assemble`] turns them into units and files. An app
//! that cannot be resolved is [`App::Broken`]: its units and data are left alone and the cause is
//! reported; the other apps go on.

mod app;
mod apps;
mod compose;
mod conflicts;
mod error;
mod inputs;
mod joined;
mod nesting;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::data_folder::{Claim, NotOurs};
use crate::held::Waits;
use crate::intent::WantedState;
use crate::layout::Layout;
use crate::manifest::{Manifest, Recipe};
use crate::name::AppId;

use apps::Installed;
use conflicts::refuse_conflicts;
use joined::Unjoined;

pub use app::{
    App, BaseSource, BuildContext, Desired, DesiredContainer, DesiredImage, DesiredProbe,
    DesiredUnit, Fault, Origin, Owner, PodmanSecret, Present, Role, SecretContent, Transport,
};
pub(crate) use apps::follow;
pub use apps::{Apps, read_schema};
pub use compose::APP_LABEL;
pub use error::Error;
pub use inputs::{HostFacts, Inputs};

impl Apps {
    /// The files that the apps' captures need, as far as they exist.
    #[must_use]
    pub fn captures(&self, layout: &Layout) -> BTreeSet<PathBuf> {
        self.manifests()
            .flat_map(|(id, manifest)| compose::capture_paths(layout, id, manifest).into_values())
            .collect()
    }

    /// The paths of the node that mounts name, for [`HostFacts::trails`].
    #[must_use]
    pub fn mounted(&self, layout: &Layout) -> Vec<PathBuf> {
        nesting::paths(layout, self)
    }
}

/// Resolves the desired state of the host.
#[must_use]
pub fn assemble(inputs: &Inputs, apps: &Apps) -> Desired {
    let mut desired = BTreeMap::new();
    let claim = inputs.found.claim.clone();
    if let Claim::Refused(refusal) = &claim {
        let cause = Error::DataFolder(NotOurs::new(refusal.clone(), &inputs.layout));
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
            releases: inputs.releases.clone(),
            operations: inputs.found.operations.clone(),
            held: waits(inputs),
            newly_granted: BTreeMap::new(),
        };
    }
    let nested = nesting::refusals(inputs, apps);
    for (id, app) in &apps.0 {
        let worked_out = match app {
            Err(unreadable) => App::broken(unreadable.cause.clone()),
            Ok(installed) => match nested.get(id) {
                Some(cause) if installed.intent.state != WantedState::Removed => {
                    App::broken(Error::Place(cause.clone()))
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
        releases: inputs.releases.clone(),
        operations: inputs.found.operations.clone(),
        held: waits(inputs),
        newly_granted: inputs.newly_granted.clone(),
    }
}

fn waits(inputs: &Inputs) -> BTreeMap<AppId, Waits> {
    let held = inputs.held.iter();
    held.filter(|(_, held)| held.waits.has_granted)
        .map(|(id, held)| (id.clone(), held.waits.clone()))
        .collect()
}

fn assemble_app(inputs: &Inputs, apps: &Apps, id: &AppId, installed: &Installed) -> App {
    let (intent, manifest) = match (installed.intent.state, &installed.manifest) {
        (WantedState::Running | WantedState::Stopped, Some(manifest)) => {
            (&installed.intent, manifest)
        }
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
        return App::broken(Error::Circle(other));
    }
    if let Some(cause) = unreadable_secret(inputs, id, manifest) {
        return App::broken(cause);
    }
    let none = BTreeMap::new();
    let secrets = inputs.secrets.get(id).unwrap_or(&none);
    let missing: BTreeMap<String, Recipe> = manifest
        .recipes()
        .filter(|(name, recipe)| {
            let text = secrets.get(*name);
            !text.is_some_and(|text| recipe.is_met_by(text))
        })
        .map(|(name, recipe)| (name.clone(), recipe))
        .collect();
    if !missing.is_empty() {
        return App::NeedsSecrets { missing };
    }
    for other in &manifest.extension.requires.apps {
        let Some(required) = apps.manifest(other) else {
            return App::broken(Error::Requires(other.clone()));
        };
        if let Some(cause) = unreadable_secret(inputs, other, required) {
            return App::broken(cause);
        }
        let known = inputs.secrets.get(other).unwrap_or(&none);
        let mut kept = required.extension.kept_secrets();
        if kept.any(|(name, _)| !known.contains_key(name)) {
            return App::NeedsApp {
                other: other.clone(),
            };
        }
    }
    let config = inputs.config.clone().unwrap_or_default();
    let joined = match joined::contents(inputs, apps, manifest) {
        Ok(joined) => joined,
        Err(Unjoined::NoFile { app, file }) => return App::NeedsFile { other: app, file },
        Err(Unjoined::Refused(cause)) => return App::broken(cause),
    };
    match compose::present(
        inputs,
        &config,
        apps,
        manifest,
        &joined,
        intent.state == WantedState::Running,
    ) {
        Ok(present) => App::Present(Box::new(present)),
        Err(cause) => App::broken(cause),
    }
}

/// Why a secret that the app asks for cannot be read, if so. To generate another one would lock out
/// what uses it.
fn unreadable_secret(inputs: &Inputs, id: &AppId, manifest: &Manifest) -> Option<Error> {
    let unreadable = &inputs.found.unreadable;
    let folder = inputs.layout.secrets(id);
    let mut names = manifest.recipes().map(|(name, _)| name);
    let first = names.next()?;
    // The folder of all secrets, that of the app's, and each of them.
    let above = folder.ancestors().take(2).map(Path::to_owned);
    let each = std::iter::once(first).chain(names);
    let mut paths = above.chain(each.map(|name| folder.join(name)));
    let cause = paths.find_map(|path| unreadable.get(&path))?;
    Some(Error::Secret {
        app: id.clone(),
        cause: cause.clone(),
    })
}

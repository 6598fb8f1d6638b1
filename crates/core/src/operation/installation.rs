//! An app as it would be: for `install`, `set` and `rollback`.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::check::needs::{self, Unmet};
use crate::check::{Facts, State, judge};
use crate::desired::{
    self, App, Apps, DesiredImage, Fault, Inputs, Present, Transport, follow, read_schema,
};
use crate::forecast::wanted;
use crate::intent::{Intent, WantedState};
use crate::layout::Layout;
use crate::manifest::{
    COMPOSE_FILE, Extension, Files, Manifest, SettingError, SettingValue, Settings, Warning,
};
use crate::name::AppId;
use crate::observed::{Podman, PodmanView};
use crate::owner::Owner;
use crate::plan::blocked;
use crate::release::ReleaseId;
use crate::retries::Retries;
use crate::store::judge_installed;

use super::before::Before;
use super::chosen_ports::choose_ports;
use super::consent::words_of;
use super::grants::{Grants, refuse_never};
use super::new_folders::new_folders;
use super::{Definition, PortProblem, Preflight, Refusal, Resources};

/// An app as it would be.
#[derive(Clone, Debug)]
pub struct Installation {
    pub app: AppId,
    pub intent: Intent,
    /// The definition to keep.
    pub files: Files,
    pub title: String,
    pub version: String,
    pub present: Present,
    /// The keys of the manifest that were left out because that is harmless.
    pub warnings: Vec<Warning>,
    /// Whether the app is not installed yet.
    pub is_new: bool,
    /// Whether it is installed just like this.
    pub is_unchanged: bool,
    /// The ports that it does not have yet.
    pub new_ports: BTreeSet<(SocketAddr, Transport)>,
    /// The app's rights on this host beyond those of every app.
    pub grants: Grants,
    /// The words of the grants that the app already has.
    pub granted: BTreeSet<String>,
    /// The folders of this host that are made before it starts, each with the user of its
    /// containers that should be able to write to it.
    pub new_folders: BTreeMap<PathBuf, Option<Owner>>,
    /// The app as it is now.
    before: Before,
    disk_mib: u64,
    /// The memory to which its containers are limited, all together; `None` when one has no limit.
    memory_bytes: Option<u64>,
}

/// Judges what every installation needs of the host.
///
/// # Errors
/// With the first check that has failed.
pub fn judge_host(facts: &Facts) -> Result<(), Refusal> {
    let failed = judge(facts)
        .into_iter()
        .find(|check| check.state == State::Failed);
    failed.map_or(Ok(()), |check| Err(Refusal::Host(Box::new(check))))
}

impl Installation {
    pub(super) fn of(
        inputs: &Inputs,
        definition: Definition,
        given: &[(String, String)],
    ) -> Result<Self, Refusal> {
        let extension = &definition.schema.extension;
        let known = known(inputs, &extension.id)?;
        if let Some(known) = known {
            judge_installed(&extension.id, &known.source, &definition.source)?;
        }
        let intent = Intent {
            state: WantedState::Running,
            purge: false,
            source: definition.source.clone(),
            release: Some(ReleaseId::of(&definition.files)),
            exports_all: false,
            allow: BTreeSet::new(),
            images: known.map(|known| known.images.clone()).unwrap_or_default(),
            bases: known.map(|known| known.bases.clone()).unwrap_or_default(),
            ports: known.map(|known| known.ports.clone()).unwrap_or_default(),
            settings: choose(extension, known, given)?,
        };
        Self::resolve(inputs, definition, intent)
    }

    pub(super) fn of_installed(
        inputs: &Inputs,
        app: &AppId,
        given: &[(String, String)],
    ) -> Result<Self, Refusal> {
        let known = present(inputs, app)?;
        if let Some(unusable) = inputs.releases.unusable.get(app) {
            return Err(desired::Error::from(unusable.clone()).into());
        }
        if given.is_empty() && !inputs.held.contains_key(app) {
            return Err(Refusal::NoSetting(app.clone()));
        }
        let folder = known.definition_folder(&inputs.layout, app);
        let folder = folder.display().to_string();
        let files = inputs.written_files(app).cloned().unwrap_or_default();
        let file = format!("{folder}/{COMPOSE_FILE}");
        let schema = read_schema(&file, &files, app.as_str())?;
        let intent = Intent {
            release: Some(ReleaseId::of(&files)),
            exports_all: known.exports_all || known.release.is_none(),
            settings: choose(&schema.extension, Some(known), given)?,
            ..known.clone()
        };
        let definition = Definition {
            files,
            schema,
            source: intent.source.clone(),
            folder,
        };
        Self::resolve(inputs, definition, intent)
    }

    /// The intent of the result allows all that the app asks for. `Proposal::check_allowed` judges
    /// whether a person has agreed to it.
    pub(super) fn resolve(
        inputs: &Inputs,
        definition: Definition,
        mut intent: Intent,
    ) -> Result<Self, Refusal> {
        let Definition {
            files,
            schema,
            source: _,
            folder,
        } = definition;
        let extension = &schema.extension;
        let id = &extension.id;
        // With the files as the person knows them, so that errors name those and not our copy.
        let mut settings = Settings::settle(id.as_str(), &extension.settings, &intent.settings)?;
        if !extension.variables.is_empty() {
            let apps = Apps::read(inputs);
            follow(extension, &mut settings, |other| {
                let manifest = apps.manifest(other)?;
                Some((&manifest.extension.exports, &manifest.settings))
            })?;
        }
        let mut manifest = schema.manifest(&settings, &files)?;
        intent.ports = choose_ports(inputs, id, &mut manifest, &intent.ports)?;
        refuse_never(&inputs.layout, &inputs.found, &manifest)?;
        let grants = Grants::of(&inputs.layout, &inputs.found, &manifest, &files);
        let granted = words_of(inputs, id);
        let new_folders = new_folders(&inputs.layout, &manifest, &grants, &granted)?;
        intent.allow = grants.words();
        let is_unchanged =
            inputs.written(id) == Some(Ok(&intent)) && inputs.written_files(id) == Some(&files);
        // An app that stays as it is takes no port and breaks no other app.
        let before = (!is_unchanged).then(|| wanted(inputs.clone()).apps);
        let mut all = inputs.clone();
        all.intents.insert(id.clone(), Ok(intent.clone()));
        all.definitions.insert(id.clone(), files.clone());
        all.releases.unusable.remove(id);
        let copy = all.definition_folder(id).display().to_string();
        let mut after = wanted(all).apps;
        let app = after.remove(id);
        if let (Some(App::Present(_)), Some(before)) = (&app, &before) {
            refuse_to_break_others(id, before, &after)?;
        }
        let present = match app {
            Some(App::Present(present)) => *present,
            Some(App::Broken { cause, fault }) => {
                return Err(Refusal::of_broken(cause, fault, Some((&copy, &folder))));
            }
            Some(App::NeedsFile { other, file }) => {
                return Err(Refusal::NoExportedFile {
                    app: id.clone(),
                    other,
                    file,
                });
            }
            _ => return Err(Refusal::Unready { app: id.clone() }),
        };
        let known = match &before {
            Some(before) => Before::of(before.get(id), disk_mib(inputs, id)),
            None => Before::Unknown,
        };
        let new_ports = match before {
            // Containers of an app that cannot be resolved may still have its ports.
            Some(before) if matches!(before.get(id), Some(App::Broken { .. })) => BTreeSet::new(),
            Some(before) => {
                let own = ports(&before, id);
                present.ports.difference(&own).copied().collect()
            }
            None => BTreeSet::new(),
        };
        Ok(Self {
            app: id.clone(),
            title: extension.title.clone(),
            version: extension.version.clone(),
            disk_mib: extension.requires.disk_mib,
            memory_bytes: memory_of(&manifest),
            is_new: !inputs.intents.contains_key(id),
            warnings: manifest.warnings,
            intent,
            files,
            present,
            is_unchanged,
            new_ports,
            grants,
            granted,
            new_folders,
            before: known,
        })
    }

    /// The paths of the node that all apps would mount then.
    #[must_use]
    pub fn mounted(&self, inputs: &Inputs) -> Vec<PathBuf> {
        let mut all = inputs.clone();
        all.intents
            .insert(self.app.clone(), Ok(self.intent.clone()));
        all.definitions.insert(self.app.clone(), self.files.clone());
        Apps::read(&all).mounted(&all.layout)
    }

    pub(super) fn judge(&self, layout: &Layout, preflight: &Preflight) -> Result<(), Refusal> {
        let Preflight {
            names,
            ports,
            offers,
            free_mib,
            memory_available_mib: _,
        } = preflight;
        let id = &self.app;
        let needed_mib = self.before.further_mib(self.disk_mib);
        if let Some(free_mib) = free_mib.filter(|free| *free < needed_mib) {
            return Err(Refusal::Disk {
                needed_mib,
                more: self.before.word_for_more(),
                free_mib,
                folder: layout.data.clone(),
            });
        }
        let certain = |unmet: &Unmet| unmet.need.is_certain() && !self.before.has(unmet, offers);
        if let Some(unmet) = self.unmet(preflight).into_iter().find(certain) {
            return Err(Refusal::Need(unmet));
        }
        if let Podman::Unreachable(cause) = &names.podman {
            return Err(Refusal::Podman(cause.clone()));
        }
        if let Some(taken) = blocked(layout, id, &self.present, names, &Retries::default()) {
            return Err(Refusal::NameTaken(taken));
        }
        for port in &self.new_ports {
            let (app, address) = (id.clone(), port.0);
            match ports.get(port) {
                None => {}
                Some(PortProblem::InUse) => return Err(Refusal::PortTaken { app, address }),
                Some(PortProblem::Refused(cause)) => {
                    let cause = cause.clone();
                    return Err(Refusal::PortUnusable {
                        app,
                        address,
                        cause,
                    });
                }
            }
        }
        Ok(())
    }
}

impl Installation {
    /// The needs of its containers that the host does not meet. [`Proposal::judge`] refuses those
    /// that prevent the installation.
    ///
    /// [`Proposal::judge`]: super::Proposal::judge
    #[must_use]
    pub fn unmet(&self, preflight: &Preflight) -> Vec<Unmet> {
        needs::unmet(&self.present, &preflight.offers)
    }

    /// Disk and memory that it asks for, beside what is free; `None` when it asks for neither.
    #[must_use]
    pub fn resources(&self, preflight: &Preflight) -> Option<Resources> {
        let resources = Resources {
            disk_mib: (self.disk_mib > 0).then_some(self.disk_mib),
            disk_free_mib: preflight.free_mib,
            memory_mib: self.memory_bytes.map(|bytes| bytes >> 20),
            memory_available_mib: preflight.memory_available_mib,
        };
        let is_any = resources.disk_mib.is_some() || resources.memory_mib.is_some();
        is_any.then_some(resources)
    }

    /// Whether Podman must be asked. For an app that brings no image, Podman would wake for
    /// nothing.
    #[must_use]
    pub fn asks_podman(&self) -> bool {
        self.is_new || !self.before.new_images(&self.present).is_empty()
    }

    /// The images that would have to come from a registry, each with whether that is done without
    /// TLS. A registry can tell before the installation which architectures it has them for.
    #[must_use]
    pub fn images_to_get(&self, view: &PodmanView) -> BTreeMap<String, bool> {
        let new = self.before.new_images(&self.present);
        let containers = self.present.containers();
        let missing = containers
            .map(|(_, container)| &container.image)
            .filter(|image| !view.images.contains_key(&image.reference.to_string()));
        let mut sources: BTreeMap<String, bool> = missing.flat_map(DesiredImage::sources).collect();
        sources.retain(|name, _| new.contains(name) && !view.images.contains_key(name));
        sources
    }
}

fn memory_of(manifest: &Manifest) -> Option<u64> {
    let services = manifest.services.values();
    services
        .map(|service| service.limits.memory_bytes)
        .try_fold(0_u64, |sum, bytes| Some(sum.saturating_add(bytes?)))
        .filter(|bytes| *bytes > 0)
}

/// The room that the present definition of an app asks for.
fn disk_mib(inputs: &Inputs, id: &AppId) -> u64 {
    let apps = Apps::read(inputs);
    let manifest = apps.manifest(id);
    manifest.map_or(0, |manifest| manifest.extension.requires.disk_mib)
}

fn known<'a>(inputs: &'a Inputs, app: &AppId) -> Result<Option<&'a Intent>, Refusal> {
    let intent = inputs.written(app).transpose();
    Ok(intent.map_err(Clone::clone)?)
}

/// The intent of an app that is installed and not being removed.
pub(super) fn present<'a>(inputs: &'a Inputs, app: &AppId) -> Result<&'a Intent, Refusal> {
    let known = known(inputs, app)?.ok_or_else(|| Refusal::NotInstalled(app.clone()))?;
    if known.state == WantedState::Removed {
        return Err(Refusal::Removing { app: app.clone() });
    }
    Ok(known)
}

/// The settings that were chosen before, changed by what was given.
fn choose(
    extension: &Extension,
    known: Option<&Intent>,
    given: &[(String, String)],
) -> Result<BTreeMap<String, SettingValue>, Refusal> {
    let mut settings = known
        .map(|intent| intent.settings.clone())
        .unwrap_or_default();
    for (name, value) in given {
        let setting = extension.settings.get(name).ok_or_else(|| {
            let known: Vec<&str> = extension.settings.keys().map(String::as_str).collect();
            SettingError::Unknown {
                app: extension.id.to_string(),
                name: name.clone(),
                known: if known.is_empty() {
                    "none".to_owned()
                } else {
                    known.join(", ")
                },
            }
        })?;
        settings.insert(name.clone(), setting.kind.parse(name, value)?);
    }
    Ok(settings)
}

/// Refuses a change that breaks an app above this one: a node that prunes its blocks has none left
/// for an index of all of them.
fn refuse_to_break_others(
    id: &AppId,
    before: &BTreeMap<AppId, App>,
    after: &BTreeMap<AppId, App>,
) -> Result<(), Refusal> {
    for (other, app) in after {
        let App::Broken { cause, fault } = app else {
            continue;
        };
        let Some(App::Present(_)) = before.get(other) else {
            continue;
        };
        let (app, other, cause) = (id.clone(), other.clone(), Box::new(cause.clone()));
        return Err(match fault {
            Fault::Own => Refusal::BreaksOther { app, other, cause },
            // Of two apps in conflict, the one that sorts last is broken; here the installed app
            // has the older right.
            Fault::Conflict => Refusal::TakesFromOther { app, other, cause },
            Fault::Data => Refusal::DataFolder(cause),
        });
    }
    Ok(())
}

fn ports(apps: &BTreeMap<AppId, App>, id: &AppId) -> BTreeSet<(SocketAddr, Transport)> {
    match apps.get(id) {
        Some(App::Present(present)) => present.ports.clone(),
        _ => BTreeSet::new(),
    }
}

//! A process's observation of the host: the counterpart of the program's `host/observe.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use archipelago_core::desired::{App, Desired};
use archipelago_core::image_progress::ImageProgress;
use archipelago_core::name::PREFIX;
use archipelago_core::observed::{Helper, Network};
use archipelago_core::observed::{
    Leftovers, Memory, Observed, Override, Podman, RenderedFile, Service, Unreachable, needs_podman,
};
use archipelago_core::quadlet::is_unit_file;

use crate::process::call::CallError;
use crate::world::state::World;

impl World {
    /// Observes the host in several calls. Faults and interventions may come between them.
    pub(crate) fn observe(
        &mut self,
        desired: &Desired,
        images_underway: BTreeMap<String, ImageProgress>,
    ) -> Result<Observed, CallError> {
        self.observing_call("list a folder")?;
        let mut observed = self.observe_disk(desired);
        observed.images_underway = images_underway;
        self.observing_call("list the services")?;
        self.observe_systemd(&mut observed);
        if needs_podman(desired, &observed) {
            observed.podman = match self.observing_call("ask Podman") {
                Ok(()) => match self.podman.view() {
                    Ok(view) => Podman::Answered(view),
                    Err(cause) => Podman::Unreachable(Unreachable::Refused(cause.to_string())),
                },
                Err(CallError::Failed(cause)) => {
                    Podman::Unreachable(Unreachable::Refused(cause.to_string()))
                }
                Err(CallError::Killed) => return Err(CallError::Killed),
            };
        }
        Ok(observed)
    }

    /// Observes everything at once, without calls.
    pub(crate) fn observe_now(&self, desired: &Desired) -> Observed {
        let mut observed = self.observe_disk(desired);
        observed.services = self.our_services();
        if let Ok(view) = self.podman.view() {
            observed.podman = Podman::Answered(view);
        }
        observed
    }

    fn our_services(&self) -> BTreeMap<String, Service> {
        let mut services = self.listed_services();
        services.retain(|name, _| name.starts_with(PREFIX));
        services
    }

    fn observe_systemd(&mut self, observed: &mut Observed) {
        let services = self.our_services();
        observed.services = if std::mem::take(&mut self.next_observation_is_stale) {
            self.last_services.clone()
        } else {
            services.clone()
        };
        // The program asks for this property of each service after it has the list.
        for (name, service) in &mut observed.services {
            let current = services.get(name);
            service.began = current.and_then(|service| service.began);
        }
        self.last_services = services;
        let runs = self
            .systemd
            .units
            .values()
            .filter_map(|unit| unit.run.as_ref());
        self.runs_when_observed = runs.map(|run| run.invocation.clone()).collect();
    }

    fn observe_disk(&self, desired: &Desired) -> Observed {
        let layout = &self.layout;
        let disk = &self.disk;
        let mut observed = Observed {
            memory: Memory::read(disk.read(&layout.pending()).as_deref()),
            fingerprint: Some(self.podman.changes.to_string()),
            releases: self.stored(desired),
            // Fewer than there are services, so that some have to wait for others.
            starts_max: 2,
            ..Observed::default()
        };
        for name in disk.names(&layout.units) {
            if name.starts_with(PREFIX) && is_unit_file(&name) {
                let content = disk.read(&layout.unit(&name)).unwrap_or_default();
                observed.unit_files.insert(name, content.to_vec());
            }
        }
        for (service, definition) in &self.systemd.generated {
            if let Some(mark) = &definition.mark
                && service.starts_with(PREFIX)
            {
                observed.generated.insert(service.clone(), mark.clone());
            }
        }
        for (service, unit) in &self.systemd.units {
            if let Some(run) = &unit.run
                && service.starts_with(PREFIX)
            {
                observed
                    .invocations
                    .insert(service.clone(), run.invocation.clone());
            }
        }
        for name in disk.names(&layout.systemd) {
            if name.starts_with(PREFIX) && name.ends_with(".service") {
                let masked = disk.link(&layout.systemd.join(&name)) == Some(Path::new("/dev/null"));
                let kind = if masked {
                    Override::Masked
                } else {
                    Override::Foreign
                };
                observed.overrides.insert(name, kind);
            }
        }
        observed.drop_ins = self.drop_ins();
        observed.network = self.network();
        for (id, app) in &desired.apps {
            match app {
                App::Present(present) => {
                    for path in present.files.keys() {
                        if let Some(mode) = disk.mode(path) {
                            let content = disk.read(path).unwrap_or_default().to_vec();
                            let file = RenderedFile { content, mode };
                            observed.files.insert(path.clone(), file);
                        }
                    }
                    let folders = present.folders.iter();
                    observed
                        .folders
                        .extend(folders.filter(|path| disk.is_folder(path)).cloned());
                }
                App::Removed { containers, .. } => {
                    let parts = [layout.volumes(id), layout.files(id), layout.secrets(id)];
                    let leftovers = Leftovers {
                        data: parts.iter().any(|path| disk.exists(path)),
                        rendered: containers
                            .iter()
                            .filter(|container| disk.exists(&layout.rendered(container)))
                            .cloned()
                            .collect(),
                    };
                    observed.leftovers.insert(id.clone(), leftovers);
                }
                App::Broken { .. }
                | App::NeedsSecrets { .. }
                | App::NeedsApp { .. }
                | App::NeedsFile { .. } => {}
            }
        }
        observed
    }

    fn network(&self) -> Network {
        if !self.podman.resolver_is_gone {
            return Network::default();
        }
        let names = self.podman.containers.keys();
        Network {
            gone: BTreeSet::from([Helper::Resolver]),
            members: names
                .filter(|name| name.starts_with(PREFIX))
                .cloned()
                .collect(),
            ..Network::default()
        }
    }

    /// The operator's drop-ins for our units, for Quadlet and for systemd.
    fn drop_ins(&self) -> BTreeMap<String, BTreeSet<PathBuf>> {
        let mut found: BTreeMap<String, BTreeSet<PathBuf>> = BTreeMap::new();
        for (folder, suffix) in [
            (&self.layout.units, ".container.d"),
            (&self.layout.systemd, ".service.d"),
        ] {
            for name in self.disk.names(folder) {
                let stem = name.strip_suffix(suffix);
                let Some(stem) = stem.filter(|stem| stem.starts_with(PREFIX)) else {
                    continue;
                };
                let files = self.disk.names(&folder.join(&name));
                let files: BTreeSet<PathBuf> = files
                    .iter()
                    .filter(|file| file.ends_with(".conf"))
                    .map(|file| folder.join(&name).join(file))
                    .collect();
                if !files.is_empty() {
                    let service = format!("{stem}.service");
                    found.entry(service).or_default().extend(files);
                }
            }
        }
        found
    }
}

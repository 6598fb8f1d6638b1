//! What a manager reads and sees: the counterpart of the program's `host/inputs.rs` and `host/observe.rs`.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use archipelago_core::config::Config;
use archipelago_core::desired::{App, Apps, Desired, Inputs, assemble};
use archipelago_core::intent::Intent;
use archipelago_core::manifest::Files;
use archipelago_core::name::{AppId, PREFIX};
use archipelago_core::observed::{
    Memory, Observed, Override, Podman, Remains, RenderedFile, needs_podman,
};
use archipelago_core::quadlet::is_unit_file;

use crate::faults::Fate;
use crate::world::{Trouble, World};

thread_local! {
    /// What was worked out before from the same files: parsing them is most of the work of a pass.
    static KNOWN: RefCell<HashMap<u64, Rc<Desired>>> = RefCell::new(HashMap::new());
}

/// Desired states that are remembered at once.
const KNOWN_MAX: usize = 2048;

impl World {
    /// What should be there, worked out from the files on the disk.
    pub fn desired(&self) -> Rc<Desired> {
        if let Some((changes, desired)) = &*self.worked_out.borrow()
            && *changes == self.disk.changes
        {
            return Rc::clone(desired);
        }
        let desired = self.desired_of_files();
        *self.worked_out.borrow_mut() = Some((self.disk.changes, Rc::clone(&desired)));
        desired
    }

    fn desired_of_files(&self) -> Rc<Desired> {
        let mut hasher = DefaultHasher::new();
        for folder in [&self.layout.config, &self.layout.data.join("secrets")] {
            for path in self.disk.beneath(folder) {
                path.hash(&mut hasher);
                self.disk.read(path).hash(&mut hasher);
            }
        }
        let key = hasher.finish();
        if let Some(known) = KNOWN.with_borrow(|known| known.get(&key).cloned()) {
            return known;
        }
        let inputs = self.inputs();
        let desired = Rc::new(assemble(&inputs, &Apps::read(&inputs)));
        KNOWN.with_borrow_mut(|known| {
            if known.len() >= KNOWN_MAX {
                known.clear();
            }
            known.insert(key, Rc::clone(&desired));
        });
        desired
    }

    fn text(&self, path: &Path) -> Option<String> {
        let content = self.disk.read(path)?;
        Some(String::from_utf8_lossy(&content).into_owned())
    }

    fn inputs(&self) -> Inputs {
        let layout = &self.layout;
        let intents: BTreeMap<AppId, Result<Intent, String>> = self
            .disk
            .names(&layout.apps())
            .iter()
            .filter_map(|name| AppId::parse(name.strip_suffix(".toml")?).ok())
            .map(|id| {
                let path = layout.intent(&id);
                let text = self.text(&path).unwrap_or_default();
                let intent = Intent::parse(&path.display().to_string(), &text);
                (id, intent.map_err(|error| error.to_string()))
            })
            .collect();
        let definitions = intents
            .keys()
            .map(|id| (id.clone(), self.files(&layout.definition(id))))
            .filter(|(_, files)| !files.is_empty())
            .collect();
        let secrets = intents
            .keys()
            .map(|id| {
                let folder = layout.secrets(id);
                let texts = self
                    .disk
                    .names(&folder)
                    .into_iter()
                    .filter(|name| !name.starts_with('.'))
                    .filter_map(|name| {
                        let text = self.text(&folder.join(&name))?;
                        Some((name, text))
                    })
                    .filter(|(_, text)| !text.is_empty())
                    .collect();
                (id.clone(), texts)
            })
            .collect();
        let config = self.text(&layout.config_file()).unwrap_or_default();
        Inputs {
            layout: layout.clone(),
            config: Config::parse("config.toml", &config).map_err(|error| error.to_string()),
            intents,
            definitions,
            secrets,
            captured: BTreeMap::new(),
        }
    }

    fn files(&self, folder: &Path) -> Files {
        self.disk
            .beneath(folder)
            .filter_map(|path| {
                let content = self.disk.read(path)?;
                let relative = path.strip_prefix(folder).ok()?.to_str()?;
                Some((relative.to_owned(), content.to_vec()))
            })
            .collect()
    }

    /// One look at the host by a manager. Others may act between its parts.
    pub(crate) fn observe(
        &mut self,
        desired: &Desired,
        images_underway: BTreeMap<String, String>,
    ) -> Result<Observed, Trouble> {
        self.look("list a folder")?;
        let mut observed = self.look_at_disk(desired);
        observed.images_underway = images_underway;
        self.look("list the services")?;
        self.look_at_systemd(&mut observed);
        if needs_podman(desired, &observed) {
            observed.podman = match self.look("ask Podman") {
                Ok(()) => match self.podman.view() {
                    Ok(view) => Podman::Seen(view),
                    Err(cause) => Podman::Unreachable(cause),
                },
                Err(Trouble::Failed(cause)) => Podman::Unreachable(cause),
                Err(Trouble::Killed) => return Err(Trouble::Killed),
            };
        }
        Ok(observed)
    }

    /// Looking changes nothing, so a call that fails afterwards is one that fails.
    fn look(&mut self, what: &str) -> Result<(), Trouble> {
        match self.touch()? {
            Fate::Works | Fate::Pretends => Ok(()),
            Fate::Fails | Fate::FailsAfter => {
                Err(Trouble::Failed(format!("{what}: input/output error")))
            }
        }
    }

    /// What is on the host at this moment, all of it, without a manager.
    pub fn seen(&self, desired: &Desired) -> Observed {
        let mut observed = self.look_at_disk(desired);
        observed.services = self.services();
        if let Ok(view) = self.podman.view() {
            observed.podman = Podman::Seen(view);
        }
        observed
    }

    fn services(&self) -> BTreeMap<String, archipelago_core::observed::Service> {
        let mut services = self.listed();
        services.retain(|name, _| name.starts_with(PREFIX));
        services
    }

    fn look_at_systemd(&mut self, observed: &mut Observed) {
        let services = self.services();
        observed.services = if std::mem::take(&mut self.late_look) {
            self.last_services.clone()
        } else {
            services.clone()
        };
        // Asked for each by itself, after the list.
        for (name, seen) in &mut observed.services {
            let now = services.get(name);
            seen.began = now.and_then(|now| now.began);
        }
        self.last_services = services;
    }

    fn look_at_disk(&self, desired: &Desired) -> Observed {
        let layout = &self.layout;
        let disk = &self.disk;
        let mut observed = Observed {
            memory: Memory::read(disk.read(&layout.pending()).as_deref()),
            fingerprint: Some(self.podman.changes.to_string()),
            // Fewer than there are services: all of them have to wait for their turn.
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
                    let remains = Remains {
                        data: parts.iter().any(|path| disk.exists(path)),
                        rendered: containers
                            .iter()
                            .filter(|container| disk.exists(&layout.rendered(container)))
                            .cloned()
                            .collect(),
                    };
                    observed.remains.insert(id.clone(), remains);
                }
                App::Broken { .. } | App::NeedsSecrets { .. } | App::NeedsApp { .. } => {}
            }
        }
        observed
    }

    /// What the operator put beside our units, for Quadlet and for systemd.
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

//! The part of a plan for rendered files and unit files.

use std::path::Path;

use super::planner::Planner;
use crate::action::{AppStep, Reason};
use crate::desired::{DesiredUnit, Present, Role};
use crate::name::AppId;
use crate::quadlet::UnitFile;
use crate::retries::Subject;

/// Rendered files hold credentials.
pub const RENDERED_MODE: u32 = 0o600;

impl Planner<'_> {
    pub(super) fn write_files(&mut self, id: &AppId, present: &Present) {
        for (path, content) in &present.files {
            let found = self.observed.files.get(path);
            let same = found.is_some_and(|file| file.content == content.as_bytes());
            if same && found.is_some_and(|file| file.mode == RENDERED_MODE) {
                continue;
            }
            if self.is_contended(&path.display().to_string()) {
                continue;
            }
            let step = AppStep::WriteFile {
                path: path.clone(),
                content: content.clone(),
            };
            let reader = self.reader(present, path);
            let reason = match found {
                None => Reason::Missing,
                Some(found) if same => Reason::ModeChanged {
                    file: path.display().to_string(),
                    mode: found.mode,
                },
                Some(_) => self.why_file_differs(path, reader),
            };
            let action = self.action(id, step, reason.clone());
            self.steps.files.push(action);
            // A new content comes with a new revision of the unit. A file that is only gone is put
            // back beside the one that the container still has mounted. The remaining case is a
            // file that someone edited; the container may have read the edit.
            if let Some(unit) = reader
                && found.is_some()
                && !same
            {
                self.must_restart(&unit.service, reason);
            }
        }
    }

    pub(super) fn unit_file(&mut self, id: &AppId, unit: &DesiredUnit, has_image: bool) {
        let file = &unit.file;
        match self.observed.unit_files.get(&file.name) {
            Some(found) if found == file.content.as_bytes() => self.regenerate(unit),
            _ if self.is_contended(&file.name) => {}
            // The container goes on with its old unit until the image of the new one is here.
            Some(_) if !has_image => {}
            Some(_) => {
                let name = || file.name.clone();
                let reason = match self.observed.mark(&file.name) {
                    Some(mark) if Self::is_upgrade(&mark.version) => Reason::OtherVersion {
                        version: mark.version,
                    },
                    Some(mark) if mark.revision == file.revision => {
                        Reason::ChangedByOthers { file: name() }
                    }
                    Some(_) => Reason::Outdated { file: name() },
                    None => Reason::Differs { file: name() },
                };
                if matches!(reason, Reason::OtherVersion { .. }) {
                    self.carry_over(&unit.service);
                } else {
                    self.restart_container(unit, reason.clone());
                }
                self.write_unit(id, file, reason);
            }
            None => {
                // When systemd has forgotten it too, nobody knows what a service that still runs
                // was started with.
                let generated = self.observed.generated.get(&unit.service);
                let reason = match generated {
                    None => Some(Reason::UnitForgotten {
                        unit: file.name.clone(),
                    }),
                    Some(mark) if Self::is_upgrade(&mark.version) => None,
                    Some(mark) if mark.revision == file.revision => None,
                    Some(_) => Some(Reason::Outdated {
                        file: file.name.clone(),
                    }),
                };
                if let Some(reason) = reason {
                    self.restart_container(unit, reason);
                }
                self.write_unit(id, file, Reason::Missing);
            }
        }
    }

    /// Units of the app that its definition no longer has.
    pub(super) fn remove_units_left_over(&mut self, id: &AppId, present: &Present) {
        let left = self.observed.traces_beside(id, &present.units);
        self.stop_and_remove(id, &left, &Reason::LeftOver);
    }

    /// The reason why a file differs. The revision of the unit that mounts it shows for which
    /// desired state it was written.
    fn why_file_differs(&self, path: &Path, reader: Option<&DesiredUnit>) -> Reason {
        let file = path.display().to_string();
        let revision = reader.and_then(|unit| {
            let on_disk = self.observed.mark(&unit.file.name);
            let mark = on_disk.or_else(|| self.observed.generated.get(&unit.service).cloned());
            Some((mark?.revision, &unit.file.revision))
        });
        match revision {
            None => Reason::Differs { file },
            Some((revision, wanted)) if revision == *wanted => Reason::ChangedByOthers { file },
            Some(_) => Reason::Outdated { file },
        }
    }

    /// A container keeps the file it was started with mounted, even when another takes its place.
    fn reader<'p>(&self, present: &'p Present, path: &Path) -> Option<&'p DesiredUnit> {
        let reader = present.containers().find(|(_, container)| {
            path.parent() == Some(self.desired.layout.rendered(&container.name).as_path())
        });
        reader.map(|(unit, _)| unit)
    }

    /// Whether something else keeps changing a file, so that it waits for its turn.
    fn is_contended(&self, file: &str) -> bool {
        !self
            .retries
            .is_due(&Subject::File(file.to_owned()), self.now)
    }

    /// Networks and volumes are made once and kept; only a container runs with what its unit said.
    fn restart_container(&mut self, unit: &DesiredUnit, reason: Reason) {
        if matches!(unit.role, Role::Container(_)) {
            self.must_restart(&unit.service, reason);
        }
    }

    /// The file is right, but systemd may not have read it: someone else wrote it back, or removed
    /// it and reloaded.
    fn regenerate(&mut self, unit: &DesiredUnit) {
        if !unit.is_generated(&self.observed.generated)
            && !self.observed.overrides.contains_key(&unit.service)
            && self
                .retries
                .is_due(&Subject::Generate(unit.file.name.clone()), self.now)
        {
            // A service that started after the file was changed has started with the old one.
            let generated = self.observed.generated.get(&unit.service);
            let reason = Reason::NotRead {
                unit: unit.file.name.clone(),
            };
            if generated.is_some_and(|mark| !Self::is_upgrade(&mark.version)) {
                self.restart_container(unit, reason.clone());
            }
            self.steps.reload.get_or_insert(reason);
            self.regenerates.insert(unit.file.name.clone());
        }
    }

    fn write_unit(&mut self, app: &AppId, file: &UnitFile, reason: Reason) {
        let step = AppStep::WriteUnit {
            name: file.name.clone(),
            content: file.content.clone(),
        };
        let action = self.action(app, step, reason);
        self.steps.units.push(action);
    }

    pub(super) fn remove_unit(&mut self, app: &AppId, name: &str, reason: Reason) {
        let action = self.action(app, AppStep::RemoveUnit(name.to_owned()), reason);
        self.steps.units.push(action);
    }
}

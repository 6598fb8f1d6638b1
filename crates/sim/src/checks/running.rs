//! Compares a running service with its desired state.

use archipelago_core::desired::{DesiredUnit, Present, Role};
use archipelago_core::quadlet::VERSION;

use crate::host::podman::Object;
use crate::host::unit::Run;
use crate::world::state::World;

impl World {
    /// Whether a service runs exactly as desired, and so needs no restart.
    pub(crate) fn runs_as_desired(&self, present: &Present, unit: &DesiredUnit) -> bool {
        let loaded = self.systemd.units.get(&unit.service);
        let run = loaded
            .filter(|unit| unit.job.is_none())
            .and_then(|unit| unit.run.as_ref());
        let Some(run) = run else {
            return false;
        };
        let requested = self.requested_restarts.get(&unit.service);
        if run.restart_justified || requested == Some(&run.invocation) {
            return false;
        }
        let is_ours = |object: Option<&Object>| object.is_some_and(|object| object.label.is_some());
        match &unit.role {
            Role::Network(name) => is_ours(self.podman.networks.get(name)),
            Role::Volume(name) => is_ours(self.podman.volumes.get(name)),
            Role::Container(_) => {
                without_version(&run.definition.text)
                    == without_version(unit.file.content.as_bytes())
                    && has_desired_files(run, present)
                    && has_desired_secrets(run, present)
            }
        }
    }

    /// Whether the container was started before a service that it must start after.
    pub(crate) fn started_before_dependency(&self, unit: &DesiredUnit) -> bool {
        let Role::Container(container) = &unit.role else {
            return false;
        };
        let began = |service: &String| self.systemd.units.get(service)?.observed().began;
        let own = began(&unit.service);
        container.follows.iter().any(|other| began(other) > own)
    }
}

fn has_desired_files(run: &Run, present: &Present) -> bool {
    run.files.iter().all(|(path, content)| {
        let desired = present.files.get(path);
        desired.is_none_or(|desired| content.as_deref() == Some(desired.as_bytes()))
    })
}

fn has_desired_secrets(run: &Run, present: &Present) -> bool {
    run.secrets.iter().all(|(name, revision)| {
        let desired = present.secrets.get(name);
        desired.is_none_or(|secret| secret.revision == *revision)
    })
}

/// A unit without the version of Archipelago that wrote it, because an update restarts nothing.
pub(crate) fn without_version(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    text.replace(&format!("Version={VERSION}"), "Version=")
        .replace("Version=0.0.1", "Version=")
}

/// A file without the parts that have no effect: the version, and the comment of an edit.
pub(crate) fn without_comments(text: &[u8]) -> String {
    without_version(text).replace("# edited\n", "")
}

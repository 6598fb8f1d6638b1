//! Mounts that a service inherits from another one.

use std::collections::BTreeMap;

use compose::{Project, Trail};

use crate::manifest::Mount;
use crate::manifest::report::Report;
use crate::manifest::service::Service;

/// Adds the mounts of other services (`volumes_from`). A service's own mount at a path takes
/// precedence.
pub(super) fn take_over(
    project: &Project,
    services: &mut BTreeMap<String, Service>,
    report: &mut Report<'_>,
) {
    for (name, source) in &project.services {
        for (index, text) in source.container.volumes_from.iter().enumerate() {
            let at = Trail::of(["services", name, "volumes_from"]).item(index);
            let (other, mode) = text.split_once(':').unwrap_or((text, "rw"));
            if other == "container" {
                report.error(
                    &at,
                    "the mounts of a container of another program cannot be taken over; name its folders under `volumes`",
                );
                continue;
            }
            let mounts = services.get(other).map(|other| other.mounts.clone());
            let (Some(mounts), Some(service)) = (mounts, services.get_mut(name)) else {
                report.error(&at, "there is no such service; correct the name");
                continue;
            };
            for mount in mounts {
                let mut own = service.mounts.iter();
                if own.all(|own| own.target != mount.target) {
                    service.mounts.push(Mount {
                        read_only: mount.read_only || mode == "ro",
                        ..mount
                    });
                }
            }
        }
    }
}

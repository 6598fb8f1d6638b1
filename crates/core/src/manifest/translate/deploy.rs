//! `deploy`, which was made for clusters: the limits count.

use compose::model::{Deploy, Resource, Resources};

use super::Work;
use super::container::positive;
use super::keys::{DEPLOY, left_out};
use crate::manifest::service::Service;

impl Work<'_, '_> {
    pub(super) fn deploy(&mut self, service: &mut Service, source: &Deploy) {
        let Deploy {
            mode,
            // Of the service's replicas.
            replicas: _,
            labels: _,
            update_config,
            rollback_config,
            restart_policy,
            endpoint_mode,
            resources:
                Resources {
                    limits,
                    reservations,
                    extensions: _,
                },
            placement,
            extensions: _,
        } = source;
        let at = self.trail.key("deploy");
        if !matches!(mode.as_deref(), None | Some("replicated" | "global")) {
            self.report.error(
                &at.key("mode"),
                "containers that run to their end are not supported; remove this key",
            );
        }
        for (key, is_written) in [
            ("update_config", update_config.is_some()),
            ("rollback_config", rollback_config.is_some()),
            ("restart_policy", restart_policy.is_some()),
            ("endpoint_mode", endpoint_mode.is_some()),
            (
                "placement",
                *placement != compose::model::Placement::default(),
            ),
        ] {
            left_out(self.report, DEPLOY, &at, key, is_written);
        }
        if let Some(limits) = limits {
            let Resource {
                cpus,
                memory,
                pids,
                devices: _,
                generic_resources: _,
                extensions: _,
            } = limits;
            let own = &mut service.limits;
            own.memory_bytes = own.memory_bytes.or(positive(memory.0));
            let cpus = (*cpus > 0.0).then(|| cpus.to_string());
            own.cpus = own.cpus.take().or(cpus);
            service.pids_limit = service.pids_limit.or((*pids != 0).then_some(*pids));
        }
        if let Some(reservations) = reservations {
            let Resource {
                cpus,
                memory,
                pids: _,
                devices,
                generic_resources,
                extensions: _,
            } = reservations;
            let own = &mut service.limits.reserved_memory_bytes;
            *own = own.or(positive(memory.0));
            let at = at.key("resources").key("reservations");
            if *cpus > 0.0 {
                let problem = "left out: processors are shared, not reserved";
                self.report.warn(&at.key("cpus"), problem);
            }
            if !devices.is_empty() {
                self.report.error(
                    &at.key("devices"),
                    "name the device under the service's `devices`, such as nvidia.com/gpu=all",
                );
            }
            if !generic_resources.is_empty() {
                let problem = "left out: it is for a cluster of many nodes";
                self.report.warn(&at.key("generic_resources"), problem);
            }
        }
    }
}

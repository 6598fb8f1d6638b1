//! `deploy`, which was made for clusters: the limits count.

use compose::model::{Deploy, Resource, Resources};

use super::Work;
use super::keys::{DEPLOY, left_out};
use super::limits::positive;
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
            // `jobs` reads it with `restart`.
            restart_policy: _,
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
        let modes = ["replicated", "global", "replicated-job", "global-job"];
        if mode.as_deref().is_some_and(|mode| !modes.contains(&mode)) {
            self.report.error(
                &at.key("mode"),
                "there is no such mode; the modes are replicated, global, replicated-job and global-job",
            );
        }
        for (key, is_written) in [
            ("update_config", update_config.is_some()),
            ("rollback_config", rollback_config.is_some()),
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
            self.gpus(service, devices, &at.key("devices"));
            if !generic_resources.is_empty() {
                let problem = "left out: it is for a cluster of many nodes";
                self.report.warn(&at.key("generic_resources"), problem);
            }
        }
    }
}

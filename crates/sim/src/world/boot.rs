//! The passing of time, and boots.

use std::time::Duration;

use crate::host::disk::{Medium, Unsynced};
use crate::host::podman::Reach;
use crate::world::state::World;

impl World {
    /// Lets time pass for systemd alone.
    pub fn elapse(&mut self, time: Duration) {
        let until = self.clock.since_boot + time;
        self.run_jobs();
        while let Some(at) = self.systemd.next_restart().filter(|at| *at <= until) {
            let step = at.saturating_sub(self.clock.since_boot);
            self.clock.advance(step);
            self.run_jobs();
        }
        let remaining = until.saturating_sub(self.clock.since_boot);
        self.clock.advance(remaining);
        self.run_jobs();
    }

    /// Shuts the host down and boots it: cleanly, or after a loss of power.
    pub fn boot(&mut self, lost: Option<Unsynced>) {
        if lost.is_none() {
            self.podman.containers.clear();
        }
        for name in self.foreign.containers() {
            self.podman.containers.entry(name.clone()).or_default();
        }
        self.boots += 1;
        self.disk.boot(lost);
        self.disk.medium = Medium::Writable;
        self.clock.since_boot = Duration::from_secs(20);
        self.requested_restarts.clear();
        self.pulls.clear();
        self.last_services.clear();
        self.locked = false;
        self.podman.changes += 1;
        self.podman.resolver_is_gone = false;
        if self.podman.reach == Reach::SocketGone {
            self.podman.reach = Reach::Answers;
        }
        self.start_boot_target();
    }

    /// Starts the services that `default.target` wants.
    fn start_boot_target(&mut self) {
        self.systemd.clear();
        self.reload();
        let generated = self.systemd.generated.iter();
        let at_boot: Vec<String> = generated
            .filter(|(_, definition)| definition.at_boot)
            .map(|(service, _)| service.clone())
            .collect();
        for service in at_boot {
            // A masked service fails to start, as it should.
            let _ = self.systemd.start(&service);
        }
        self.run_jobs();
    }
}

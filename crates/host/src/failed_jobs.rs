//! The last log lines of failed jobs, which show the cause. A failed job stays as it is until
//! somebody acts, so the journal is read once for each failed run.

use std::collections::BTreeMap;

use archipelago_core::desired::Desired;
use archipelago_core::observed::{Observed, Service};

use super::journal::last_line;
use super::systemd::Systemd;

/// The maximum number of reads for one run: a line is in the journal shortly after it was written.
const LOOKS_MAX: u32 = 5;

/// By service.
#[derive(Default)]
pub(crate) struct FailedJobs(BTreeMap<String, Known>);

struct Known {
    invocation: String,
    looks: u32,
    line: Option<String>,
}

impl FailedJobs {
    /// Fills in the last lines of the jobs that have failed.
    pub(crate) async fn ask(
        &mut self,
        desired: &Desired,
        systemd: &Systemd,
        observed: &mut Observed,
    ) {
        let containers = desired
            .present()
            .filter(|(_, present)| present.running)
            .flat_map(|(_, present)| present.containers());
        let jobs = containers.filter(|(_, container)| container.is_job);
        let failed: Vec<&str> = jobs
            .map(|(unit, _)| unit.service.as_str())
            .filter(|service| {
                let found = observed.services.get(*service);
                found.is_some_and(Service::has_failed)
            })
            .collect();
        self.0
            .retain(|service, _| failed.contains(&service.as_str()));
        for service in failed {
            let line = self.line(systemd, service).await;
            let found = observed.services.get_mut(service);
            if let Some(failure) = found.and_then(|found| found.failure.as_mut()) {
                failure.last_line = line;
            }
        }
    }

    async fn line(&mut self, systemd: &Systemd, service: &str) -> Option<String> {
        let failure = systemd.failure(service).await.ok()?;
        let invocation = failure.invocation_id?;
        let known = self.0.get(service);
        let looks = match known.filter(|known| known.invocation == invocation) {
            Some(known) if known.line.is_some() || known.looks == LOOKS_MAX => {
                return known.line.clone();
            }
            Some(known) => known.looks + 1,
            None => 1,
        };
        let asked = invocation.clone();
        let line = tokio::task::spawn_blocking(move || last_line(&asked));
        let line = line.await.ok().flatten();
        let known = Known {
            invocation,
            looks,
            line: line.clone(),
        };
        self.0.insert(service.to_owned(), known);
        line
    }
}

//! Our services, as systemd reports them: their states, failures and start times.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use archipelago_core::desired::Desired;
use archipelago_core::observed::{self, Active, Failure, Load, Observed};

use super::systemd::{self, ActiveState, LoadState, Systemd};

/// A cache of start times, valid while no service has a new invocation.
#[derive(Default)]
pub(crate) struct Beginnings {
    invocations: Option<BTreeMap<String, String>>,
    began: BTreeMap<String, Option<Duration>>,
}

impl Beginnings {
    /// Fills in the start times of services that must restart after others, and of those others.
    /// Stopped services are skipped.
    pub(crate) async fn ask(
        &mut self,
        desired: &Desired,
        systemd: &Systemd,
        observed: &mut Observed,
    ) -> Result<(), systemd::Error> {
        let services = &mut observed.services;
        // Ask the dependent services last, so that a restart in between is not taken for a stale
        // one.
        let mut wanted: Vec<&str> = followed(desired)
            .into_iter()
            .chain(following(desired))
            .collect();
        wanted.retain(|service| services.get(*service).is_some_and(|seen| !seen.is_down()));
        let invocations = settled_invocations(&wanted, &observed.invocations, services);
        // Refresh all or none: start times read at different moments cannot be compared.
        if invocations.is_none() || invocations != self.invocations {
            let mut began = BTreeMap::new();
            for service in wanted {
                began.insert(service.to_owned(), systemd.began(service).await?);
            }
            *self = Self { invocations, began };
        }
        for (service, began) in &self.began {
            if let Some(seen) = services.get_mut(service) {
                seen.began = *began;
            }
        }
        Ok(())
    }
}

/// The invocation of each service if all are up. The ids were read before the states, so a service
/// may already be in a later invocation; the next observation shows that. A service that is still
/// coming up may yet have another main process.
fn settled_invocations(
    wanted: &[&str],
    invocations: &BTreeMap<String, String>,
    services: &BTreeMap<String, observed::Service>,
) -> Option<BTreeMap<String, String>> {
    let settled = wanted.iter().map(|service| {
        let invocation = invocations.get(*service)?;
        let is_up = services.get(*service)?.is_up();
        is_up.then(|| ((*service).to_owned(), invocation.clone()))
    });
    settled.collect()
}

fn followed(desired: &Desired) -> BTreeSet<&str> {
    let containers = desired
        .present()
        .flat_map(|(_, present)| present.containers());
    let followed = containers.flat_map(|(_, container)| &container.follows);
    followed.map(String::as_str).collect()
}

fn following(desired: &Desired) -> BTreeSet<&str> {
    let containers = desired
        .present()
        .flat_map(|(_, present)| present.containers());
    let following = containers.filter(|(_, container)| !container.follows.is_empty());
    following.map(|(unit, _)| unit.service.as_str()).collect()
}

/// Converts a service. Asks systemd for the cause only if the service is not well.
pub(crate) async fn observed_service(
    systemd: &Systemd,
    name: &str,
    service: systemd::Service,
) -> observed::Service {
    let active = match service.active {
        ActiveState::Active | ActiveState::Reloading | ActiveState::Refreshing => Active::Active,
        ActiveState::Activating => Active::Activating,
        ActiveState::Deactivating => Active::Deactivating,
        ActiveState::Failed => Active::Failed,
        ActiveState::Inactive | ActiveState::Maintenance | ActiveState::Other => Active::Inactive,
    };
    let mut seen = observed::Service {
        load: match service.load {
            LoadState::Loaded => Load::Loaded,
            LoadState::NotFound => Load::NotFound,
            LoadState::Masked => Load::Masked,
            LoadState::BadSetting | LoadState::Error | LoadState::Other => Load::Bad,
        },
        active,
        sub: service.sub,
        job: service.job,
        failure: None,
        began: None,
    };
    if seen.active == Active::Failed || seen.is_restarting() {
        seen.failure = systemd.failure(name).await.ok().map(|failure| Failure {
            result: failure.result,
            status: failure.exec_main_status,
            restarts: failure.restarts,
            last_line: None,
        });
    }
    seen
}

#[cfg(test)]
mod tests {
    use archipelago_core::observed::Job;

    use super::*;

    #[test]
    fn when_runs_began_is_kept_only_when_all_of_them_are_up() {
        let up = observed::Service {
            load: Load::Loaded,
            active: Active::Active,
            sub: "running".into(),
            job: None,
            failure: None,
            began: None,
        };
        let coming = observed::Service {
            active: Active::Activating,
            ..up.clone()
        };
        let queued = observed::Service {
            job: Some(Job::Other),
            ..up.clone()
        };
        let services: BTreeMap<String, _> = [
            ("a", &up),
            ("b", &up),
            ("coming", &coming),
            ("queued", &queued),
        ]
        .map(|(name, service)| (name.to_owned(), service.clone()))
        .into();
        let invocations: BTreeMap<String, String> = ["a", "coming", "queued"]
            .map(|name| (name.to_owned(), format!("run of {name}")))
            .into();
        let settled = |wanted: &[&str]| settled_invocations(wanted, &invocations, &services);
        let of_a = BTreeMap::from([("a".to_owned(), "run of a".to_owned())]);
        assert_eq!(settled(&["a"]), Some(of_a));
        for unsettled in ["b", "coming", "queued", "none"] {
            assert_eq!(settled(&["a", unsettled]), None, "{unsettled}");
        }
    }
}

//! Whether apps are isolated from each other, judged by the state of the host.

use archipelago_core::action::{Action, AppAction, AppStep};
use archipelago_core::desired::{App, Desired, DesiredContainer, Role};
use archipelago_core::observed::{Observed, Service};
use archipelago_core::quadlet::service_of;
use archipelago_core::reconcile::Outcome;

use crate::apps::may_join;
use crate::host::quadlet::{Container, Kind, Made};
use crate::invariants::Invariant;
use crate::world::state::World;

impl World {
    /// A container may join only the network of its app and those of the exports that its app
    /// offers or uses.
    pub(crate) fn check_joins(&mut self, container: &Container, networks: &[String]) {
        if container.label.is_none() {
            return;
        }
        let foreign = networks
            .iter()
            .find(|network| !may_join(&container.name, network));
        if let Some(network) = foreign {
            let what = format!("{} joins the network {network}", container.name);
            self.violation(Invariant::Isolated, what);
        }
    }

    /// Each network of an app must be made with isolation.
    pub(crate) fn check_made(&mut self, network: &Made) {
        if network.label.is_some() && !network.isolated {
            let what = format!("the network {} is made without isolation", network.name);
            self.violation(Invariant::Isolated, what);
        }
    }

    /// No service may be started on a network of its app that has no isolation and was observed
    /// without containers, because the network could have been made anew first.
    pub(crate) fn check_start(&mut self, observed: &Observed, action: &Action) {
        let Action::App(AppAction {
            app: id,
            step: AppStep::Start(service),
            ..
        }) = action
        else {
            return;
        };
        let Some(desired) = self.pass_desired.clone() else {
            return;
        };
        let Some(App::Present(present)) = desired.apps.get(id) else {
            return;
        };
        let mut started = present.containers();
        let Some((_, container)) = started.find(|(unit, _)| unit.service == *service) else {
            return;
        };
        let open = container.networks.iter().find(|name| {
            self.open_when_observed.contains(*name)
                && !self.unremovable.contains(*name)
                && self.is_made_by_app(id.as_str(), name)
                && is_seen_empty(&desired, observed, name)
                && is_unit_read(&desired, observed, name)
        });
        if let Some(network) = open {
            let what = format!(
                "{service} is started on the empty network {network}, which has no isolation"
            );
            self.violation(Invariant::Isolated, what);
        }
    }

    /// Notes a network that could not be removed. The app may start on it.
    pub(crate) fn note_removal(&mut self, action: &Action, outcome: &Outcome) {
        if let (Some(AppStep::RemoveNetwork(network)), Outcome::Failed(_)) =
            (action.app_step(), outcome)
        {
            self.unremovable.insert(network.clone());
        }
    }

    /// The networks of apps that have no isolation.
    pub(crate) fn open_networks(&self) -> impl Iterator<Item = &String> {
        let networks = self.podman.networks.iter();
        let open = networks.filter(|(_, network)| network.label.is_some() && !network.isolated);
        open.map(|(name, _)| name)
    }

    fn is_made_by_app(&self, app: &str, network: &str) -> bool {
        let found = self.podman.networks.get(network);
        found.is_some_and(|network| network.label.as_deref() == Some(app))
            && self
                .systemd
                .generated
                .get(&service_of(&format!("{network}.network")))
                .is_some_and(|made| matches!(&made.kind, Kind::Network(made) if made.isolated))
    }
}

fn is_seen_empty(desired: &Desired, observed: &Observed, network: &str) -> bool {
    let view = observed.podman_view();
    let seen = view.and_then(|view| view.networks.get(network));
    let joins = |container: &DesiredContainer| container.networks.contains(network);
    let mut joining = desired
        .present()
        .flat_map(|(_, present)| present.containers())
        .filter(|(_, container)| joins(container));
    seen.is_some_and(|seen| seen.containers.is_empty())
        && joining.all(|(unit, _)| {
            let found = observed.services.get(&unit.service);
            found.is_none_or(Service::is_down)
        })
}

/// Whether systemd has loaded the desired unit of the network.
fn is_unit_read(desired: &Desired, observed: &Observed, network: &str) -> bool {
    let units = desired
        .present()
        .flat_map(|(_, present)| present.units.values());
    let mut networks = units.filter(|unit| unit.role == Role::Network(network.to_owned()));
    networks.any(|unit| unit.is_generated(&observed.generated))
}

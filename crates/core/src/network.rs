//! The processes that serve the containers' networks on the host. Podman starts them beside the
//! containers and does not look after them: when one is killed, systemd, Podman and the containers
//! go on as if nothing had happened.
//!
//! docs/faults.md tells what dies with each of them, and what brings it back.

use std::time::Duration;

use crate::desired::{Desired, DesiredContainer, Present};
use crate::name::AppId;
use crate::observed::{Network, Observed, Service};

/// The time for which nothing must listen on a published port before the port counts as closed:
/// containers come and go during an observation.
pub const CLOSED_FOR: Duration = Duration::from_secs(1);

/// The maximum number of restarts of a container because of closed ports. After that a person must
/// act.
pub const PORT_RESTARTS_MAX: u32 = 3;

/// The containers that miss a helper: those that run, are wanted and are on a network of Podman's.
pub fn cut_off<'a>(
    desired: &'a Desired,
    observed: &'a Observed,
) -> impl Iterator<Item = &'a DesiredContainer> {
    let Network { gone, .. } = &observed.network;
    let apps = desired.present().filter(|_| !gone.is_empty());
    apps.flat_map(|(_, present)| of_app(present, observed))
}

fn of_app<'a>(
    present: &'a Present,
    observed: &'a Observed,
) -> impl Iterator<Item = &'a DesiredContainer> {
    let is_cut_off = |service: &str, container: &DesiredContainer| {
        let found = observed.services.get(service);
        found.is_some_and(Service::is_up) && observed.network.members.contains(&container.name)
    };
    present
        .containers()
        .filter(move |(unit, container)| is_cut_off(&unit.service, container))
        .map(|(_, container)| container)
}

/// The loss of an app by the helpers that are gone.
#[must_use]
pub fn loss(present: &Present, observed: &Observed) -> Option<&'static str> {
    let helper = observed.network.gone.first()?;
    of_app(present, observed).next().map(|_| helper.loss())
}

/// Whether a container must be restarted because the process that forwards its ports is gone: that
/// one belongs to a single run of it.
#[must_use]
pub fn is_closed(service: &str, observed: &Observed) -> bool {
    observed.network.closed.contains_key(service)
        // The operator may publish other ports.
        && !observed.drop_ins.contains_key(service)
}

/// The services of present apps whose ports are closed, with their apps.
pub fn closed<'a>(
    desired: &'a Desired,
    observed: &'a Observed,
) -> impl Iterator<Item = (&'a AppId, &'a str)> {
    let apps = desired
        .present()
        .filter(|_| !observed.network.closed.is_empty());
    apps.flat_map(|(id, present)| present.containers().map(move |(unit, _)| (id, unit)))
        .map(|(id, unit)| (id, unit.service.as_str()))
        .filter(|(_, service)| is_closed(service, observed))
}

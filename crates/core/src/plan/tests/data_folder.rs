//! A data folder that is new, and one whose disk is not mounted.

use super::*;
use crate::cause::Rule;
use crate::data_folder::{Claim, NodeId, Refusal};
use crate::health::{State, report};
use crate::plan::guard;

#[test]
fn a_new_data_folder_is_claimed_before_anything_is_made_in_it() {
    let mut world = World::fresh();
    world.inputs.found.claim = Claim::Take(None);
    assert_eq!(
        world.lines()[..2],
        ["claim data", "generate secret web/token"]
    );
    // Where it cannot be, it is tried again later, and all else goes on.
    let (desired, plan) = (world.desired(), world.plan());
    let mut outcomes = vec![Outcome::Skipped; plan.actions.len()];
    outcomes[0] = Outcome::Failed(Cause::File("no space".to_owned()));
    world
        .reconciler
        .finished(&desired, &plan, &outcomes, world.now);
    assert!(!world.lines().contains(&"claim data".to_owned()));
    world.now += Duration::from_secs(10);
    assert_eq!(
        world.lines()[..2],
        ["claim data", "generate secret web/token"]
    );
    world.converge();
    assert_eq!(world.inputs.found.claim, Claim::Held);
}

#[test]
fn while_the_disk_of_the_data_is_not_mounted_nothing_is_done_and_the_cause_is_told() {
    let mut world = World::converged();
    let converged = world.host.clone();
    let claim = Claim::Refused(Refusal::NoMarker);
    world.inputs.found.claim = claim.clone();
    // The files on the disk are out of sight with it.
    world.inputs.secrets.clear();
    world.host.files.clear();
    world.host.folders.clear();
    world.stop("archy-web.service");
    assert!(world.plan().is_empty(), "{:?}", world.lines());
    let (desired, observed) = (world.desired(), world.observe());
    assert!(!needs_podman(&desired, &observed));
    let report = report(&desired, &observed, world.reconciler.retries());
    let [web] = report.apps.as_slice() else {
        panic!("{report:?}");
    };
    assert_eq!(web.state, State::Failed);
    for words in [
        "/data/node-id is missing",
        "mount the disk",
        "--accept-data",
    ] {
        assert!(web.message().contains(words), "{}", web.message());
    }
    // An app that is to go waits as well: its data are not there to be removed.
    world.intend("web", WantedState::Removed, true);
    assert!(world.plan().is_empty(), "{:?}", world.lines());
    // All of it is there again.
    let mut world = World::converged();
    world.host = converged;
    world.stop("archy-web.service");
    assert!(
        world
            .lines()
            .contains(&"start archy-web.service".to_owned())
    );
}

fn broken(world: &mut World, action: &Action) -> Option<Rule> {
    let plan = world.plan();
    let refused = guard::check(&world.desired(), &world.observe(), &plan, action).err();
    refused.map(|refused| refused.rule())
}

#[test]
fn the_data_folder_is_claimed_only_when_it_is_nobodys() {
    let id = || NodeId::from_random([7; 16]);
    let claim = |world: &mut World, id| broken(world, &of_host(HostStep::ClaimData(id)));
    let mut world = World::converged();
    assert_eq!(claim(&mut world, None), Some(Rule::Ours));
    world.inputs.found.claim = Claim::Take(Some(id()));
    assert_eq!(claim(&mut world, None), Some(Rule::Ours));
    assert_eq!(claim(&mut world, Some(id())), None);
    world.inputs.found.claim = Claim::Take(None);
    assert_eq!(claim(&mut world, None), None);
    // While its disk is not mounted, nothing at all is done.
    world.inputs.found.claim = Claim::Refused(Refusal::NoMarker);
    let start = AppStep::Start("archy-web.service".to_owned());
    for action in [
        of_host(HostStep::ClaimData(None)),
        of_host(HostStep::Reload),
        of_host(HostStep::RestartPodmanSocket),
        of_app("web", start),
    ] {
        assert_eq!(broken(&mut world, &action), Some(Rule::DataPresent));
    }
}

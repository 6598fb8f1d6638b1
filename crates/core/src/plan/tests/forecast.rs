//! A forecast predicts exactly the actions of the passes that follow.

use proptest::prelude::*;

use super::disturbed::{Disturbance, disturbance};
use super::lines::brief;
use super::world::*;
use crate::forecast::{Change, Changes, Forecast, Object, Sign, forecast, wanted};
use crate::intent::WantedState;
use crate::manifest::COMPOSE_FILE;
use crate::observed::{Observed, Podman};

impl World {
    /// A world that learns of images as a node does.
    fn learning() -> Self {
        let mut world = Self::fresh();
        world.learns_images = true;
        world
    }

    fn at_rest_and_learning() -> Self {
        let mut world = Self::learning();
        world.converge();
        world
    }

    /// The host with Podman asked, as for a plan.
    fn looked_at(&self) -> Observed {
        let mut observed = self.observe();
        if observed.podman == Podman::Unasked {
            observed.podman = Podman::Answered(self.podman.clone());
        }
        observed
    }

    fn foresee(&self) -> Forecast {
        let reconciler = self.reconciler.clone();
        forecast(self.inputs.clone(), self.looked_at(), reconciler, self.now)
    }

    /// The actions of all passes until nothing is left to do, in no time.
    fn done(&mut self) -> Vec<String> {
        let now = self.now;
        let mut lines = Vec::new();
        for _ in 0..PASSES_MAX {
            let plan = self.pass_cut_at(usize::MAX);
            self.now = now;
            lines.extend(plan.actions.iter().map(brief));
            if plan.is_empty() {
                return lines;
            }
        }
        panic!("it does not come to rest: {lines:#?}");
    }

    fn changes(&self) -> Changes {
        let before = wanted(self.inputs.clone());
        Changes::of(&before, &self.looked_at(), &self.foresee())
    }
}

/// Without the notes: they name invocations, and are made when Podman happens to be asked.
fn without_notes(lines: impl IntoIterator<Item = String>) -> Vec<String> {
    let lines = lines.into_iter();
    lines.filter(|line| !line.starts_with("remember")).collect()
}

fn check_agreement(mut world: World) {
    let foreseen = world.foresee();
    assert!(foreseen.is_complete, "{foreseen:#?}");
    let foreseen = without_notes(foreseen.actions.iter().map(brief));
    assert_eq!(foreseen, without_notes(world.done()));
}

#[test]
fn an_installation_is_foreseen_to_the_last_start() {
    check_agreement(World::learning());
}

#[test]
fn a_removal_is_foreseen_to_the_end_with_and_without_the_data() {
    for purge in [false, true] {
        let mut world = World::at_rest_and_learning();
        world.intend("web", WantedState::Removed, purge);
        check_agreement(world);
    }
}

#[test]
fn an_app_that_waits_for_another_is_foreseen() {
    let mut world = World::learning();
    world.install("top", &[(COMPOSE_FILE, ON_TOP)]);
    check_agreement(world);
}

/// Found by the property below: one container started, and made the network that was gone, before
/// the image of the other had come.
#[test]
fn a_start_after_an_image_has_come_is_foreseen() {
    let mut world = World::at_rest_and_learning();
    for disturbance in [
        Disturbance::LoseImage(1),
        Disturbance::Reboot,
        Disturbance::LoseNetwork,
    ] {
        world.disturb(&disturbance);
    }
    check_agreement(world);
}

#[test]
fn nothing_is_foreseen_at_rest() {
    let world = World::at_rest_and_learning();
    assert_eq!(world.changes(), Changes::default());
}

#[test]
fn changes_are_told_as_people_know_them() {
    let mut world = World::at_rest_and_learning();
    world.edit_definition("web:1", "web:2");
    world.edit_definition("8080:80", "8081:80");
    let before = World::at_rest_and_learning();
    let before = wanted(before.inputs);
    let changes = Changes::of(&before, &world.looked_at(), &world.foresee());
    let line = |change: &Change| {
        let Change {
            sign,
            object,
            name,
            reason,
            details,
        } = change;
        let reason = reason.as_ref().map_or("", |reason| reason.kind());
        format!(
            "{} {} {name} [{}] {reason}",
            sign.symbol(),
            object.word(),
            details.join(" ")
        )
    };
    let lines: Vec<String> = changes.apps[&id("web")].iter().map(line).collect();
    assert_eq!(
        lines,
        [
            "+ image docker.io/library/web:2 [to be pulled] ",
            "~ container archy-web-ui [PublishPort] outdated",
            "~ container archy-web [Image] outdated",
            "+ port 127.0.0.1:8081/tcp [] ",
            "- port 127.0.0.1:8080/tcp [] ",
            "~ service archy-web-ui.service [] outdated",
            "~ service archy-web.service [] outdated",
        ]
    );
    assert_eq!(changes.count(Sign::Restart), 2);
    let removed = |change: &&Change| change.object == Object::Port && change.sign == Sign::Remove;
    assert_eq!(changes.apps[&id("web")].iter().filter(removed).count(), 1);
}

proptest! {
    // A failing case becomes a named test; there is no file of seeds.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_foreseen_is_what_is_done(disturbances in prop::collection::vec(disturbance(), 0..6)) {
        let mut world = World::at_rest_and_learning();
        disturbances.iter().for_each(|disturbance| world.disturb(disturbance));
        check_agreement(world);
    }
}

//! The pulls and builds of a process. They end with it.

use std::collections::BTreeMap;
use std::time::Duration;

use archipelago_core::cause::Cause;
use archipelago_core::desired::{DesiredImage, Origin};
use archipelago_core::name::AppId;

use crate::host::podman::Object;
use crate::host::registry::{PULL_TIME, PullOutcome};
use crate::world::state::World;

/// The pulls by the image's reference.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pulls(BTreeMap<String, Pull>);

#[derive(Clone, Debug)]
struct Pull {
    image: DesiredImage,
    /// The label of ownership, if the image is built.
    label: Option<String>,
    /// `None` while its registry hangs.
    ends_at: Option<Duration>,
}

/// The image of an ended pull, and the reported result with the cause of a failure.
pub(crate) type Finished = (DesiredImage, Result<(), Cause>);

impl Pulls {
    pub(crate) fn begin(&mut self, world: &World, app: Option<&AppId>, image: &DesiredImage) {
        let hangs = world.registry.outcome == PullOutcome::Hangs;
        let is_built = matches!(image.origin, Origin::Build(_));
        let pull = Pull {
            image: image.clone(),
            label: app.filter(|_| is_built).map(AppId::to_string),
            ends_at: (!hangs).then(|| world.clock.since_boot + PULL_TIME),
        };
        self.0.entry(image.reference.to_string()).or_insert(pull);
    }

    pub(crate) fn references(&self) -> impl Iterator<Item = &String> {
        self.0.keys()
    }

    pub(crate) fn end_times(&self) -> impl Iterator<Item = Duration> {
        self.0.values().filter_map(|pull| pull.ends_at)
    }

    /// Lets hanging pulls end now.
    pub(crate) fn end_hanging(&mut self, now: Duration) {
        for pull in self.0.values_mut() {
            pull.ends_at.get_or_insert(now);
        }
    }

    /// Ends the pulls that are due, and adds their images to Podman.
    pub(crate) fn take_finished(&mut self, world: &mut World) -> Vec<Finished> {
        let now = world.clock.since_boot;
        let pulls = std::mem::take(&mut self.0).into_iter();
        let (ended, others) = pulls.partition(|(_, pull)| pull.ends_at.is_some_and(|at| at <= now));
        self.0 = others;
        let ended: BTreeMap<String, Pull> = ended;
        ended
            .into_iter()
            .map(|(reference, pull)| finish(world, reference, pull))
            .collect()
    }
}

fn finish(world: &mut World, reference: String, pull: Pull) -> Finished {
    let Pull { image, label, .. } = pull;
    (image, world.get_image(reference, label))
}

impl World {
    /// Pulls or builds an image, with the outcome that the registry has now.
    pub(crate) fn get_image(
        &mut self,
        reference: String,
        label: Option<String>,
    ) -> Result<(), Cause> {
        let (arrives, reports_success) = match self.registry.outcome {
            PullOutcome::Succeeds => (true, true),
            PullOutcome::SucceedsButReportsFailure => (true, false),
            PullOutcome::FailsButReportsSuccess => (false, true),
            PullOutcome::Fails | PullOutcome::Hangs => (false, false),
        };
        let result = if reports_success {
            Ok(())
        } else {
            Err(Cause::Podman(format!(
                "pull {reference}: connection refused"
            )))
        };
        if arrives {
            let object = Object {
                label,
                ..Object::default()
            };
            self.podman.images.entry(reference).or_insert(object);
            self.podman.changes += 1;
        }
        result
    }
}

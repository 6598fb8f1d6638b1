//! `archipelago rebuild` of the shop, whose companion is built of a base image that has changed.

use archipelago_core::cause::Cause;
use archipelago_core::intent::Intent;
use archipelago_core::name::AppId;
use archipelago_core::operation::{Effect, Request, propose};

use crate::apps::{SHOP, newer_bases};
use crate::host::podman::Reach;
use crate::process::call::CallError;
use crate::world::state::World;

impl World {
    /// The new intent and the images to build, as `core` works them out; `None` when it refuses.
    pub(crate) fn rebuilt(&self) -> Option<(Intent, Vec<String>)> {
        let request = Request::Rebuild {
            app: AppId::parse(SHOP).ok()?,
            found: Some(newer_bases()),
        };
        let proposal = propose(request, &self.inputs_with_images(), false).ok()?;
        let Effect::Rebuild(rebuild) = proposal.effect else {
            return None;
        };
        let images = rebuild.new_images.into_values();
        let images = images.map(|image| image.reference.to_string());
        Some((proposal.intent?, images.collect()))
    }

    /// The command's build of one of these images.
    pub(crate) fn build(&mut self, image: &str) -> Result<(), CallError> {
        self.try_call("build an image", |world| world.try_build(image))
    }

    /// As [`Self::build`], without a fault.
    pub(crate) fn try_build(&mut self, image: &str) -> Result<(), Cause> {
        if self.podman.reach != Reach::Answers {
            return Err(Cause::Podman(
                "build an image: connection refused".to_owned(),
            ));
        }
        self.get_image(image.to_owned(), Some(SHOP.to_owned()))
    }
}

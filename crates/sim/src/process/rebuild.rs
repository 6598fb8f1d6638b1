//! The builds of `archipelago rebuild`, before it changes the intent.

use archipelago_core::cause::Cause;

use crate::apps::SHOP;
use crate::host::podman::Reach;
use crate::process::call::CallError;
use crate::world::state::World;

impl World {
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

//! The events of an operation that is carried out.

use std::collections::BTreeSet;

use archipelago_core::health::AppHealth;
use archipelago_core::image_progress::ImageProgress;
use archipelago_core::pass;
use archipelago_host::lock::Holder;

#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// Another process has held the lock of passes for some seconds: this one, if the kernel tells.
    /// The wait goes on for ten minutes at most.
    Locked(Option<&'a Holder>),
    /// The progress of a base image that is fetched, or of the image that is built for a container.
    /// The app has not changed yet.
    Preparing(&'a str, &'a ImageProgress),
    /// The bytes of an import that are copied, of about so many. The app is not there yet.
    Copying { done: u64, total: u64 },
    /// The containers for which an image was built anew; none when no base image is newer.
    Rebuilt(&'a BTreeSet<String>),
    /// The images of an update are here; whether nothing is newer.
    Updating { is_unchanged: bool },
    /// A pass tried this action: for the operation's app, or for the host.
    Action(&'a pass::Event),
    /// The app's health after a pass.
    Health(&'a AppHealth),
}

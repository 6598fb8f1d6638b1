//! The events of an operation that is carried out.

use std::collections::BTreeSet;

use archipelago_core::health::AppHealth;
use archipelago_core::pass;
use archipelago_host::lock::Holder;

#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// Another process has held the lock of passes for some seconds: this one, if the kernel tells.
    /// The wait goes on for ten minutes at most.
    Locked(Option<&'a Holder>),
    /// Something is got ready; nothing of the app has changed yet.
    Preparing(&'a str),
    /// The containers whose image is built anew; none when no base image is newer.
    Rebuilds(&'a BTreeSet<String>),
    /// A pass tried this action: for the operation's app, or for the host.
    Action(&'a pass::Event),
    /// The app's health after a pass.
    Health(&'a AppHealth),
}

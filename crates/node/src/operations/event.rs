//! The events of an operation that is carried out.

use std::collections::BTreeSet;

use archipelago_core::health::AppHealth;
use archipelago_core::pass;

#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// Something is got ready; nothing of the app has changed yet.
    Preparing(&'a str),
    /// The containers whose image is built anew; none when no base image is newer.
    Rebuilds(&'a BTreeSet<String>),
    /// A pass tried this action: for the operation's app, or for the host.
    Action(&'a pass::Event),
    /// How the app is, after each pass.
    Health(&'a AppHealth),
}

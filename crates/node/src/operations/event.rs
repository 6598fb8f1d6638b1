//! The events of an operation that is carried out.

use archipelago_core::health::AppHealth;
use archipelago_core::pass;

#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// A pass tried this action: for the operation's app, or for the host.
    Action(&'a pass::Event),
    /// How the app is, after each pass.
    Health(&'a AppHealth),
}

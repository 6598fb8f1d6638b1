//! Archipelago's processes, the daemon and the commands: their calls on the host around core's own
//! reconciler.

mod apply;
pub(crate) mod call;
pub(crate) mod command;
mod files;
mod observe;
pub mod pass;
pub(crate) mod pulls;
mod rebuild;
mod request;
pub(crate) mod unfinished;

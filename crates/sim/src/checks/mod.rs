//! Checks of the invariants that need the whole host.

pub(crate) mod action;
pub(crate) mod isolation;
pub(crate) mod quiescence;
pub(crate) mod running;

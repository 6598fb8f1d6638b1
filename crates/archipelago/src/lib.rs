//! The program `archipelago`: the edges around `archipelago-core`.
//!
//! [`host`] looks at a host and does one thing at a time to it, [`manager`] makes one pass of the reconciler, [`daemon`] makes passes for as long
//! as it lives, [`bell`] wakes it, [`cli`] changes the operator's intent and makes passes until it is met. Policy is in `core`; an `if` about it here is a defect.

pub mod bell;
pub mod cli;
pub mod daemon;
pub mod definition;
pub mod host;
pub mod manager;
pub mod schedule;

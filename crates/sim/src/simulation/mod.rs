//! A host and its daemon through time.

mod channel;
mod command;
pub mod driver;
mod verdict;

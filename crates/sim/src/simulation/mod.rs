//! A host and its daemon through time.

mod channel;
pub mod driver;
mod verdict;

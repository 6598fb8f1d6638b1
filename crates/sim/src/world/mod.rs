//! The host as a whole: its parts, and the effects between them. Archipelago's processes are above
//! it.

pub mod boot;
pub mod containers;
pub mod desired;
pub mod foreign;
pub(crate) mod operations;
pub mod services;
pub mod state;

//! The host as a whole: its parts, and what happens between them. Nothing here knows of processes.

pub mod boot;
pub mod containers;
pub mod desired;
pub mod foreign;
pub(crate) mod operations;
pub mod services;
pub mod state;

//! The parts of a host. Each knows itself alone; `world` puts them together.

pub mod clock;
pub mod disk;
pub mod podman;
pub mod quadlet;
pub mod registry;
pub mod systemd;
pub mod unit;

//! The parts of a host, independent of each other. `world` joins them.

pub mod clock;
pub mod disk;
pub mod podman;
pub mod quadlet;
pub mod registry;
pub mod systemd;
pub mod unit;

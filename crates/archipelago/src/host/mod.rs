//! The edges: disk, systemd, Podman, images, probes. Each does what it is told and decides nothing.

pub mod apply;
pub mod disk;
pub mod facts;
pub mod folders;
pub mod generator;
pub mod image;
pub mod inputs;
pub mod lock;
pub mod observe;
pub mod podman;
pub mod probe;
pub mod seen;
pub mod stock;
pub mod suspects;
pub mod systemd;
pub mod watch;

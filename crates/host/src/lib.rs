//! The edges: disk, systemd, Podman, images, probes. Each does what it is told and decides nothing.

pub mod accounts;
pub mod apply;
pub mod base;
pub mod cache;
pub mod data_folder;
pub mod definition;
pub mod disk;
pub mod facts;
pub mod file_writers;
pub mod folders;
pub mod generator;
pub mod image;
pub mod inputs;
pub mod inventory;
pub mod journal;
pub mod links;
pub mod lock;
pub mod observe;
pub mod podman;
pub mod preflight;
pub mod pressure;
pub mod probe;
pub mod sockets;
pub mod systemd;
pub mod wakeup;
pub mod watch;

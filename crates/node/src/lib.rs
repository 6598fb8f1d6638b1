//! The living part: what makes passes, when it does, and how it is asked.

pub mod daemon;
pub mod driver;
pub mod engine;
pub mod handle;
pub mod heartbeat;
pub mod schedule;

pub use archipelago_host::sockets;

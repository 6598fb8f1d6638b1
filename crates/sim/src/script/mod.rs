//! Scripts of a simulation as data: they can be written to a file, read back and run again.

pub mod events;
pub mod fault;
pub mod intervention;
pub mod lines;

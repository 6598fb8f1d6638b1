//! The program `archipelago`: its doors.

pub mod cli;
pub mod daemon;

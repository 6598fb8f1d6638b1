//! The program `archipelago`: its doors.

pub mod api;
pub mod cli;

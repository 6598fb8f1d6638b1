//! The program `archipelago`: its doors.
//!
//! Nothing is printed but by the printer of the command line, which leaves out what a terminal
//! would act on.
#![deny(clippy::print_stdout, clippy::print_stderr)]

pub mod api;
pub mod cli;

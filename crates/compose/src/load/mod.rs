//! Compose files into one model: each file is filled in, joined with what it includes and extends,
//! laid over those before it, checked and expanded.
//!
//! Source: compose-go's `loader` package, whose order of steps this keeps.

mod environment;
mod extends;
mod file;
mod include;
mod loader;
mod project;
mod request;

pub use project::load;
pub use request::{Loaded, ReadError, ReadFile, Request, Variables};

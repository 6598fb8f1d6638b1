//! Short forms expanded into long ones, so that each key has one form from here on.
//!
//! A value of a kind that its key does not have is left alone: the tables of keys report it.
//!
//! Source: the Compose Specification; compose-go's `transform` package.

mod context;
mod defaults;
mod expand;
mod short;

pub(crate) use context::Context;
pub(crate) use defaults::{defaults, is_true};
pub(crate) use expand::canonical;

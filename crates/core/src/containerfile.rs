//! Containerfiles: their instructions, and the base images that they name.
//!
//! Nothing is checked here. Podman refuses a file that it cannot build.

mod bases;
mod lexer;
mod word;

pub(crate) use bases::bases;
pub(crate) use lexer::{ESCAPES, Instruction, logical_lines};
pub(crate) use word::expand;

#[cfg(test)]
mod tests;

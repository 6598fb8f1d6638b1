//! The languages around a Compose file, as the Compose Specification and its reference, compose-go, read them.
//!
//! Pure: no disk, clock, network or process; text and variables are arguments. Errors name places and
//! variables and never quote a value, because any value may be a password.

mod dotenv;
mod interpolate;

pub use dotenv::{DotenvError, DotenvProblem, read_dotenv};
pub use interpolate::{InterpolationError, interpolate};

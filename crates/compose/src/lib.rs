//! Compose files and the languages around them, as the Compose Specification and its reference,
//! compose-go, read them.
//!
//! [`load`] reads Compose files, the files that they include and extend, and their files of
//! variables. It returns one model or all errors, each with its file, line, column, key, reason and
//! way out.
//!
//! Pure: no disk, clock, network or process; files and variables are arguments. Errors name places,
//! keys and variables and never quote a value, because any value may be a password.

mod canonical;
mod consistency;
mod diagnostic;
mod dotenv;
mod interpolate;
pub mod limits;
mod load;
mod merge;
pub mod model;
mod node;
mod normalise;
mod number;
mod paths;
mod places;
mod problem;
mod scalar;
mod schema;
mod syntax;
mod trail;
mod tree;
mod unique;
mod walk;
mod yaml;

pub use diagnostic::{Diagnostic, Finding};
pub use dotenv::{DotenvError, DotenvProblem, read_dotenv, read_raw};
pub use interpolate::{InterpolationError, interpolate, interpolate_noting};
pub use load::{Loaded, ReadError, ReadFile, Request, Variables, load};
pub use model::Project;
pub use node::Place;
pub use places::Places;
pub use problem::{Problem, Warning};
pub use schema::known_keys;
pub use syntax::{Duration, SyntaxError};
pub use trail::Trail;
pub use tree::{Document, EntryView, View};

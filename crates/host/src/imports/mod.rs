//! Imports: reading the folder of an app that another system ran, and bringing its data here.
//!
//! The data are gathered in a folder of their own (`staging.rs`) and put in place by a rename, so
//! that no app ever starts on a part of them. The source is only read, unless it is to be moved.

mod error;
mod look;
mod moving;
mod programs;
mod read;
mod running;
mod staging;
#[cfg(test)]
mod tests;
mod transfer;

pub use error::Error;
pub use look::{first_link, ids, is_movable, scan, there, volume_folders};
pub use moving::move_folder;
pub use read::{definition_files, top_files};
pub use running::{Containers, running};
pub use staging::{Staging, abandoned, remove_abandoned, take_back};
pub use transfer::copy;

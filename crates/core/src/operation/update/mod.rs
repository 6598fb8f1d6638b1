//! `update`: a new version of an app that is put back when it does not work, with the data.

mod data;
mod gate;
mod images;
mod run;
mod state;
#[cfg(test)]
mod tests;

pub use data::{DataFacts, DataPlan, NotCopied};
pub use images::{FollowedTag, FoundTag, followed_tags, images_with};
pub use run::{FoundIntent, NextIntent, Update, UpdateEnding, UpdateStep};
pub use state::{Phase, UpdateState};

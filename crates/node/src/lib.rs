//! The living part of Archipelago: passes, when they are made, and what people ask for.

pub mod driver;
pub mod schedule;

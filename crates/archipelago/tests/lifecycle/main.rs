//! The promises of an installed Archipelago. Each test has a fresh host of its own.
//!
//! All files are one program, so that their hosts run side by side. `ARCHIPELAGO_TEST_SEED` repeats
//! the random instants of a run.

#[path = "../support/apps.rs"]
mod apps;
#[path = "../support/instants.rs"]
mod instants;
#[allow(dead_code, reason = "not every test program uses all of it")]
#[path = "../support/node.rs"]
mod node;
#[path = "../support/processes.rs"]
mod processes;
#[path = "../support/mod.rs"]
mod support;

mod commands;
mod compose_keys;
mod consent;
mod contention;
mod cut_short;
mod damaged_images;
mod dependants;
mod door;
mod events;
mod gate;
mod image_volumes;
mod images;
mod imports;
mod isolation;
mod jobs;
mod leftovers;
mod litecoin;
mod needs;
mod nesting;
mod plan;
mod planted;
mod publish;
mod quiet;
mod reasons;
mod rebuild;
mod records;
mod refusals;
mod releases;
mod removal;
mod repair;
mod store_apps;
mod store_scripts;
mod stores;
mod survival;
mod unmounted;
mod unreadable;
mod updates;
mod words;

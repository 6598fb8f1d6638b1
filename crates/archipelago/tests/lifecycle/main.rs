//! What an installed Archipelago promises over its life, each promise on a fresh host of its own.
//!
//! One program, so that the hosts of different files run side by side. `ARCHIPELAGO_TEST_SEED`
//! repeats a run's random instants.

#[path = "../support/apps.rs"]
mod apps;
#[path = "../support/instants.rs"]
mod instants;
#[allow(dead_code, reason = "not every test program does all of it")]
#[path = "../support/node.rs"]
mod node;
#[path = "../support/processes.rs"]
mod processes;
#[path = "../support/mod.rs"]
mod support;

mod commands;
mod contest;
mod cut_short;
mod damaged_images;
mod dependants;
mod door;
mod events;
mod gate;
mod image_volumes;
mod images;
mod isolation;
mod leftovers;
mod litecoin;
mod needs;
mod nesting;
mod publish;
mod quiet;
mod reasons;
mod rebuild;
mod records;
mod refusals;
mod releases;
mod removal;
mod repair;
mod survival;
mod unmounted;
mod unreadable;
mod words;

//! Faults of real machines, each on a host of its own: the message that a person sees meanwhile,
//! and the recovery.
//!
//! `docs/faults.md` lists them. This is the shorter set; `cargo xtask torture` kills and reboots
//! more often. `ARCHIPELAGO_TEST_SEED` repeats the random instants of a run.

#[allow(dead_code, reason = "not every test program installs all of them")]
#[path = "../support/apps.rs"]
mod apps;
#[path = "../support/foreign.rs"]
mod foreign;
#[path = "../support/instants.rs"]
mod instants;
#[allow(dead_code, reason = "not every test program uses all of it")]
#[path = "../support/node.rs"]
mod node;
#[path = "../support/mod.rs"]
mod support;

mod clocks;
mod disks;
mod fault;
mod kills;
mod network;
mod operator;
mod podman;
mod reboots;
mod sessions;
mod whole;

//! Bitcoin Core, electrs and lnd with their pages, for real, on one node: on regtest, by the
//! programs that
//! [`testhost::daemons`] builds. Slow to set up, so what does not disturb the rest shares a host.

#[allow(dead_code, reason = "the real apps are installed here")]
#[path = "../support/apps.rs"]
mod apps;
#[allow(dead_code, reason = "other test programs look at more")]
#[path = "../support/node.rs"]
mod node;
#[allow(dead_code, reason = "other test programs want other hosts")]
#[path = "../support/processes.rs"]
mod processes;
#[path = "../support/mod.rs"]
mod support;

mod browser;
mod calls;
mod channel;
mod heights;
mod pages;
mod reboots;
mod secrets;
mod stack;
mod stops;
mod sync;
mod together;
mod waiting;
mod wallet;

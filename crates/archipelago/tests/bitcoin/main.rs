//! The real Bitcoin Core, electrs and lnd with their pages on one node, on regtest.
//! [`testhost::daemons`] builds the programs. The setup is slow, so tests that do not disturb each
//! other share a host.

#[allow(dead_code, reason = "the real apps are installed here")]
#[path = "../support/apps.rs"]
mod apps;
#[allow(dead_code, reason = "other test programs use all of it")]
#[path = "../support/node.rs"]
mod node;
#[allow(dead_code, reason = "other test programs use other hosts")]
#[path = "../support/processes.rs"]
mod processes;
#[path = "../support/mod.rs"]
mod support;

mod browser;
mod calls;
mod channel;
mod friends;
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

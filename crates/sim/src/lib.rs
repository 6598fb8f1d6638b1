//! Archipelago's reconciler in a world in memory: disk, systemd, Podman, registry and clocks, with faults at any step.
//!
//! It drives `core`'s own code: what is planned, in which order it is applied, what a failure leaves out and when it is tried again is not
//! written here a second time. What is written here are the edges ([`world`], `hands`, `look`), and a test on real hosts compares them with the
//! real ones. Deterministic: a script, or the seed that it is made of, always leads to the same end. `docs/simulation.md` says what
//! is simulated and what is not.

pub mod apps;
pub mod deeds;
pub mod events;
pub mod exhaustive;
pub mod faults;
mod hands;
pub mod invariants;
mod look;
pub mod manager;
pub mod mutation;
pub mod play;
pub mod random;
mod rest;
pub mod script;
pub mod shrink;
pub mod world;

//! Archipelago's reconciler on a host in memory, with faults at any call.
//!
//! It drives `core`'s own code for the plan, the order of actions, the effects of failures, retries
//! and the requests of commands with their refusals. Only the edges are written a second time:
//! `process` is the counterpart of the program's `host`, and a test on real hosts compares the two.
//! Everything is deterministic: a script, or its seed, always leads to the same end.
//! `docs/simulation.md` lists the simulated parts of a host and those that are left out.
//!
//! From the bottom up:
//!
//! | | |
//! |---|---|
//! | `host` | the parts of a host, each alone: disk, systemd, Podman, Quadlet, registry, clock |
//! | `script` | scripts as data: interventions, faults, events |
//! | `world` | the parts together: services that run containers, boots, the desired state |
//! | `operator` | the effects of interventions |
//! | `checks` | comparisons of the host with the desired state |
//! | `process` | calls that faults strike, observation, actions, a pass |
//! | `simulation` | a host and its daemon through time, and the verdict |
//! | `search` | every placement of faults in small scripts, and random scripts |

pub mod apps;
mod checks;
pub mod host;
pub mod invariants;
pub mod mutation;
pub mod operator;
pub mod process;
pub mod script;
pub mod search;
pub mod simulation;
pub mod world;

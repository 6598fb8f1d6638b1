//! One measurement of the daemon.

/// The daemon at one moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    pub(super) second: f64,
    pub(super) memory_mb: f64,
    pub(super) files: f64,
    pub(super) restarts: f64,
}

//! Services that run to their end, such as a migration of a database.

/// A service that runs to its end. It runs at each start of its app, before the services that
/// depend on it, and not again after its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Job {
    /// It runs once, and may fail.
    Once,
    /// It is tried again until it ends without error (`restart: on-failure`).
    UntilSuccess,
}

/// The state of another service for which one waits before it starts (`depends_on`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Awaited {
    /// It has been started; a job has ended, in whatever way.
    Started,
    /// Its health check has succeeded.
    Healthy,
    /// It has ended without error.
    Completed,
}

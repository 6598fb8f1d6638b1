//! The D-Bus paths of systemd's objects.

use std::fmt;

use zbus::OwnedObjectPath;

/// The prefix of all units' object paths.
pub(super) const UNITS: &str = "/org/freedesktop/systemd1/unit";

/// The D-Bus path of a queued job; never used twice while the manager lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobPath(pub(super) OwnedObjectPath);

impl fmt::Display for JobPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str())
    }
}

//! The system's unit of the user's systemd: `user@UID.service`, `user@.service(5)`.

use std::time::Duration;

use super::{system, unit_path};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UserManager {
    /// Whether it is started again when it was killed.
    pub returns: bool,
    /// The time to stop it with all of the user's services; none for as long as they need.
    pub stop_limit: Option<Duration>,
}

/// Asks the system's manager how it keeps this user's.
///
/// # Errors
/// When it cannot be asked.
pub async fn user_manager(uid: u32) -> zbus::Result<UserManager> {
    let unit = system(
        "org.freedesktop.systemd1",
        unit_path(&format!("user@{uid}.service")).to_string(),
        "org.freedesktop.systemd1.Service",
    )
    .await?;
    let restart: String = unit.get_property("Restart").await?;
    let stop_limit: u64 = unit.get_property("TimeoutStopUSec").await?;
    Ok(UserManager {
        returns: !matches!(restart.as_str(), "no" | "on-success"),
        stop_limit: (stop_limit != u64::MAX).then(|| Duration::from_micros(stop_limit)),
    })
}

//! The time since something, for people.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The time since then, in the largest unit of which there are two.
pub(super) fn ago(unix_s: u64, now: SystemTime) -> String {
    let then = UNIX_EPOCH + Duration::from_secs(unix_s);
    let since = now.duration_since(then).unwrap_or_default().as_secs();
    match since {
        0..120 => format!("{since} s"),
        120..7_200 => format!("{} min", since / 60),
        7_200..172_800 => format!("{} h", since / 3_600),
        _ => format!("{} days", since / 86_400),
    }
}

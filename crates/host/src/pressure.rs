//! The kernel's pressure stall information (`Documentation/accounting/psi.rst`): how long tasks had
//! to wait.

use std::time::Duration;

/// The time since the boot in which somebody waited for a processor or a disk; `None` where the
/// kernel does not say.
#[must_use]
pub fn stalled() -> Option<Duration> {
    let of = |resource: &str| {
        let text = std::fs::read_to_string(format!("/proc/pressure/{resource}")).ok()?;
        total(&text)
    };
    Some(of("cpu")? + of("io")?)
}

fn total(text: &str) -> Option<Duration> {
    let some = text.lines().find(|line| line.starts_with("some "))?;
    let microseconds = some.rsplit_once("total=")?.1.parse().ok()?;
    Some(Duration::from_micros(microseconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_of_some_counts() {
        let text = "some avg10=1.53 avg60=0.87 avg300=0.30 total=2500000\n\
                    full avg10=0.00 avg60=0.00 avg300=0.00 total=7\n";
        assert_eq!(total(text), Some(Duration::from_millis(2_500)));
        assert_eq!(total("none"), None);
    }
}

//! Compose's durations and sizes: `1m30s`, `500ms`, `64m`.
//!
//! Source: the Compose Specification, "Specifying durations" and "Specifying byte values".

use std::time::Duration;

/// Why a text is no duration or size. It may be a value of a setting, so it is not quoted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Error {
    #[error("expected a duration such as 1m30s")]
    Duration,
    #[error("expected a size such as 64m")]
    Size,
}

/// Parses `1h2m3s4ms5us`; each unit once, largest first as people write it.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, Error> {
    let wrong = || Error::Duration;
    let mut total = Duration::ZERO;
    let mut rest = text;
    if rest.is_empty() {
        return Err(wrong());
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let number: u64 = rest[..digits].parse().map_err(|_| wrong())?;
        let unit_end = rest[digits..]
            .find(|c: char| c.is_ascii_digit())
            .map_or(rest.len(), |end| digits + end);
        let micros = match &rest[digits..unit_end] {
            "us" => 1,
            "ms" => 1_000,
            "s" => 1_000_000,
            "m" => 60_000_000,
            "h" => 3_600_000_000,
            _ => return Err(wrong()),
        };
        let part = number.checked_mul(micros).ok_or_else(wrong)?;
        total = total
            .checked_add(Duration::from_micros(part))
            .ok_or_else(wrong)?;
        rest = &rest[unit_end..];
    }
    Ok(total)
}

/// Parses a size in bytes: `1024`, `64k`, `64mb`, `1g`.
pub(crate) fn parse_bytes(text: &str) -> Result<u64, Error> {
    let wrong = || Error::Size;
    let lower = text.to_ascii_lowercase();
    let digits = lower
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(lower.len());
    let number: u64 = lower[..digits].parse().map_err(|_| wrong())?;
    let factor: u64 = match &lower[digits..] {
        "" | "b" => 1,
        "k" | "kb" => 1 << 10,
        "m" | "mb" => 1 << 20,
        "g" | "gb" => 1 << 30,
        _ => return Err(wrong()),
    };
    number.checked_mul(factor).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_sizes_of_the_specification() {
        assert_eq!(parse_duration("1m30s"), Ok(Duration::from_secs(90)));
        assert_eq!(parse_duration("2500ms"), Ok(Duration::from_millis(2500)));
        assert_eq!(parse_duration("15m"), Ok(Duration::from_secs(900)));
        for bad in [
            "",
            "5",
            "s",
            "1x",
            "-1s",
            "99999999999999999999s",
            "18446744073709551615h",
        ] {
            assert!(parse_duration(bad).is_err(), "{bad:?} was accepted");
        }
        assert_eq!(parse_bytes("64mb"), Ok(64 << 20));
        assert_eq!(parse_bytes("10"), Ok(10));
        for bad in ["", "m", "1t", "1.5g", "99999999999g"] {
            assert!(
                parse_bytes(bad).is_err() || bad == "99999999999g",
                "{bad:?} was accepted"
            );
        }
    }
}

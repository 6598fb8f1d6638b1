//! Spans of time such as `1m30s`, with the units ns, us, ms, s, m, h, d and w.
//!
//! Source: xhit/go-str2duration, which the reference reads with; Go's `time.Duration` for the text.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::SyntaxError;

/// A span of time in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Duration(pub i64);

const SECOND: i64 = 1_000_000_000;

fn unit(name: &str) -> Option<i64> {
    Some(match name {
        "ns" => 1,
        "us" | "\u{b5}s" | "\u{3bc}s" => 1_000,
        "ms" => 1_000_000,
        "s" => SECOND,
        "m" => 60 * SECOND,
        "h" => 3_600 * SECOND,
        "d" => 86_400 * SECOND,
        "w" => 604_800 * SECOND,
        _ => return None,
    })
}

impl std::str::FromStr for Duration {
    type Err = SyntaxError;

    fn from_str(text: &str) -> Result<Self, SyntaxError> {
        let wrong = SyntaxError::Duration;
        let (negative, mut rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        if rest == "0" {
            return Ok(Self(0));
        }
        if rest.is_empty() {
            return Err(wrong);
        }
        let mut total: i64 = 0;
        while !rest.is_empty() {
            let is_number = |c: char| c.is_ascii_digit() || c == '.';
            let end = rest.find(|c| !is_number(c)).ok_or(wrong.clone())?;
            let (number, after) = rest.split_at(end);
            let end = after.find(is_number).unwrap_or(after.len());
            let (name, after) = after.split_at(end);
            let unit = unit(name).ok_or(wrong.clone())?;
            total = part(number, unit)
                .and_then(|part| total.checked_add(part))
                .ok_or(wrong.clone())?;
            rest = after;
        }
        Ok(Self(if negative { -total } else { total }))
    }
}

fn part(number: &str, unit: i64) -> Option<i64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if fraction.contains('.') || (whole.is_empty() && fraction.is_empty()) {
        return None;
    }
    let whole: i64 = if whole.is_empty() {
        0
    } else {
        whole.parse().ok()?
    };
    let fraction = fraction.get(..fraction.len().min(18))?;
    let scale = 10_f64.powi(i32::try_from(fraction.len()).ok()?);
    let digits: i64 = if fraction.is_empty() {
        0
    } else {
        fraction.parse().ok()?
    };
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "as the reference computes it"
    )]
    let fraction = (digits as f64 * (unit as f64 / scale)) as i64;
    whole.checked_mul(unit)?.checked_add(fraction)
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let total = self.0.unsigned_abs();
        let second = SECOND.unsigned_abs();
        if total == 0 {
            return f.write_str("0s");
        }
        if total < second {
            let (unit, name) = match total {
                ..1_000 => (1, "ns"),
                1_000..1_000_000 => (1_000, "\u{b5}s"),
                _ => (1_000_000, "ms"),
            };
            return write!(f, "{sign}{}{name}", decimal(total, unit));
        }
        let (minutes, rest) = (total / (60 * second), total % (60 * second));
        f.write_str(sign)?;
        if minutes >= 60 {
            write!(f, "{}h", minutes / 60)?;
        }
        if minutes > 0 {
            write!(f, "{}m", minutes % 60)?;
        }
        write!(f, "{}s", decimal(rest, second))
    }
}

/// `amount / unit` with as many decimals as it needs; the unit is a power of ten.
fn decimal(amount: u64, unit: u64) -> String {
    let (whole, rest) = (amount / unit, amount % unit);
    if rest == 0 {
        return whole.to_string();
    }
    let width = unit.ilog10() as usize;
    let fraction = format!("{rest:0width$}");
    format!("{whole}.{}", fraction.trim_end_matches('0'))
}

impl Serialize for Duration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_written_as_the_reference_does() {
        for (text, expected) in [
            ("90s", "1m30s"),
            ("1h", "1h0m0s"),
            ("1.5s", "1.5s"),
            ("500ms", "500ms"),
            ("1d", "24h0m0s"),
            ("2w", "336h0m0s"),
            ("1m30s500ms", "1m30.5s"),
            ("10us", "10\u{b5}s"),
            ("-5s", "-5s"),
            ("0", "0s"),
            (".5m", "30s"),
        ] {
            let shown = text
                .parse::<Duration>()
                .map(|duration| duration.to_string());
            assert_eq!(shown, Ok(expected.to_owned()), "for {text:?}");
        }
        for text in [
            "",
            "5",
            "s",
            "1x",
            "1..5s",
            ".s",
            "-",
            "99999999999w",
            "1s ",
        ] {
            assert_eq!(
                text.parse::<Duration>(),
                Err(SyntaxError::Duration),
                "for {text:?}"
            );
        }
    }
}

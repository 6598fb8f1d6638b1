//! Numbers, sizes, truth values and permission bits written as text.
//!
//! Source: compose-go's casts, docker/go-units `RAMInBytes`.

use super::SyntaxError;
use crate::scalar;

/// A truth value; `yes` and `no` count, as in YAML 1.1.
pub(crate) fn boolean(text: &str) -> Result<bool, SyntaxError> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "y" | "yes" | "on" => Ok(true),
        "false" | "n" | "no" | "off" => Ok(false),
        _ => Err(SyntaxError::Bool),
    }
}

/// A decimal whole number.
pub(crate) fn number(text: &str) -> Result<i64, SyntaxError> {
    text.parse().map_err(|_| SyntaxError::Whole)
}

/// How many devices; -1 for all.
pub(crate) fn count(text: &str) -> Result<i64, SyntaxError> {
    match text.eq_ignore_ascii_case("all") {
        true => Ok(-1),
        false => number(text).map_err(|_| SyntaxError::Count),
    }
}

pub(crate) fn real(text: &str) -> Result<f64, SyntaxError> {
    let amount: f64 = text.parse().map_err(|_| SyntaxError::Number)?;
    amount
        .is_finite()
        .then_some(amount)
        .ok_or(SyntaxError::Number)
}

/// A umask as YAML writes whole numbers: octal after a leading 0.
pub(crate) fn umask(text: &str) -> Result<u32, SyntaxError> {
    let amount = scalar::whole(text).and_then(|amount| u32::try_from(amount).ok());
    amount.ok_or(SyntaxError::Mode)
}

/// Bytes: a number, or one with a binary unit such as `512m`, `1.5 GiB` or `10kb`.
pub(crate) fn size(text: &str) -> Result<i64, SyntaxError> {
    if let Ok(bytes) = text.parse() {
        return Ok(bytes);
    }
    let digits = text.rfind(|c: char| c.is_ascii_digit() || c == '.' || c == ' ');
    let (number, unit) = text.split_at(digits.ok_or(SyntaxError::Size)? + 1);
    let amount: f64 = number
        .strip_suffix(' ')
        .unwrap_or(number)
        .parse()
        .map_err(|_| SyntaxError::Size)?;
    let unit = unit.to_ascii_lowercase();
    let factor: u64 = match unit
        .strip_suffix("ib")
        .or(unit.strip_suffix('b'))
        .unwrap_or(&unit)
    {
        "" if unit == "ib" => return Err(SyntaxError::Size),
        "" => 1,
        "k" => 1 << 10,
        "m" => 1 << 20,
        "g" => 1 << 30,
        "t" => 1 << 40,
        "p" => 1 << 50,
        _ => return Err(SyntaxError::Size),
    };
    #[expect(clippy::cast_precision_loss, reason = "the factors are powers of two")]
    let bytes = amount * factor as f64;
    if !(0.0..9.2e18).contains(&bytes) {
        return Err(SyntaxError::Size);
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the range is checked, and the reference cuts fractions off"
    )]
    Ok(bytes as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_binary_units() {
        for (text, expected) in [
            ("512m", Ok(536_870_912)),
            ("1g", Ok(1_073_741_824)),
            ("1.5 GiB", Ok(1_610_612_736)),
            ("10kb", Ok(10_240)),
            ("64b", Ok(64)),
            ("-1", Ok(-1)),
            ("2048", Ok(2048)),
            ("-1k", Err(SyntaxError::Size)),
            ("m", Err(SyntaxError::Size)),
            ("1ib", Err(SyntaxError::Size)),
            ("1x", Err(SyntaxError::Size)),
            ("1e30", Err(SyntaxError::Size)),
            ("", Err(SyntaxError::Size)),
        ] {
            assert_eq!(size(text), expected, "for {text:?}");
        }
    }

    #[test]
    fn a_umask_is_octal_after_a_zero() {
        assert_eq!(umask("077"), Ok(0o77));
        assert_eq!(umask("0o77"), Ok(0o77));
        assert_eq!(umask("77"), Ok(77));
        assert_eq!(umask("9x"), Err(SyntaxError::Mode));
    }
}

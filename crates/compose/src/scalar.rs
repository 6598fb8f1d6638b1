//! The type of a plain scalar of YAML: null, a boolean, a number or text.
//!
//! The reference turns numbers into text as Go does: `1.10` becomes `1.1` and `0600` becomes `384`.
//! This crate does the same, so that an app runs here as it runs there. The reader warns where the
//! text changes.
//!
//! Source: go.yaml.in/yaml/v4, `resolver.go`.

use crate::node::Value;
use crate::number::{Amount, Number};

/// Resolves a plain scalar.
pub(crate) fn plain(text: String) -> Value {
    match text.as_str() {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    match amount(&text) {
        Some(amount) => Value::Number(Number {
            written: text,
            amount,
        }),
        None => Value::Text(text),
    }
}

fn amount(text: &str) -> Option<Amount> {
    let first = text.bytes().next()?;
    if !matches!(first, b'0'..=b'9' | b'+' | b'-' | b'.') {
        return None;
    }
    match text {
        ".nan" | ".NaN" | ".NAN" => return Some(Amount::Real(f64::NAN)),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => {
            return Some(Amount::Real(f64::INFINITY));
        }
        "-.inf" | "-.Inf" | "-.INF" => return Some(Amount::Real(f64::NEG_INFINITY)),
        "-0" | "-0.0" => return Some(Amount::Real(-0.0)),
        _ => {}
    }
    let bare = text.replace('_', "");
    if first != b'.'
        && let Some(amount) = whole(&bare)
    {
        return Some(Amount::Whole(amount));
    }
    is_real(&bare)
        .then(|| bare.parse().ok().filter(|amount: &f64| amount.is_finite()))
        .flatten()
        .map(Amount::Real)
}

/// As Go's `ParseInt` with base 0: a leading `0` or `0o` is octal, `0x` hexadecimal, `0b` binary.
pub(crate) fn whole(text: &str) -> Option<i128> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let lower = digits.to_ascii_lowercase();
    let (base, digits) = match lower.as_bytes() {
        [b'0', b'x', ..] => (16, &digits[2..]),
        [b'0', b'o', ..] => (8, &digits[2..]),
        [b'0', b'b', ..] => (2, &digits[2..]),
        [b'0', _, ..] => (8, &digits[1..]),
        _ => (10, digits),
    };
    if !digits.starts_with(|c: char| c.is_ascii_hexdigit()) {
        return None;
    }
    let amount = i128::from_str_radix(digits, base).ok()?;
    let amount = if negative { -amount } else { amount };
    let range = if text.starts_with(['-', '+']) {
        i128::from(i64::MIN)..=i128::from(i64::MAX)
    } else {
        0..=i128::from(u64::MAX)
    };
    range.contains(&amount).then_some(amount)
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn is_real(text: &str) -> bool {
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (digits, exponent) = match text.split_once(['e', 'E']) {
        Some((digits, exponent)) => (digits, Some(exponent)),
        None => (text, None),
    };
    let all_digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let (before, after) = digits.split_once('.').unwrap_or((digits, ""));
    let exponent_fits = exponent.is_none_or(|exponent| {
        let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        !exponent.is_empty() && all_digits(exponent)
    });
    all_digits(before)
        && all_digits(after)
        && !(before.is_empty() && after.is_empty())
        && exponent_fits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_are_what_the_reference_makes_of_them() {
        for (text, expected) in [
            ("1.10", "number 1.1"),
            ("0600", "number 384"),
            ("0o17", "number 15"),
            ("0x1F", "number 31"),
            ("1_000", "number 1000"),
            ("08", "number 8"),
            ("1e3", "number 1000"),
            ("1e21", "number 1e+21"),
            ("0.00001", "number 1e-05"),
            ("-5", "number -5"),
            (".5", "number 0.5"),
            ("18446744073709551615", "number 18446744073709551615"),
            ("yes", "text yes"),
            ("True", "bool true"),
            ("1.2.3", "text 1.2.3"),
            ("12:30", "text 12:30"),
            ("1k", "text 1k"),
            ("-", "text -"),
            ("~", "nothing"),
        ] {
            let shown = match plain(text.to_owned()) {
                Value::Null => "nothing".to_owned(),
                Value::Bool(value) => format!("bool {value}"),
                Value::Number(number) => format!("number {number}"),
                Value::Text(text) => format!("text {text}"),
                Value::List(_) | Value::Map(_) => "not a scalar".to_owned(),
            };
            assert_eq!(shown, expected, "for {text:?}");
        }
    }
}

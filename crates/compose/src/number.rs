//! A number of YAML, how it was written, and the text that the reference makes of it.
//!
//! Source: Go's `strconv` for `%v`.

use std::cmp::Ordering;
use std::fmt;

/// A number, and how it was written.
#[derive(Clone, Debug)]
pub(crate) struct Number {
    pub written: String,
    pub amount: Amount,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Amount {
    /// A whole number of 64 bits, with or without sign.
    Whole(i128),
    Real(f64),
}

impl Number {
    pub(crate) fn whole(amount: i128) -> Self {
        Self {
            written: amount.to_string(),
            amount: Amount::Whole(amount),
        }
    }
}

impl Amount {
    fn key(self) -> (u8, i128, u64) {
        match self {
            Self::Whole(amount) => (0, amount, 0),
            Self::Real(amount) => (1, 0, amount.to_bits()),
        }
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}
impl Eq for Number {}
impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        self.amount.key().cmp(&other.amount.key())
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.amount {
            Amount::Whole(amount) => write!(f, "{amount}"),
            Amount::Real(amount) => f.write_str(&real(amount)),
        }
    }
}

/// As Go's `%v` writes it: the shortest digits, with an exponent below 1e-4 and from 1e21 on.
fn real(amount: f64) -> String {
    if amount.is_nan() {
        return "NaN".to_owned();
    }
    if amount.is_infinite() {
        return if amount > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let scientific = format!("{amount:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if amount != 0.0 && !(-4..21).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{digits}e{sign}{:02}", exponent.abs());
    }
    format!("{amount}")
}

//! The name of one operation: in its record, in the reasons of actions and in the journal.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Names one operation. Later ones sort after earlier ones, as values and as text: it holds when it
/// was asked for, in milliseconds since 1970, and a random number for two within the same one. It
/// is no secret, and nothing is read out of it but its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct OperationId {
    asked_ms: u64,
    random: u32,
}

/// A text that does not name an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the name of an operation is 12 and 8 hexadecimal digits with a hyphen between them")]
pub struct OperationIdError;

/// So many bits of the time are kept: enough until the year 10889.
const TIME_BITS: u32 = 48;

impl OperationId {
    /// `asked` is the time since 1970 by the wall clock.
    #[must_use]
    pub fn new(asked: Duration, random: u32) -> Self {
        let limit = (1 << TIME_BITS) - 1;
        let asked_ms = u64::try_from(asked.as_millis()).map_or(limit, |asked| asked.min(limit));
        Self { asked_ms, random }
    }

    /// Reads what [`fmt::Display`] writes, and no other spelling of it: an operation has one name.
    ///
    /// # Errors
    /// For everything else.
    pub fn parse(text: &str) -> Result<Self, OperationIdError> {
        let digits = |text: &str, count| {
            let is_digit = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
            let fits = text.len() == count && text.bytes().all(is_digit);
            fits.then(|| u64::from_str_radix(text, 16).ok()).flatten()
        };
        let (asked, random) = text.split_once('-').ok_or(OperationIdError)?;
        let random = digits(random, 8).and_then(|random| u32::try_from(random).ok());
        Ok(Self {
            asked_ms: digits(asked, 12).ok_or(OperationIdError)?,
            random: random.ok_or(OperationIdError)?,
        })
    }
}

impl fmt::Display for OperationId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { asked_ms, random } = self;
        write!(formatter, "{asked_ms:012x}-{random:08x}")
    }
}

impl FromStr for OperationId {
    type Err = OperationIdError;

    fn from_str(text: &str) -> Result<Self, OperationIdError> {
        Self::parse(text)
    }
}

impl TryFrom<String> for OperationId {
    type Error = OperationIdError;

    fn try_from(text: String) -> Result<Self, OperationIdError> {
        Self::parse(&text)
    }
}

impl From<OperationId> for String {
    fn from(id: OperationId) -> Self {
        id.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_time_as_values_and_as_text() {
        let times = [0, 1, 255, 256, 1_764_202_132_000, u64::MAX];
        let ids: Vec<OperationId> = times
            .iter()
            .flat_map(|ms| [0, 7, u32::MAX].map(|random| (ms, random)))
            .map(|(ms, random)| OperationId::new(Duration::from_millis(*ms), random))
            .collect();
        let texts: Vec<String> = ids.iter().map(OperationId::to_string).collect();
        assert!(ids.is_sorted() && texts.is_sorted(), "{texts:?}");
        for (id, text) in ids.iter().zip(&texts) {
            assert_eq!(OperationId::parse(text), Ok(*id));
        }
        assert_eq!(
            OperationId::new(Duration::from_millis(1_764_202_132_000), 0xbeef).to_string(),
            "019ac2a43220-0000beef"
        );
    }

    #[test]
    fn one_operation_has_one_name() {
        for text in [
            "",
            "-",
            "019ac2a43220",
            "019ac2a43220-0000bee",
            "019ac2a43220-0000beef0",
            "019AC2A43220-0000beef",
            "+19ac29fb220-0000beef",
            "019ac2a43220-0000beef-",
            "../019ac2a43220-0000beef",
        ] {
            assert_eq!(OperationId::parse(text), Err(OperationIdError), "{text:?}");
        }
    }

    #[test]
    fn an_id_is_a_text_in_json() {
        let id = OperationId::new(Duration::from_millis(5), 6);
        let json = serde_json::to_string(&id).unwrap();
        assert_eq!(json, "\"000000000005-00000006\"");
        assert_eq!(serde_json::from_str::<OperationId>(&json).unwrap(), id);
        assert!(serde_json::from_str::<OperationId>("\"5-6\"").is_err());
    }
}

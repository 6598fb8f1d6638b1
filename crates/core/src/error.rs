//! Errors as people read them.

use std::error::Error;

use crate::printable::lines;

/// An error with all its causes, fit for a terminal and a log.
#[must_use]
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    lines(&text).into_owned()
}

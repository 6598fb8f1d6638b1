//! How a function of ours that templates call refuses what it was given.

/// The reason why a function of ours refuses its argument, in words for the person who chose the
/// setting. They quote no value.
#[derive(Debug, thiserror::Error)]
#[error("{words}")]
pub(super) struct Refusal {
    pub words: String,
    /// The text that is refused. It tells which setting it is of, and is not shown.
    pub text: Option<String>,
}

pub(super) fn refuse(words: impl Into<String>, text: Option<String>) -> minijinja::Error {
    let words = words.into();
    let refusal = Refusal { words, text };
    minijinja::Error::new(minijinja::ErrorKind::InvalidOperation, "refused").with_source(refusal)
}

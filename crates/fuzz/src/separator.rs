//! The character between the parts of an input.

/// Texts may hold every other character.
pub(crate) const SEPARATOR: char = '\u{1e}';

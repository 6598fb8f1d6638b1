//! Compose's variables in text: `$NAME`, `${NAME}`, the operators `:-`, `-`, `:?`, `?`, `:+`, `+`
//! with nested variables in what follows them, and `$$` for a dollar sign.
//!
//! Source: the Compose Specification, "Interpolation", and compose-go's `template` package.

use std::cell::Cell;

use thiserror::Error;

/// Deeper than any honest file nests variables; bounds the stack.
const DEPTH_MAX: usize = 32;
/// Longer than any honest value; variables that hold each other could double it with every line.
const VALUE_BYTES_MAX: usize = 4 << 20;

/// Why a text with variables has no value.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InterpolationError {
    /// A `${` without its `}`.
    #[error("a `${{` without its `}}`; write a dollar sign as `$$`")]
    Unclosed,
    /// The braces hold no name, or an unknown operator.
    #[error(
        "the braces of a `${{…}}` hold no variable; write ${{NAME}}, ${{NAME:-default}}, ${{NAME:?message}} or ${{NAME:+other}}, and a dollar sign as `$$`"
    )]
    Malformed,
    /// `${NAME:?message}` without a value for `NAME`. The message is the author's, as written.
    #[error("the variable {name} needs a value{}{message}", if message.is_empty() { "" } else { ": " })]
    Required {
        /// The variable's name.
        name: String,
        /// The author's message after the `?`.
        message: String,
    },
    /// Variables within variables beyond the limit.
    #[error("variables nested more than {DEPTH_MAX} levels deep")]
    TooDeep,
    /// Values that grow beyond the limit.
    #[error("variables that make a text of more than {VALUE_BYTES_MAX} bytes")]
    TooLong,
}

/// Replaces the variables in `text`. A variable without a value becomes the empty text, as in
/// Compose.
pub fn interpolate(
    text: &str,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Result<String, InterpolationError> {
    interpolate_noting(text, lookup, &|_| ())
}

/// The same; `unset` is called with each variable that has neither a value nor a default, by its
/// name if it stands in braces. A word after a plain dollar sign may be a part of a password.
pub fn interpolate_noting(
    text: &str,
    lookup: &dyn Fn(&str) -> Option<String>,
    unset: &dyn Fn(Option<&str>),
) -> Result<String, InterpolationError> {
    let scope = Scope {
        lookup,
        unset,
        room: Cell::new(VALUE_BYTES_MAX),
    };
    scope.substitute(text, 0)
}

struct Scope<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
    unset: &'a dyn Fn(Option<&str>),
    /// Bytes that may still be made.
    room: Cell<usize>,
}

impl Scope<'_> {
    fn substitute(&self, text: &str, depth: usize) -> Result<String, InterpolationError> {
        if depth > DEPTH_MAX {
            return Err(InterpolationError::TooDeep);
        }
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(start) = rest.find('$') {
            self.push(&mut out, &rest[..start])?;
            rest = &rest[start + 1..];
            if let Some(after) = rest.strip_prefix('$') {
                self.push(&mut out, "$")?;
                rest = after;
            } else if let Some(after) = rest.strip_prefix('{') {
                let end = closing_brace(after).ok_or(InterpolationError::Unclosed)?;
                self.push(&mut out, &self.expand(&after[..end], depth)?)?;
                rest = &after[end + 1..];
            } else {
                let (name, after) = split_name(rest);
                if name.is_empty() {
                    // The reference leaves a dollar sign alone that begins no variable.
                    self.push(&mut out, "$")?;
                } else {
                    self.push(&mut out, &self.value_or_empty(name, None))?;
                }
                rest = after;
            }
        }
        self.push(&mut out, rest)?;
        Ok(out)
    }

    fn push(&self, out: &mut String, more: &str) -> Result<(), InterpolationError> {
        let room = self.room.get().checked_sub(more.len());
        self.room.set(room.ok_or(InterpolationError::TooLong)?);
        out.push_str(more);
        Ok(())
    }

    fn value_or_empty(&self, name: &str, shown: Option<&str>) -> String {
        (self.lookup)(name).unwrap_or_else(|| {
            (self.unset)(shown);
            String::new()
        })
    }

    fn expand(&self, expression: &str, depth: usize) -> Result<String, InterpolationError> {
        let (name, operation) = split_name(expression);
        if name.is_empty() {
            return Err(InterpolationError::Malformed);
        }
        if operation.is_empty() {
            return Ok(self.value_or_empty(name, Some(name)));
        }
        let value = (self.lookup)(name);
        // With a colon, an empty value counts as none.
        let (operation, value) = match operation.strip_prefix(':') {
            Some(operation) => (operation, value.filter(|value| !value.is_empty())),
            None => (operation, value),
        };
        if let Some(default) = operation.strip_prefix('-') {
            return value.map_or_else(|| self.substitute(default, depth + 1), Ok);
        }
        if let Some(other) = operation.strip_prefix('+') {
            return value.map_or_else(|| Ok(String::new()), |_| self.substitute(other, depth + 1));
        }
        let message = operation
            .strip_prefix('?')
            .ok_or(InterpolationError::Malformed)?;
        value.ok_or_else(|| InterpolationError::Required {
            name: name.to_owned(),
            message: message.to_owned(),
        })
    }
}

fn split_name(text: &str) -> (&str, &str) {
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        return ("", text);
    }
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    text.split_at(end.unwrap_or(text.len()))
}

/// The `}` that closes the braces opened before `text`. Each `{` within needs one of its own, as in
/// a default that is JSON; where that leaves the braces open, only each `${` does.
fn closing_brace(text: &str) -> Option<usize> {
    closing_beside(text, "{").or_else(|| closing_beside(text, "${"))
}

/// The `}` that is left when each `opening` has taken one.
fn closing_beside(text: &str, opening: &str) -> Option<usize> {
    let mut open = 0_usize;
    for (at, byte) in text.bytes().enumerate() {
        let opens = byte == b'{' && text[..=at].ends_with(opening);
        match byte {
            b'}' if open == 0 => return Some(at),
            b'}' => open -= 1,
            _ => open += usize::from(opens),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lookup(name: &str) -> Option<String> {
        match name {
            "port" => Some("80".to_owned()),
            "empty" => Some(String::new()),
            _ => None,
        }
    }

    fn check(text: &str, expected: Result<&str, InterpolationError>) {
        let expected = expected.map(str::to_owned);
        assert_eq!(interpolate(text, &lookup), expected, "for {text:?}");
    }

    #[test]
    fn variables_are_filled_in_as_compose_does() {
        for (text, expected) in [
            ("${port}:$port", "80:80"),
            ("a$$b$$${port}", "a$b$80"),
            ("${no:-x}/${empty:-x}/${empty-x}/${no-y}", "x/x//y"),
            ("${port:+y}/${empty:+y}/${empty+y}/${no+y}", "y//y/"),
            ("${empty:-${port}}", "80"),
            ("${port:-${empty}}", "80"),
            ("${empty:-$port}", "80"),
            ("${no:-${none:-${port}}}-${no:-{}}", "80-{}"),
            ("${port:?set}${empty?set}", "80"),
            ("$no${no}", ""),
            ("5 $ off, $1, ü$", "5 $ off, $1, ü$"),
        ] {
            check(text, Ok(expected));
        }
    }

    #[test]
    fn what_has_no_value_is_an_error() {
        let required = |name: &str, message: &str| InterpolationError::Required {
            name: name.to_owned(),
            message: message.to_owned(),
        };
        check("${TAG:?set me}", Err(required("TAG", "set me")));
        check("${empty:?}", Err(required("empty", "")));
        check("${port", Err(InterpolationError::Unclosed));
        check("${}", Err(InterpolationError::Malformed));
        check("${1}", Err(InterpolationError::Malformed));
        check("${port!x}", Err(InterpolationError::Malformed));
        let deep = format!("{}x{}", "${no:-".repeat(100), "}".repeat(100));
        check(&deep, Err(InterpolationError::TooDeep));
        let long = "${port}".repeat(VALUE_BYTES_MAX / 2 + 1);
        check(&long, Err(InterpolationError::TooLong));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[${}:?+a_ü-]{0,60}") {
            let _ = interpolate(&text, &lookup);
        }
    }
}

//! The language of `.env` and `env_file`: comments, `export`, quotes, escapes, values over several
//! lines, and variables in values.
//!
//! Source: compose-go's `dotenv` package. A name without `=` takes its value from `lookup`.

use std::collections::BTreeMap;

use thiserror::Error;

use crate::interpolate::{InterpolationError, interpolate};

/// More than any honest file holds; each line could double what the line before it made.
const VALUES_BYTES_MAX: usize = 8 << 20;

/// Why a file of variables cannot be read, and on which line, from 1.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("line {line}: {problem}")]
pub struct DotenvError {
    /// The line of the variable, from 1.
    pub line: usize,
    pub problem: DotenvProblem,
}

/// An error in a file of variables.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DotenvProblem {
    /// A character that no name may have.
    #[error(
        "a name has only letters, digits and `_.-[]`; text after a quoted value also needs its own line"
    )]
    Name,
    /// A space within a name.
    #[error("a name has no spaces; write NAME=value")]
    Space,
    /// A quote that nothing closes.
    #[error("a quoted value without its closing quote")]
    Unclosed,
    /// Values that grow beyond the limit.
    #[error("the file's values are longer than {VALUES_BYTES_MAX} bytes together")]
    TooLong,
    /// A variable in a value.
    #[error(transparent)]
    Variable(#[from] InterpolationError),
}

/// Reads the variables of `text`. A value may use what `lookup` knows, and the variables before it.
pub fn read_dotenv(
    text: &str,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Result<BTreeMap<String, String>, DotenvError> {
    read_dotenv_after(text, lookup, &BTreeMap::new())
}

/// The same, after other files that gave `before`.
pub(crate) fn read_dotenv_after(
    text: &str,
    lookup: &dyn Fn(&str) -> Option<String>,
    before: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, DotenvError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut variables = BTreeMap::new();
    let mut rest = statement(text);
    let mut made = 0;
    while !rest.is_empty() {
        let line = 1 + text[..text.len() - rest.len()].matches('\n').count();
        let fail = |problem| DotenvError { line, problem };
        let (name, separator, after) = split_name(rest).map_err(fail)?;
        if separator == Separator::Line {
            if let Some(value) = lookup(name) {
                variables.insert(name.to_owned(), value);
            }
            rest = statement(after);
            continue;
        }
        let earlier = |name: &str| variables.get(name).or_else(|| before.get(name)).cloned();
        let known = |name: &str| lookup(name).or_else(|| earlier(name));
        let (value, after) = value(after.trim_start_matches(is_space), &known).map_err(fail)?;
        made += value.len();
        if made > VALUES_BYTES_MAX {
            return Err(fail(DotenvProblem::TooLong));
        }
        variables.insert(name.to_owned(), value);
        rest = statement(after);
    }
    Ok(variables)
}

/// Reads `env_file` with `format: raw`: a line is a name and a value, and nothing in the value is
/// special. A name without `=` takes its value from `lookup`.
///
/// Source: docker/cli's `kvfile` package, with which Docker Compose reads this format.
pub fn read_raw(
    text: &str,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Result<BTreeMap<String, String>, DotenvError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut variables = BTreeMap::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim_start();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (name, value) = match line.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (line, lookup(line)),
        };
        let problem = match name {
            "" => Some(DotenvProblem::Name),
            name if name.contains(char::is_whitespace) => Some(DotenvProblem::Space),
            _ => None,
        };
        if let Some(problem) = problem {
            let line = number + 1;
            return Err(DotenvError { line, problem });
        }
        if let Some(value) = value {
            variables.insert(name.to_owned(), value);
        }
    }
    Ok(variables)
}

/// The rest of the file from the next name on.
fn statement(text: &str) -> &str {
    let mut rest = text.trim_start();
    while rest.starts_with('#') {
        rest = rest
            .split_once('\n')
            .map_or("", |(_, rest)| rest.trim_start());
    }
    rest
}

/// The character after a name.
#[derive(PartialEq)]
enum Separator {
    Value,
    Line,
}

fn split_name(text: &str) -> Result<(&str, Separator, &str), DotenvProblem> {
    let text = match text.strip_prefix("export") {
        Some(rest) if rest.starts_with(char::is_whitespace) => rest.trim_start_matches(is_space),
        _ => text,
    };
    for (at, c) in text.char_indices() {
        let separator = match c {
            '=' | ':' => Separator::Value,
            '\n' => Separator::Line,
            '_' | '.' | '-' | '[' | ']' => continue,
            c if is_space(c) || c.is_alphabetic() || c.is_numeric() => continue,
            _ => return Err(DotenvProblem::Name),
        };
        return Ok((checked(&text[..at])?, separator, &text[at + 1..]));
    }
    Ok((checked(text)?, Separator::Line, ""))
}

fn checked(name: &str) -> Result<&str, DotenvProblem> {
    let name = name.trim_end();
    if name.contains(' ') {
        return Err(DotenvProblem::Space);
    }
    Ok(name)
}

fn value<'a>(
    text: &'a str,
    known: &dyn Fn(&str) -> Option<String>,
) -> Result<(String, &'a str), DotenvProblem> {
    let Some(quote) = text.chars().next().filter(|c| matches!(c, '"' | '\'')) else {
        let (line, rest) = text.split_once('\n').unwrap_or((text, ""));
        let line = line.split_once(" #").map_or(line, |(value, _)| value);
        return Ok((interpolate(line.trim_end(), known)?, rest));
    };
    let mut raw = String::new();
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        if c == quote && !escaped {
            let value = match quote {
                '"' => interpolate(&unescape(&raw), known)?,
                _ => raw,
            };
            return Ok((value, &text[at + 1..]));
        }
        if c == '\\' && !escaped {
            escaped = true;
            continue;
        }
        if escaped && c != quote {
            raw.push('\\');
        }
        escaped = false;
        raw.push(c);
    }
    Err(DotenvProblem::Unclosed)
}

/// The shell's escapes in double quotes; `\$` becomes `$$`, which interpolation turns into a dollar
/// sign.
fn unescape(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let Some(c) = rest.chars().next() else {
            out.push('\\');
            break;
        };
        let plain = match c {
            'a' => "\u{7}",
            'b' => "\u{8}",
            'f' => "\u{c}",
            'n' => "\n",
            'r' => "\r",
            't' => "\t",
            'v' => "\u{b}",
            '\\' => "\\",
            '"' => "\"",
            '$' => "$$",
            _ => {
                // An octal number has exactly three digits after its 0.
                let number = rest.strip_prefix('0').and_then(|octal| octal.get(..3));
                match number.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
                    Some(byte) => {
                        out.push(char::from(byte));
                        rest = &rest[4..];
                    }
                    None => out.push('\\'),
                }
                continue;
            }
        };
        out.push_str(plain);
        rest = &rest[c.len_utf8()..];
    }
    out.push_str(rest);
    out
}

/// White space within a line.
fn is_space(c: char) -> bool {
    matches!(
        c,
        '\t' | '\u{b}' | '\u{c}' | '\r' | ' ' | '\u{85}' | '\u{a0}'
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lookup(name: &str) -> Option<String> {
        (name == "HOST").then(|| "h".to_owned())
    }

    fn check(text: &str, expected: &[(&str, &str)]) {
        let expected = expected
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        assert_eq!(
            read_dotenv(text, &lookup),
            Ok(expected.collect()),
            "for {text:?}"
        );
    }

    #[test]
    fn files_are_read_as_the_reference_does() {
        check(
            "\u{feff}export A=1\r\nB=x # note\r\n",
            &[("A", "1"), ("B", "x")],
        );
        check(
            "C=\"l1\\nl2\"\nB=b\nD=${B}$HOST",
            &[("B", "b"), ("C", "l1\nl2"), ("D", "bh")],
        );
        check(
            "A=\"1\n2\n3\" # end\nB='$x\\n'",
            &[("A", "1\n2\n3"), ("B", "$x\\n")],
        );
        check(
            "A: 1\nHOST\nNONE\n#c\n\nB=",
            &[("A", "1"), ("B", ""), ("HOST", "h")],
        );
        check(
            "A=\"\\$B $$C \\\"q\\\" \\0101\\x\"",
            &[("A", "$B $C \"q\" A\\x")],
        );
        // A variable of the environment wins over the file.
        check("HOST=x\nA=$HOST", &[("A", "h"), ("HOST", "x")]);
        check(
            "A='it\\'s'\nB=a#b\nC=\"\"",
            &[("A", "it's"), ("B", "a#b"), ("C", "")],
        );
    }

    #[test]
    fn errors_name_the_line_and_no_value() {
        let cases = [
            ("A=1\nE=\"a\" and \"b\"", 2, DotenvProblem::Name),
            ("\n\nA B=1", 3, DotenvProblem::Space),
            ("A=\"1\nB=2", 1, DotenvProblem::Unclosed),
            (
                "A=${B",
                1,
                DotenvProblem::Variable(InterpolationError::Unclosed),
            ),
        ];
        for (text, line, problem) in cases {
            assert_eq!(
                read_dotenv(text, &lookup),
                Err(DotenvError { line, problem }),
                "{text:?}"
            );
        }
    }

    #[test]
    fn raw_files_have_no_quotes_and_no_variables() {
        let expected = [("A", "\"x\" # y"), ("B", "$A "), ("HOST", "h")];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(
            read_raw("\u{feff}# c\nA=\"x\" # y\r\n  B=$A \nHOST\nNONE\n", &lookup),
            Ok(expected.into())
        );
        for (text, problem) in [("=1", DotenvProblem::Name), ("A =1", DotenvProblem::Space)] {
            assert_eq!(
                read_raw(text, &lookup),
                Err(DotenvError { line: 1, problem })
            );
        }
    }

    #[test]
    fn lines_that_double_each_other_end_early() {
        let mut text = "A0=xxxxxxxxxx\n".to_owned();
        for line in 1..60 {
            text.push_str(&format!("A{line}=${{A{0}}}${{A{0}}}\n", line - 1));
        }
        let error = read_dotenv(&text, &lookup).unwrap_err();
        assert!(matches!(
            error.problem,
            DotenvProblem::TooLong | DotenvProblem::Variable(InterpolationError::TooLong)
        ));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[A-C=:\"'\\\\#$ {}\n\r\u{feff}ü0-9]{0,60}") {
            let _ = read_dotenv(&text, &lookup);
        }
    }
}

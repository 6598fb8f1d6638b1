//! The instructions of a Containerfile, found as Podman finds them.
//!
//! Source: `dockerfile/parser` of openshift/imagebuilder, versions 1.2.15 to 1.2.21. Docker's own
//! parser differs in details. For instance, it allows other directives before `# escape=`.

use std::borrow::Cow;
use std::str::Split;

use super::word::{self, expand};

/// The characters that can continue a line.
pub(crate) const ESCAPES: [char; 2] = ['\\', '`'];

/// The letters of `HEALTHCHECK`.
const LONGEST_KEYWORD: usize = 11;

/// The lines of a file for one escape character, here-documents included.
pub(crate) fn logical_lines(text: &str, escape: char) -> impl Iterator<Item = LogicalLine> {
    let mut lines = Lines::of(text, escape);
    std::iter::from_fn(move || lines.next_logical())
}

/// The lines of a file without its here-documents. Each is an instruction.
pub(super) fn instructions(text: &str) -> Vec<LogicalLine> {
    let mut lines = Lines::of(text, escape_of(text));
    let mut instructions = Vec::new();
    while let Some(line) = lines.next_logical() {
        for document in line.instruction().here_documents() {
            // Without an end, the rest of the file is the document.
            let _ = lines.physical.find(|line| document.ends_at(line));
        }
        instructions.push(line);
    }
    instructions
}

/// The escape character. A directive counts in the first line alone.
fn escape_of(text: &str) -> char {
    let blanks = [' ', '\t'];
    let first = without_mark(text).split('\n').next().unwrap_or_default();
    let named = first.trim_start().strip_prefix('#').and_then(|comment| {
        let (name, value) = comment.split_once('=')?;
        let is_escape = name.trim_matches(blanks).eq_ignore_ascii_case("escape");
        let first = value.trim_start_matches(blanks).chars().next();
        first.filter(|_| is_escape)
    });
    // Podman refuses a file that names another character.
    named
        .filter(|escape| ESCAPES.contains(escape))
        .unwrap_or('\\')
}

fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

struct Lines<'a> {
    physical: Split<'a, char>,
    escape: char,
}

impl<'a> Lines<'a> {
    fn of(text: &'a str, escape: char) -> Self {
        Self {
            physical: without_mark(text).split('\n'),
            escape,
        }
    }

    /// Joins the next line with those that continue it. Empty lines and comments may stand between
    /// them.
    fn next_logical(&mut self) -> Option<LogicalLine> {
        let mut line: Option<LogicalLine> = None;
        for physical in self.physical.by_ref() {
            let physical = physical.strip_suffix('\r').unwrap_or(physical);
            let content = physical.trim_start();
            if content.is_empty() || content.starts_with('#') {
                continue;
            }
            let line = line.get_or_insert_default();
            let end = physical.trim_end_matches([' ', '\t']);
            let begun = end.strip_suffix(self.escape);
            let part = begun.unwrap_or(physical);
            if !part.trim_start().is_empty() {
                line.starts.push(line.text.len());
            }
            line.text.push_str(part);
            if begun.is_none() {
                break;
            }
        }
        if let Some(line) = &mut line {
            line.text.truncate(line.text.trim_end().len());
        }
        line
    }
}

/// An instruction in one line, without the escape characters that continue a line.
#[derive(Default)]
pub(crate) struct LogicalLine {
    text: String,
    /// The places in `text` where a line of the file begins that is more than white space.
    starts: Vec<usize>,
}

impl LogicalLine {
    pub(super) fn instruction(&self) -> Instruction<'_> {
        Instruction::of(&self.text)
    }

    /// The instructions that could begin with a line of the file, wherever Podman begins to read.
    pub(crate) fn possible_instructions(&self) -> impl Iterator<Item = Instruction<'_>> {
        let texts = self
            .starts
            .iter()
            .filter_map(|start| self.text.get(*start..));
        texts.map(Instruction::of)
    }
}

/// A keyword with flags and arguments. It need not be one that Podman knows.
pub(crate) struct Instruction<'a> {
    text: &'a str,
    /// In capital letters.
    pub keyword: String,
    /// The text behind the keyword.
    rest: &'a str,
}

impl<'a> Instruction<'a> {
    pub(crate) fn of(text: &'a str) -> Self {
        let text = text.trim_start();
        let mut letters = text.char_indices().enumerate();
        let end =
            letters.find(|(count, (_, letter))| *count > LONGEST_KEYWORD || is_blank(*letter));
        let (keyword, rest) = text.split_at(end.map_or(text.len(), |(_, (at, _))| at));
        Self {
            text,
            keyword: keyword.to_ascii_uppercase(),
            rest,
        }
    }

    /// The words at the beginning that open with `--`, without quotation marks and escapes.
    pub(crate) fn flags(&self) -> Vec<String> {
        split_flags(self.rest).0
    }

    /// The text behind the flags.
    pub(crate) fn arguments(&self) -> Cow<'a, str> {
        split_flags(self.rest).1
    }

    fn here_documents(&self) -> Vec<HereDocument> {
        let arguments = self.arguments();
        let nested = (self.keyword == "ONBUILD").then(|| Instruction::of(&arguments));
        let (keyword, arguments) = match &nested {
            Some(nested) => (&nested.keyword, nested.arguments()),
            None => (&self.keyword, Cow::Borrowed(&*arguments)),
        };
        if !["RUN", "COPY", "ADD"].contains(&keyword.as_str()) || is_json(&arguments) {
            return Vec::new();
        }
        // Podman sees no here-document when a quotation mark is missing.
        let words = word::split(self.text).unwrap_or_default();
        let documents = words.iter().filter_map(|word| HereDocument::of(word));
        documents.collect()
    }
}

/// Whether arguments are a JSON array of strings. Text behind it does not count.
fn is_json(arguments: &str) -> bool {
    let values = serde_json::Deserializer::from_str(arguments);
    let first = values.into_iter::<Vec<String>>().next();
    matches!(first, Some(Ok(_)))
}

pub(super) fn is_blank(letter: char) -> bool {
    matches!(letter, '\t' | '\u{b}' | '\u{c}' | '\r' | ' ')
}

/// The flags, and the text behind them. Podman reads bytes here, and two bytes that are parts of
/// other letters count as spaces.
fn split_flags(text: &str) -> (Vec<String>, Cow<'_, str>) {
    let is_space = |byte: &u8| matches!(*byte, b'\t'..=b'\r' | b' ' | 0x85 | 0xa0);
    let bytes = text.as_bytes();
    let behind = |at: usize| match text.get(at..) {
        Some(text) => Cow::Borrowed(text),
        None => String::from_utf8_lossy(&bytes[at..]),
    };
    let mut flags = Vec::new();
    let mut at = 0;
    loop {
        at += bytes[at..].iter().take_while(|byte| is_space(byte)).count();
        if !bytes[at..].starts_with(b"--") {
            return (flags, behind(at));
        }
        let mut flag = String::new();
        let mut quote = None;
        while let Some(byte) = bytes.get(at).copied() {
            match byte {
                _ if quote == Some(byte) => quote = None,
                b'"' | b'\'' if quote.is_none() => quote = Some(byte),
                b'\\' if at + 1 < bytes.len() => {
                    at += 1;
                    flag.push(char::from(bytes[at]));
                }
                b'\\' => {}
                byte if quote.is_none() && is_space(&byte) => break,
                byte => flag.push(char::from(byte)),
            }
            at += 1;
        }
        if flag == "--" {
            return (flags, behind(at));
        }
        flags.push(flag);
    }
}

/// A here-document: the lines up to one that equals `end`.
struct HereDocument {
    end: String,
    /// Tabs before the end do not count (`<<-`).
    is_indented: bool,
}

impl HereDocument {
    /// Reads `<<END`, `<<-END`, `3<<END` and `<<"END"`, each a word of its own.
    fn of(word: &str) -> Option<Self> {
        let word = word.trim_start_matches(|letter: char| letter.is_ascii_digit());
        let end = word.strip_prefix("<<")?;
        let (end, is_indented) = match end.strip_prefix('-') {
            Some(end) => (end, true),
            None => (end, false),
        };
        let end = expand(end, None).filter(|text| !text.is_empty() && !end.contains('<'))?;
        Some(Self { end, is_indented })
    }

    fn ends_at(&self, line: &str) -> bool {
        let line = line.trim_end_matches('\r');
        let text = if self.is_indented {
            line.trim_start_matches('\t')
        } else {
            line
        };
        text == self.end
    }
}

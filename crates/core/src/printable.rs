//! Text as it may reach a terminal or a log. Manifests, journals, Podman and other programs may say
//! anything: a sequence that clears the screen, a line break that forges a message, a character
//! that turns the reading direction of what follows.

use std::borrow::Cow;

/// The replacement for a character that is left out, the same as for bytes that are no UTF-8.
const LEFT_OUT: char = char::REPLACEMENT_CHARACTER;

/// One line: line breaks and tabs become spaces.
#[must_use]
pub fn one_line(text: &str) -> Cow<'_, str> {
    clean(text, |character| match character {
        '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}' => Some(' '),
        _ => None,
    })
}

/// Text of which each line was made one on purpose: line breaks stay.
#[must_use]
pub fn lines(text: &str) -> Cow<'_, str> {
    clean(text, |character| match character {
        '\n' => Some('\n'),
        '\r' | '\t' | '\u{2028}' | '\u{2029}' => Some(' '),
        _ => None,
    })
}

/// JSON in which what a terminal would act on is escaped. It says the same: outside of its texts no
/// such character stands.
#[must_use]
pub fn json(text: &str) -> Cow<'_, str> {
    let acts = |character: char| character != '\n' && acts(character);
    if !text.contains(acts) {
        return Cow::Borrowed(text);
    }
    let escaped = |character: char| match acts(character) {
        true => format!("\\u{:04x}", u32::from(character)),
        false => character.to_string(),
    };
    Cow::Owned(text.chars().map(escaped).collect())
}

fn clean(text: &str, break_of: impl Fn(char) -> Option<char>) -> Cow<'_, str> {
    let cleaned = |character: char| match break_of(character) {
        Some(instead) => instead,
        None if acts(character) => LEFT_OUT,
        None => character,
    };
    if text
        .chars()
        .all(|character| cleaned(character) == character)
    {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(cleaned).collect())
}

/// Whether a terminal does something else with a character than to show it: the control characters
/// C0 and C1, among them ESC and CSI; the line and paragraph separators; and those that change the
/// direction of the text after them (Unicode Standard Annex 9, section 2).
fn acts(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{61c}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2066}'..='\u{2069}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_acts_on_is_left_out() {
        for (text, expected) in [
            ("Grüße, 你好 👩‍👩‍👧", "Grüße, 你好 👩‍👩‍👧"),
            ("a\u{1b}[2Jb", "a�[2Jb"),
            ("a\u{9b}2Jb\u{7f}\u{0}", "a�2Jb��"),
            ("user\u{202e}gpj.exe\u{2066}\u{200f}", "user�gpj.exe��"),
            ("a\nb\r\nc\td\u{2028}e", "a b  c d e"),
        ] {
            assert_eq!(one_line(text), expected, "{text:?}");
        }
        assert_eq!(lines("a\n\u{1b}]0;x\u{7}b\r\n"), "a\n�]0;x�b \n");
        assert!(matches!(lines("a\nb"), Cow::Borrowed(_)));
    }

    #[test]
    fn json_says_the_same() {
        let value = serde_json::json!({"a\u{9b}": "\u{202e}b\u{1b}\u{7f}\n"});
        let text = serde_json::to_string_pretty(&value).unwrap();
        let shown = json(&text);
        assert!(!shown.contains(|character: char| character != '\n' && acts(character)));
        let read: serde_json::Value = serde_json::from_str(&shown).unwrap();
        assert_eq!(read, value);
    }
}

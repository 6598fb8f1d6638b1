//! Cleans the texts of strangers before they are shown or stored.

use crate::printable::one_line;

/// The maximum length of a title, a version or the like, in characters.
const LINE_MAX: usize = 200;
/// The maximum length of a longer text such as tips, in characters.
const TEXT_MAX: usize = 2_000;

/// One line without control characters and without white space at its ends.
pub(super) fn line(text: &str) -> String {
    cut(&words(text), LINE_MAX)
}

/// A longer text, its lines joined.
pub(super) fn text(text: &str) -> String {
    cut(&words(text), TEXT_MAX)
}

/// A web address; `None` for any other text.
pub(super) fn web_address(text: &str) -> Option<String> {
    let is_web = text.starts_with("https://") || text.starts_with("http://");
    let is_plain = text.len() <= 1_000 && text.bytes().all(|byte| byte.is_ascii_graphic());
    (is_web && is_plain).then(|| text.to_owned())
}

fn words(text: &str) -> String {
    let text = one_line(text);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn cut(text: &str, characters_max: usize) -> String {
    match text.char_indices().nth(characters_max) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_one_line_that_no_terminal_acts_on() {
        for (text, expected) in [
            ("  Notes \n and\tmore ", "Notes and more"),
            ("a\u{1b}[2Jb\u{202e}c", "a\u{fffd}[2Jb\u{fffd}c"),
            ("", ""),
        ] {
            assert_eq!(line(text), expected, "{text:?}");
        }
        assert_eq!(line(&"é".repeat(300)).chars().count(), LINE_MAX + 1);
        assert_eq!(web_address("javascript:alert(1)"), None);
        assert_eq!(web_address("https://a.example/x y"), None);
        let address = "https://a.example/icon.svg";
        assert_eq!(web_address(address).as_deref(), Some(address));
    }
}

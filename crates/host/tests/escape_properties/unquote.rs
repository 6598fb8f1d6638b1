//! The words of a command line as systemd reads them: systemd.syntax(7) "Quoting",
//! systemd.service(5) "Command lines", systemd.unit(5) "Specifiers".

use std::iter::Peekable;
use std::str::Chars;

/// The words of `ExecStart=`, or `None` when the line would not come out as plain words: it has a
/// specifier, a variable, a second command or an escape that systemd does not know.
pub(crate) fn words(line: &str) -> Option<Vec<Vec<u8>>> {
    let mut words = Vec::new();
    let mut rest = line.chars().peekable();
    loop {
        while rest
            .next_if(|character| " \t".contains(*character))
            .is_some()
        {}
        if rest.peek().is_none() {
            return Some(words);
        }
        let mut word = Vec::new();
        let mut quote = None;
        let mut is_plain = true;
        while let Some(character) = rest.next() {
            match (character, quote) {
                ('\\', _) => {
                    is_plain = false;
                    escape(&mut rest, &mut word)?;
                }
                ('"' | '\'', None) => {
                    is_plain = false;
                    quote = Some(character);
                }
                (' ' | '\t', None) => break,
                (character, Some(open)) if character == open => quote = None,
                // Both are doubled where they stand for themselves.
                ('%' | '$', _) => {
                    rest.next_if_eq(&character)?;
                    word.extend(character.to_string().bytes());
                }
                (character, _) => word.extend(character.to_string().bytes()),
            }
        }
        if quote.is_some() || (is_plain && word == b";") {
            return None;
        }
        words.push(word);
    }
}

/// Reads the escape after a backslash.
fn escape(rest: &mut Peekable<Chars<'_>>, word: &mut Vec<u8>) -> Option<()> {
    let kind = rest.next()?;
    let mut number = |first: &str, digits: usize, radix: u32| {
        let text: String = first.chars().chain(rest.by_ref().take(digits)).collect();
        u32::from_str_radix(&text, radix).ok()
    };
    let byte = match kind {
        'a' => 7,
        'b' => 8,
        't' => b'\t',
        'n' => b'\n',
        'v' => 11,
        'f' => 12,
        'r' => b'\r',
        's' => b' ',
        '\\' => b'\\',
        '"' => b'"',
        '\'' => b'\'',
        'x' => u8::try_from(number("", 2, 16)?).ok()?,
        '0'..='7' => u8::try_from(number(&kind.to_string(), 2, 8)?).ok()?,
        'u' | 'U' => {
            let digits = if kind == 'u' { 4 } else { 8 };
            let character = char::from_u32(number("", digits, 16)?)?;
            word.extend(character.to_string().bytes());
            return Some(());
        }
        _ => return None,
    };
    word.push(byte);
    Some(())
}

#[test]
fn words_are_read_as_systemd_reads_them() {
    for (line, expected) in [
        ("a  b\tc", Some(vec!["a", "b", "c"])),
        (
            r#""a b" 'c "d"' e\x20f"#,
            Some(vec!["a b", "c \"d\"", "e f"]),
        ),
        (r#"\u00fc\n "" "%%$$""#, Some(vec!["ü\n", "", "%$"])),
        (r#"a ";""#, Some(vec!["a", ";"])),
        ("a ; b", None),
        ("%h", None),
        ("$HOME", None),
        (r"\q", None),
        (r#""a"#, None),
    ] {
        let expected: Option<Vec<Vec<u8>>> =
            expected.map(|words| words.iter().map(|word| word.as_bytes().to_vec()).collect());
        assert_eq!(words(line), expected, "{line}");
    }
}

//! The only place where text becomes part of a unit file.
//!
//! A value passes two parsers before a program sees it: Quadlet's reader of the `.container` file,
//! then systemd's reader of the `ExecStart=` that Quadlet wrote. Quadlet treats its keys in four
//! ways, and each has one function here: [`words`], [`value`], [`line`] and [`token`]. A value that
//! would not reach the program byte-equal is refused, never changed.
//!
//! Sources: podman 5.4 `pkg/systemd/parser/{split,unitfile}.go` and
//! `pkg/systemd/quadlet/quadlet.go`; systemd.syntax(7); systemd.service(5) "Command lines";
//! systemd.unit(5) "Specifiers". `crates/host/tests/escape_properties` holds these rules to the
//! real generator, a real systemd and a real container.

/// Why a text cannot stand in a unit. It does not quote the text, which may be a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this cannot be passed through a unit file: {reason}")]
pub struct EscapeError {
    reason: &'static str,
}

impl EscapeError {
    pub(super) fn name() -> Self {
        refuse("a name holds neither `=` nor `*`")
    }

    pub(super) fn long_unit() -> Self {
        refuse(
            "with all its texts it is longer than 300,000 bytes; put long ones into a file that is mounted",
        )
    }

    pub(super) fn comma() -> Self {
        refuse("Podman separates the options of a secret by commas")
    }
}

/// Linux takes no longer argument (MAX_ARG_STRLEN, 128 KiB), and escaping may double it.
const TEXT_BYTES_MAX: usize = 60_000;

fn refuse(reason: &'static str) -> EscapeError {
    EscapeError { reason }
}

/// Refuses text that no context can carry.
fn check(text: &str) -> Result<(), EscapeError> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(refuse("it is longer than 60,000 bytes"));
    }
    for character in text.chars() {
        let code = u32::from(character);
        if character == '\0' {
            return Err(refuse("it holds a NUL byte"));
        }
        // Quadlet writes U+0080 as the single byte 80, which is not UTF-8.
        if code == 0x80 {
            return Err(refuse("it holds the control character U+0080"));
        }
        // systemd takes a line with one of these for invalid UTF-8 and drops it.
        if (0xFDD0..=0xFDEF).contains(&code) || code & 0xFFFE == 0xFFFE {
            return Err(refuse("it holds a Unicode noncharacter"));
        }
    }
    Ok(())
}

/// Refuses text that no argument of a command can carry.
fn check_argument(text: &str) -> Result<(), EscapeError> {
    check(text)?;
    if text == ";" {
        return Err(refuse(
            "systemd takes a lone semicolon for the end of the command; wrap the command in `sh -c`",
        ));
    }
    Ok(())
}

/// Words of a command that only systemd reads: `ExecStartPost`, `ExecStop`. Quadlet passes the
/// section `[Service]` on as it stands.
///
/// # Errors
/// When one of them cannot come out byte-equal.
pub fn arguments<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<String, EscapeError> {
    let quoted = texts.into_iter().map(|text| {
        check(text)?;
        Ok(quoted(text))
    });
    Ok(quoted.collect::<Result<Vec<_>, EscapeError>>()?.join(" "))
}

/// `%` starts a specifier and `$` a variable in `ExecStart=`; both are doubled.
fn push_doubled(out: &mut String, character: char) {
    if matches!(character, '%' | '$') {
        out.push(character);
    }
    out.push(character);
}

/// A word of a key that Quadlet splits and unescapes: `Environment`, `Label`, `Annotation`, `Exec`,
/// `Secret`.
///
/// # Errors
/// When the text cannot come out byte-equal.
pub fn word(text: &str) -> Result<String, EscapeError> {
    check_argument(text)?;
    if text.is_empty() {
        return Err(refuse("Quadlet drops empty words and all that follow"));
    }
    Ok(quoted(text))
}

/// In quotes, as both Quadlet and systemd read it.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => {
                out.push('\\');
                out.push(character);
            }
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            control if control.is_ascii_control() => {
                out.push_str(&format!("\\x{:02x}", u32::from(control)));
            }
            other => push_doubled(&mut out, other),
        }
    }
    out.push('"');
    out
}

/// A [`word`] of `Environment`: Podman reads it line by line once more.
///
/// # Errors
/// As [`word`], and when the text holds a carriage return before a line feed.
pub fn variable(text: &str) -> Result<String, EscapeError> {
    if text.contains("\r\n") {
        return Err(refuse(
            "Podman drops a carriage return before a line feed in a variable",
        ));
    }
    word(text)
}

/// Several [`word`]s of one key.
///
/// # Errors
/// When one of them cannot come out byte-equal.
pub fn words<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<String, EscapeError> {
    Ok(texts
        .into_iter()
        .map(word)
        .collect::<Result<Vec<_>, _>>()?
        .join(" "))
}

/// A key of which Quadlet takes the whole value and strips the quotes around it: `HealthCmd`,
/// `HostName`, `WorkingDir`, `User` …
///
/// # Errors
/// When the text cannot come out byte-equal.
pub fn value(text: &str) -> Result<String, EscapeError> {
    check_argument(text)?;
    if text.contains(char::is_control) {
        return Err(refuse("this key takes one line without control characters"));
    }
    if text.starts_with('"') || text.ends_with('"') {
        return Err(refuse("Quadlet strips quotes at the edges of this key"));
    }
    if text.is_empty() {
        return Err(refuse("Quadlet ignores this key when it is empty"));
    }
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    text.chars()
        .for_each(|character| push_doubled(&mut out, character));
    out.push('"');
    Ok(out)
}

/// A key of which Quadlet takes the line as it stands: `Volume`, `PublishPort`, `Network`,
/// `AddHost`, `Tmpfs`, `Ulimit` …
///
/// # Errors
/// When the text cannot come out byte-equal.
pub fn line(text: &str) -> Result<String, EscapeError> {
    check_argument(text)?;
    if text.is_empty() {
        return Err(refuse("an empty value clears the key"));
    }
    if text.contains(char::is_control) {
        return Err(refuse("this key takes one line without control characters"));
    }
    if text.trim() != text {
        return Err(refuse("white space at the edges of this key is lost"));
    }
    if text.ends_with('\\') {
        return Err(refuse("a backslash at the end joins it with the next line"));
    }
    let mut out = String::with_capacity(text.len());
    text.chars()
        .for_each(|character| push_doubled(&mut out, character));
    Ok(out)
}

/// One part of a [`line`] that is put together with colons: a path in `Volume`.
///
/// # Errors
/// As [`line`], and when the text holds a colon.
pub fn path(text: &str) -> Result<String, EscapeError> {
    if text.contains(':') {
        return Err(refuse("Podman separates the parts of a volume by colons"));
    }
    line(text)
}

/// A word of a key that Quadlet splits without unescaping, or a name that stands for itself:
/// capabilities, devices, images, sysctls, signals.
///
/// # Errors
/// When the text holds anything but printable ASCII without space, quotes, backslash, `%`, `$` and
/// `;`, or starts with `-`.
pub fn token(text: &str) -> Result<String, EscapeError> {
    check(text)?;
    let plain =
        |b: u8| b.is_ascii_graphic() && !matches!(b, b'"' | b'\'' | b'\\' | b'%' | b'$' | b';');
    if text.is_empty() || text.starts_with('-') || !text.bytes().all(plain) {
        return Err(refuse(
            "only plain letters, digits and punctuation without quotes can stand here",
        ));
    }
    Ok(text.to_owned())
}

/// Text of systemd's own keys that people read: `Description=`.
#[must_use]
pub fn description(text: &str) -> String {
    let clean: String = text
        .chars()
        .map(|character| {
            if character.is_control() || check(&character.to_string()).is_err() {
                ' '
            } else {
                character
            }
        })
        .collect();
    clean.trim().trim_end_matches('\\').replace('%', "%%")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check_all(
        function: fn(&str) -> Result<String, EscapeError>,
        cases: &[(&str, Option<&str>)],
    ) {
        for (text, expected) in cases {
            assert_eq!(function(text).ok().as_deref(), *expected, "for {text:?}");
        }
    }

    #[test]
    fn a_command_of_systemds_own_may_hold_any_word() {
        for (texts, expected) in [
            (
                &["sh", "-c", "echo $A; 100%"][..],
                r#""sh" "-c" "echo $$A; 100%%""#,
            ),
            (&["", ";", "\\"], r#""" ";" "\\""#),
            (&["a\nExecStart=x"], r#""a\nExecStart=x""#),
        ] {
            let found = arguments(texts.iter().copied());
            assert_eq!(found.as_deref(), Ok(expected));
        }
        assert!(arguments(["a", "b\0"]).is_err());
    }

    #[test]
    fn words_are_quoted_and_doubled() {
        check_all(
            word,
            &[
                ("a", Some(r#""a""#)),
                ("a b", Some(r#""a b""#)),
                ("100%", Some(r#""100%%""#)),
                ("$HOME", Some(r#""$$HOME""#)),
                ("a\nRestart=no", Some(r#""a\nRestart=no""#)),
                ("\"\\'", Some(r#""\"\\'""#)),
                ("\u{7f}", Some(r#""\x7f""#)),
                ("", None),
                (";", None),
                ("a\0", None),
                ("\u{80}", None),
                ("\u{fdd0}", None),
                ("\u{ffff}", None),
                ("\u{fffd}", Some("\"\u{fffd}\"")),
            ],
        );
    }

    #[test]
    fn values_keep_to_one_line() {
        check_all(
            value,
            &[
                (" a ", Some(r#"" a ""#)),
                ("a\\", Some(r#""a\""#)),
                ("[\"CMD\"]", Some(r#""["CMD"]""#)),
                ("\"a", None),
                ("a\"", None),
                ("a\nb", None),
                ("", None),
                (";", None),
                ("a ; b", Some(r#""a ; b""#)),
            ],
        );
        check_all(
            line,
            &[
                ("a b", Some("a b")),
                (" a", None),
                ("a\\", None),
                ("a\n", None),
                ("a%b", Some("a%%b")),
                (";", None),
                ("", None),
            ],
        );
        check_all(
            variable,
            &[("a\r\nb", None), ("a\nb\r", Some(r#""a\nb\r""#))],
        );
        check_all(path, &[("/a", Some("/a")), ("/a:b", None), ("", None)]);
        check_all(
            token,
            &[
                ("cap_net_raw", Some("cap_net_raw")),
                ("-x", None),
                ("a b", None),
                ("%i", None),
                ("", None),
            ],
        );
    }

    #[test]
    fn a_text_too_long_for_an_argument_is_refused() {
        assert!(word(&"x".repeat(TEXT_BYTES_MAX)).is_ok());
        let refused = word(&"ü".repeat(TEXT_BYTES_MAX / 2 + 1)).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "this cannot be passed through a unit file: it is longer than 60,000 bytes"
        );
    }

    #[test]
    fn a_description_is_cleaned_because_only_people_read_it() {
        for (text, expected) in [
            ("100 %", "100 %%"),
            (" a\nb\t", "a b"),
            ("a\u{ffff}b\u{80}", "a b"),
            ("a\\", "a"),
        ] {
            assert_eq!(description(text), expected, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_ends_its_line(text in "(?s).{0,8}[\\\\\"'%$;\\s\\PC]*") {
            for escaped in [word(&text), variable(&text), value(&text), line(&text), path(&text), token(&text), Ok(description(&text))].into_iter().flatten() {
                prop_assert!(!escaped.contains(['\n', '\r', '\0']), "{escaped:?}");
                prop_assert!(!escaped.ends_with('\\'), "{escaped:?}");
            }
        }
    }
}

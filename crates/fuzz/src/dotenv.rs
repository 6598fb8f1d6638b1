//! Files of variables.

use compose::{DotenvError, read_dotenv, read_raw};

fn lookup(name: &str) -> Option<String> {
    (name == "HOST").then(|| "from the host".to_owned())
}

pub(crate) fn run(text: &str) {
    let raw = read_raw(text, &lookup);
    if let Err(error) = &raw {
        check(error, text);
    }
    match read_dotenv(text, &lookup) {
        Err(error) => check(&error, text),
        Ok(variables) => {
            for (name, value) in &variables {
                assert!(!name.contains(['=', '\n', '"', '\'', '$', '#']), "{name:?}");
                reads_back(name, value);
            }
        }
    }
}

fn check(error: &DotenvError, text: &str) {
    assert!(
        (1..=text.lines().count()).contains(&error.line),
        "line {} of {text:?}",
        error.line
    );
    assert!(!error.to_string().is_empty());
}

/// A value between single quotes is read as it stands.
fn reads_back(name: &str, value: &str) {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || character == '_';
    if name.is_empty() || !name.chars().all(is_plain) || value.contains(['\\', '\r']) {
        return;
    }
    let written = format!("{name}='{}'", value.replace('\'', "\\'"));
    let read = read_dotenv(&written, &lookup).expect("a quoted value");
    assert_eq!(read.get(name).map(String::as_str), Some(value), "{written}");
}

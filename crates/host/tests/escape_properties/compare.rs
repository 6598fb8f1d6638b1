//! Compares the generated services with those of a harmless twin.

use std::collections::BTreeSet;
use std::path::Path;

use crate::slots::{Case, IMAGE};

pub(crate) fn compare(case: &Case, folder: &Path) -> Result<(), String> {
    let text: String = case.text.chars().take(80).collect();
    let read = |path: String| {
        std::fs::read(folder.join(&path)).map_err(|_| format!("{text:?}: there is no {path}"))
    };
    let keys = |stem: &str| {
        let content = read(format!("generated/{stem}.service"))?;
        let content = String::from_utf8(content)
            .map_err(|_| format!("{text:?}: its service is not UTF-8"))?;
        Ok::<Vec<String>, String>(content.lines().map(key_of).collect())
    };
    let (found, expected) = (keys(&case.stem)?, keys(&case.twin())?);
    if found != expected {
        return Err(format!(
            "{text:?}: its service has the keys {found:?}, not {expected:?}"
        ));
    }
    let arguments =
        |stem: &str| read(format!("arguments/{stem}.service")).map(|bytes| split(&bytes));
    let twin = arguments(&case.twin())?;
    let options = Options::of(&twin);
    let meant: Vec<Vec<u8>> = twin
        .iter()
        .map(|argument| with_the_text(case, argument))
        .collect();
    let (found, meant) = (
        options.sorted(arguments(&case.stem)?),
        options.sorted(meant),
    );
    if found == meant {
        return Ok(());
    }
    let difference = found
        .iter()
        .zip(&meant)
        .find(|(found, meant)| found != meant);
    Err(format!(
        "{text:?}: {} arguments of {}; the first that differs and what was meant: {difference:?}",
        found.len(),
        meant.len()
    ))
}

/// The shape of a command line of Podman, read off one with harmless texts.
///
/// Quadlet gives most of its options in the order of a Go map, which is another one each time.
pub(crate) struct Options {
    with_value: BTreeSet<Vec<u8>>,
    count: usize,
}

impl Options {
    pub(crate) fn of(harmless: &[Vec<u8>]) -> Self {
        let count = harmless
            .iter()
            .position(|argument| argument == IMAGE.as_bytes())
            .expect("the image");
        let with_value = harmless[..count]
            .windows(2)
            .filter(|two| two[0].starts_with(b"-") && !two[1].starts_with(b"-"));
        Self {
            with_value: with_value.map(|two| two[0].clone()).collect(),
            count,
        }
    }

    /// The options in the order of their names, each with its value, then the image and the words
    /// after it.
    pub(crate) fn sorted(&self, arguments: Vec<Vec<u8>>) -> Vec<String> {
        let (options, words) = arguments.split_at(self.count.min(arguments.len()));
        let mut options = options.iter();
        let mut sorted = Vec::new();
        while let Some(option) = options.next() {
            let value = self
                .with_value
                .contains(option)
                .then(|| options.next())
                .flatten()
                .map_or(String::new(), |value| shown(value));
            sorted.push(format!("{} {value}", shown(option)));
        }
        sorted.sort_unstable();
        sorted.extend(words.iter().map(|word| shown(word)));
        sorted
    }
}

/// A comment or a continuation of the line before would be told from the twin's too.
pub(crate) fn key_of(line: &str) -> String {
    let key = line.split_once('=').map_or(line, |(key, _)| key);
    format!("{key}{}", if line.ends_with('\\') { " …" } else { "" })
        .replace("archy-case", "")
        .replace("archy-twin", "")
        .split('-')
        .next()
        .unwrap_or_default()
        .to_owned()
}

pub(crate) fn split(bytes: &[u8]) -> Vec<Vec<u8>> {
    let bytes = bytes.strip_suffix(b"\0").unwrap_or(bytes);
    bytes.split(|byte| *byte == 0).map(<[u8]>::to_vec).collect()
}

/// The twin's argument as the case's own was meant to be.
pub(crate) fn with_the_text(case: &Case, argument: &[u8]) -> Vec<u8> {
    let argument = std::str::from_utf8(argument)
        .expect("a harmless argument")
        .replace(&case.twin(), &case.stem);
    let slot = case
        .slots
        .iter()
        .find(|slot| argument.contains(&slot.harmless()));
    slot.map_or(argument.clone(), |slot| {
        argument.replace(&slot.harmless(), &slot.meant(&case.text))
    })
    .into_bytes()
}

pub(crate) fn shown(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

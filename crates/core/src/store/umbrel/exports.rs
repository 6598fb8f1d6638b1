//! The variables that an app's `exports.sh` sets, where it only sets variables.
//!
//! Such a script is read, not run: assignments of words, with texts and variables in them, and
//! commands that only make folders, which this node makes itself. Anything else is a program, and
//! then nothing is read of it.
//!
//! Source: `source_app` of umbreld's legacy `app` script, and bash(1).

use std::collections::BTreeMap;

use compose::interpolate;

use crate::file::Files;
use crate::store::compose_file::{ComposeFile, text_at};

const SCRIPT: &str = "exports.sh";

/// Commands that set no variable.
const PASSED_OVER: [&str; 4] = ["chmod", "chown", "mkdir", "touch"];

/// The values of variables by name.
type Variables = BTreeMap<String, String>;

/// The variables that the script of an app sets. `known` are the variables that it may use, and
/// `host` names the host on which others find a service of the app. A variable is left out whose
/// value needs another one; all are, of a script that is a program.
pub(super) fn of(
    source: &ComposeFile<'_>,
    files: &Files,
    known: &Variables,
    host: impl Fn(&str) -> String,
) -> Variables {
    let set = read(files, known, &Variables::new()).unwrap_or_default();
    let all = known.iter().chain(&set);
    let all: Variables = all.map(|(k, v)| (k.clone(), v.clone())).collect();
    let hosts = addresses(source, &all).into_iter();
    let hosts = hosts.map(|(service, address)| (address, host(service)));
    read(files, known, &hosts.collect()).unwrap_or_default()
}

/// The services with a fixed address in Umbrel's network, each with that address. That network does
/// not exist here: a service has a name instead.
pub(super) fn addresses<'a>(
    source: &'a ComposeFile<'_>,
    variables: &Variables,
) -> BTreeMap<&'a str, String> {
    let lookup = |name: &str| variables.get(name).cloned();
    let is_own = |network: &str| {
        let networks = source.get("networks");
        networks.is_some_and(|networks| networks.get(network).is_some())
    };
    let services = source.services().into_iter();
    let found = services
        .filter(|_| !is_own("default"))
        .filter_map(|(name, service)| {
            let address = text_at(service, &["networks", "default", "ipv4_address"])?;
            Some((name, interpolate(&address, &lookup).ok()?))
        });
    found.filter(|(_, address)| !address.is_empty()).collect()
}

/// Reads a script; `None` for a program, and for an app without a script. A value that is one of
/// `hosts` is replaced by the name of that.
fn read(files: &Files, known: &Variables, hosts: &Variables) -> Option<Variables> {
    let text = files.get(SCRIPT)?.text()?;
    let mut all = known.clone();
    let mut set = Variables::new();
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with('#') || is_passed_over(line) {
            continue;
        }
        let exported = line.strip_prefix("export ");
        let assignment = exported.unwrap_or(line).trim_start();
        let Some((name, value)) = assignment.split_once('=') else {
            // `export NAME` of a variable that has been set.
            match exported.is_some() && is_name(assignment) {
                true => continue,
                false => return None,
            }
        };
        if !is_name(name) {
            return None;
        }
        match Word::read(value, &all)? {
            Word::Text(text) => {
                let text = hosts.get(&text).cloned().unwrap_or(text);
                all.insert(name.to_owned(), text.clone());
                set.insert(name.to_owned(), text);
            }
            Word::Unknown => {
                all.remove(name);
                set.remove(name);
            }
        }
    }
    Some(set)
}

/// Whether there is a script that cannot be read.
pub(in crate::store) fn is_program(files: &Files) -> bool {
    let none = Variables::new();
    files.contains_key(SCRIPT) && read(files, &none, &none).is_none()
}

/// A command that sets no variable, and nothing beside it.
fn is_passed_over(line: &str) -> bool {
    let line = line.strip_suffix("|| true").unwrap_or(line).trim_end();
    let line = line.strip_suffix("2>/dev/null").unwrap_or(line);
    let command = line.split_ascii_whitespace().next().unwrap_or_default();
    PASSED_OVER.contains(&command)
        && !line.contains(['`', ';', '&', '|', '<', '>', '(', ')', '\\', '#'])
}

fn is_name(text: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    !text.is_empty() && !text.starts_with(|c: char| c.is_ascii_digit()) && text.chars().all(is_part)
}

/// The value of an assignment.
enum Word {
    Text(String),
    /// It needs a variable that is not known.
    Unknown,
}

impl Word {
    /// Reads one word to the end of its line. `None` when it is not one word of texts and
    /// variables.
    fn read(text: &str, variables: &Variables) -> Option<Self> {
        let mut value = Some(String::new());
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let after = &rest[first.len_utf8()..];
            match first {
                '\'' => {
                    let (inside, after) = after.split_once('\'')?;
                    push(&mut value, Some(inside.to_owned()));
                    rest = after;
                }
                '"' => rest = Self::quoted(after, variables, &mut value)?,
                '$' => {
                    let (part, after) = variable(after, variables)?;
                    // The shell would split its value into words or take it for a pattern.
                    if part
                        .as_deref()
                        .is_some_and(|part| !part.chars().all(is_plain))
                    {
                        return None;
                    }
                    push(&mut value, part);
                    rest = after;
                }
                ' ' | '\t' => {
                    let after = after.trim_start();
                    if !after.is_empty() && !after.starts_with('#') {
                        return None;
                    }
                    rest = "";
                }
                plain if is_plain(plain) => {
                    push(&mut value, Some(plain.to_string()));
                    rest = after;
                }
                _ => return None,
            }
        }
        Some(value.map_or(Self::Unknown, Self::Text))
    }

    /// Reads the inside of double quotes. Returns the text after them.
    fn quoted<'a>(
        text: &'a str,
        variables: &Variables,
        value: &mut Option<String>,
    ) -> Option<&'a str> {
        let mut rest = text;
        loop {
            let first = rest.chars().next()?;
            let after = &rest[first.len_utf8()..];
            rest = after;
            match first {
                '"' => return Some(after),
                '`' => return None,
                '$' => {
                    let (part, after) = match onion(after) {
                        Some((text, after)) => (Some(text), after),
                        None => variable(after, variables)?,
                    };
                    push(value, part);
                    rest = after;
                }
                '\\' => {
                    let escaped = after.chars().next()?;
                    if matches!(escaped, '"' | '\\' | '$' | '`') {
                        rest = &after[1..];
                        push(value, Some(escaped.to_string()));
                    } else {
                        push(value, Some("\\".to_owned()));
                    }
                }
                other => push(value, Some(other.to_string())),
            }
        }
    }
}

/// Reads a variable after its dollar sign: `NAME`, `{NAME}` or `{NAME:-default}`. Returns its
/// value, if it is known, and the text after it.
fn variable<'a>(text: &'a str, variables: &Variables) -> Option<(Option<String>, &'a str)> {
    if let Some(inside) = text.strip_prefix('{') {
        let (inside, after) = inside.split_once('}')?;
        let (name, default) = match inside.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (inside, None),
        };
        let is_text = |default: &str| default.chars().all(is_plain);
        if !is_name(name) || !default.is_none_or(is_text) {
            return None;
        }
        let known = variables.get(name).cloned();
        let value = match default {
            Some(default) => known
                .filter(|value| !value.is_empty())
                .or_else(|| Some(default.to_owned())),
            None => known,
        };
        return Some((value, after));
    }
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let end = text.find(|c| !is_part(c)).unwrap_or(text.len());
    let (name, after) = text.split_at(end);
    is_name(name).then(|| (variables.get(name).cloned(), after))
}

/// Reads `(cat FILE … || echo NAME.onion)` after its dollar sign: the name of an onion service,
/// which this node does not have, so that the file is not there. Returns the other name and the
/// text after it.
fn onion(text: &str) -> Option<(String, &str)> {
    let (inside, after) = text.strip_prefix("(cat ")?.split_once(')')?;
    let (file, name) = inside.split_once("|| echo ")?;
    let file = file.replace("2>/dev/null", "").replace("2> /dev/null", "");
    let name = name.trim().trim_matches('"').trim_matches('\'');
    let is_one = !file.contains(['`', ';', '&', '|', '<', '>', '(']);
    let is_name = name.ends_with(".onion") && name.chars().all(is_plain);
    (is_one && is_name).then(|| (name.to_owned(), after))
}

/// Characters that have no meaning to the shell.
fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_-./:,@%+=".contains(c)
}

fn push(value: &mut Option<String>, part: Option<String>) {
    match (value.as_mut(), part) {
        (Some(text), Some(part)) => text.push_str(&part),
        _ => *value = None,
    }
}

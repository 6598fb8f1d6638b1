//! Checks what the compiler does not: no circle between files, no file over 500 lines, no `Result`
//! whose error is a text, no state compared as text, nothing of `host` but types that `node` passes
//! on.
//!
//! A file **depends** on another file when its own code names an item that is defined there: in a
//! `use`, by a path, by a single name that a `use` or a `*` has brought, or in the arguments and
//! the body of a macro, an attribute included. The item's file counts, not the files through which
//! its name is passed on. So these are no dependency by themselves:
//!
//! - A folder's `mod.rs` declares its files and re-exports items of them. That is a table of
//!   contents: the code in it compiles without the re-exports. If that code uses a re-exported
//!   name, then it depends on the file. A re-export of a file that is not beneath it is a
//!   dependency like any other `use`.
//! - A file names a module. Only the items that it names of the module count.
//! - A file takes an item from a `mod.rs` that only passes it on.
//!
//! Not seen: the file of a method that is called, because that needs types, and names that a
//! macro's expansion makes of its arguments. Test code inside a file is left out, because it may
//! use whatever is there; test code in a file of its own is checked.

mod circles;
mod error_types;
mod layers;
mod modules;
mod names;
mod state_words;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use modules::{Crate, Sources};

/// A file with more lines holds more than one idea.
const LINES_MAX: usize = 500;

/// Checks every crate.
pub(crate) fn check() -> Result<()> {
    let mut problems = Vec::new();
    let entries = fs::read_dir("crates").context("listing crates")?;
    let folders: std::io::Result<BTreeSet<PathBuf>> =
        entries.map(|entry| Ok(entry?.path())).collect();
    for folder in folders? {
        let sources = read(&folder)?;
        problems.extend(too_long(&sources));
        problems.extend(text_as_error(&folder, &sources)?);
        problems.extend(states_as_text(&folder, &sources)?);
        for root in roots(&folder, &sources) {
            let whole = Crate::read(&root, &sources)?;
            problems.extend(circles::circles(&whole));
            if folder.ends_with("node") {
                problems.extend(layers::passed_on(&whole, "archipelago_host"));
            }
        }
    }
    if problems.is_empty() {
        return Ok(());
    }
    bail!("the structure has faults:\n{}", problems.join("\n"))
}

/// All Rust files beneath a folder.
fn read(folder: &Path) -> Result<Sources> {
    let mut sources = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).with_context(|| format!("listing {folder:?}"))? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path);
                let text = text.with_context(|| format!("reading {path:?}"))?;
                sources.insert(path, text);
            }
        }
    }
    Ok(sources)
}

fn too_long(sources: &Sources) -> Vec<String> {
    let lines = sources
        .iter()
        .map(|(file, text)| (file, text.lines().count()));
    let long = lines.filter(|(_, lines)| *lines > LINES_MAX);
    long.map(|(file, lines)| {
        let file = file.display();
        format!("{file} has {lines} lines; take it apart by idea, {LINES_MAX} at most")
    })
    .collect()
}

fn text_as_error(folder: &Path, sources: &Sources) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for (file, text) in sources {
        if file.starts_with(folder.join("src"))
            && error_types::names_text_as_error(&modules::parse(file, text)?)
        {
            let file = file.display();
            found.push(format!(
                "{file} has a Result whose error is a text; make the error an enum"
            ));
        }
    }
    Ok(found)
}

fn states_as_text(folder: &Path, sources: &Sources) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for (file, text) in sources {
        if file.starts_with(folder.join("src")) {
            let words = state_words::compared(file, &modules::parse(file, text)?);
            found.extend(words.iter().map(|word| {
                let file = file.display();
                format!("{file} compares a text with the state {word:?}; parse it to an enum at the edge")
            }));
        }
    }
    Ok(found)
}

/// The files that Cargo compiles by themselves, each with the modules beneath it: a library, a
/// program, a test, a benchmark, an example.
fn roots(folder: &Path, sources: &Sources) -> Vec<PathBuf> {
    let is_root = |file: &&PathBuf| {
        let Ok(path) = file.strip_prefix(folder) else {
            return false;
        };
        let parts: Vec<&str> = path.iter().filter_map(|part| part.to_str()).collect();
        matches!(
            parts[..],
            ["build.rs"]
                | ["src", "lib.rs" | "main.rs"]
                | ["tests" | "benches" | "examples", _]
                | ["tests" | "benches" | "examples", _, "main.rs"]
        ) || matches!(parts[..], ["src", "bin", _] | ["src", "bin", _, "main.rs"])
    };
    sources.keys().filter(is_root).cloned().collect()
}

//! The circles between the files of a crate.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::modules::{Crate, ModuleId, Segments};
use super::names::Names;

/// The files on which each file depends, with a name that shows it.
type Edges = BTreeMap<PathBuf, BTreeMap<PathBuf, String>>;

/// A message for each circle between the files of a crate.
pub(super) fn circles(whole: &Crate) -> Vec<String> {
    let edges = edges(whole);
    let circles = strongly_connected(&edges).into_iter();
    circles.map(|circle| message(&circle, &edges)).collect()
}

fn edges(whole: &Crate) -> Edges {
    let mut edges = Edges::new();
    for (id, module) in whole.modules.iter().enumerate() {
        let of_file = edges.entry(module.file.clone()).or_default();
        let mut add = |definer: ModuleId, path: &Segments| {
            let file = &whole.modules[definer].file;
            if *file != module.file {
                let shown = || path.last().cloned().unwrap_or_default();
                of_file.entry(file.clone()).or_insert_with(shown);
            }
        };
        for import in &module.imports {
            for definer in whole.definers(id, &import.path) {
                if !(import.is_reexport && whole.is_beneath(definer, id)) {
                    add(definer, &import.path);
                }
            }
        }
        let names = Names::of(&module.items);
        for path in &names.paths {
            for definer in whole.definers(id, path) {
                add(definer, path);
            }
        }
        for path in &names.macros {
            let mut definers = whole.definers(id, path);
            if let [name] = &path[..]
                && definers.is_empty()
            {
                definers.extend(whole.definer_of_macro(name));
            }
            for definer in definers {
                add(definer, path);
            }
        }
    }
    edges
}

fn message(circle: &BTreeSet<&Path>, edges: &Edges) -> String {
    let mut lines = vec![format!("a circle of {} files:", circle.len())];
    for file in circle {
        let used = edges.get(*file).into_iter().flatten();
        let within = used.filter(|(other, _)| circle.contains(other.as_path()));
        lines.extend(within.map(|(other, name)| {
            let (file, other) = (file.display(), other.display());
            format!("  {file} names {name} of {other}")
        }));
    }
    lines.join("\n")
}

/// The groups of files in which each reaches each other; those of one file are left out.
fn strongly_connected(edges: &Edges) -> BTreeSet<BTreeSet<&Path>> {
    let files = edges.keys().map(PathBuf::as_path);
    let reached: BTreeMap<&Path, BTreeSet<&Path>> = files
        .map(|file| (file, reached_from(file, edges)))
        .collect();
    let mut circles = BTreeSet::new();
    for (file, others) in &reached {
        if others.contains(file) {
            let back = |other: &&&Path| reached[**other].contains(file);
            circles.insert(others.iter().filter(back).copied().collect());
        }
    }
    circles
}

fn reached_from<'a>(file: &Path, edges: &'a Edges) -> BTreeSet<&'a Path> {
    let mut reached = BTreeSet::new();
    let mut next = vec![file];
    while let Some(file) = next.pop() {
        for other in edges.get(file).into_iter().flat_map(BTreeMap::keys) {
            if reached.insert(other.as_path()) {
                next.push(other);
            }
        }
    }
    reached
}

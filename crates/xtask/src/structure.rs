//! The structure that the compiler does not hold: no circle between files, no file over 500 lines,
//! no text as an error.
//!
//! A file depends on another when it names something of it: in a `use`, or by a path in its code.
//! A folder's `mod.rs` that only declares its files, or re-exports from them, does not depend on
//! them. Tests and what macros make of their arguments are not looked at.

mod error_types;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use syn::visit::{self, Visit};

/// A file with more lines holds more than one idea.
const LINES_MAX: usize = 500;

/// Crates that are no part of the product.
const FOR_DEVELOPERS: [&str; 3] = ["sim", "testhost", "xtask"];

/// Checks every crate.
pub(crate) fn check() -> Result<()> {
    let mut problems = Vec::new();
    for entry in fs::read_dir("crates").context("listing crates")? {
        let folder = entry?.path();
        problems.extend(too_long(&folder)?);
        problems.extend(circles(&folder.join("src"))?);
        if !FOR_DEVELOPERS.iter().any(|name| folder.ends_with(name)) {
            problems.extend(text_as_error(&folder.join("src"))?);
        }
    }
    if problems.is_empty() {
        return Ok(());
    }
    bail!("the structure has faults:\n{}", problems.join("\n"))
}

fn too_long(folder: &Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for file in sources(folder)? {
        let lines = fs::read_to_string(&file)?.lines().count();
        if lines > LINES_MAX {
            let file = file.display();
            found.push(format!(
                "{file} has {lines} lines; take it apart by idea, {LINES_MAX} at most"
            ));
        }
    }
    Ok(found)
}

fn text_as_error(folder: &Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for file in sources(folder)? {
        if error_types::names_text_as_error(&parse(&file)?) {
            let file = file.display();
            found.push(format!(
                "{file} has a Result whose error is a text; make the error an enum"
            ));
        }
    }
    Ok(found)
}

fn parse(file: &Path) -> Result<syn::File> {
    let text = fs::read_to_string(file)?;
    syn::parse_file(&text).with_context(|| format!("parsing {file:?}"))
}

/// All Rust files beneath a folder, sorted.
fn sources(folder: &Path) -> Result<BTreeSet<PathBuf>> {
    let mut files = BTreeSet::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).with_context(|| format!("listing {folder:?}"))? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.insert(path);
            }
        }
    }
    Ok(files)
}

/// The circles between the files of one crate.
fn circles(root: &Path) -> Result<Vec<String>> {
    let mut modules = BTreeMap::new();
    for file in sources(root)? {
        modules.insert(module_of(root, &file), file);
    }
    let mut edges: BTreeMap<&Module, BTreeSet<&Module>> = BTreeMap::new();
    for (module, file) in &modules {
        let parsed = parse(file)?;
        let mut names = Names {
            module,
            paths: Vec::new(),
        };
        names.visit_file(&parsed);
        let used = names
            .paths
            .iter()
            .filter_map(|path| owner(&modules, path))
            .filter(|other| *other != module);
        edges.insert(module, used.collect());
    }
    Ok(strongly_connected(&edges)
        .into_iter()
        .map(|circle| {
            let files: Vec<String> = circle
                .iter()
                .map(|module| modules[*module].display().to_string())
                .collect();
            format!("a circle: {}", files.join(", "))
        })
        .collect())
}

/// The path of a module from the root of its crate.
type Module = Vec<String>;

fn module_of(root: &Path, file: &Path) -> Module {
    let path = file.strip_prefix(root).unwrap_or(file).with_extension("");
    let mut parts: Module = path
        .components()
        .map(|part| part.as_os_str().to_string_lossy().into_owned())
        .collect();
    if parts
        .last()
        .is_some_and(|last| matches!(last.as_str(), "mod" | "lib" | "main"))
    {
        parts.pop();
    }
    parts
}

/// The module whose file has what a path names: the longest that there is.
fn owner<'a>(modules: &'a BTreeMap<Module, PathBuf>, path: &[String]) -> Option<&'a Module> {
    (0..=path.len())
        .rev()
        .find_map(|length| modules.get_key_value(&path[..length]))
        .map(|(module, _)| module)
}

/// Collects what a file names of its own crate.
struct Names<'a> {
    module: &'a Module,
    paths: Vec<Module>,
}

impl Names<'_> {
    /// A path from the crate's root, if it names something of this crate.
    fn resolve(&self, segments: &[String]) -> Option<Module> {
        let (first, rest) = segments.split_first()?;
        let mut path = match first.as_str() {
            "crate" => Vec::new(),
            "self" => self.module.clone(),
            "super" => {
                let mut above = self.module.clone();
                above.pop()?;
                above
            }
            // A child, or something from elsewhere: of the latter no module is found.
            _ => {
                let mut child = self.module.clone();
                child.push(first.clone());
                child
            }
        };
        for segment in rest {
            if segment == "super" {
                path.pop()?;
            } else {
                path.push(segment.clone());
            }
        }
        Some(path)
    }

    fn note(&mut self, segments: &[String]) {
        // A single name is a local one, or one that a `use` has brought.
        if segments.len() > 1
            && let Some(path) = self.resolve(segments)
        {
            self.paths.push(path);
        }
    }

    fn tree(&mut self, before: &mut Module, tree: &syn::UseTree) {
        match tree {
            syn::UseTree::Path(path) => {
                before.push(path.ident.to_string());
                self.tree(before, &path.tree);
                before.pop();
            }
            syn::UseTree::Group(group) => {
                for tree in &group.items {
                    self.tree(before, tree);
                }
            }
            syn::UseTree::Name(name) => {
                before.push(name.ident.to_string());
                self.note(before);
                before.pop();
            }
            syn::UseTree::Rename(rename) => {
                before.push(rename.ident.to_string());
                self.note(before);
                before.pop();
            }
            syn::UseTree::Glob(_) => self.note(before),
        }
    }
}

fn is_for_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute
                .parse_args::<syn::Ident>()
                .is_ok_and(|condition| condition == "test")
    })
}

impl<'a> Visit<'a> for Names<'_> {
    fn visit_item_use(&mut self, item: &'a syn::ItemUse) {
        let is_reexport = !matches!(item.vis, syn::Visibility::Inherited);
        if !is_reexport && !is_for_tests(&item.attrs) {
            self.tree(&mut Vec::new(), &item.tree);
        }
    }

    fn visit_item_mod(&mut self, item: &'a syn::ItemMod) {
        if !is_for_tests(&item.attrs) {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_path(&mut self, path: &'a syn::Path) {
        let segments: Module = path
            .segments
            .iter()
            .map(|segment| segment.ident.to_string())
            .collect();
        self.note(&segments);
        visit::visit_path(self, path);
    }
}

/// The groups of modules that reach each other those of one module left out.
fn strongly_connected<'a>(
    edges: &BTreeMap<&'a Module, BTreeSet<&'a Module>>,
) -> Vec<BTreeSet<&'a Module>> {
    let reaches = |from: &'a Module| {
        let mut reached = BTreeSet::new();
        let mut next = vec![from];
        while let Some(module) = next.pop() {
            for other in edges.get(module).into_iter().flatten() {
                if reached.insert(*other) {
                    next.push(other);
                }
            }
        }
        reached
    };
    let reached: BTreeMap<&Module, BTreeSet<&Module>> = edges
        .keys()
        .map(|module| (*module, reaches(module)))
        .collect();
    let mut circles: BTreeSet<BTreeSet<&Module>> = BTreeSet::new();
    for (module, others) in &reached {
        if others.contains(module) {
            let circle = others
                .iter()
                .filter(|other| reached[*other].contains(module));
            circles.insert(circle.copied().collect());
        }
    }
    circles.into_iter().collect()
}

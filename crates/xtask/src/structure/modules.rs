//! The modules of a crate, the names in each, and the file that defines what a path names.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use syn::visit::{self, Visit};

/// The text of each Rust file.
pub(super) type Sources = BTreeMap<PathBuf, String>;

/// The segments of a path.
pub(super) type Segments = Vec<String>;

pub(super) fn parse(file: &Path, text: &str) -> Result<syn::File> {
    syn::parse_file(text).with_context(|| format!("parsing {}", file.display()))
}

/// A module by its position in [`Crate::modules`]; the root is the first.
pub(super) type ModuleId = usize;

const ROOT: ModuleId = 0;

/// A library or a program with all its modules.
pub(super) struct Crate {
    pub(super) modules: Vec<Module>,
    /// The modules that define macros with `macro_rules!`, by the names of the macros. Code after
    /// the definition needs no path for them.
    macros: BTreeMap<String, ModuleId>,
}

/// A file, or a module with braces inside a file.
pub(super) struct Module {
    pub(super) file: PathBuf,
    pub(super) items: Vec<syn::Item>,
    pub(super) imports: Vec<Import>,
    parent: Option<ModuleId>,
    names: BTreeMap<String, Vec<Named>>,
}

/// One name, or `*`, of a `use`.
pub(super) struct Import {
    pub(super) path: Segments,
    pub(super) is_reexport: bool,
    pub(super) is_glob: bool,
}

/// The meaning of a name in a module. A type or a module, a function and a macro may share one.
enum Named {
    Item { has_names: bool },
    Module(ModuleId),
    Import(Segments),
}

/// The target of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Target {
    Module(ModuleId),
    /// An item that is defined in this module. A type or a trait has names of its own.
    ItemOf {
        module: ModuleId,
        has_names: bool,
    },
    OtherCrate,
}

/// The parts of a file's path that matter to the modules that it declares.
struct Place {
    file: PathBuf,
    /// The folder of its modules.
    folder: PathBuf,
}

impl Crate {
    /// Reads a crate from its root file on.
    pub(super) fn read(root: &Path, sources: &Sources) -> Result<Self> {
        let mut this = Self {
            modules: Vec::new(),
            macros: BTreeMap::new(),
        };
        let text = sources
            .get(root)
            .context("the root of a crate is no file")?;
        let items = parse(root, text)?.items;
        let place = Place {
            file: root.to_owned(),
            folder: root.parent().map(Path::to_owned).unwrap_or_default(),
        };
        this.add(place, None, items, sources)?;
        Ok(this)
    }

    fn add(
        &mut self,
        place: Place,
        parent: Option<ModuleId>,
        items: Vec<syn::Item>,
        sources: &Sources,
    ) -> Result<ModuleId> {
        let mut declarations = Declarations::default();
        for item in &items {
            declarations.visit_item(item);
        }
        let id = self.modules.len();
        for name in declarations.macros {
            self.macros.insert(name, id);
        }
        let mut names = declarations.names;
        for (name, import) in &declarations.imports {
            if !import.is_glob {
                let named = Named::Import(import.path.clone());
                names.entry(name.clone()).or_default().push(named);
            }
        }
        let imports = declarations.imports.into_iter().map(|(_, import)| import);
        self.modules.push(Module {
            file: place.file.clone(),
            imports: imports.collect(),
            parent,
            names,
            items: Vec::new(),
        });
        for item in &items {
            if let syn::Item::Mod(item) = item
                && let Some((place, items)) = inside(item, &place, sources)?
            {
                let child = self.add(place, Some(id), items, sources)?;
                let names = &mut self.modules[id].names;
                let named = names.entry(item.ident.to_string()).or_default();
                named.push(Named::Module(child));
            }
        }
        self.modules[id].items = items;
        Ok(id)
    }

    /// The modules that define what a path names, read in `module`.
    pub(super) fn definers(&self, module: ModuleId, path: &[String]) -> BTreeSet<ModuleId> {
        let targets = self.find(module, path, &mut BTreeSet::new());
        let items = targets.into_iter().filter_map(|target| match target {
            Target::ItemOf { module, .. } => Some(module),
            Target::Module(_) | Target::OtherCrate => None,
        });
        items.collect()
    }

    /// The module that defines a macro, whose name may need no path.
    pub(super) fn definer_of_macro(&self, name: &str) -> Option<ModuleId> {
        self.macros.get(name).copied()
    }

    /// Whether a module is `above` or beneath it.
    pub(super) fn is_beneath(&self, module: ModuleId, above: ModuleId) -> bool {
        let mut next = Some(module);
        while let Some(module) = next {
            if module == above {
                return true;
            }
            next = self.modules[module].parent;
        }
        false
    }

    /// `open` has the names that are being looked up, because imports may lead in a circle.
    fn find(
        &self,
        module: ModuleId,
        path: &[String],
        open: &mut BTreeSet<(ModuleId, String)>,
    ) -> BTreeSet<Target> {
        let Some((first, rest)) = path.split_first() else {
            return BTreeSet::new();
        };
        let mut found = match first.as_str() {
            "crate" => BTreeSet::from([Target::Module(ROOT)]),
            "self" => BTreeSet::from([Target::Module(module)]),
            "super" => self.above(module),
            name => self.lookup(module, name, open),
        };
        if found.is_empty() {
            found.insert(Target::OtherCrate);
        }
        for name in rest {
            let before = std::mem::take(&mut found);
            for target in before {
                match target {
                    Target::Module(module) if name == "super" => {
                        found.extend(self.above(module));
                    }
                    Target::Module(module) => {
                        let mut named = self.lookup(module, name, open);
                        if named.is_empty() {
                            // A macro may have made it there.
                            let has_names = true;
                            named.insert(Target::ItemOf { module, has_names });
                        }
                        found.extend(named);
                    }
                    // A variant, a constant or a function of the item.
                    Target::ItemOf {
                        has_names: true, ..
                    }
                    | Target::OtherCrate => {
                        found.insert(target);
                    }
                    // The module of the same name is meant.
                    Target::ItemOf { .. } => {}
                }
            }
        }
        found
    }

    fn above(&self, module: ModuleId) -> BTreeSet<Target> {
        let above = self.modules[module].parent;
        above.map(Target::Module).into_iter().collect()
    }

    fn lookup(
        &self,
        module: ModuleId,
        name: &str,
        open: &mut BTreeSet<(ModuleId, String)>,
    ) -> BTreeSet<Target> {
        let key = (module, name.to_owned());
        if !open.insert(key.clone()) {
            return BTreeSet::new();
        }
        let Module { names, imports, .. } = &self.modules[module];
        let mut found = BTreeSet::new();
        for named in names.get(name).into_iter().flatten() {
            match named {
                Named::Item { has_names } => {
                    let has_names = *has_names;
                    found.insert(Target::ItemOf { module, has_names });
                }
                Named::Module(module) => {
                    found.insert(Target::Module(*module));
                }
                Named::Import(path) => found.extend(self.find(module, path, open)),
            }
        }
        // A name of the module itself hides those that a `*` brings.
        if found.is_empty() {
            for import in imports.iter().filter(|import| import.is_glob) {
                for target in self.find(module, &import.path, open) {
                    match target {
                        Target::Module(module) => found.extend(self.lookup(module, name, open)),
                        Target::OtherCrate => {
                            found.insert(Target::OtherCrate);
                        }
                        // The variants of an enum: the import itself names the enum.
                        Target::ItemOf { .. } => {}
                    }
                }
            }
        }
        open.remove(&key);
        found
    }
}

/// The place and the items of a declared module; `None` for test code in the same file.
fn inside(
    item: &syn::ItemMod,
    above: &Place,
    sources: &Sources,
) -> Result<Option<(Place, Vec<syn::Item>)>> {
    let name = item.ident.to_string();
    if let Some((_, items)) = &item.content {
        if is_for_tests(&item.attrs) {
            return Ok(None);
        }
        let place = Place {
            file: above.file.clone(),
            folder: above.folder.join(name),
        };
        return Ok(Some((place, items.clone())));
    }
    let candidates = match given_path(&item.attrs) {
        Some(path) => {
            let folder = above.file.parent().unwrap_or(Path::new(""));
            let file = normal(&folder.join(path));
            let folder = file.parent().map(Path::to_owned).unwrap_or_default();
            vec![Place { file, folder }]
        }
        None => {
            let folder = above.folder.join(&name);
            vec![
                Place {
                    file: folder.with_extension("rs"),
                    folder: folder.clone(),
                },
                Place {
                    file: folder.join("mod.rs"),
                    folder,
                },
            ]
        }
    };
    let mut there = candidates.into_iter();
    let place = there.find(|place| sources.contains_key(&place.file));
    let Some(place) = place else {
        // It lies in another crate's folder, and is checked with that crate.
        if given_path(&item.attrs).is_some() {
            return Ok(None);
        }
        bail!(
            "{} declares {name}, and has no such file",
            above.file.display()
        );
    };
    let items = parse(&place.file, &sources[&place.file])?.items;
    Ok(Some((place, items)))
}

/// The path in `#[path = "…"]`.
fn given_path(attributes: &[syn::Attribute]) -> Option<String> {
    attributes
        .iter()
        .find_map(|attribute| match &attribute.meta {
            syn::Meta::NameValue(pair) if pair.path.is_ident("path") => match &pair.value {
                syn::Expr::Lit(syn::ExprLit {
                    lit: syn::Lit::Str(path),
                    ..
                }) => Some(path.value()),
                _ => None,
            },
            _ => None,
        })
}

/// The same path without `..`.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path {
        if part == ".." {
            normal.pop();
        } else {
            normal.push(part);
        }
    }
    normal
}

/// Whether an item is compiled for tests alone.
pub(super) fn is_for_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute
                .parse_args::<syn::Ident>()
                .is_ok_and(|condition| condition == "test")
    })
}

/// The names that a module declares, those inside its functions included.
#[derive(Default)]
struct Declarations {
    names: BTreeMap<String, Vec<Named>>,
    imports: Vec<(String, Import)>,
    macros: Vec<String>,
}

impl Declarations {
    fn item(&mut self, name: &syn::Ident, has_names: bool) {
        let named = self.names.entry(name.to_string()).or_default();
        named.push(Named::Item { has_names });
    }

    fn import(&mut self, before: &[String], tree: &syn::UseTree, is_reexport: bool) {
        let path = |last: &syn::Ident| {
            let mut path = before.to_vec();
            // `use a::{self}` names `a`.
            if last != "self" || path.is_empty() {
                path.push(last.to_string());
            }
            path
        };
        let (path, name, is_glob) = match tree {
            syn::UseTree::Path(tree) => {
                let mut before = before.to_vec();
                before.push(tree.ident.to_string());
                return self.import(&before, &tree.tree, is_reexport);
            }
            syn::UseTree::Group(group) => {
                for tree in &group.items {
                    self.import(before, tree, is_reexport);
                }
                return;
            }
            syn::UseTree::Name(name) => {
                let path = path(&name.ident);
                let name = path.last().cloned().unwrap_or_default();
                (path, name, false)
            }
            syn::UseTree::Rename(tree) => (path(&tree.ident), tree.rename.to_string(), false),
            syn::UseTree::Glob(_) => (before.to_vec(), String::new(), true),
        };
        let import = Import {
            path,
            is_reexport,
            is_glob,
        };
        self.imports.push((name, import));
    }
}

impl<'a> Visit<'a> for Declarations {
    fn visit_item(&mut self, item: &'a syn::Item) {
        match item {
            syn::Item::Const(item) => self.item(&item.ident, false),
            syn::Item::Enum(item) => self.item(&item.ident, true),
            syn::Item::Fn(item) => self.item(&item.sig.ident, false),
            syn::Item::Static(item) => self.item(&item.ident, false),
            syn::Item::Struct(item) => self.item(&item.ident, true),
            syn::Item::Trait(item) => self.item(&item.ident, true),
            syn::Item::Type(item) => self.item(&item.ident, true),
            syn::Item::Union(item) => self.item(&item.ident, true),
            syn::Item::Macro(item) => {
                if let Some(name) = &item.ident {
                    self.item(name, false);
                    self.macros.push(name.to_string());
                }
            }
            syn::Item::Use(item) if !is_for_tests(&item.attrs) && item.leading_colon.is_none() => {
                let is_reexport = !matches!(item.vis, syn::Visibility::Inherited);
                self.import(&[], &item.tree, is_reexport);
            }
            // A module of its own.
            syn::Item::Mod(_) => return,
            _ => {}
        }
        visit::visit_item(self, item);
    }
}

//! `include`: another Compose file with its own folder and variables, whose services join this
//! one's.

use super::loader::{Loader, Need, Scope, is_remote, parent};
use crate::limits::{CHAIN_MAX, Limit};
use crate::merge::{apply_marks, merge};
use crate::node::{Mapping, Node, Value, mapping};
use crate::problem::Problem;
use crate::trail::Trail;

const SECTIONS: [&str; 7] = [
    "services", "jobs", "volumes", "networks", "secrets", "configs", "models",
];

/// One `include`, in its long form.
struct Include {
    paths: Vec<String>,
    variables: Option<Vec<String>>,
    folder: Option<String>,
}

impl Loader<'_> {
    /// Takes `include` out of the document and adds what it names.
    pub(super) fn include(
        &mut self,
        document: &mut Node,
        path: &str,
        scope: Scope<'_>,
        chain: &[String],
        marks: &[Trail],
    ) {
        let Some(include) = document.as_map_mut().and_then(|map| map.remove("include")) else {
            return;
        };
        let trail = Trail::of(["include"]);
        let Some(items) = include.node.as_list() else {
            let found = include.node.kind();
            let expected = "a list".to_owned();
            self.report.error(
                &include.node.place,
                &trail,
                Problem::Kind { expected, found },
            );
            return;
        };
        let chain = [chain, &[path.to_owned()]].concat();
        for (index, item) in items.iter().enumerate() {
            let trail = trail.item(index);
            let Some(include) = read(item) else {
                let found = item.kind();
                let expected = "a path, or a mapping with `path`".to_owned();
                self.report
                    .error(&item.place, &trail, Problem::Kind { expected, found });
                continue;
            };
            if let Some(model) = self.included(include, item, &trail, scope, &chain) {
                self.import(document, model, marks);
            }
        }
    }

    fn included(
        &mut self,
        include: Include,
        item: &Node,
        trail: &Trail,
        scope: Scope<'_>,
        chain: &[String],
    ) -> Option<Node> {
        let base = self.base(scope.folder);
        let paths: Vec<String> = include.paths.iter().map(|path| base.join(path)).collect();
        let first = paths.first()?;
        let problem = if include.paths.iter().any(|path| is_remote(path)) {
            Some(Problem::Remote)
        } else if let Some(at) = chain.iter().position(|path| path == first) {
            let names = chain.iter().skip(at).cloned().chain([first.clone()]);
            Some(Problem::Circle {
                names: names.collect(),
            })
        } else if chain.len() > CHAIN_MAX {
            Some(Limit::Chain.into())
        } else {
            let absent = paths.iter().find(|path| (self.request.read)(path).is_err());
            absent.map(|path| Problem::FileAbsent { path: path.clone() })
        };
        if let Some(problem) = problem {
            self.report.error(&item.place, trail, problem);
            return None;
        }
        let folder = include
            .folder
            .map_or_else(|| parent(first).to_owned(), |folder| base.join(&folder));
        let mut variables = scope.variables.clone();
        match include.variables {
            None => {
                let path = self.base(&folder).join(".env");
                self.read_variables(&path, Need::None, &item.place, &mut variables);
            }
            Some(files) => {
                for file in files.iter().filter(|file| *file != "/dev/null") {
                    let path = base.join(file);
                    self.read_variables(&path, Need::Required, &item.place, &mut variables);
                }
            }
        }
        let scope = Scope {
            folder: &folder,
            variables: &variables,
            ..scope
        };
        self.model(&paths, scope, chain)
    }

    /// Adds an included model. Objects that both declare are merged; equal ones count once.
    fn import(&mut self, document: &mut Node, mut model: Node, marks: &[Trail]) {
        for section in SECTIONS {
            let Some(Value::Map(included)) = model
                .get_mut(section)
                .map(|node| std::mem::replace(&mut node.value, Value::Null))
            else {
                continue;
            };
            let place = document.place.clone();
            let Some(map) = document.as_map_mut() else {
                return;
            };
            let empty =
                || crate::node::entry(&place, Node::new(&place, Value::Map(Mapping::new())));
            let target = &mut map.entry(section.to_owned()).or_insert_with(empty).node;
            let Some(target) = target.as_map_mut() else {
                continue;
            };
            for (name, more) in included {
                let Some(own) = target
                    .get(&name)
                    .filter(|own| own.node != more.node)
                    .cloned()
                else {
                    target.entry(name).or_insert(more);
                    continue;
                };
                let place = more.node.place.clone();
                let inner = Node::new(
                    &place,
                    Value::Map(mapping(&place, [(name.clone(), more.node)])),
                );
                let mut top = Node::map(&place, [(section, inner)]);
                apply_marks(&mut top, marks);
                let base = top.get(section).and_then(|node| node.get(&name)).cloned();
                let trail = Trail::of([section, &name]);
                let node = match base {
                    Some(base) => merge(base, own.node, &trail, &mut self.report),
                    None => own.node,
                };
                target.insert(name, crate::node::Entry { key: own.key, node });
            }
        }
    }
}

fn read(item: &Node) -> Option<Include> {
    if let Some(path) = item.as_text() {
        return Some(Include {
            paths: vec![path.to_owned()],
            variables: None,
            folder: None,
        });
    }
    let texts = |key: &str| {
        let node = item.get(key)?;
        match &node.value {
            Value::Text(text) => Some(vec![text.clone()]),
            Value::List(items) => items
                .iter()
                .map(|item| item.as_text().map(str::to_owned))
                .collect(),
            _ => None,
        }
    };
    Some(Include {
        paths: texts("path").filter(|paths| !paths.is_empty())?,
        variables: texts("env_file").filter(|files| !files.is_empty()),
        folder: item
            .get("project_directory")
            .and_then(Node::as_text)
            .map(str::to_owned),
    })
}

//! `extends`: a service that begins as a copy of another one, of the same file or of another.

use super::loader::{BaseFile, Loader, Scope, is_remote, parent};
use crate::limits::{CHAIN_MAX, Limit};
use crate::merge::{apply_marks, merge};
use crate::node::{Mapping, Node, Value, entry, mapping};
use crate::paths::resolve;
use crate::problem::Problem;
use crate::trail::Trail;

/// The file that a service stands in.
struct In<'a> {
    path: &'a str,
    scope: Scope<'a>,
    section: &'a str,
    marks: &'a [Trail],
}

impl Loader<'_> {
    pub(super) fn extend_all(
        &mut self,
        document: &mut Node,
        path: &str,
        scope: Scope<'_>,
        marks: &[Trail],
    ) {
        for section in ["services", "jobs"] {
            let Some(Value::Map(services)) = document.get_mut(section).map(|node| &mut node.value)
            else {
                continue;
            };
            let file = In {
                path,
                scope,
                section,
                marks,
            };
            let names: Vec<String> = services.keys().cloned().collect();
            for name in names {
                self.extend(&name, services, &file, &[]);
            }
        }
    }

    /// Puts the whole service in place of the one that extends, and gives it.
    fn extend(
        &mut self,
        name: &str,
        services: &mut Mapping,
        file: &In<'_>,
        chain: &[(String, String)],
    ) -> Option<Node> {
        let service = services.get(name)?.node.clone();
        let Some(extends) = service.get("extends").cloned() else {
            return Some(service);
        };
        let trail = Trail::of([file.section, name, "extends"]);
        let (base_name, base_file) = match &extends.value {
            Value::Text(text) => (text.clone(), None),
            Value::Map(map) => {
                let text = |key: &str| {
                    map.get(key)
                        .and_then(|entry| entry.node.as_text())
                        .map(str::to_owned)
                };
                // Without a name, the table of keys reports what is missing.
                (text("service")?, text("file"))
            }
            _ => return Some(service),
        };
        let link = (file.path.to_owned(), name.to_owned());
        let problem = if chain.contains(&link) {
            let names = chain
                .iter()
                .map(|(_, name)| name.clone())
                .chain([name.to_owned()]);
            Some(Problem::Circle {
                names: names.collect(),
            })
        } else if chain.len() >= CHAIN_MAX {
            Some(Limit::Chain.into())
        } else {
            None
        };
        let chain = [chain, &[link]].concat();
        let base = match (problem, base_file) {
            (Some(problem), _) => {
                self.report.error(&extends.place, &trail, problem);
                None
            }
            (None, None) => {
                self.known(&base_name, services, &extends, &trail);
                self.extend(&base_name, services, file, &chain)
            }
            (None, Some(path)) if is_remote(&path) => {
                self.report.error(&extends.place, &trail, Problem::Remote);
                None
            }
            (None, Some(path)) => {
                let path = self.base(file.scope.folder).join(&path);
                let mut base = self.base_file(&path, file.scope, &extends, &trail)?;
                self.known(&base_name, &base.services, &extends, &trail);
                let folder = parent(&path);
                let scope = Scope {
                    folder,
                    ..file.scope
                };
                let marks = &base.marks;
                let within = In {
                    path: &path,
                    scope,
                    section: "services",
                    marks,
                };
                self.extend(&base_name, &mut base.services, &within, &chain)
            }
        };
        let merged = match base.filter(|base| base.as_map().is_some()) {
            Some(base) => self.extended(name, base, service, file),
            None => without_extends(service),
        };
        let place = services.get(name)?.key.0.clone();
        services.insert(name.to_owned(), entry(&place, merged.clone()));
        Some(merged)
    }

    fn extended(&mut self, name: &str, base: Node, service: Node, file: &In<'_>) -> Node {
        if let Err(limit) = self.budget.nodes(base.size()) {
            self.report
                .error(&service.place, &Trail::of([file.section, name]), limit);
            return without_extends(service);
        }
        let place = base.place.clone();
        let services = Node::new(
            &place,
            Value::Map(mapping(&place, [(name.to_owned(), base)])),
        );
        let mut top = Node::map(&place, [(file.section, services)]);
        apply_marks(&mut top, file.marks);
        let trail = Trail::of([file.section, name]);
        let base = top
            .get(file.section)
            .and_then(|services| services.get(name))
            .cloned();
        match base {
            Some(base) => merge(
                without_extends(base),
                without_extends(service),
                &trail,
                &mut self.report,
            ),
            None => without_extends(service),
        }
    }

    fn known(&mut self, name: &str, services: &Mapping, extends: &Node, trail: &Trail) {
        if !services.contains_key(name) {
            let problem = Problem::Undefined {
                what: "service",
                name: name.to_owned(),
            };
            self.report.error(&extends.place, trail, problem);
        }
    }

    fn base_file(
        &mut self,
        path: &str,
        scope: Scope<'_>,
        extends: &Node,
        trail: &Trail,
    ) -> Option<BaseFile> {
        if let Some(base) = self.bases.get(path) {
            let size = base.services.values().map(|entry| entry.node.size()).sum();
            if let Err(limit) = self.budget.nodes(size) {
                self.report.error(&extends.place, trail, limit);
                return None;
            }
            return Some(base.clone());
        }
        // Found out here, so that the place is that of `extends`.
        if (self.request.read)(path).is_err() {
            let problem = Problem::FileAbsent {
                path: path.to_owned(),
            };
            self.report.error(&extends.place, trail, problem);
            return None;
        }
        let folder = parent(path);
        let scope = Scope {
            folder,
            follow: false,
            ..scope
        };
        let empty = Node::new(&extends.place, Value::Map(Mapping::new()));
        let (mut top, marks) = self.file(path, empty, scope, &[])?;
        resolve(&mut top, self.base(folder));
        let services = top
            .get("services")
            .and_then(Node::as_map)
            .cloned()
            .unwrap_or_default();
        let base = BaseFile { services, marks };
        self.bases.insert(path.to_owned(), base.clone());
        Some(base)
    }
}

fn without_extends(mut service: Node) -> Node {
    if let Some(map) = service.as_map_mut() {
        map.remove("extends");
    }
    service
}

//! One Compose file: its documents filled in, joined with what they include and extend, and laid
//! over a model.

use std::cell::RefCell;
use std::sync::Arc;

use super::loader::{Loader, Scope, top_of};
use crate::canonical::{Context, canonical};
use crate::diagnostic::Report;
use crate::interpolate::interpolate_noting;
use crate::limits::Budget;
use crate::merge::{apply_marks, merge, take_marks};
use crate::node::{Node, Value};
use crate::problem::{Problem, Warning};
use crate::schema::{TOP, check};
use crate::trail::Trail;
use crate::unique::enforce;
use crate::walk::{each_entry, each_item};
use crate::yaml;

impl Loader<'_> {
    /// Lays the file over `top`. Gives the model and what the file marks as replaced.
    pub(super) fn file(
        &mut self,
        path: &str,
        mut top: Node,
        scope: Scope<'_>,
        chain: &[String],
    ) -> Option<(Node, Vec<Trail>)> {
        let start = top_of(path);
        let text = self.text(path, &start, &Trail::top())?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let file: Arc<str> = Arc::clone(&start.file);
        let documents = yaml::parse(&file, text, &mut self.budget, &mut self.report)?;
        if documents.is_empty() {
            self.report.error(&start, &Trail::top(), Problem::Empty);
        }
        let mut marks = Vec::new();
        for mut document in documents {
            if document.as_map().is_none() {
                self.report
                    .error(&document.place, &Trail::top(), Problem::Empty);
                return None;
            }
            take_marks(&mut document, &Trail::top(), &mut marks);
            self.take_own(&mut document);
            fill(&mut document, scope, &mut self.budget, &mut self.report);
            promote(&mut document, &mut self.report);
            if scope.follow {
                self.include(&mut document, path, scope, chain, &marks);
            }
            apply_marks(&mut top, &marks);
            if scope.follow {
                self.extend_all(&mut document, path, scope, &marks);
            }
            top = merge(top, document, &Trail::top(), &mut self.report);
            enforce(&mut top, &Trail::top());
            if scope.follow {
                check(&mut top, &TOP, &Trail::top(), &mut self.report);
                self.drop_version(&mut top);
            }
            let mut context = Context {
                report: &mut self.report,
                budget: &mut self.budget,
            };
            canonical(&mut top, &mut context);
            // A range of ports may hold one that stands alone too.
            enforce(&mut top, &Trail::top());
        }
        Some((top, marks))
    }

    /// Takes out what the caller reads itself, and declarations of secrets that it brings.
    fn take_own(&self, document: &mut Node) {
        let Some(map) = document.as_map_mut() else {
            return;
        };
        for key in self.request.set_aside {
            map.remove(*key);
        }
        if let Some(secrets) = document.get_mut("secrets").and_then(Node::as_map_mut) {
            let given = self.request.secrets;
            secrets.retain(|name, entry| !(entry.node.is_null() && given.contains(name)));
        }
    }

    fn drop_version(&mut self, top: &mut Node) {
        if let Some(version) = top.as_map_mut().and_then(|map| map.remove("version")) {
            self.report
                .warn(&version.key.0, &Trail::of(["version"]), Warning::Version);
        }
    }
}

/// Gives two extensions the names under which the specification adopted them. A key with the new
/// name wins.
fn promote(document: &mut Node, report: &mut Report) {
    each_entry(
        document.get_mut("services"),
        &Trail::of(["services"]),
        |service, trail| {
            rename(service, "x-develop", "develop", trail, report);
            let watch = service
                .get_mut("develop")
                .and_then(|develop| develop.get_mut("watch"));
            each_item(watch, &trail.key("develop").key("watch"), |rule, trail| {
                rename(rule, "x-initialSync", "initial_sync", trail, report);
            });
        },
    );
}

fn rename(node: &mut Node, old: &str, new: &str, trail: &Trail, report: &mut Report) {
    let Some(map) = node.as_map_mut() else { return };
    let Some(mut entry) = map.remove(old) else {
        return;
    };
    if let Some(newer) = map.remove(new).filter(|newer| !newer.node.is_null()) {
        entry.node = merge(entry.node, newer.node, &trail.key(new), report);
    }
    map.insert(new.to_owned(), entry);
}

/// Fills in the variables of a whole document; a text that cannot be filled in is reported and left
/// out.
fn fill(node: &mut Node, scope: Scope<'_>, budget: &mut Budget, report: &mut Report) {
    let lookup = |name: &str| scope.variables.get(name).cloned();
    fill_in(node, &Trail::top(), &lookup, budget, report);
}

fn fill_in(
    node: &mut Node,
    trail: &Trail,
    lookup: &dyn Fn(&str) -> Option<String>,
    budget: &mut Budget,
    report: &mut Report,
) -> bool {
    match &mut node.value {
        Value::Text(text) if text.contains('$') => {
            let unset = RefCell::new(Vec::new());
            let note = |name: Option<&str>| unset.borrow_mut().push(name.map(str::to_owned));
            let filled = interpolate_noting(text, lookup, &note).map_err(Problem::from);
            let filled = filled.and_then(|filled| {
                budget.text(filled.len())?;
                Ok(filled)
            });
            for name in unset.into_inner() {
                report.warn(&node.place, trail, Warning::Unset { name });
            }
            match filled {
                Ok(filled) => *text = filled,
                Err(problem) => {
                    report.error(&node.place, trail, problem);
                    return false;
                }
            }
        }
        Value::List(items) => {
            let mut index = 0;
            items.retain_mut(|item| {
                index += 1;
                fill_in(item, &trail.item(index - 1), lookup, budget, report)
            });
        }
        Value::Map(map) => {
            map.retain(|key, entry| {
                fill_in(&mut entry.node, &trail.key(key), lookup, budget, report)
            });
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => {}
    }
    true
}

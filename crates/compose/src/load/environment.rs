//! Values that come from variables by name, and from files of variables and labels.

use super::loader::Loader;
use super::request::{ReadError, Variables};
use crate::dotenv::{DotenvError, read_dotenv, read_dotenv_after, read_raw};
use crate::model::{Container, Project};
use crate::node::{Node, Value, entry};
use crate::places::Places;
use crate::problem::Problem;
use crate::trail::Trail;
use crate::walk::each_entry;

/// Gives `- NAME` of an environment, and a secret or config from the environment, the variable's
/// value.
pub(super) fn resolve_names(top: &mut Node, variables: &Variables) {
    let trail = Trail::top();
    for section in ["services", "jobs"] {
        each_entry(top.get_mut(section), &trail, |service, _| {
            let Some(Value::List(items)) =
                service.get_mut("environment").map(|node| &mut node.value)
            else {
                return;
            };
            for item in items {
                if let Some(name) = item.as_text()
                    && let Some(value) = variables.get(name)
                {
                    item.value = Value::Text(format!("{name}={value}"));
                }
            }
        });
    }
    for section in ["secrets", "configs"] {
        each_entry(top.get_mut(section), &trail, |file, _| {
            let place = file.place.clone();
            let name = file.get("environment").and_then(Node::as_text);
            let value = name.and_then(|name| variables.get(name)).cloned();
            if let (Some(value), Some(map)) = (value, file.as_map_mut()) {
                map.insert(
                    "content".to_owned(),
                    entry(&place, Node::text(&place, value)),
                );
            }
        });
    }
}

impl Loader<'_> {
    /// Reads what `env_file` and `label_file` name. What a service says itself wins.
    pub(super) fn resolve_environment(
        &mut self,
        project: &mut Project,
        places: &Places,
        variables: &Variables,
    ) {
        for (name, service) in &mut project.services {
            let trail = Trail::of(["services", name]);
            self.environment(&mut service.container, &trail, places, variables);
            self.labels(&mut service.container, &trail, places);
            for (index, hook) in service.pre_start.iter_mut().enumerate() {
                let trail = trail.key("pre_start").item(index);
                self.environment(&mut hook.container, &trail, places, variables);
                self.labels(&mut hook.container, &trail, places);
            }
        }
    }

    fn environment(
        &mut self,
        container: &mut Container,
        trail: &Trail,
        places: &Places,
        variables: &Variables,
    ) {
        for (name, value) in &mut container.environment.0 {
            if value.is_none() {
                *value = variables.get(name).cloned();
            }
        }
        let own = container.environment.0.clone();
        let mut all = Variables::new();
        for (index, file) in container.env_file.iter().enumerate() {
            let trail = trail.key("env_file").item(index);
            if !file.required.0 && (self.request.read)(&file.path) == Err(ReadError::Absent) {
                continue;
            }
            let lookup = |name: &str| {
                variables
                    .get(name)
                    .or_else(|| own.get(name)?.as_ref())
                    .cloned()
            };
            let Some(text) = self.text(&file.path, places.of(&trail), &trail) else {
                continue;
            };
            let read = match file.format.as_deref() {
                None | Some(".env") => read_dotenv_after(&text, &lookup, &all),
                Some("raw") => read_raw(&text, &lookup),
                Some(_) => {
                    let trail = trail.key("format");
                    self.report
                        .error(places.of(&trail), &trail, Problem::DotenvFormat);
                    continue;
                }
            };
            self.add(read, &file.path, &trail, places, &mut all);
        }
        let values = all.into_iter().map(|(name, value)| (name, Some(value)));
        container.environment.0 = values.collect();
        for (name, value) in own {
            container.environment.0.insert(name, value);
        }
    }

    fn labels(&mut self, container: &mut Container, trail: &Trail, places: &Places) {
        let mut all = Variables::new();
        for (index, path) in container.label_file.iter().enumerate() {
            let trail = trail.key("label_file").item(index);
            let Some(text) = self.text(path, places.of(&trail), &trail) else {
                continue;
            };
            let read = read_dotenv(&text, &|name| all.get(name).cloned());
            self.add(read, path, &trail, places, &mut all);
        }
        all.extend(std::mem::take(&mut container.labels.0));
        container.labels.0 = all;
    }

    fn add(
        &mut self,
        read: Result<Variables, DotenvError>,
        path: &str,
        trail: &Trail,
        places: &Places,
        all: &mut Variables,
    ) {
        match read {
            Ok(more) => {
                let bytes = more.values().map(String::len).sum();
                if let Err(limit) = self.budget.text(bytes) {
                    self.report.error(places.of(trail), trail, limit);
                }
                all.extend(more);
            }
            Err(error) => {
                let problem = Problem::Dotenv {
                    path: path.to_owned(),
                    error,
                };
                self.report.error(places.of(trail), trail, problem);
            }
        }
    }
}

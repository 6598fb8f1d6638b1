//! The steps of a whole load.

use std::collections::BTreeMap;

use super::environment::resolve_names;
use super::loader::{Loader, Need, Scope, top_of};
use super::request::{Loaded, Request};
use crate::canonical::defaults;
use crate::consistency::consistency;
use crate::diagnostic::Report;
use crate::limits::Budget;
use crate::model::{Project, decode};
use crate::node::{Node, Place, Value, mapping};
use crate::normalise::normalise;
use crate::paths::{Base, resolve};
use crate::places::Places;
use crate::problem::Problem;
use crate::trail::Trail;

/// Reads Compose files.
#[must_use]
pub fn load(request: &Request<'_>) -> Loaded {
    let mut loader = Loader {
        request,
        budget: Budget::default(),
        report: Report::new(request.lenient),
        bases: BTreeMap::new(),
    };
    let (project, places) = loader.project();
    let project = project.filter(|_| !loader.report.has_errors());
    let diagnostics = loader.report.into_sorted();
    Loaded {
        project,
        places,
        diagnostics,
    }
}

impl Loader<'_> {
    fn project(&mut self) -> (Option<Project>, Places) {
        let request = self.request;
        let start = top_of(request.files.first().map_or(request.folder, String::as_str));
        let mut variables = request.variables.clone();
        let dotenv = Base {
            folder: request.folder,
            home: None,
        }
        .join(".env");
        self.read_variables(&dotenv, Need::None, &start, &mut variables);
        variables.insert("COMPOSE_PROJECT_NAME".to_owned(), request.name.to_owned());

        let scope = Scope {
            folder: request.folder,
            variables: &variables,
            follow: true,
        };
        let Some(mut top) = self.model(request.files, scope, &[]) else {
            return (None, Places::default());
        };
        if top.get("services").is_none()
            && top.get("jobs").is_none()
            && top.as_map().is_none_or(BTreeMap::is_empty)
            && !self.report.has_errors()
        {
            self.report.error(&start, &Trail::top(), Problem::Empty);
        }
        normalise(
            &mut top,
            request.name,
            &variables,
            &mut self.budget,
            &mut self.report,
        );
        let places = Places::new(top);
        let mut project = match decode(places.top(), request.name) {
            Ok(project) => project,
            Err(error) => {
                self.report.error(
                    error.place.as_ref().unwrap_or(&start),
                    &Trail::top(),
                    Problem::Model(error.words),
                );
                return (None, places);
            }
        };
        project.select(request.profiles);
        consistency(&mut project, &places, &mut self.report);
        self.resolve_environment(&mut project, &places, &variables);
        (Some(project), places)
    }

    /// The content before the first file: the caller's secrets.
    fn given(&self, start: &Place) -> Node {
        let secret = |name: &String| {
            let external = Node::map(start, [("external", Node::bool(start, true))]);
            (name.clone(), external)
        };
        let secrets = mapping(start, self.request.secrets.iter().map(secret));
        match secrets.is_empty() {
            true => Node::map(start, []),
            false => Node::map(start, [("secrets", Node::new(start, Value::Map(secrets)))]),
        }
    }

    /// The files of one scope, merged and expanded, with defaults and absolute paths.
    pub(super) fn model(
        &mut self,
        files: &[String],
        scope: Scope<'_>,
        chain: &[String],
    ) -> Option<Node> {
        let mut top = self.given(&top_of(files.first()?));
        for file in files {
            top = self.file(file, top, scope, chain)?.0;
        }
        defaults(&mut top, &mut self.report);
        resolve(&mut top, self.base(scope.folder));
        resolve_names(&mut top, scope.variables);
        Some(top)
    }
}

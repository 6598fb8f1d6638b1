//! Compose files into one model: each file is filled in, joined with what it includes and extends, laid over those
//! before it, checked and expanded.
//!
//! Source: compose-go's `loader` package, whose order of steps this keeps.

mod environment;
mod extends;
mod file;
mod include;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::canonical::defaults;
use crate::consistency::consistency;
use crate::diagnostic::{Diagnostic, Report};
use crate::dotenv::read_dotenv;
use crate::limits::{Budget, FILE_BYTES_MAX, Limit};
use crate::model::{Project, decode};
use crate::node::{Node, Place, Value};
use crate::normalise::normalise;
use crate::paths::{Base, resolve};
use crate::places::Places;
use crate::problem::Problem;
use crate::trail::Trail;

/// Why a file gives no bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadError {
    /// There is no such file, or it is a folder.
    Absent,
    /// The system's words.
    Other(String),
}

/// Gives the bytes of a file by its absolute path.
pub type ReadFile<'a> = &'a dyn Fn(&str) -> Result<Vec<u8>, ReadError>;

/// Variables by name.
pub type Variables = BTreeMap<String, String>;

/// What is to be read, and from where.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// The project's name; networks and volumes are named after it.
    pub name: &'a str,
    /// The absolute path from which relative paths begin.
    pub folder: &'a str,
    /// Absolute paths of Compose files; a later one is laid over those before it.
    pub files: &'a [String],
    /// Variables for `${…}`. They win over `.env` in the folder.
    pub variables: &'a Variables,
    /// What `~` means.
    pub home: Option<&'a str>,
    /// Profiles that are on; `*` switches all on.
    pub profiles: &'a [String],
    /// The files.
    pub read: ReadFile<'a>,
}

/// What was read, and everything that was found.
#[derive(Debug)]
pub struct Loaded {
    /// The model, if nothing is wrong.
    pub project: Option<Project>,
    /// Where each key of the model stands.
    pub places: Places,
    /// In the order of files, lines and columns.
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads Compose files.
#[must_use]
pub fn load(request: &Request<'_>) -> Loaded {
    let mut loader = Loader {
        request,
        budget: Budget::default(),
        report: Report::default(),
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

struct Loader<'a> {
    request: &'a Request<'a>,
    budget: Budget,
    report: Report,
    /// Files that services extend, by path.
    bases: BTreeMap<String, extends::BaseFile>,
}

/// What holds for one set of files: the project's, or those of one `include`.
#[derive(Clone, Copy)]
struct Scope<'a> {
    folder: &'a str,
    variables: &'a Variables,
    /// Whether files that are included or extended are followed.
    follow: bool,
}

impl<'a> Loader<'a> {
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

    /// The files of one scope, merged and expanded, with defaults and absolute paths.
    fn model(&mut self, files: &[String], scope: Scope<'_>, chain: &[String]) -> Option<Node> {
        let mut top = Node::new(&top_of(files.first()?), Value::Map(BTreeMap::new()));
        for file in files {
            top = self.file(file, top, scope, chain)?.0;
        }
        defaults(&mut top, &mut self.report);
        resolve(&mut top, self.base(scope.folder));
        environment::resolve_names(&mut top, scope.variables);
        Some(top)
    }

    fn base<'b>(&self, folder: &'b str) -> Base<'b>
    where
        'a: 'b,
    {
        Base {
            folder,
            home: self.request.home,
        }
    }

    /// The text of a file. What is wrong is reported at `place`, where the file is named.
    fn text(&mut self, path: &str, place: &Place, trail: &Trail) -> Option<String> {
        let problem = match self.budget.file().map(|()| (self.request.read)(path)) {
            Err(limit) => limit.into(),
            Ok(Ok(bytes)) if bytes.len() > FILE_BYTES_MAX => Limit::FileBytes.into(),
            Ok(Ok(bytes)) => match String::from_utf8(bytes) {
                Ok(text) => return Some(text),
                Err(_) => {
                    self.report
                        .error(&top_of(path), &Trail::top(), Problem::NotText);
                    return None;
                }
            },
            Ok(Err(ReadError::Absent)) => Problem::FileAbsent {
                path: path.to_owned(),
            },
            Ok(Err(ReadError::Other(reason))) => Problem::FileUnreadable {
                path: path.to_owned(),
                reason,
            },
        };
        self.report.error(place, trail, problem);
        None
    }

    /// Adds the variables of a `.env` that are not known yet.
    fn read_variables(&mut self, path: &str, need: Need, place: &Place, variables: &mut Variables) {
        if need == Need::None && (self.request.read)(path) == Err(ReadError::Absent) {
            return;
        }
        let Some(text) = self.text(path, place, &Trail::top()) else {
            return;
        };
        match read_dotenv(&text, &|name| variables.get(name).cloned()) {
            Ok(more) => {
                let bytes = more.values().map(String::len).sum();
                if let Err(limit) = self.budget.text(bytes) {
                    self.report.error(place, &Trail::top(), limit);
                }
                for (name, value) in more {
                    variables.entry(name).or_insert(value);
                }
            }
            Err(error) => {
                let at = Place {
                    line: error.line,
                    ..top_of(path)
                };
                let problem = Problem::Dotenv {
                    path: path.to_owned(),
                    error,
                };
                self.report.error(&at, &Trail::top(), problem);
            }
        }
    }
}

/// Whether a file must be there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Need {
    None,
    Required,
}

/// The beginning of a file.
fn top_of(path: &str) -> Place {
    Place {
        file: Arc::from(path),
        line: 1,
        column: 1,
    }
}

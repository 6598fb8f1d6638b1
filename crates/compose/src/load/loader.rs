//! The state of a load, and its reading of files.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::request::{ReadError, Request, Variables};
use crate::diagnostic::Report;
use crate::dotenv::read_dotenv;
use crate::limits::{Budget, FILE_BYTES_MAX, Limit};
use crate::node::{Mapping, Place};
use crate::paths::Base;
use crate::problem::Problem;
use crate::trail::Trail;

pub(super) struct Loader<'a> {
    pub(super) request: &'a Request<'a>,
    pub(super) budget: Budget,
    pub(super) report: Report,
    /// Files that services extend, by path.
    pub(super) bases: BTreeMap<String, BaseFile>,
}

/// The settings of one set of files: the project's, or those of one `include`.
#[derive(Clone, Copy)]
pub(super) struct Scope<'a> {
    pub(super) folder: &'a str,
    pub(super) variables: &'a Variables,
    /// Whether files that are included or extended are followed.
    pub(super) follow: bool,
}

/// A file that services extend: its services, with absolute paths, and what it marks as replaced.
#[derive(Clone)]
pub(super) struct BaseFile {
    pub(super) services: Mapping,
    pub(super) marks: Vec<Trail>,
}

impl<'a> Loader<'a> {
    pub(super) fn base<'b>(&self, folder: &'b str) -> Base<'b>
    where
        'a: 'b,
    {
        Base {
            folder,
            home: self.request.home,
        }
    }

    /// The text of a file. What is wrong is reported at `place`, where the file is named.
    pub(super) fn text(&mut self, path: &str, place: &Place, trail: &Trail) -> Option<String> {
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
    pub(super) fn read_variables(
        &mut self,
        path: &str,
        need: Need,
        place: &Place,
        variables: &mut Variables,
    ) {
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
pub(super) enum Need {
    None,
    Required,
}

/// The beginning of a file.
pub(super) fn top_of(path: &str) -> Place {
    Place {
        file: Arc::from(path),
        line: 1,
        column: 1,
    }
}

/// The folder of a file.
pub(super) fn parent(path: &str) -> &str {
    match path.rsplit_once('/') {
        Some(("", _)) | None => "/",
        Some((folder, _)) => folder,
    }
}

/// Whether Docker Compose would fetch the file from elsewhere.
pub(super) fn is_remote(path: &str) -> bool {
    path.contains("://") || path.starts_with("git@") || path.starts_with("github.com/")
}

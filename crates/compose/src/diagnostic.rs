//! Diagnostics of Compose files: the finding, its place, and the way out.
//!
//! All findings are reported, in the order of files and lines. No message quotes a value, because
//! any value may be a password; keys, names of services and names of variables are quoted.

use std::fmt;

use crate::limits::DIAGNOSTICS_MAX;
use crate::node::Place;
use crate::problem::{Problem, Warning};
use crate::trail::Trail;

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The file, line and column that it is about.
    pub place: Place,
    /// The keys that lead there.
    pub trail: Trail,
    pub finding: Finding,
}

/// The severity of a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The file cannot be used.
    Error(Problem),
    /// The file can be used; it may not mean what its author thinks.
    Warning(Warning),
}

impl Diagnostic {
    /// Whether the file cannot be used because of this.
    #[must_use]
    pub const fn is_error(&self) -> bool {
        matches!(self.finding, Finding::Error(_))
    }

    /// The reason and the way out, in one sentence each.
    #[must_use]
    pub fn words(&self) -> (String, String) {
        match &self.finding {
            Finding::Error(problem) => (problem.to_string(), problem.way_out()),
            Finding::Warning(warning) => (warning.to_string(), warning.way_out()),
        }
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.place)?;
        let trail = self.trail.to_string();
        if !trail.is_empty() {
            write!(f, "{trail}: ")?;
        }
        let (reason, way_out) = self.words();
        write!(f, "{reason}; {way_out}")
    }
}

/// The findings of one load.
#[derive(Debug, Default)]
pub(crate) struct Report {
    found: Vec<Diagnostic>,
    /// Whether plain meanings that the reference refuses are warnings.
    lenient: bool,
}

impl Report {
    pub(crate) const fn new(lenient: bool) -> Self {
        Self {
            found: Vec::new(),
            lenient,
        }
    }

    pub(crate) const fn is_lenient(&self) -> bool {
        self.lenient
    }

    pub(crate) fn error(&mut self, place: &Place, trail: &Trail, problem: impl Into<Problem>) {
        self.add(place, trail, Finding::Error(problem.into()));
    }

    pub(crate) fn warn(&mut self, place: &Place, trail: &Trail, warning: Warning) {
        self.add(place, trail, Finding::Warning(warning));
    }

    fn add(&mut self, place: &Place, trail: &Trail, finding: Finding) {
        let diagnostic = Diagnostic {
            place: place.clone(),
            trail: trail.clone(),
            finding,
        };
        // A service that several others extend is looked at once for each of them.
        let known = self
            .found
            .iter()
            .any(|other| other.place == diagnostic.place && other.finding == diagnostic.finding);
        if !known && (self.found.len() < DIAGNOSTICS_MAX || !self.has_errors()) {
            self.found.push(diagnostic);
        }
    }

    pub(crate) fn has_errors(&self) -> bool {
        self.found.iter().any(Diagnostic::is_error)
    }

    /// Whether something is wrong in a service, or in a chain of services that extend each other.
    pub(crate) fn has_errors_in(&self, service: &Trail) -> bool {
        let mut errors = self.found.iter().filter(|diagnostic| diagnostic.is_error());
        errors.any(|diagnostic| {
            diagnostic.trail.starts_with(service) || diagnostic.trail.last() == Some("extends")
        })
    }

    pub(crate) fn into_sorted(mut self) -> Vec<Diagnostic> {
        self.found.sort_by(|a, b| {
            (&a.place.file, a.place.line, a.place.column).cmp(&(
                &b.place.file,
                b.place.line,
                b.place.column,
            ))
        });
        self.found
    }
}

//! Errors of manifests: file, line, column, key and the way out.

use std::fmt;

/// A place in a file: line and column, both from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
}

/// Something in a manifest that cannot be accepted: where, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestError {
    /// The file, as the person named it.
    pub file: String,
    pub place: Place,
    /// The path of the key, such as `services.web.ports[0]`; empty when it is about the whole file.
    pub key: String,
    /// The fault and the way out.
    pub problem: String,
}

/// Everything in a manifest that cannot be accepted: at least one thing, in the order of the files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestErrors {
    /// In a box, because it is large and returned by many functions.
    first: Box<ManifestError>,
    others: Vec<ManifestError>,
}

impl From<&compose::Place> for Place {
    fn from(place: &compose::Place) -> Self {
        Self {
            line: place.line,
            column: place.column,
        }
    }
}

impl ManifestError {
    pub(crate) fn new(file: &str, place: Place, key: &str, problem: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            place,
            key: key.to_owned(),
            problem: problem.into(),
        }
    }
}

impl ManifestErrors {
    /// `Ok` if there are none. `main` is the file that comes first.
    pub(super) fn none_of(mut errors: Vec<ManifestError>, main: &str) -> Result<(), Self> {
        sort(&mut errors, main);
        errors.dedup();
        let mut errors = errors.into_iter();
        match errors.next() {
            None => Ok(()),
            Some(first) => Err(Self {
                first: Box::new(first),
                others: errors.collect(),
            }),
        }
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &ManifestError> {
        std::iter::once(&*self.first).chain(&self.others)
    }
}

/// In the order of files, lines and columns.
pub(super) fn sort(errors: &mut [ManifestError], main: &str) {
    errors.sort_by(|a, b| {
        (a.file != main, &a.file, a.place).cmp(&(b.file != main, &b.file, b.place))
    });
}

impl From<ManifestError> for ManifestErrors {
    fn from(first: ManifestError) -> Self {
        Self {
            first: Box::new(first),
            others: Vec::new(),
        }
    }
}

impl fmt::Display for ManifestError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            file,
            place,
            key,
            problem,
        } = self;
        write!(formatter, "{file}:{}:{}: ", place.line, place.column)?;
        if !key.is_empty() {
            write!(formatter, "{key}: ")?;
        }
        formatter.write_str(problem)
    }
}

/// One a line.
impl fmt::Display for ManifestErrors {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.first)?;
        self.others
            .iter()
            .try_for_each(|error| write!(formatter, "\n{error}"))
    }
}

impl std::error::Error for ManifestError {}
impl std::error::Error for ManifestErrors {}

//! A script: the lines of one simulation. In a file, each is a line of JSON.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::script::events::Events;
use crate::script::fault::Fault;
use crate::script::intervention::Intervention;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Line {
    Do(Intervention),
    /// A command carries this out step by step. Faults may strike each step.
    Operate(Intervention),
    /// This many milliseconds pass. The daemon makes its passes meanwhile.
    Wait(u64),
    /// A fault strikes the call with this number, counted from now.
    Fault(u64, Fault),
    /// The daemon makes a pass at once.
    Wake,
    /// From now on, events reach the daemon in this way.
    Events(Events),
    /// The daemon is killed, and not started again.
    KillDaemon,
    StartDaemon,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Script {
    pub lines: Vec<Line>,
}

/// A line of a script that cannot be read.
#[derive(Debug)]
pub struct ScriptError {
    /// The number of the line, from 1.
    pub line: usize,
    pub source: serde_json::Error,
}

impl fmt::Display for ScriptError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, source } = self;
        write!(formatter, "line {line}: {source}")
    }
}

impl std::error::Error for ScriptError {}

impl Script {
    /// Reads a script. Empty lines and those that begin with `#` are comments.
    ///
    /// # Errors
    /// With the first line that cannot be read.
    pub fn parse(text: &str) -> Result<Self, ScriptError> {
        let lines = text.lines().map(str::trim).zip(1..);
        let lines = lines.filter(|(line, _)| !line.is_empty() && !line.starts_with('#'));
        let lines = lines.map(|(text, line)| {
            serde_json::from_str(text).map_err(|source| ScriptError { line, source })
        });
        Ok(Self {
            lines: lines.collect::<Result<_, _>>()?,
        })
    }

    #[must_use]
    pub fn to_text(&self) -> String {
        let lines = self.lines.iter().map(|line| {
            let text = serde_json::to_string(line).unwrap_or_default();
            format!("{text}\n")
        });
        lines.collect()
    }
}

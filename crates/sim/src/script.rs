//! A script: what happens to a world, line by line. It can be written to a file, read back and run again.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::deeds::Deed;
use crate::events::Events;
use crate::faults::Fault;

/// One line of a script.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Line {
    /// Somebody does something.
    Do(Deed),
    /// So many milliseconds pass; the daemon makes its passes.
    Wait(u64),
    /// A fault strikes so many touches of the host from now.
    Fault(u64, Fault),
    /// Something rings: the daemon makes a pass at once.
    Ring,
    /// From now on events reach the daemon so.
    Events(Events),
    /// The daemon is killed, and stays away.
    KillDaemon,
    /// The daemon is started again.
    StartDaemon,
}

/// What happens to a world.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Script {
    /// In this order.
    pub lines: Vec<Line>,
}

impl Script {
    /// Reads a script: a line of JSON each; empty lines and those that begin with `#` say nothing.
    ///
    /// # Errors
    /// With the number of the line that cannot be read.
    pub fn parse(text: &str) -> Result<Self, String> {
        let lines = text.lines().enumerate();
        let lines = lines
            .map(|(number, line)| (number, line.trim()))
            .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        let lines = lines.map(|(number, line)| {
            serde_json::from_str(line).map_err(|error| format!("line {}: {error}", number + 1))
        });
        Ok(Self {
            lines: lines.collect::<Result<_, _>>()?,
        })
    }

    /// Its text.
    #[must_use]
    pub fn to_text(&self) -> String {
        let lines = self.lines.iter().map(|line| {
            let text = serde_json::to_string(line).unwrap_or_default();
            format!("{text}\n")
        });
        lines.collect()
    }
}

impl Line {
    /// Waits.
    #[must_use]
    pub fn wait(time: Duration) -> Self {
        Self::Wait(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
    }
}

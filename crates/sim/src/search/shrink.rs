//! Makes a script as short as possible while it still violates the same invariant.

use crate::invariants::Invariant;
use crate::mutation::Mutation;
use crate::script::lines::{Line, Script};
use crate::search::random::run;

/// The most runs of shorter scripts. The script is short enough to read by then.
const ATTEMPTS_MAX: usize = 2000;

/// Leaves out the lines that are not needed, and shortens waits and the distances of faults.
#[must_use]
pub fn shrink(script: &Script, invariant: Invariant, mutation: Option<Mutation>) -> Script {
    let mut best = script.clone();
    let mut attempts = 0;
    let mut still_breaks = |candidate: &Script| {
        attempts += 1;
        attempts <= ATTEMPTS_MAX
            && run(candidate, mutation)
                .violation
                .is_some_and(|violation| violation.invariant == invariant)
    };
    let mut length = best.lines.len().div_ceil(2);
    while length > 0 {
        let mut at = 0;
        while at < best.lines.len() {
            let mut candidate = best.clone();
            let end = (at + length).min(candidate.lines.len());
            candidate.lines.drain(at..end);
            if still_breaks(&candidate) {
                best = candidate;
            } else {
                at += length;
            }
        }
        length /= 2;
    }
    for at in 0..best.lines.len() {
        while let Some(line) = smaller(&best.lines[at]) {
            let mut candidate = best.clone();
            candidate.lines[at] = line;
            if !still_breaks(&candidate) {
                break;
            }
            best = candidate;
        }
    }
    best
}

fn smaller(line: &Line) -> Option<Line> {
    match line {
        Line::Wait(milliseconds) if *milliseconds > 1 => Some(Line::Wait(milliseconds / 2)),
        Line::Fault(calls, fault) if *calls > 1 => Some(Line::Fault(calls - 1, fault.clone())),
        _ => None,
    }
}

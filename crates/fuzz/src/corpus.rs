//! The kept inputs of a target: one file, each line an input as a JSON text.

use thiserror::Error;

/// A line that is no JSON text.
#[derive(Debug, Error)]
#[error("line {line} is no input: write it as a JSON text")]
pub struct CorpusError {
    /// From 1.
    line: usize,
    source: serde_json::Error,
}

/// The inputs in a corpus file.
///
/// # Errors
/// At the first line that is no JSON text.
pub fn read(file: &str) -> Result<Vec<String>, CorpusError> {
    let lines = file.lines().enumerate();
    lines
        .map(|(index, line)| {
            serde_json::from_str(line).map_err(|source| CorpusError {
                line: index + 1,
                source,
            })
        })
        .collect()
}

/// The corpus file of these inputs, in order and each once.
#[must_use]
pub fn write(inputs: &[String]) -> String {
    let mut inputs: Vec<&String> = inputs.iter().collect();
    inputs.sort_unstable_by_key(|input| (input.len(), input.as_str()));
    inputs.dedup();
    let lines = inputs.into_iter().map(|input| {
        let text = serde_json::Value::from(input.as_str());
        format!("{text}\n")
    });
    lines.collect()
}

//! Podman's real Quadlet generator, asked what it thinks of a set of units before one byte of them is live.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::disk;

/// Where distributions put the generator.
pub const GENERATORS: [&str; 2] = [
    "/usr/lib/systemd/user-generators/podman-user-generator",
    "/usr/libexec/podman/quadlet",
];

/// The generator takes 0.2 s for a thousand units.
const LIMIT: Duration = Duration::from_secs(60);

/// Why a set of units was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No generator on this host.
    #[error("Podman's Quadlet generator is not installed ({}); install podman 4.9 or newer", GENERATORS[0])]
    Missing,
    /// It could not be run.
    #[error("run {}", program.display())]
    Run {
        /// The generator.
        program: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It did not end.
    #[error("Podman's Quadlet generator did not answer within a minute")]
    Silent,
    /// The units could not be laid out for it.
    #[error(transparent)]
    Disk(#[from] disk::Error),
    /// It failed without a word.
    #[error("Podman's Quadlet generator ended with {0} and said nothing")]
    Broken(std::process::ExitStatus),
    /// It complained, but not of a unit of ours.
    #[error("Podman's Quadlet generator says: {0}")]
    Unclear(String),
    /// It refused units that are to be written: name to what it said.
    #[error("Podman's Quadlet generator refuses {}", names(.0))]
    Refused(BTreeMap<String, String>),
}

fn names(refused: &BTreeMap<String, String>) -> String {
    refused
        .iter()
        .map(|(unit, words)| format!("{unit}: {words}"))
        .collect::<Vec<_>>()
        .join("; ")
}

/// The generator of this host.
pub fn find() -> Option<PathBuf> {
    GENERATORS
        .iter()
        .map(PathBuf::from)
        .find(|path| path.exists())
}

/// Puts the complete set of units through the generator's dry run. `scratch` is a folder of ours, made anew.
///
/// # Errors
/// When a unit is refused, or the generator cannot be asked.
pub async fn check(
    units: &BTreeMap<String, String>,
    written: &BTreeSet<String>,
    scratch: &Path,
) -> Result<(), Error> {
    let program = find().ok_or(Error::Missing)?;
    disk::remove_folder(scratch)?;
    disk::make_folder(scratch, 0o700)?;
    for (name, content) in units {
        std::fs::write(scratch.join(name), content).map_err(|source| Error::Run {
            program: program.clone(),
            source,
        })?;
    }
    let output = tokio::process::Command::new(&program)
        .args(["-dryrun", "-user"])
        .env("QUADLET_UNIT_DIRS", scratch)
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(LIMIT, output)
        .await
        .map_err(|_| Error::Silent)?;
    let removed = disk::remove_folder(scratch);
    let output = output.map_err(|source| Error::Run { program, source })?;
    removed?;
    let mut complaints = complaints(units, &String::from_utf8_lossy(&output.stderr));
    if !output.status.success() && complaints.is_empty() {
        return Err(Error::Broken(output.status));
    }
    // What it says of units that are there already is nothing that this change brings.
    let unnamed = complaints.remove("");
    let others = complaints.keys().any(|unit| !written.contains(unit));
    complaints.retain(|unit, _| written.contains(unit));
    match unnamed {
        _ if !complaints.is_empty() => Err(Error::Refused(complaints)),
        Some(words) if !others => Err(Error::Unclear(words)),
        _ => Ok(()),
    }
}

/// What the generator said of each unit. Its lines are `quadlet-generator[PID]: converting "a.container": unsupported key …`; what it
/// only warns about, such as a unit without `[Install]`, it does not say on this channel.
fn complaints(units: &BTreeMap<String, String>, words: &str) -> BTreeMap<String, String> {
    let mut refused: BTreeMap<String, String> = BTreeMap::new();
    let lines = words
        .lines()
        .map(|line| line.split_once("]: ").map_or(line, |(_, rest)| rest).trim());
    for line in lines.filter(|line| is_complaint(line)) {
        let unit = units
            .keys()
            .find(|name| line.contains(name.as_str()))
            .cloned()
            .unwrap_or_default();
        let entry = refused.entry(unit).or_default();
        if !entry.is_empty() {
            entry.push_str("; ");
        }
        entry.push_str(line);
    }
    refused
}

fn is_complaint(line: &str) -> bool {
    // What it reads it names, whatever the file is called.
    if line.starts_with("Loading source unit file") {
        return false;
    }
    let lower = line.to_ascii_lowercase();
    [
        "converting",
        "error",
        "unsupported",
        "invalid",
        "failed",
        "not found",
    ]
    .iter()
    .any(|word| lower.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(words: &str, expected: &[(&str, &str)]) {
        let units = ["archy-a.container", "archy-error-pages.container"]
            .map(|name| (name.to_owned(), String::new()));
        let found = complaints(&BTreeMap::from(units), words);
        let found: Vec<(&str, &str)> = found
            .iter()
            .map(|(unit, said)| (unit.as_str(), said.as_str()))
            .collect();
        assert_eq!(found, expected, "for {words:?}");
    }

    #[test]
    fn complaints_are_told_from_what_it_says_anyway() {
        check(
            "quadlet-generator[7]: Loading source unit file /x/archy-error-pages.container\n",
            &[],
        );
        let said = "converting \"archy-a.container\": unsupported key 'X' in group 'Container' in /x/archy-a.container";
        check(
            &format!("quadlet-generator[7]: {said}\n"),
            &[("archy-a.container", said)],
        );
        check(
            "quadlet-generator[7]: processing encountered some errors\n",
            &[("", "processing encountered some errors")],
        );
    }
}

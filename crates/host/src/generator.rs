//! Checks a set of units with Podman's real Quadlet generator before any of them is put in place.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use archipelago_core::cause::UnitsBlocked;
use archipelago_core::printable::one_line;
use archipelago_core::quadlet::{is_unit_file, mark_of, service_of};
use archipelago_core::redact::{redact, values_of_unit};

use super::disk;

/// The paths at which distributions install the generator.
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
    #[error("Podman's Quadlet generator ended with {0} and no message")]
    Broken(std::process::ExitStatus),
    /// It complained, but not of a unit of ours.
    #[error("Podman's Quadlet generator says: {0}")]
    Unclear(String),
    /// It would read none of the units in the folder, because of one.
    #[error(transparent)]
    Blocked(#[from] UnitsBlocked),
    /// It refused required units: name to what it said.
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
        // If this fails, the run of the program gives the error.
        .find(|path| disk::exists(path).unwrap_or(true))
}

/// Puts the complete set of units through the generator's dry run, which must make a service of
/// each required unit. `scratch` is a folder of ours, made anew.
///
/// # Errors
/// When a unit is refused, or the generator cannot be asked.
pub async fn check(
    units: &BTreeMap<String, String>,
    required: &BTreeSet<String>,
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
    let output = dry_run(&program, scratch).await;
    let removed = disk::remove_folder(scratch);
    let output = output?;
    removed?;
    let made = made(&String::from_utf8_lossy(&output.stdout));
    let complaints = complaints(units, &String::from_utf8_lossy(&output.stderr));
    judge(units, required, &made, complaints, output.status)
}

/// Accepts the units when the generator has made a service of each that is required. Its words only
/// explain why it has not: it drops some units without any. Complaints about units that are not
/// required count for nothing: this change does not cause them.
fn judge(
    units: &BTreeMap<String, String>,
    required: &BTreeSet<String>,
    made: &BTreeSet<String>,
    mut complaints: BTreeMap<String, String>,
    status: std::process::ExitStatus,
) -> Result<(), Error> {
    let is_made = |unit: &String| made.contains(&service_of(unit));
    let unnamed = complaints.remove("");
    if made.is_empty() && complaints.is_empty() && !units.is_empty() {
        // It made nothing of anything: that is hardly the fault of each unit.
        return Err(match unnamed {
            Some(words) => Error::Unclear(words),
            None => Error::Broken(status),
        });
    }
    let refused: BTreeMap<String, String> = required
        .iter()
        .filter(|unit| !is_made(unit))
        .map(|unit| {
            let words = complaints.remove(unit).or_else(|| unnamed.clone());
            let silent = || "it makes no service of it, and gives no reason".to_owned();
            (unit.clone(), words.unwrap_or_else(silent))
        })
        .collect();
    if refused.is_empty() {
        Ok(())
    } else {
        Err(Error::Refused(refused))
    }
}

/// The services in a dry run's output: each begins with a line `---NAME.service---`.
fn made(output: &str) -> BTreeSet<String> {
    let lines = output.lines();
    lines
        .filter_map(|line| line.strip_prefix("---")?.strip_suffix("---"))
        .map(str::to_owned)
        .collect()
}

/// Checks that Quadlet can read every file in the folder of units. One unreadable or malformed
/// file, whoever owns it, makes Quadlet generate nothing at the next reload, and systemd then
/// forgets all units. A named pipe would block the reload.
///
/// # Errors
/// When there is such a file, or the generator cannot be asked.
pub async fn check_folder(folder: &Path) -> Result<(), Error> {
    let mut are_as_we_write_them = true;
    for name in disk::names(folder)?
        .into_iter()
        .filter(|name| is_unit_file(name))
    {
        let path = folder.join(name);
        match disk::open_and_read(&path) {
            Ok((_, content)) => are_as_we_write_them &= is_as_we_write_them(&content),
            Err(error) => {
                // A file that somebody has just removed is no obstacle.
                if path.symlink_metadata().is_ok() {
                    let words = error.to_string();
                    return Err(UnitsBlocked { path, words }.into());
                }
            }
        }
    }
    // For files not written by us, only the generator can tell.
    if are_as_we_write_them {
        return Ok(());
    }
    let program = find().ok_or(Error::Missing)?;
    // It names files by where they really are.
    let folder = folder.canonicalize().unwrap_or(folder.to_owned());
    let words = dry_run(&program, &folder).await?.stderr;
    match unreadable(&folder, &String::from_utf8_lossy(&words)) {
        Some((path, words)) => Err(UnitsBlocked { path, words }.into()),
        None => Ok(()),
    }
}

/// Whether a unit has our mark and consists only of lines that Quadlet's parser accepts, as every
/// unit of ours does.
fn is_as_we_write_them(content: &[u8]) -> bool {
    let is_line =
        |line: &str| line.is_empty() || line.starts_with(['#', '[']) || line.contains('=');
    mark_of(content).is_some()
        && std::str::from_utf8(content).is_ok_and(|text| text.lines().all(is_line))
}

/// The first file directly in the folder that the generator could not read, and why:
/// `… error loading "/x/a.container", file contains line 1: …`.
fn unreadable(folder: &Path, words: &str) -> Option<(PathBuf, String)> {
    words.lines().find_map(|line| {
        let (_, rest) = line.split_once("error loading \"")?;
        let (path, cause) = rest.split_once("\", ")?;
        let path = PathBuf::from(path);
        let cause = cause_of_unreadable(cause);
        (path.parent() == Some(folder)).then_some((path, cause))
    })
}

/// Why a file cannot be read, without the line that the generator quotes: anybody's file may hold a
/// password.
fn cause_of_unreadable(words: &str) -> String {
    let line = words
        .split_once("contains line ")
        .and_then(|(_, rest)| rest.split(|c: char| !c.is_ascii_digit()).next());
    match line {
        Some(line) => format!("line {line} of it is no KEY=VALUE, no [section] and no comment"),
        None => {
            let quoted = words.find(['"', '\'', '“']).unwrap_or(words.len());
            words[..quoted].trim_end_matches([' ', ':']).to_owned()
        }
    }
}

async fn dry_run(program: &Path, folder: &Path) -> Result<Output, Error> {
    let output = tokio::process::Command::new(program)
        .args(["-dryrun", "-user"])
        .env("QUADLET_UNIT_DIRS", folder)
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(LIMIT, output)
        .await
        .map_err(|_| Error::Silent)?;
    output.map_err(|source| Error::Run {
        program: program.to_owned(),
        source,
    })
}

/// The generator's complaints by unit. Its lines are
/// `quadlet-generator[PID]: converting "a.container": unsupported key …`; mere warnings, such as
/// of a unit without `[Install]`, do not appear on this channel.
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
        // A quoted value may be a password, and the line does not always name its unit.
        let shown = redact(line, units.values().flat_map(|unit| values_of_unit(unit)));
        entry.push_str(&one_line(&shown));
    }
    refused
}

fn is_complaint(line: &str) -> bool {
    // The generator names every file that it reads.
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
        let unit = "[Container]\nImage=busybox\nEnvironment=\"PASSWORD=hunter2\"\n";
        let units = ["archy-a.container", "archy-error-pages.container"]
            .map(|name| (name.to_owned(), unit.to_owned()));
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
            "quadlet-generator[7]: converting \"archy-a.container\": invalid value PASSWORD=hunter2\n",
            &[(
                "archy-a.container",
                "converting \"archy-a.container\": invalid value …",
            )],
        );
        check(
            "quadlet-generator[7]: processing encountered some errors\n",
            &[("", "processing encountered some errors")],
        );
    }

    #[test]
    fn each_required_unit_must_become_a_service() {
        let units = ["archy-a.container", "archy-a.network", "archy-b.container"];
        let units = units.map(|name| (name.to_owned(), String::new()));
        let check = |output: &str, words: &str, expected: Result<(), &str>| {
            let units = BTreeMap::from(units.clone());
            let required = ["archy-a.container", "archy-a.network"];
            let required = required.map(str::to_owned).into();
            let complaints = complaints(&units, words);
            let status = std::process::ExitStatus::default();
            let found = judge(&units, &required, &made(output), complaints, status);
            match (found.map_err(|error| error.to_string()), expected) {
                (Ok(()), Ok(())) => {}
                (Err(error), Err(part)) if error.contains(part) => {}
                (found, _) => panic!("{found:?} for {output}{words}"),
            }
        };
        let a = "---archy-a.service---\n[Service]\n";
        let network = "---archy-a-network.service---\n[Service]\n";
        let b = "---archy-b.service---\n[Service]\n";
        let says = "quadlet-generator[7]: ";
        check(&[a, network, b].concat(), "", Ok(()));
        // Words that sound bad change nothing, and neither does what is wrong with a unit that is
        // there.
        check(
            &[a, network].concat(),
            &format!("{says}converting \"archy-b.container\": invalid\n{says}some errors\n"),
            Ok(()),
        );
        check(
            &[a, b].concat(),
            "",
            Err("refuses archy-a.network: it makes no service of it"),
        );
        check(
            &[network, b].concat(),
            &format!(
                "{says}converting \"archy-a.container\": unsupported key 'X'\n{says}some errors\n"
            ),
            Err("refuses archy-a.container: converting \"archy-a.container\": unsupported key 'X'"),
        );
        check("", &format!("{says}fatal error\n"), Err("says"));
        check("", "", Err("ended"));
    }

    #[test]
    fn what_it_cannot_read_is_told_with_its_cause() {
        let folder = Path::new("/x");
        let of_no_consequence = "quadlet-generator[7]: error loading \"/x/a.container.d/b.conf\", file contains line 1\n";
        assert_eq!(unreadable(folder, of_no_consequence), None);
        let words = format!(
            "{of_no_consequence}quadlet-generator[7]: error loading \"/x/z.container\", is a directory\n"
        );
        let expected = (PathBuf::from("/x/z.container"), "is a directory".to_owned());
        assert_eq!(unreadable(folder, &words), Some(expected));
        for (said, expected) in [
            (
                "file contains line 3: “hunter2” which is not a key-value pair, group, or comment",
                "line 3 of it is no KEY=VALUE, no [section] and no comment",
            ),
            ("invalid value: \"hunter2\"", "invalid value"),
        ] {
            let words = format!("quadlet-generator[7]: error loading \"/x/z.container\", {said}\n");
            let expected = (PathBuf::from("/x/z.container"), expected.to_owned());
            assert_eq!(unreadable(folder, &words), Some(expected));
        }
    }

    #[test]
    fn a_unit_of_ours_that_somebody_wrote_into_is_looked_at_more_closely() {
        let section = "[X-Archipelago]\nApp=web\nCompanion=false\nRevision=12\nVersion=0.1.0\n";
        let ours = format!("# words\n[Container]\nImage=x\n\n{section}");
        assert!(is_as_we_write_them(ours.as_bytes()));
        assert!(!is_as_we_write_them(format!("{ours}nonsense\n").as_bytes()));
        assert!(!is_as_we_write_them(b"[Container]\nImage=x\n"));
    }
}

//! `cargo xtask coverage`: measures which lines and branches of `core` are run by its own tests and
//! by those of the simulation, which drives the reconciler as the daemon does. It prints every
//! place that is not run, and fails when the share is too small.
//!
//! Test code does not count: neither files of tests nor the test modules at the end of a file. The
//! compiler counts the outcomes of `if`, `let … else`, `while`, `&&`, `||` and guards as
//! branches; an arm of a `match` counts by its lines. docs/coverage.md says why places are missed.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use testhost::{cache, prerequisites};

use crate::deb;

/// The share of lines, and of branches, that must be run, in percent.
const LEAST: f64 = 95.0;

/// The release of cargo-llvm-cov that is known to work here.
const CARGO_LLVM_COV: &str = "0.9.1";

const MEASURED: &str = "crates/core/src/";

/// The page with the reasons: one line for each place, with the name of its file and its text.
const REASONS: &str = "docs/coverage.md";

pub(crate) fn run() -> Result<ExitCode> {
    let tool = Tool::ensure()?;
    let files = tool.measure()?;
    let mut lines = Count::default();
    let mut branches = Count::default();
    println!("{:<36} {:>20} {:>20}", MEASURED, "lines", "branches");
    for (name, file) in &files {
        let (of_lines, of_branches) = (file.count_lines(), file.count_branches());
        println!("{name:<36} {of_lines:>20} {of_branches:>20}");
        lines.add(of_lines);
        branches.add(of_branches);
    }
    println!("{:<36} {lines:>20} {branches:>20}\n", "total");
    let reasons = deb::repository().join(REASONS);
    let reasons =
        fs::read_to_string(&reasons).with_context(|| format!("reading {}", reasons.display()))?;
    let mut unexplained = 0;
    for (name, file) in &files {
        for missed in file.missed()? {
            let explained = is_explained(&reasons, name, &missed.text);
            unexplained += usize::from(!explained);
            let mark = if explained { "" } else { " (no reason given)" };
            let Missed { place, how, text } = missed;
            println!("{MEASURED}{name}:{place}: {how}{mark}: {text}");
        }
    }
    println!("\n{unexplained} of these places have no reason in {REASONS}");
    println!("lines:    {lines}\nbranches: {branches}");
    if lines.percent() < LEAST || branches.percent() < LEAST {
        println!("too little: at least {LEAST} % of the lines and of the branches must be run");
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

/// cargo-llvm-cov, and the programs of LLVM that it starts.
struct Tool {
    program: PathBuf,
    llvm_cov: PathBuf,
    llvm_profdata: PathBuf,
}

impl Tool {
    fn ensure() -> Result<Self> {
        let (llvm_cov, llvm_profdata) = ensure_llvm()?;
        let installed = cache::artifact("cargo-llvm-cov", &[CARGO_LLVM_COV], |folder| {
            eprintln!("installing cargo-llvm-cov {CARGO_LLVM_COV}, which takes a minute or two");
            // Unoptimised, because it only starts other programs.
            let mut install = cargo();
            install
                .args(["install", "cargo-llvm-cov", "--version", CARGO_LLVM_COV])
                .args(["--locked", "--debug", "--no-track", "--quiet", "--root"])
                .arg(folder)
                .env_remove("CARGO_TARGET_DIR");
            succeed(&mut install)
        })?;
        Ok(Self {
            program: installed.join("bin/cargo-llvm-cov"),
            llvm_cov,
            llvm_profdata,
        })
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .arg("llvm-cov")
            .args(arguments)
            .env("LLVM_COV", &self.llvm_cov)
            .env("LLVM_PROFDATA", &self.llvm_profdata)
            // A stable compiler accepts the unstable option `--branch` with this variable.
            .env("RUSTC_BOOTSTRAP", "1");
        command
    }

    /// Runs the tests and reads the counts of each file. The key is the file's path below
    /// [`MEASURED`].
    fn measure(&self) -> Result<BTreeMap<String, File>> {
        // Counts of an earlier run, also those of programs of an older tree, would be added.
        succeed(&mut self.command(&["clean", "--workspace"]))?;
        let packages = ["--package", "archipelago-core", "--package", "sim"];
        succeed(
            self.command(&["test", "--branch", "--no-report"])
                .args(packages),
        )?;
        let mut files = BTreeMap::new();
        read_lines(&self.report("--lcov")?, &mut files)?;
        read_branches(&self.report("--json")?, &mut files)?;
        if files.is_empty() {
            bail!("the report names no file of {MEASURED}");
        }
        Ok(files)
    }

    fn report(&self, format: &str) -> Result<String> {
        let mut report = self.command(&["report", "--branch", format]);
        let output = report
            .stderr(Stdio::inherit())
            .output()
            .with_context(|| format!("starting {report:?}"))?;
        if !output.status.success() {
            bail!("{report:?} ended with {}", output.status);
        }
        String::from_utf8(output.stdout).context("reading the report")
    }
}

/// Finds llvm-cov and llvm-profdata of this compiler's LLVM release: no other reads its data.
/// Installs missing ones with rustup, which has the same release, or else from Debian.
fn ensure_llvm() -> Result<(PathBuf, PathBuf)> {
    let version = output(Command::new("rustc").arg("-vV"))?;
    let field = |name: &str| {
        version
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
            .with_context(|| format!("rustc -vV does not print its {name}:\n{version}"))
    };
    let sysroot = output(Command::new("rustc").args(["--print", "sysroot"]))?;
    let folder = Path::new(sysroot.trim())
        .join("lib/rustlib")
        .join(field("host")?)
        .join("bin");
    let own = (folder.join("llvm-cov"), folder.join("llvm-profdata"));
    let is_there = || own.0.exists() && own.1.exists();
    if !is_there() {
        let mut rustup = Command::new("rustup");
        rustup
            .args(["component", "add", "llvm-tools"])
            .stdin(Stdio::null());
        match rustup.status() {
            Ok(status) if status.success() => {}
            Ok(status) => eprintln!("{rustup:?} ended with {status}; trying Debian's"),
            Err(error) => eprintln!("rustup cannot be started ({error}); trying Debian's"),
        }
    }
    if is_there() {
        return Ok(own);
    }
    let release = field("LLVM version")?;
    let major = release.split('.').next().unwrap_or(release);
    let command: &'static str = format!("llvm-cov-{major}").leak();
    let package: &'static str = format!("llvm-{major}").leak();
    prerequisites::ensure_commands(&[(command, package)])?;
    Ok((command.into(), format!("llvm-profdata-{major}").into()))
}

fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")))
}

fn output(command: &mut Command) -> Result<String> {
    let output = command
        .output()
        .with_context(|| format!("starting {command:?}"))?;
    if !output.status.success() {
        bail!("{command:?} ended with {}", output.status);
    }
    String::from_utf8(output.stdout).with_context(|| format!("reading the output of {command:?}"))
}

fn succeed(command: &mut Command) -> Result<()> {
    let status = command
        .stdin(Stdio::null())
        .status()
        .with_context(|| format!("starting {command:?}"))?;
    if !status.success() {
        bail!("{command:?} ended with {status}");
    }
    Ok(())
}

/// The counts of one file.
#[derive(Debug, Default)]
struct File {
    path: PathBuf,
    /// The number of runs of each line; lines without code are absent.
    lines: BTreeMap<u64, u64>,
    /// The counts of true and false for each condition, by line and column.
    branches: BTreeMap<(u64, u64), (u64, u64)>,
}

impl File {
    fn count_lines(&self) -> Count {
        Count {
            run: self.lines.values().filter(|count| **count > 0).count(),
            all: self.lines.len(),
        }
    }

    fn count_branches(&self) -> Count {
        let outcomes = self
            .branches
            .values()
            .flat_map(|(held, failed)| [held, failed]);
        Count {
            run: outcomes.filter(|count| **count > 0).count(),
            all: 2 * self.branches.len(),
        }
    }

    /// The places that are not run, lines first.
    fn missed(&self) -> Result<Vec<Missed>> {
        let text = fs::read_to_string(&self.path)
            .with_context(|| format!("reading {}", self.path.display()))?;
        let text: Vec<&str> = text.lines().collect();
        let missed = |line: u64, place: String, how| {
            let index = usize::try_from(line)
                .unwrap_or(usize::MAX)
                .saturating_sub(1);
            let text = text.get(index).copied().unwrap_or_default().trim();
            Missed {
                place,
                how,
                text: text.to_owned(),
            }
        };
        let lines = self.lines.iter().filter(|(_, count)| **count == 0);
        let lines = lines.map(|(line, _)| missed(*line, line.to_string(), "not run"));
        let branches = self.branches.iter().filter_map(|((line, column), counts)| {
            let how = match counts {
                (0, 0) => "never decided",
                (0, _) => "never true",
                (_, 0) => "never false",
                _ => return None,
            };
            Some(missed(*line, format!("{line}:{column}"), how))
        });
        Ok(lines.chain(branches).collect())
    }
}

/// A place that is not run.
struct Missed {
    /// The line, and for a condition the column.
    place: String,
    how: &'static str,
    /// The text of the line: unlike its number, it does not change when lines above are added or
    /// removed.
    text: String,
}

fn is_explained(reasons: &str, file: &str, text: &str) -> bool {
    let (file, text) = (format!("`{file}`"), format!("`{text}`"));
    reasons
        .lines()
        .any(|line| line.contains(&file) && line.contains(&text))
}

/// The number of lines or branches, and of those that were run.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Count {
    run: usize,
    all: usize,
}

impl Count {
    fn add(&mut self, other: Self) {
        self.run += other.run;
        self.all += other.all;
    }

    /// 100 for a file without lines or branches.
    fn percent(self) -> f64 {
        let exact = |count: usize| u32::try_from(count).map_or(f64::INFINITY, f64::from);
        if self.all == 0 {
            100.0
        } else {
            100.0 * exact(self.run) / exact(self.all)
        }
    }
}

impl std::fmt::Display for Count {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { run, all } = self;
        // Cut, not rounded: 94.996 % is not enough and must not be shown as 95 %.
        let percent = (self.percent() * 100.0).floor() / 100.0;
        formatter.pad(&format!("{run}/{all} {percent:6.2} %"))
    }
}

/// The lines of a file that count.
struct Measured {
    name: String,
    path: PathBuf,
    /// The first line of its test module.
    end: u64,
}

impl Measured {
    fn of(path: &str) -> Result<Option<Self>> {
        let Some((_, name)) = path.rsplit_once(MEASURED) else {
            return Ok(None);
        };
        if name
            .split('/')
            .any(|part| part == "tests" || part == "tests.rs")
        {
            return Ok(None);
        }
        let text = fs::read_to_string(path).with_context(|| format!("reading {path}"))?;
        Ok(Some(Self {
            name: name.to_owned(),
            path: path.into(),
            end: first_line_of_tests(&text),
        }))
    }

    fn counts(&self, line: u64) -> bool {
        line < self.end
    }

    fn file<'a>(&self, files: &'a mut BTreeMap<String, File>) -> &'a mut File {
        let file = files.entry(self.name.clone()).or_default();
        file.path.clone_from(&self.path);
        file
    }
}

/// The line of the `#[cfg(test)]` above a test module with its code in this file; `u64::MAX` when
/// there is none.
fn first_line_of_tests(text: &str) -> u64 {
    let lines: Vec<&str> = text.lines().collect();
    (1..)
        .zip(lines.windows(2))
        .find(|(_, two)| {
            two[0] == "#[cfg(test)]" && two[1].starts_with("mod ") && two[1].ends_with('{')
        })
        .map_or(u64::MAX, |(line, _)| line)
}

/// Reads the records `SF` (a file) and `DA` (a line and how often it was run) of lcov's format,
/// geninfo(1).
fn read_lines(report: &str, files: &mut BTreeMap<String, File>) -> Result<()> {
    let mut measured = None;
    for record in report.lines() {
        if let Some(path) = record.strip_prefix("SF:") {
            measured = Measured::of(path)?;
        } else if let (Some(data), Some(measured)) = (record.strip_prefix("DA:"), &measured) {
            let mut fields = data.split(',').map(str::parse::<u64>);
            let (Some(Ok(line)), Some(Ok(count))) = (fields.next(), fields.next()) else {
                bail!("not a line's record: {record:?}");
            };
            if measured.counts(line) {
                *measured.file(files).lines.entry(line).or_default() += count;
            }
        }
    }
    Ok(())
}

/// Reads the branches of `llvm-cov export`'s JSON. Each is the line, column, end line, end column,
/// how often it was true and how often false. A condition is listed once for each type and each
/// program that its function was compiled for.
fn read_branches(report: &str, files: &mut BTreeMap<String, File>) -> Result<()> {
    let report: Value = serde_json::from_str(report).context("reading the report as JSON")?;
    let array = |value: &Value, name: &str| -> Result<Vec<Value>> {
        value[name]
            .as_array()
            .cloned()
            .with_context(|| format!("the report has no list {name:?}"))
    };
    for data in array(&report, "data")? {
        for file in array(&data, "files")? {
            let path = file["filename"].as_str().context("a file without a name")?;
            let Some(measured) = Measured::of(path)? else {
                continue;
            };
            for branch in array(&file, "branches")? {
                let number = |index: usize| {
                    branch[index]
                        .as_u64()
                        .with_context(|| format!("not a branch: {branch}"))
                };
                let (line, column) = (number(0)?, number(1)?);
                if measured.counts(line) {
                    let file = measured.file(files);
                    let (held, failed) = file.branches.entry((line, column)).or_default();
                    *held += number(4)?;
                    *failed += number(5)?;
                }
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{
        Count, File, MEASURED, first_line_of_tests, is_explained, read_branches, read_lines,
    };

    const TEXT: &str = "fn decide() {}\n\n#[cfg(test)]\nmod tests {\n    fn check() {}\n}\n";

    /// Reads both reports against a tree with one measured file. The reports also name a file of
    /// tests and a file of another crate.
    fn read(lcov: &str, json: &str) -> BTreeMap<String, File> {
        let tree = std::env::temp_dir().join(format!("xtask-coverage-{}", std::process::id()));
        let folder = tree.join(MEASURED);
        std::fs::create_dir_all(&folder).expect("a folder for this test");
        std::fs::write(folder.join("one.rs"), TEXT).expect("a file for this test");
        let put = |text: &str| text.replace("TREE", &tree.to_string_lossy());
        let mut files = BTreeMap::new();
        read_lines(&put(lcov), &mut files).expect("lines");
        read_branches(&put(json), &mut files).expect("branches");
        std::fs::remove_dir_all(&tree).expect("what was made for this test");
        files
    }

    #[test]
    fn only_code_of_core_outside_its_tests_counts() {
        let files = read(
            "SF:TREE/crates/core/src/one.rs\nDA:1,0\nDA:2,3\nDA:5,1\nend_of_record\n\
             SF:TREE/crates/core/src/plan/tests.rs\nDA:1,1\nend_of_record\n\
             SF:TREE/crates/core/src/plan/tests/world.rs\nDA:1,1\nend_of_record\n\
             SF:TREE/crates/sim/src/play.rs\nDA:1,1\nend_of_record\n",
            // One condition in two programs: the counts are added.
            r#"{"data": [{"files": [
                {"filename": "TREE/crates/core/src/one.rs",
                 "branches": [[1, 4, 1, 9, 0, 0, 0, 0, 4], [1, 4, 1, 9, 2, 0, 0, 0, 4], [5, 1, 5, 2, 0, 0, 0, 0, 4]]},
                {"filename": "TREE/crates/sim/src/play.rs", "branches": [[1, 1, 1, 2, 0, 0, 0, 0, 4]]}
            ]}]}"#,
        );
        assert_eq!(files.keys().collect::<Vec<_>>(), ["one.rs"]);
        assert_eq!(files["one.rs"].count_lines(), Count { run: 1, all: 2 });
        assert_eq!(files["one.rs"].count_branches(), Count { run: 1, all: 2 });
    }

    #[test]
    fn a_reason_is_given_for_a_file_and_the_text_of_a_line() {
        let reasons = "- `one.rs` `if a {`, `b`: it cannot be.\n- `two.rs` `if a {`: neither.\n";
        for (file, text, explained) in [
            ("one.rs", "if a {", true),
            ("one.rs", "b", true),
            ("two.rs", "b", false),
            ("three.rs", "if a {", false),
            ("one.rs", "a", false),
        ] {
            assert_eq!(
                is_explained(reasons, file, text),
                explained,
                "{file} {text}"
            );
        }
    }

    #[test]
    fn the_test_module_begins_at_its_attribute() {
        assert_eq!(first_line_of_tests(TEXT), 3);
        assert_eq!(
            first_line_of_tests("#[cfg(test)]\nmod tests;\nfn decide() {}\n"),
            u64::MAX,
            "a test module in a file of its own"
        );
    }

    #[test]
    fn a_percentage_is_not_rounded_up() {
        let nearly = Count {
            run: 94_999,
            all: 100_000,
        };
        assert_eq!(nearly.to_string(), "94999/100000  94.99 %");
        assert_eq!(Count::default().to_string(), "0/0 100.00 %");
    }
}

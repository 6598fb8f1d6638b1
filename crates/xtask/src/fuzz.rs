//! `cargo xtask fuzz`: searches for an input that breaks a rule of a fuzz target (`crates/fuzz`).
//!
//! The search is libFuzzer's, led by the code that the inputs reach. The compiler's flags are those
//! of `cargo fuzz --sanitizer none`, which a stable compiler takes. The code is safe Rust, so
//! there is nothing for a sanitizer to find.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use clap::Args;
use fuzz::{Target, corpus};

use crate::deb;

/// The compiler counts the runs of each edge, and shows the fuzzer what is compared with what.
const FLAGS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1";

/// Longer inputs reach little more code and make each run slower.
const INPUT_BYTES_MAX: usize = 2_048;
/// An input that runs for longer has found a loop, or work out of proportion.
const RUN_LIMIT_S: u32 = 10;
const MEMORY_LIMIT_MIB: u32 = 1_024;
/// The room for each target in the repository.
const KEPT_BYTES_MAX: usize = 58_000;

/// The targets to run, and for how long.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Without names, all targets.
    #[arg(value_parser = target)]
    targets: Vec<Target>,
    /// How long each target runs.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    minutes: u64,
    /// Put the inputs that reach code of their own into the corpus of the repository.
    #[arg(long)]
    keep: bool,
}

fn target(name: &str) -> Result<Target> {
    let names = Target::ALL.map(Target::name).join(", ");
    Target::parse(name).with_context(|| format!("the targets are {names}"))
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let Arguments {
        targets,
        minutes,
        keep,
    } = arguments;
    let folder = deb::repository().join("target/fuzz");
    fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
    let program = build(&folder)?;
    let dictionary = folder.join("keys.dictionary");
    fs::write(&dictionary, keys()).context("writing the dictionary of keys")?;
    let all = match targets.as_slice() {
        [] => Target::ALL.to_vec(),
        some => some.to_vec(),
    };
    let mut failed = Vec::new();
    for target in all {
        let run = Run {
            target,
            program: &program,
            dictionary: &dictionary,
            folder: folder.join(target.name()),
        };
        run.unpack()?;
        if !run.search(*minutes)? {
            failed.push(target.name());
        } else if *keep {
            run.keep()?;
        }
    }
    if !failed.is_empty() {
        bail!("an input breaks a rule of: {}", failed.join(", "));
    }
    Ok(())
}

/// Builds the fuzzer, and returns its path.
fn build(folder: &Path) -> Result<PathBuf> {
    let rustc = Command::new("rustc").arg("-vV").output();
    let about = String::from_utf8(rustc.context("starting rustc")?.stdout)?;
    let host = about.lines().find_map(|line| line.strip_prefix("host: "));
    let host = host.context("rustc -vV names the host")?;
    // With `--target`, the flags are not those of build scripts and macros.
    let status = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["build", "--quiet", "--package", "fuzz", "--profile", "fuzz"])
        .args(["--features", "libfuzzer", "--target", host, "--target-dir"])
        .arg(folder.join("build"))
        .env("RUSTFLAGS", FLAGS)
        .stdin(Stdio::null())
        .status()
        .context("starting cargo")?;
    if !status.success() {
        bail!("building the fuzzer ended with {status}");
    }
    Ok(folder.join(format!("build/{host}/fuzz/fuzz-target")))
}

/// The keys of Compose and a few of YAML's signs, as libFuzzer's dictionaries are written.
fn keys() -> String {
    let sections: [&[&str]; 8] = [
        &[],
        &["services"],
        &["services", "build"],
        &["services", "deploy"],
        &["services", "healthcheck"],
        &["services", "extends"],
        &["networks"],
        &["volumes"],
    ];
    let keys = sections.into_iter().flat_map(compose::known_keys);
    let keys = keys.map(|key| format!("{key}: "));
    let signs = [
        "<<: *",
        "!reset ",
        "!override ",
        "${A:-",
        "${A:?",
        "x-archipelago: ",
    ];
    let words: BTreeSet<String> = keys.chain(signs.map(str::to_owned)).collect();
    words.iter().map(|word| format!("\"{word}\"\n")).collect()
}

/// The run of one target.
struct Run<'a> {
    target: Target,
    program: &'a Path,
    dictionary: &'a Path,
    /// The inputs found so far, in a folder each: `corpus`, `kept` and `found`.
    folder: PathBuf,
}

impl Run<'_> {
    fn corpus_file(&self) -> PathBuf {
        let name = format!("crates/fuzz/corpus/{}.jsonl", self.target.name());
        deb::repository().join(name)
    }

    /// Gives the fuzzer the inputs of the repository, beside those of earlier runs.
    fn unpack(&self) -> Result<()> {
        let kept = self.folder.join("kept");
        let _ = fs::remove_dir_all(&kept);
        for name in ["corpus", "kept", "found"] {
            let folder = self.folder.join(name);
            fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
        }
        let file = self.corpus_file();
        let text = fs::read_to_string(&file);
        let text = text.with_context(|| format!("reading {}", file.display()))?;
        let inputs = corpus::read(&text).with_context(|| format!("reading {}", file.display()))?;
        for (number, input) in inputs.iter().enumerate() {
            let path = kept.join(number.to_string());
            fs::write(&path, input).with_context(|| format!("writing {}", path.display()))?;
        }
        Ok(())
    }

    /// Whether all inputs kept the rules.
    fn search(&self, minutes: u64) -> Result<bool> {
        let log = self.folder.join("log");
        let output = File::create(&log).with_context(|| format!("writing {}", log.display()))?;
        println!("── {}: {minutes} min", self.target.name());
        let status = self
            .fuzzer()
            .arg(format!("-max_total_time={}", minutes * 60))
            .arg(format!("-dict={}", self.dictionary.display()))
            .args(["corpus", "kept"].map(|name| self.folder.join(name)))
            .stdout(output.try_clone().context("a second handle of the log")?)
            .stderr(output)
            .status()
            .context("starting the fuzzer")?;
        let said = fs::read(&log).with_context(|| format!("reading {}", log.display()))?;
        let said = String::from_utf8_lossy(&said);
        let line = |mark: &str| said.lines().rev().find(|line| line.contains(mark));
        for mark in ["stat::number_of_executed_units", " cov: "] {
            println!("{}", line(mark).unwrap_or_default());
        }
        if !status.success() {
            println!("{}", line("panicked at").unwrap_or_default());
            println!("{}", line("SUMMARY").unwrap_or_default());
            println!(
                "the log is {}; the input: {}",
                log.display(),
                self.folder.join("found").display()
            );
        }
        Ok(status.success())
    }

    /// Writes the fewest inputs that reach all code into the repository, as far as there is room.
    fn keep(&self) -> Result<()> {
        let least = self.folder.join("least");
        let _ = fs::remove_dir_all(&least);
        fs::create_dir_all(&least).with_context(|| format!("making {}", least.display()))?;
        let folders = [
            &least,
            &self.folder.join("corpus"),
            &self.folder.join("kept"),
        ];
        let merged = self
            .fuzzer()
            .arg("-set_cover_merge=1")
            .args(folders)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .context("starting the fuzzer")?;
        if !merged.success() {
            bail!(
                "merging the inputs of {} ended with {merged}",
                self.target.name()
            );
        }
        let mut inputs = Vec::new();
        for entry in fs::read_dir(&least).context("listing the inputs")? {
            // Bytes that are no text are refused at once.
            if let Ok(text) = String::from_utf8(fs::read(entry?.path())?) {
                inputs.push(text);
            }
        }
        inputs.sort_unstable_by_key(String::len);
        let mut size = 0;
        inputs.retain(|input| {
            size += corpus::write(std::slice::from_ref(input)).len();
            size <= KEPT_BYTES_MAX
        });
        let file = self.corpus_file();
        fs::write(&file, corpus::write(&inputs))
            .with_context(|| format!("writing {}", file.display()))?;
        println!("{} inputs are kept in {}", inputs.len(), file.display());
        Ok(())
    }

    fn fuzzer(&self) -> Command {
        let mut command = Command::new(self.program);
        command
            .env("FUZZ_TARGET", self.target.name())
            .arg(format!("-max_len={INPUT_BYTES_MAX}"))
            .arg(format!("-timeout={RUN_LIMIT_S}"))
            .arg(format!("-rss_limit_mb={MEMORY_LIMIT_MIB}"))
            .arg(format!(
                "-artifact_prefix={}/",
                self.folder.join("found").display()
            ))
            .arg("-print_final_stats=1")
            .stdin(Stdio::null());
        command
    }
}

//! Runs compose-go, the reference, on Compose files.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use serde_json::Value;

const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../compose/oracle");
const BINARY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/compose-oracle");
/// The folder for `~`, for the reference and for ours.
pub(crate) const HOME: &str = "/home/user";
const NAMES: [&str; 4] = [
    "compose.yaml",
    "compose.yml",
    "docker-compose.yaml",
    "docker-compose.yml",
];

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub corpus: Corpus,
    /// Write each model as `reference.json` beside its file instead of all to standard output.
    #[arg(long)]
    write: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Corpus {
    /// A folder of app folders, each with a Compose file.
    folder: PathBuf,
    /// A Compose file that every other one is laid over.
    #[arg(long)]
    pub base: Option<PathBuf>,
    /// A file of variables for all.
    #[arg(long)]
    pub variables: Option<PathBuf>,
}

/// The reference's answer for one file: its model or its error.
#[derive(Debug, Deserialize)]
pub(crate) struct Answer {
    pub file: PathBuf,
    pub model: Option<Value>,
    pub error: Option<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    for answer in answers(&arguments.corpus)? {
        if !arguments.write {
            let said = serde_json::json!({
                "file": answer.file, "model": answer.model, "error": answer.error,
            });
            println!("{said}");
            continue;
        }
        let path = answer.file.with_file_name("reference.json");
        let Some(model) = answer.model else {
            bail!(
                "{}: {}",
                answer.file.display(),
                answer.error.unwrap_or_default()
            );
        };
        let text = serde_json::to_string_pretty(&model)? + "\n";
        std::fs::write(&path, text).with_context(|| format!("write {}", path.display()))?;
    }
    Ok(())
}

/// Asks the reference about every file of a corpus.
pub(crate) fn answers(corpus: &Corpus) -> Result<Vec<Answer>> {
    let files = compose_files(&corpus.folder)?;
    let built = Command::new("go")
        .args(["build", "-o", BINARY, "."])
        .current_dir(PROGRAM)
        .status()
        .context("build the reference; it needs Go on the PATH")?;
    ensure!(built.success(), "building the reference ended with {built}");
    let mut command = Command::new(BINARY);
    command.env_clear().env("HOME", HOME);
    for (option, file) in [("-base", &corpus.base), ("-variables", &corpus.variables)] {
        if let Some(file) = file {
            let file = file
                .canonicalize()
                .with_context(|| format!("find {}", file.display()))?;
            command.args([OsStr::new(option), file.as_os_str()]);
        }
    }
    let output = command.args(&files).output().context("run the reference")?;
    ensure!(
        output.status.success(),
        "the reference ended with {}: {}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    let lines = output
        .stdout
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty());
    lines
        .map(|line| serde_json::from_slice(line).context("read what the reference says"))
        .collect()
}

/// The Compose files of the folders in a folder.
pub(crate) fn compose_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let folder = folder
        .canonicalize()
        .with_context(|| format!("read {}", folder.display()))?;
    let mut files = Vec::new();
    for entry in folder.read_dir()? {
        files.extend(compose_file(&entry?.path()));
    }
    ensure!(
        !files.is_empty(),
        "no folder in {} has a Compose file",
        folder.display()
    );
    files.sort();
    Ok(files)
}

fn compose_file(app: &Path) -> Option<PathBuf> {
    NAMES
        .iter()
        .map(|name| app.join(name))
        .find(|file| file.is_file())
}

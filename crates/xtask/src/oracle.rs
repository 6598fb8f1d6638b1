//! What compose-go, the reference, makes of Compose files: one line of JSON a file, on standard output.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../compose/oracle");
const NAMES: [&str; 4] = [
    "compose.yaml",
    "compose.yml",
    "docker-compose.yaml",
    "docker-compose.yml",
];

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// A folder of app folders, each with a Compose file.
    folder: PathBuf,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let files = compose_files(&arguments.folder)?;
    ensure!(
        !files.is_empty(),
        "no folder in {} has a Compose file",
        arguments.folder.display()
    );
    let status = Command::new("go")
        .args(["run", "."])
        .args(&files)
        .current_dir(PROGRAM)
        .status()
        .context("run the reference; it needs Go on the PATH")?;
    ensure!(status.success(), "the reference ended with {status}");
    Ok(())
}

fn compose_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let folder = folder
        .canonicalize()
        .with_context(|| format!("read {}", folder.display()))?;
    let mut files = Vec::new();
    for entry in folder.read_dir()? {
        let app = entry?.path();
        files.extend(
            NAMES
                .iter()
                .map(|name| app.join(name))
                .find(|file| file.is_file()),
        );
    }
    files.sort();
    Ok(files)
}

//! The commands with which root makes a copy that this user can import.

use std::path::{Path, PathBuf};

use super::System;

/// A copy of these paths with their owners, made by root and received by root in this user's
/// containers; and the import of the copy. `folder` is the one that was to be imported.
#[must_use]
pub fn readable_copy(
    system: System,
    app: &str,
    folder: &Path,
    data: Option<&Path>,
    volumes: &[(String, PathBuf)],
    paths: &[PathBuf],
) -> String {
    let copy = format!("$HOME/import-{app}");
    let placed = |path: &Path| format!("{copy}{}", quoted(path));
    let inside: Vec<String> = paths
        .iter()
        .map(|path| quoted(path.strip_prefix("/").unwrap_or(path)))
        .collect();
    let mut import = format!(
        "archipelago import --from {} {} --move",
        system.word(),
        placed(folder)
    );
    if let Some(data) = data {
        import.push_str(&format!(" --data {}", placed(data)));
    }
    for (name, folder) in volumes {
        import.push_str(&format!(" --volume {name}={}", placed(folder)));
    }
    format!(
        "\nLet root copy the data together with their owners, and import the copy:\n  \
         mkdir {copy}\n  \
         sudo tar -C / -cS --numeric-owner {} | podman unshare tar -C {copy} -xp --numeric-owner\n  \
         {import}",
        inside.join(" ")
    )
}

fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    shlex::try_quote(&text).unwrap_or_default().into_owned()
}

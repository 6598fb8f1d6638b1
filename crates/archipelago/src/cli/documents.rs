//! Manual pages and shell completions for the package, written from the command line's own
//! definition.

use std::path::Path;

use clap::Command;
use clap_complete::Shell;

use super::failure::{Code, Failure};

/// Writes all of them into an existing folder.
pub(super) fn write(folder: &Path, command: &Command) -> Result<(), Failure> {
    let failed = |error: std::io::Error| {
        Failure::new(
            Code::Failed,
            format!(
                "write manual pages and completions into {}: {error}",
                folder.display()
            ),
        )
    };
    clap_mangen::generate_to(command.clone(), folder).map_err(failed)?;
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        clap_complete::generate_to(shell, &mut command.clone(), "archipelago", folder)
            .map_err(failed)?;
    }
    Ok(())
}

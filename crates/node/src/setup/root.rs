//! `sudo archipelago setup --for USER`: what only root can do for a user, and nothing else.

use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use archipelago_core::check::{
    STOP_LIMIT, SUBORDINATE_IDS, free_subordinate_range, subordinate_ids,
};
use archipelago_core::error::chain;
use archipelago_core::printable::one_line;
use archipelago_host::accounts::{Account, account};
use archipelago_host::facts;
use archipelago_host::systemd::{self, set_linger};
use archipelago_host::{disk, folders};

use crate::error::Error;

/// Why a part was not done.
#[derive(Debug, thiserror::Error)]
enum PartError {
    #[error(transparent)]
    Disk(#[from] disk::Error),
    #[error("let the services of {user} run without a login")]
    Linger {
        user: String,
        #[source]
        source: systemd::Error,
    },
    #[error("run {program}")]
    Run {
        program: String,
        #[source]
        source: io::Error,
    },
    /// The words are the program's own.
    #[error("{command} failed: {words}")]
    Failed { command: String, words: String },
    #[error("make {}", folder.display())]
    Folder {
        folder: PathBuf,
        #[source]
        source: io::Error,
    },
}

/// The outcome of one part.
enum Part {
    Already(String),
    Done(String),
}

/// The outcome of root's part of the setup.
#[derive(Debug, Default)]
pub struct RootReport {
    /// The parts that were repaired.
    pub done: Vec<String>,
    /// The parts that were right already.
    pub already: Vec<String>,
    pub problems: Vec<String>,
}

/// Does for a user what only root can.
///
/// # Errors
/// When this is not root, or there is no such ordinary user.
pub async fn as_root(user: &str) -> Result<RootReport, Error> {
    if !rustix::process::geteuid().is_root() {
        return Err(Error::NeedsRoot {
            user: user.to_owned(),
        });
    }
    let Some(account) = account(|account| account.name == user) else {
        return Err(Error::NoSuchUser(user.to_owned()));
    };
    if account.uid == 0 {
        return Err(Error::RootAsUser);
    }
    // All are tried: one that fails does not make the others wait for the next run.
    let parts = [
        give_subordinate_ids(&account),
        want_network().await,
        make_data_folder(&account),
        let_linger(&account).await,
        keep_manager(&account),
    ];
    let mut report = RootReport::default();
    for part in parts {
        match part {
            Ok(Part::Already(text)) => report.already.push(text),
            Ok(Part::Done(text)) => report.done.push(text),
            Err(error) => report.problems.push(chain(&error)),
        }
    }
    Ok(report)
}

async fn let_linger(account: &Account) -> Result<Part, PartError> {
    let Account { name, uid, .. } = account;
    let text = format!("the services of {name} run without a login");
    if matches!(facts::lingers(name), Ok(true)) {
        return Ok(Part::Already(text));
    }
    set_linger(*uid, true)
        .await
        .map_err(|source| PartError::Linger {
            user: name.clone(),
            source,
        })?;
    Ok(Part::Done(text))
}

/// As Debian has it, `user@.service(5)` knows no `Restart=`: nothing starts a user's manager again
/// that was killed, by the kernel for want of memory or by mistake, and all of the user's
/// containers end with it. And its `TimeoutStopSec=` of two minutes ends, at a shutdown, a node
/// that writes its cache.
fn keep_manager(account: &Account) -> Result<Part, PartError> {
    let content = format!(
        "# Made by archipelago setup: apps come back when the user's systemd ends unexpectedly, and have time to write at a shutdown.\n\
         [Service]\nRestart=on-failure\nRestartSec=5\nTimeoutStopSec={}\n",
        STOP_LIMIT.as_secs()
    );
    let Account { name, uid, .. } = account;
    let text = format!(
        "the systemd of {name} is started again when it is killed, and waits for apps to stop"
    );
    let folder = format!("/etc/systemd/system/user@{uid}.service.d");
    disk::make_folder(Path::new(&folder), 0o755)?;
    let file = format!("{folder}/50-archipelago.conf");
    let wrote = disk::write_if_changed(Path::new(&file), content.as_bytes(), 0o644)?;
    // An earlier run may have been ended before systemd read what it wrote.
    if !wrote && !is_to_be_read(&format!("user@{uid}.service"))? {
        return Ok(Part::Already(text));
    }
    succeed(Command::new("systemctl").arg("daemon-reload"))?;
    Ok(Part::Done(text))
}

/// Whether a unit's files have changed since systemd read them.
fn is_to_be_read(unit: &str) -> Result<bool, PartError> {
    let mut command = Command::new("systemctl");
    command.args(["show", "--property=NeedDaemonReload", "--value", unit]);
    let output = run(&mut command)?;
    Ok(output.stdout.trim_ascii() == b"yes")
}

fn give_subordinate_ids(account: &Account) -> Result<Part, PartError> {
    let Account { name, uid, .. } = account;
    let [uids, gids] = ["/etc/subuid", "/etc/subgid"]
        .map(|file| std::fs::read_to_string(file).unwrap_or_default());
    let first = free_subordinate_range(&[&uids, &gids]);
    let range = format!("{first}-{}", first + SUBORDINATE_IDS - 1);
    let mut usermod = Command::new("usermod");
    let mut lacking = false;
    for (text, option) in [(&uids, "--add-subuids"), (&gids, "--add-subgids")] {
        if subordinate_ids(text, name, *uid) < SUBORDINATE_IDS {
            usermod.args([option, &range]);
            lacking = true;
        }
    }
    if !lacking {
        return Ok(Part::Already(format!("{name} has ids for containers")));
    }
    succeed(usermod.arg(name))?;
    Ok(Part::Done(format!(
        "{name} has the ids {range} for containers; if {name} used Podman before: podman system migrate"
    )))
}

async fn want_network() -> Result<Part, PartError> {
    const TARGET: &str = "network-online.target";
    let network = facts::network().await;
    let text = format!("{TARGET} is reached at boot");
    if !network.awaited || (network.wanted && network.reached) {
        return Ok(Part::Already(text));
    }
    if !network.wanted {
        succeed(Command::new("systemctl").args([
            "--quiet",
            "add-wants",
            "multi-user.target",
            TARGET,
        ]))?;
    }
    succeed(Command::new("systemctl").args(["start", TARGET]))?;
    Ok(Part::Done(text))
}

/// The system's folder for data becomes the user's, unless data are elsewhere already: they would
/// be lost from sight.
fn make_data_folder(account: &Account) -> Result<Part, PartError> {
    let Account {
        name,
        uid,
        gid,
        home,
    } = account;
    let folder = Path::new(folders::SYSTEM_DATA);
    let failed = |source| PartError::Folder {
        folder: folder.to_owned(),
        source,
    };
    let at_home = home.join(".local/share/archipelago");
    let has_data =
        |folder: &Path| std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some());
    match std::fs::symlink_metadata(folder) {
        Ok(metadata) if metadata.is_dir() && metadata.uid() == *uid => {
            let text = format!("{} belongs to {name} alone", folder.display());
            if metadata.permissions().mode() & 0o7777 == 0o700 {
                return Ok(Part::Already(text));
            }
            std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700))
                .map_err(failed)?;
            Ok(Part::Done(text))
        }
        Ok(_) => Ok(Part::Already(format!(
            "{} is someone else's; the data of {name} are in {}",
            folder.display(),
            at_home.display()
        ))),
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(error)),
        Err(_) if has_data(&at_home) => Ok(Part::Already(format!(
            "the data of {name} stay in {}",
            at_home.display()
        ))),
        Err(_) => {
            std::fs::DirBuilder::new()
                .mode(0o700)
                .create(folder)
                .map_err(failed)?;
            chown(folder, Some(*uid), Some(*gid)).map_err(failed)?;
            Ok(Part::Done(format!(
                "{} belongs to {name} alone",
                folder.display()
            )))
        }
    }
}

fn run(command: &mut Command) -> Result<Output, PartError> {
    command.output().map_err(|source| PartError::Run {
        program: command.get_program().display().to_string(),
        source,
    })
}

/// The program and its arguments.
fn words_of(command: &Command) -> Vec<String> {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.display().to_string()).collect()
}

fn succeed(command: &mut Command) -> Result<(), PartError> {
    let output = run(command)?;
    if output.status.success() {
        return Ok(());
    }
    let words = String::from_utf8_lossy(&output.stderr);
    Err(PartError::Failed {
        command: words_of(command).join(" "),
        words: one_line(words.trim()).into_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_command_is_shown_as_it_is_typed() {
        let error = succeed(Command::new("ls").args(["--no-such-option", "/"])).unwrap_err();
        let message = error.to_string();
        assert!(
            message.starts_with("ls --no-such-option / failed: "),
            "{message}"
        );
    }
}

//! Running commands in a host, as root or in the user's session. Their exit status is passed on.
//!
//! A command enters all namespaces of the host, so it sees the host as a person who logged in sees
//! it. It gets a clean environment, never that of the machine.

use std::io::{IsTerminal, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::host::{Host, USER_ID};
use crate::process::Identity;

/// A command whose output is captured takes less than this. A command that takes longer hangs.
const COMMAND_BOUND: Duration = Duration::from_secs(600);
/// The exit status of `timeout` (coreutils) when the bound is reached. The command may end with it
/// too.
const STATUS_OF_TIMEOUT: i32 = 124;

/// The account that a command runs as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Account {
    Root,
    /// `archy`, with the environment of their session: `systemctl --user` and rootless Podman work.
    User,
}

/// The result of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// The exit status; 128 and the signal's number for a command that a signal ended.
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
    command: String,
}

impl Output {
    #[must_use]
    pub fn success(&self) -> bool {
        self.status == 0
    }

    /// The standard output of a command that succeeded.
    ///
    /// # Errors
    /// When the command failed: the command, its status and its output.
    pub fn checked(self) -> Result<String> {
        let Self {
            status,
            stdout,
            stderr,
            command,
        } = self;
        if status != 0 {
            bail!(
                "in the host, `{command}` ended with {status}: {}{}",
                stderr.trim_end(),
                stdout.trim_end()
            );
        }
        Ok(stdout)
    }
}

impl Host {
    /// Runs a command as root to its end.
    ///
    /// # Errors
    /// When the host is not running or the command takes over ten minutes. A status other than zero
    /// is no error.
    pub fn run_root(&self, command: &[&str]) -> Result<Output> {
        self.run(Account::Root, command, b"")
    }

    /// Runs a command in the user's session to its end.
    ///
    /// # Errors
    /// As [`Host::run_root`].
    pub fn run_user(&self, command: &[&str]) -> Result<Output> {
        self.run(Account::User, command, b"")
    }

    /// Runs a command to its end with `input` as its standard input.
    ///
    /// # Errors
    /// As [`Host::run_root`].
    pub fn run(&self, account: Account, command: &[&str], input: &[u8]) -> Result<Output> {
        let bound = COMMAND_BOUND.as_secs().to_string();
        let bounded = [&["timeout", "--kill-after=5", &bound], command].concat();
        let shown = command.join(" ");
        let began = Instant::now();
        let mut child = self
            .command(account, &bounded)?
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("starting `{shown}` in the host"))?;
        let stdin = child.stdin.take();
        let output = thread::scope(|scope| {
            scope.spawn(move || {
                // A command may end without reading all of its input.
                let _unread = stdin.map(|mut stdin| stdin.write_all(input));
            });
            child.wait_with_output()
        })
        .with_context(|| format!("running `{shown}` in the host"))?;
        let status = status_number(output.status);
        if status == STATUS_OF_TIMEOUT && began.elapsed() >= COMMAND_BOUND {
            bail!("`{shown}` in the host took longer than {bound} s");
        }
        Ok(Output {
            status,
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            command: shown,
        })
    }

    /// Starts a command in the user's session, with its output piped and no input. It ends with the
    /// host at the latest.
    ///
    /// # Errors
    /// When the host is not running.
    pub fn spawn_user(&self, command: &[&str]) -> Result<Child> {
        self.command(Account::User, command)?
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("starting `{}` in the host", command.join(" ")))
    }

    /// Runs a command on the terminal of this process; a login shell when `command` is empty.
    /// Returns its exit status.
    ///
    /// # Errors
    /// When the host is not running.
    pub fn run_interactively(&self, account: Account, command: &[&str]) -> Result<i32> {
        let command = if command.is_empty() {
            &["bash", "-l"]
        } else {
            command
        };
        let status = if std::io::stdin().is_terminal() && std::io::stdout().is_terminal() {
            // A terminal that the host itself makes, so that `tty` and job control work there.
            let line = command
                .iter()
                .map(|word| shell_quoted(word))
                .collect::<Vec<_>>()
                .join(" ");
            self.command(
                account,
                &[
                    "script",
                    "--quiet",
                    "--return",
                    "--command",
                    &line,
                    "/dev/null",
                ],
            )?
            .status()
        } else {
            self.command(account, command)?.status()
        };
        status
            .map(status_number)
            .context("running a command in the host")
    }

    /// A command that will run in the host. The caller starts it.
    ///
    /// # Errors
    /// When the host is not running.
    pub fn command(&self, account: Account, command: &[&str]) -> Result<Command> {
        let init = self.init()?;
        Ok(match account {
            Account::Root => root_command(init, command),
            Account::User => user_command(init, command),
        })
    }
}

/// A command as root in the namespaces of process 1 of a host.
fn root_command(init: Identity, command: &[&str]) -> Command {
    let mut enter = enter(init);
    enter
        .args([
            "env",
            "--ignore-environment",
            "--chdir=/root",
            "HOME=/root",
            "USER=root",
            "LOGNAME=root",
        ])
        .arg("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
        .args(session_environment())
        .args(command);
    enter
}

fn user_command(init: Identity, command: &[&str]) -> Command {
    let id = USER_ID.to_string();
    let mut enter = enter(init);
    enter
        .args(["setpriv", "--reuid", &id, "--regid", &id, "--init-groups"])
        .args([
            "env",
            "--ignore-environment",
            "--chdir=/home/archy",
            "HOME=/home/archy",
            "USER=archy",
            "LOGNAME=archy",
        ])
        .arg("PATH=/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games")
        .arg(format!("XDG_RUNTIME_DIR=/run/user/{id}"))
        .arg(format!(
            "DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/{id}/bus"
        ))
        .args(session_environment())
        .args(command);
    enter
}

fn session_environment() -> [String; 3] {
    let terminal = std::env::var("TERM")
        .ok()
        .filter(|terminal| !terminal.is_empty());
    [
        "SHELL=/bin/bash".to_owned(),
        "LANG=C.UTF-8".to_owned(),
        format!("TERM={}", terminal.as_deref().unwrap_or("dumb")),
    ]
}

fn enter(init: Identity) -> Command {
    let mut command = Command::new("nsenter");
    command.args(["--target", &init.pid.to_string()]);
    command.args([
        "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--",
    ]);
    command
}

fn status_number(status: ExitStatus) -> i32 {
    status
        .code()
        .or_else(|| Some(128 + status.signal()?))
        .unwrap_or(-1)
}

/// A word in single quotes. Between them only the single quote has a meaning for a shell.
fn shell_quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::shell_quoted;

    #[test]
    fn a_quoted_word_reaches_the_shell_as_it_was() {
        for word in ["", "a b", "it's", "$HOME `id` \\ \"", "a\nb"] {
            let echoed = std::process::Command::new("sh")
                .args(["-c", &format!("printf %s {}", shell_quoted(word))])
                .output()
                .expect("a shell");
            assert_eq!(String::from_utf8_lossy(&echoed.stdout), word);
        }
    }
}

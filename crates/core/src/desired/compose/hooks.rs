//! The commands that systemd runs in a container after its start and before its stop.

use std::time::Duration;

use crate::manifest::Hook;
use crate::quadlet::Command;

/// Shorter than the limit of a start: a hook that hangs must not fail the service.
pub(super) const START_LIMIT: Duration = Duration::from_secs(240);
/// Shorter than the 90 s that systemd gives each command of a stop.
pub(super) const STOP_LIMIT: Duration = Duration::from_secs(60);

pub(super) fn commands(container: &str, hooks: &[Hook], limit: Duration) -> Vec<Command> {
    let words = hooks.iter().map(|hook| words(container, hook));
    words.map(|words| Command { words, limit }).collect()
}

fn words(container: &str, hook: &Hook) -> Vec<String> {
    let Hook {
        command,
        user,
        working_dir,
        environment,
        privileged,
    } = hook;
    let mut words = vec!["podman".to_owned(), "exec".to_owned()];
    if *privileged {
        words.push("--privileged".to_owned());
    }
    words.extend(user.iter().map(|user| format!("--user={user}")));
    words.extend(working_dir.iter().map(|path| format!("--workdir={path}")));
    for (name, value) in environment {
        words.push(format!("--env={name}={value}"));
    }
    // Podman takes what follows the name for the command, whatever it looks like.
    words.push(container.to_owned());
    words.extend(command.iter().cloned());
    words
}

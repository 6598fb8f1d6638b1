//! The user that the apps belong to: their systemd, and the ids that their containers may have.

use std::time::Duration;

use super::facts::UserManager;
use super::judgement::{Check, Remedy, UserStep, failed, ok, warning};
use crate::cause::Cause;

/// The ids that an image's users and groups may have: 16 bits (`subuid(5)`; Podman's own advice).
pub const SUBORDINATE_IDS: u64 = 65_536;

/// The time that a user's systemd should have to stop all its services. A Bitcoin node may write
/// for 15 minutes after its callers have stopped; the system itself gives up on a shutdown after 30
/// (`JobTimeoutSec=` of `reboot.target`).
pub const STOP_LIMIT: Duration = Duration::from_secs(30 * 60);

pub(super) fn judge_systemd(user: &str, answer: &Result<(), Cause>) -> Check {
    match answer {
        Ok(()) => ok("user-services", "the user's systemd answers"),
        Err(problem) => failed(
            "user-services",
            format!("the user's systemd does not answer: {problem}"),
            format!(
                "let {user}'s services run without a login: sudo loginctl enable-linger {user}; and log in as {user} (sudo machinectl shell {user}@), not by su or sudo"
            ),
            Remedy::Root,
        ),
    }
}

pub(super) fn judge_linger(user: &str, linger: bool) -> Check {
    if linger {
        return ok(
            "linger",
            format!("the services of {user} run from boot on, without a login"),
        );
    }
    failed(
        "linger",
        format!("the services of {user} end when {user} logs out"),
        format!("sudo loginctl enable-linger {user}"),
        Remedy::User(UserStep::Linger),
    )
}

pub(super) fn judge_manager(user: &str, manager: UserManager) -> Check {
    let UserManager {
        returns,
        stop_limit,
    } = manager;
    let short = stop_limit.filter(|limit| *limit < STOP_LIMIT);
    let problem = match (returns, short) {
        (false, _) => {
            "when the user's systemd is killed, all apps stay down until the next boot".to_owned()
        }
        (true, Some(limit)) => format!(
            "at a shutdown all apps together have {} s to end, and are then killed; a Bitcoin node may need 15 minutes",
            limit.as_secs()
        ),
        (true, None) => {
            return ok(
                "user-manager",
                "the user's systemd is started again when it is killed, and waits for apps to stop",
            );
        }
    };
    Check {
        remedy: Some(Remedy::Root),
        ..warning(
            "user-manager",
            problem,
            format!("sudo archipelago setup --for {user}"),
        )
    }
}

pub(super) fn judge_subordinate_ids(user: &str, (uids, gids): (u64, u64)) -> Check {
    if uids >= SUBORDINATE_IDS && gids >= SUBORDINATE_IDS {
        return ok(
            "subordinate-ids",
            format!("{uids} user ids and {gids} group ids for containers"),
        );
    }
    failed(
        "subordinate-ids",
        format!(
            "{user} has {uids} user ids and {gids} group ids for containers (/etc/subuid, /etc/subgid); images need {SUBORDINATE_IDS} of each"
        ),
        format!("sudo archipelago setup --for {user}, then: podman system migrate"),
        Remedy::Root,
    )
}

pub(super) fn judge_id_mappers(missing: &[String]) -> Check {
    if missing.is_empty() {
        return ok("newuidmap", "newuidmap and newgidmap are installed");
    }
    failed(
        "newuidmap",
        format!("{} not installed", missing.join(" and ")),
        "sudo apt install uidmap",
        Remedy::Person,
    )
}

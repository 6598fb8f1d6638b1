//! Setting a host up: what the user can repair, and what only root can. Safe to run again.

mod root;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use archipelago_core::check::{
    Check, DataFolder, Facts, Remedy, ServiceFile, State, UserStep, judge,
};
use archipelago_core::data_folder::{Claim, accept};
use archipelago_core::layout::Layout;
use archipelago_host::cache::ReadSet;
use archipelago_host::lock::{Holder, Lock};
use archipelago_host::systemd::{JobResult, Systemd, set_linger};
use archipelago_host::{data_folder, disk, facts, folders};

use crate::error::Error;

pub use root::{RootReport, as_root};

/// The daemon is ready within milliseconds; a busy small machine takes longer.
const START_LIMIT: Duration = Duration::from_secs(60);

/// The program's path in the package.
const PACKAGED_PROGRAM: &str = "/usr/bin/archipelago";

/// The folders in which packages and administrators put units for users.
const UNIT_FOLDERS: [&str; 3] = [
    "/etc/systemd/user",
    "/usr/local/lib/systemd/user",
    "/usr/lib/systemd/user",
];

/// The first line of a unit that is ours to change.
const MARK: &str = "# Written by archipelago setup.\n";

/// The outcome of the user's part of the setup.
#[derive(Debug)]
pub struct UserReport {
    pub user: String,
    /// The judgement afterwards.
    pub checks: Vec<Check>,
    /// The names of the checks that were repaired.
    pub done: BTreeSet<&'static str>,
    /// Whether anything was tried.
    pub changed: bool,
    pub problems: Vec<Error>,
}

impl UserReport {
    /// The command by which root does the rest.
    #[must_use]
    pub fn root_command(&self) -> Option<String> {
        let needs_root = self.checks.iter().any(|check| {
            check.state == State::Failed
                && matches!(
                    check.remedy,
                    Some(Remedy::Root | Remedy::User(UserStep::Linger))
                )
        });
        needs_root.then(|| format!("sudo archipelago setup --for {}", self.user))
    }
}

/// Takes the data folder as this node's, whatever it was: the operator says that it is the right
/// one. `waiting` is called when another process holds the lock of passes.
///
/// # Errors
/// When the folders of this user cannot be found, or the disk refuses.
pub async fn accept_data(waiting: impl FnOnce(Option<&Holder>)) -> Result<(), Error> {
    let layout = folders::layout()?;
    let _lock = Lock::of_passes(&layout, waiting).await?;
    let evidence = data_folder::observe(&layout, &mut ReadSet::begin());
    if let Claim::Take(id) = accept(&evidence) {
        data_folder::take(&layout, id)?;
    }
    Ok(())
}

/// Puts right what the user can. `unit` is the daemon's unit as it is packaged.
///
/// # Errors
/// When the folders of this user cannot be found.
pub async fn as_user(unit: &str) -> Result<UserReport, Error> {
    let layout = folders::layout()?;
    let before = facts::all(&layout).await;
    let judged = judge(&before);
    let mut steps: BTreeSet<UserStep> = judged.iter().filter_map(step).collect();
    let mut problems = Vec::new();
    let masked = before
        .service
        .as_ref()
        .is_some_and(|service| service.file == ServiceFile::Masked);
    if before.systemd == Some(Ok(())) && !masked {
        match place_unit(&layout, unit) {
            Ok(false) => {}
            Ok(true) => {
                steps.insert(UserStep::Service);
            }
            Err(problem) => problems.push(problem),
        }
    }
    for step in &steps {
        if let Err(problem) = take(*step, &layout, &before).await {
            problems.push(problem);
        }
    }
    let was_right: BTreeSet<&str> = right(&judged).collect();
    let changed = !steps.is_empty();
    let checks = if changed {
        judge(&facts::all(&layout).await)
    } else {
        judged.clone()
    };
    Ok(UserReport {
        user: before.user,
        done: right(&checks)
            .filter(|name| !was_right.contains(name))
            .collect(),
        checks,
        changed,
        problems,
    })
}

fn right(checks: &[Check]) -> impl Iterator<Item = &'static str> {
    checks
        .iter()
        .filter(|check| check.state == State::Ok)
        .map(|check| check.name)
}

fn step(check: &Check) -> Option<UserStep> {
    match check.remedy {
        Some(Remedy::User(step)) => Some(step),
        Some(Remedy::Root | Remedy::Person) | None => None,
    }
}

async fn take(step: UserStep, layout: &Layout, before: &Facts) -> Result<(), Error> {
    match step {
        UserStep::Folders => {
            disk::make_folder(&layout.units, 0o755)?;
            disk::make_private(&layout.apps())?;
            // Nothing is made in the mount point of a disk that is not mounted.
            if !matches!(before.data, Some(DataFolder::Refused { .. })) {
                disk::make_folder(&layout.data, 0o700)?;
            }
            Ok(())
        }
        // Users may as a rule do it for themselves. Where they may not, the judgement afterwards
        // says what root has to do.
        UserStep::Linger => {
            let _ = set_linger(rustix::process::getuid().as_raw(), true).await;
            Ok(())
        }
        UserStep::Socket => enable_and_start(facts::SOCKET, false).await,
        UserStep::Service => {
            let service = before.service.as_ref();
            let other = service.is_some_and(|service| service.active);
            enable_and_start(facts::SERVICE, other).await
        }
    }
}

/// `again` restarts what runs: another version, or from another file.
async fn enable_and_start(unit: &str, again: bool) -> Result<(), Error> {
    let systemd = Systemd::connect().await?;
    systemd.reload().await?;
    systemd.enable(&[unit]).await?;
    systemd.reload().await?;
    systemd.reset_failed(unit).await?;
    let result = if again {
        systemd.restart_and_wait(unit, START_LIMIT).await?
    } else {
        systemd.start_and_wait(unit, START_LIMIT).await?
    };
    if result == JobResult::Done {
        return Ok(());
    }
    Err(Error::UnitDoesNotStart {
        unit: unit.to_owned(),
        result,
    })
}

/// Puts the daemon's unit into the user's own folder when no package brought it, and takes it away
/// again when one did. Says whether anything changed.
fn place_unit(layout: &Layout, unit: &str) -> Result<bool, Error> {
    let own = layout.systemd.join(facts::SERVICE);
    let is_ours = disk::read(&own)?.is_some_and(|content| content.starts_with(MARK.as_bytes()));
    let mut packaged = false;
    for folder in UNIT_FOLDERS {
        packaged |= disk::exists(&Path::new(folder).join(facts::SERVICE))?;
    }
    if packaged {
        // It would hide the package's.
        if is_ours {
            disk::remove(&own)?;
        }
        return Ok(is_ours);
    }
    // A person's own unit is theirs.
    if disk::may_exist(&own) && !is_ours {
        return Ok(false);
    }
    let program = std::env::current_exe().map_err(Error::Program)?;
    let program = Layout::text(&program)?;
    let line = format!("ExecStart={program} daemon");
    // systemd.service(5), "Command lines": these would mean something else there.
    if program
        .contains(|character: char| character.is_whitespace() || "%$\"'\\;".contains(character))
    {
        return Err(Error::ProgramPath(program.to_owned()));
    }
    let text = unit.replace(&format!("ExecStart={PACKAGED_PROGRAM} daemon"), &line);
    disk::make_folder(&layout.systemd, 0o755)?;
    Ok(disk::write_if_changed(
        &own,
        format!("{MARK}{text}").as_bytes(),
        0o644,
    )?)
}

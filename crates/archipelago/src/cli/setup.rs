//! `setup`: puts right what the user can, and says in one command what only root can. Safe to run again.

mod root;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use archipelago_core::check::{Check, Facts, Remedy, ServiceFile, State, UserStep, judge};
use archipelago_core::layout::Layout;
use clap::Args;
use serde_json::json;

use super::{Code, Failure, Output, doctor, print_json, print_line};
use archipelago_host::systemd::{JobResult, Systemd, set_linger};
use archipelago_host::{disk, facts, folders};

/// The daemon is ready within milliseconds; a busy small machine takes longer.
const START_LIMIT: Duration = Duration::from_secs(60);

/// The unit as it is packaged.
const UNIT: &str = include_str!("../../packaging/archipelago.service");

/// Where the package puts the program.
const PACKAGED_PROGRAM: &str = "/usr/bin/archipelago";

/// Where packages and administrators put units of users.
const UNIT_FOLDERS: [&str; 3] = [
    "/etc/systemd/user",
    "/usr/local/lib/systemd/user",
    "/usr/lib/systemd/user",
];

/// The first line of a unit that is ours to change.
const MARK: &str = "# Written by archipelago setup.\n";

#[derive(Debug, Args)]
pub struct Arguments {
    /// Do the part that needs root, for this user.
    #[arg(long = "for", value_name = "USER")]
    user: Option<String>,
}

pub(super) async fn run(arguments: Arguments, output: Output) -> Result<(), Failure> {
    if let Some(user) = arguments.user {
        return root::run(&user, output).await;
    }
    super::refuse_root()?;
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
        match place_unit(&layout) {
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
    let checks = if steps.is_empty() {
        judged.clone()
    } else {
        judge(&facts::all(&layout).await)
    };
    report(
        &before.user,
        &judged,
        &checks,
        &problems,
        !steps.is_empty(),
        output,
    )
}

fn step(check: &Check) -> Option<UserStep> {
    match check.remedy {
        Some(Remedy::User(step)) => Some(step),
        Some(Remedy::Root | Remedy::Person) | None => None,
    }
}

async fn take(step: UserStep, layout: &Layout, before: &Facts) -> Result<(), Failure> {
    match step {
        UserStep::Folders => {
            for folder in [&layout.units, &layout.apps(), &layout.data] {
                disk::make_folder(folder, 0o755)?;
            }
            Ok(())
        }
        // Users may as a rule do it for themselves. Where they may not, the judgement afterwards says what root has to do.
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
async fn enable_and_start(unit: &str, again: bool) -> Result<(), Failure> {
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
    Err(Failure::new(
        Code::Host,
        format!("{unit} does not start ({result:?}); systemctl --user status {unit} tells why"),
    ))
}

/// Puts the daemon's unit into the user's own folder when no package brought it, and takes it away again when one did. Says whether
/// anything changed.
fn place_unit(layout: &Layout) -> Result<bool, Failure> {
    let own = layout.systemd.join(facts::SERVICE);
    let is_ours = disk::read(&own)?.is_some_and(|content| content.starts_with(MARK.as_bytes()));
    let packaged = UNIT_FOLDERS
        .iter()
        .any(|folder| Path::new(folder).join(facts::SERVICE).exists());
    if packaged {
        // It would hide the package's.
        if is_ours {
            disk::remove(&own)?;
        }
        return Ok(is_ours);
    }
    // A person's own unit is theirs.
    if own.exists() && !is_ours {
        return Ok(false);
    }
    let program = std::env::current_exe()
        .map_err(|error| Failure::new(Code::Host, format!("find this program: {error}")))?;
    let program =
        Layout::text(&program).map_err(|error| Failure::from_error(Code::Host, &error))?;
    let line = format!("ExecStart={program} daemon");
    // systemd.service(5), "Command lines": these would mean something else there.
    if program
        .contains(|character: char| character.is_whitespace() || "%$\"'\\;".contains(character))
    {
        return Err(Failure::new(
            Code::Host,
            format!(
                "{program} cannot stand in a unit file; put the program where its path has only plain characters"
            ),
        ));
    }
    let text = UNIT.replace(&format!("ExecStart={PACKAGED_PROGRAM} daemon"), &line);
    disk::make_folder(&layout.systemd, 0o755)?;
    Ok(disk::write_if_changed(
        &own,
        format!("{MARK}{text}").as_bytes(),
        0o644,
    )?)
}

fn report(
    user: &str,
    before: &[Check],
    checks: &[Check],
    problems: &[Failure],
    changed: bool,
    output: Output,
) -> Result<(), Failure> {
    let was_right = |name| {
        before
            .iter()
            .any(|check| check.name == name && check.state == State::Ok)
    };
    let done: Vec<&Check> = checks
        .iter()
        .filter(|check| check.state == State::Ok && !was_right(check.name))
        .collect();
    let needs_root = checks.iter().any(|check| {
        check.state == State::Failed
            && matches!(
                check.remedy,
                Some(Remedy::Root | Remedy::User(UserStep::Linger))
            )
    });
    let command = needs_root.then(|| format!("sudo archipelago setup --for {user}"));
    let failed = doctor::count_failed(checks);
    match output {
        Output::Json => {
            let names: Vec<&str> = done.iter().map(|check| check.name).collect();
            print_json(
                &json!({ "ok": failed == 0, "done": names, "checks": checks, "root": command }),
            )?;
        }
        Output::Text => {
            for check in &done {
                print_line(&format!("done     {:<16} {}", check.name, check.finding));
            }
            for check in checks.iter().filter(|check| !done.contains(check)) {
                doctor::print(check);
            }
            if !changed && failed == 0 {
                print_line("There was nothing to do.");
            }
            if let Some(command) = &command {
                print_line(&format!(
                    "\nOnly root can do the rest:\n    {command}\nthen run again: archipelago setup"
                ));
            }
        }
    }
    if let Some(problem) = problems.first() {
        return Err(Failure::new(problem.code, problem.message.clone()));
    }
    if failed == 0 {
        return Ok(());
    }
    Err(Failure::new(
        Code::Host,
        format!("{failed} of {} checks still fail", checks.len()),
    ))
}

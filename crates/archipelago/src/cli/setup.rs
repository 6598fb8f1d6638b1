//! `setup`: repairs what the user can, and prints one command for the steps that need root. Safe to
//! run again.

use archipelago_core::check::Check;
use archipelago_core::error::chain;
use archipelago_node::setup::{self, RootReport, UserReport};
use clap::Args;
use serde_json::json;

use super::doctor;
use super::failure::{Code, Failure};
use super::printer::{Output, print_json, print_line, tell};
use super::progress::waiting;

/// The daemon's unit as it is packaged.
const UNIT: &str = include_str!("../../packaging/archipelago.service");

#[derive(Debug, Args)]
pub struct Arguments {
    /// Do the part that needs root, for this user.
    #[arg(long = "for", value_name = "USER")]
    user: Option<String>,
    /// Accept the data folder as this node's although it lacks this node's marker, because it is
    /// new, restored or moved here. Use this only when the right disk is mounted.
    #[arg(long, conflicts_with = "user")]
    accept_data: bool,
}

pub(super) async fn run(arguments: Arguments, output: Output) -> Result<(), Failure> {
    match arguments.user {
        Some(user) => as_root(&user, output).await,
        None => as_user(arguments.accept_data, output).await,
    }
}

async fn as_user(accept_data: bool, output: Output) -> Result<(), Failure> {
    // Refused for root before anything is read.
    archipelago_node::layout()?;
    if accept_data {
        setup::accept_data(|holder| tell(&waiting(holder))).await?;
    }
    let report = setup::as_user(UNIT).await?;
    let command = report.root_command();
    let UserReport {
        user: _,
        checks,
        done,
        changed,
        problems,
    } = report;
    let failed = doctor::count_failed(&checks);
    let messages: Vec<String> = problems.iter().map(|problem| chain(problem)).collect();
    match output {
        Output::Json => {
            let done: Vec<&str> = checks
                .iter()
                .map(|check| check.name)
                .filter(|name| done.contains(name))
                .collect();
            print_json(&json!({
                "ok": failed == 0 && problems.is_empty(), "done": done, "checks": checks,
                "problems": messages, "root": command,
            }))?;
        }
        Output::Text => {
            let (done, others): (Vec<&Check>, Vec<&Check>) =
                checks.iter().partition(|check| done.contains(check.name));
            for check in done {
                doctor::print_row("done", check.name, &check.finding);
            }
            others.into_iter().for_each(doctor::print);
            if !changed && failed == 0 && problems.is_empty() {
                print_line("There was nothing to do.");
            }
            if let Some(command) = &command {
                print_line(&format!(
                    "\nOnly root can do the rest:\n    {command}\nthen run again: archipelago setup"
                ));
            }
        }
    }
    if let Some(failure) = failure_of(problems) {
        return Err(failure);
    }
    if failed == 0 {
        return Ok(());
    }
    Err(Failure::new(
        Code::Host,
        format!("{failed} of {} checks still fail", checks.len()),
    ))
}

/// One failure of all problems, with the code of the first.
fn failure_of(problems: Vec<archipelago_node::Error>) -> Option<Failure> {
    let mut failures = problems.into_iter().map(Failure::from);
    let first = failures.next()?;
    let messages: Vec<String> = std::iter::once(first.message)
        .chain(failures.map(|failure| failure.message))
        .collect();
    Some(Failure::new(first.code, messages.join("; ")))
}

async fn as_root(user: &str, output: Output) -> Result<(), Failure> {
    let RootReport {
        done,
        already,
        problems,
    } = setup::as_root(user).await?;
    match output {
        Output::Json => print_json(
            &json!({ "ok": problems.is_empty(), "done": done, "already": already, "problems": problems }),
        )?,
        Output::Text => {
            for text in &done {
                print_line(&format!("done     {text}"));
            }
            for text in &already {
                print_line(&format!("ok       {text}"));
            }
            if problems.is_empty() {
                print_line(&format!("Now, logged in as {user}: archipelago setup"));
            }
        }
    }
    if problems.is_empty() {
        return Ok(());
    }
    Err(Failure::new(Code::Host, problems.join("; ")))
}

#[cfg(test)]
mod tests {
    use archipelago_node::Error;

    use super::*;

    #[test]
    fn all_problems_of_a_setup_are_reported() {
        assert!(failure_of(Vec::new()).is_none());
        let problems = vec![
            Error::ProgramPath("/a b".to_owned()),
            Error::NoSuchUser("eve".to_owned()),
        ];
        let failure = failure_of(problems).unwrap();
        assert_eq!(failure.code, Code::Host);
        assert!(
            failure
                .message
                .starts_with("/a b cannot stand in a unit file")
                && failure
                    .message
                    .contains("; there is no user eve in /etc/passwd"),
            "{}",
            failure.message
        );
    }
}

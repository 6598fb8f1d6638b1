//! `doctor`: is this host ready, and what to do where it is not. It changes nothing.

use archipelago_core::check::{Check, State};
use archipelago_node::doctor;
use serde_json::json;

use super::failure::{Code, Failure};
use super::printer::{Output, print_json, print_line};

pub(super) async fn run(output: Output) -> Result<(), Failure> {
    let checks = doctor::examine().await?;
    let failed = count_failed(&checks);
    match output {
        Output::Json => print_json(&json!({ "ok": failed == 0, "checks": checks }))?,
        Output::Text => checks.iter().for_each(print),
    }
    if failed == 0 {
        return Ok(());
    }
    Err(Failure::new(
        Code::Failed,
        format!(
            "{failed} of {} checks failed; archipelago setup repairs what it can",
            checks.len()
        ),
    ))
}

pub(super) fn count_failed(checks: &[Check]) -> usize {
    checks
        .iter()
        .filter(|check| check.state == State::Failed)
        .count()
}

pub(super) fn print(check: &Check) {
    let word = match check.state {
        State::Ok => "ok",
        State::Warning => "warning",
        State::Failed => "failed",
    };
    print_row(word, check.name, &check.finding);
    if let Some(cure) = &check.cure {
        print_line(&format!("{:25} to do: {cure}", ""));
    }
}

pub(super) fn print_row(word: &str, name: &str, finding: &str) {
    print_line(&format!("{word:<8} {name:<16} {finding}"));
}

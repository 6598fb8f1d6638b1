//! `plan`: shows what an operation would change, or what passes are about to change; nothing is
//! done. `install` and `set` show the same before they ask.

use std::collections::BTreeMap;

use archipelago_core::action::Summary;
use archipelago_core::forecast::{Change, Changes, Sign};
use archipelago_core::layout::Layout;
use archipelago_core::name::AppId;
use archipelago_core::operation::{DataPlan, Kind, NotCopied, Request, Resources};
use archipelago_core::printable::one_line;
use archipelago_node::imports;
use archipelago_node::operations::{self, Foreseen, Prepared};
use clap::{Args, Subcommand};
use serde::Serialize;

use super::failure::Failure;
use super::import::{self, ImportArguments};
use super::printer::{Output, print_json, print_line};
use super::request::{
    AppArgument, InstallArguments, RollbackArguments, SetArguments, UninstallArguments,
};

/// `plan`
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(subcommand)]
    operation: Option<Operation>,
}

#[derive(Debug, Subcommand)]
enum Operation {
    /// Show what installing an app would change.
    Install(InstallArguments),
    /// Show what an import would bring and change.
    Import(ImportArguments),
    /// Show what other settings would change.
    Set(SetArguments),
    /// Show what going back to a kept version would change.
    Rollback(RollbackArguments),
    /// Show what an update would change.
    Update(AppArgument),
    /// Show what removing an app would change.
    Uninstall(UninstallArguments),
    /// Show what starting an app would change.
    Start(AppArgument),
    /// Show what stopping an app would change.
    Stop(AppArgument),
    /// Show what restarting an app would change.
    Restart(AppArgument),
}

pub(super) async fn run(
    layout: Layout,
    arguments: Arguments,
    output: Output,
) -> Result<(), Failure> {
    let Some(operation) = arguments.operation else {
        let foreseen = operations::pending(&layout).await?;
        return show(None, &foreseen, output);
    };
    let request = match operation {
        Operation::Import(wanted) => {
            let (prepared, _) = imports::prepare(layout, wanted.wanted()?).await?;
            let foreseen = prepared.foresee().await?;
            return show(Some(&prepared), &foreseen, output);
        }
        Operation::Install(wanted) => wanted.request(&layout)?.0,
        Operation::Set(settings) => settings.request(&layout)?,
        Operation::Rollback(wanted) => wanted.request(&layout)?,
        Operation::Update(one) => one.update(&layout)?,
        Operation::Uninstall(removal) => removal.request()?,
        Operation::Start(one) => one.request(&layout, Request::Start)?,
        Operation::Stop(one) => one.request(&layout, Request::Stop)?,
        Operation::Restart(one) => one.request(&layout, Request::Restart)?,
    };
    shown(&operations::prepare(layout, request).await?, output).await
}

/// Shows the plan of an operation.
pub(super) async fn shown(prepared: &Prepared, output: Output) -> Result<(), Failure> {
    let foreseen = prepared.foresee().await?;
    show(Some(prepared), &foreseen, output)
}

/// The plan as JSON.
#[derive(Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    operation: Option<OperationDocument<'a>>,
    #[serde(flatten)]
    changes: &'a Changes,
    /// In the order in which passes do them.
    actions: Vec<Summary>,
    /// The edited intents that wait for a person, by app.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    waits: BTreeMap<&'a str, String>,
    /// Whether nothing is left to do after these actions, as far as can be foreseen.
    complete: bool,
}

#[derive(Serialize)]
struct OperationDocument<'a> {
    app: &'a str,
    operation: Kind,
    #[serde(skip_serializing_if = "Option::is_none")]
    resources: Option<Resources>,
    /// The data that are brought before.
    #[serde(skip_serializing_if = "Option::is_none")]
    import: Option<import::Document>,
    /// How the data are kept, where the version changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a DataPlan>,
    /// The tags whose newest images are fetched first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    followed_tags: Vec<String>,
    warnings: Vec<String>,
    /// The rights that must be agreed to, the worst first.
    grants: Vec<GrantDocument>,
}

#[derive(Serialize)]
struct GrantDocument {
    word: String,
    message: String,
}

fn show(prepared: Option<&Prepared>, foreseen: &Foreseen, output: Output) -> Result<(), Failure> {
    match output {
        Output::Json => print_json(&Document {
            operation: prepared.map(document),
            changes: &foreseen.changes,
            actions: foreseen.forecast.summaries(),
            waits: foreseen
                .waits
                .iter()
                .map(|waits| (waits.app.as_str(), waits.to_string()))
                .collect(),
            complete: foreseen.forecast.is_complete,
        }),
        Output::Text => {
            let mut lines = prepared.map(warnings).unwrap_or_default();
            lines.extend(text(prepared, foreseen));
            print_line(&lines.join("\n"));
            Ok(())
        }
    }
}

fn document(prepared: &Prepared) -> OperationDocument<'_> {
    let proposal = prepared.proposal();
    let grants = proposal.new_grants().map(|grant| GrantDocument {
        word: grant.word(),
        message: grant.to_string(),
    });
    OperationDocument {
        app: proposal.app.as_str(),
        operation: proposal.kind,
        resources: prepared.resources(),
        import: prepared.import().map(import::document),
        data: prepared.data(),
        followed_tags: prepared.followed_tags(),
        warnings: warnings(prepared),
        grants: grants.collect(),
    }
}

/// The keys that are left out, and the needs that the host does not meet.
pub(super) fn warnings(prepared: &Prepared) -> Vec<String> {
    let installation = prepared.proposal().installation().into_iter();
    let left_out = installation.flat_map(|app| &app.warnings);
    let left_out = left_out.map(|warning| format!("warning: {warning}"));
    let unmet = prepared.unmet().iter();
    left_out
        .chain(unmet.map(|unmet| format!("warning: {unmet}")))
        .collect()
}

/// The plan in lines.
pub(super) fn text(prepared: Option<&Prepared>, foreseen: &Foreseen) -> Vec<String> {
    let Foreseen {
        changes,
        forecast,
        waits,
    } = foreseen;
    let mut lines: Vec<String> = prepared
        .and_then(Prepared::import)
        .map(import::lines)
        .unwrap_or_default();
    for (app, of_app) in &changes.apps {
        lines.push(format!("{app}:"));
        lines.extend(of_app.iter().map(line));
    }
    if !changes.host.is_empty() {
        lines.push("this host:".to_owned());
        lines.extend(changes.host.iter().map(line));
    }
    if prepared.is_none() {
        lines.extend(waits.iter().map(|waits| {
            let text = format!("{} waits: {waits}", waits.app);
            one_line(&text).into_owned()
        }));
    }
    if let Some(prepared) = prepared {
        lines.extend(grants(prepared));
        lines.extend(prepared.resources().iter().flat_map(resources));
        lines.extend(
            version(prepared)
                .iter()
                .map(|line| one_line(line).into_owned()),
        );
    }
    lines.push(summary(changes));
    if !forecast.is_complete {
        lines.push("More may follow: it cannot be foreseen how this ends.".to_owned());
    }
    lines
}

/// The rights that must be agreed to.
pub(super) fn grants(prepared: &Prepared) -> Vec<String> {
    let proposal = prepared.proposal();
    let app = &proposal.app;
    let grants = proposal.new_grants();
    grants
        .map(|grant| one_line(&format!("  {app} may {grant}")).into_owned())
        .collect()
}

/// The tags that are looked up, and what becomes of the app's data, where the version changes.
fn version(prepared: &Prepared) -> Vec<String> {
    let app = &prepared.proposal().app;
    let tags = prepared.followed_tags();
    let mut lines = Vec::new();
    if !tags.is_empty() {
        lines.push(format!(
            "The newest images of these tags are fetched first: {}.",
            tags.join(", ")
        ));
    }
    lines.extend(prepared.data().map(|data| data_line(app, data)));
    lines
}

fn data_line(app: &AppId, data: &DataPlan) -> String {
    let mib = |bytes: u64| amount(bytes.div_ceil(1 << 20));
    match data {
        DataPlan::Untouched => format!(
            "The data of {app} stay as they are: an earlier version may not understand what a later one wrote."
        ),
        DataPlan::Stopped => {
            format!("{app} is stopped and is not started, so its data stay as they are.")
        }
        DataPlan::ByReference { bytes } => format!(
            "Its data ({}) are copied by reference first, while it is stopped. If the new version does not work, they go back.",
            mib(*bytes)
        ),
        DataPlan::Copy { bytes, free_bytes } => format!(
            "Its data are copied first, while it is stopped: {}; {} are free. If the new version does not work, they go back.",
            mib(*bytes),
            mib(*free_bytes)
        ),
        DataPlan::NotCopied(why) => {
            let why = match why {
                NotCopied::Room { bytes, free_bytes } => format!(
                    "they take {}, and {} are free",
                    mib(*bytes),
                    mib(*free_bytes)
                ),
                NotCopied::Elsewhere { path } => {
                    format!("{} is a link or a mount", path.display())
                }
                NotCopied::Unknown => "their size cannot be told".to_owned(),
            };
            format!(
                "Its data are NOT copied: {why}. If the new version does not work, the old one goes on with what it has written."
            )
        }
    }
}

fn line(change: &Change) -> String {
    let Change {
        sign,
        object,
        name,
        reason,
        details,
    } = change;
    let mut text = format!("  {} {:<9} {name}", sign.symbol(), object.word());
    match sign {
        Sign::Start => text.push_str(" starts"),
        Sign::Restart => text.push_str(" restarts"),
        Sign::Stop => text.push_str(" stops"),
        Sign::Add | Sign::Change | Sign::Remove => {}
    }
    if !details.is_empty() {
        text.push_str(&format!(" ({})", details.join(", ")));
    }
    if let Some(reason) = reason {
        text.push_str(&format!(": {reason}"));
    }
    one_line(&text).into_owned()
}

fn resources(resources: &Resources) -> Vec<String> {
    let Resources {
        disk_mib,
        disk_free_mib,
        memory_mib,
        memory_available_mib,
    } = resources;
    let mut lines = Vec::new();
    if let (Some(needed), Some(free)) = (disk_mib, disk_free_mib) {
        lines.push(format!(
            "It asks for {} of disk; {} are free.",
            amount(*needed),
            amount(*free)
        ));
    }
    if let (Some(limit), Some(available)) = (memory_mib, memory_available_mib) {
        lines.push(format!(
            "It may use {} of memory; {} are available.",
            amount(*limit),
            amount(*available)
        ));
    }
    lines
}

fn amount(mib: u64) -> String {
    match mib {
        0..10_240 => format!("{mib} MiB"),
        _ => format!("{} GiB", mib / 1024),
    }
}

fn summary(changes: &Changes) -> String {
    if changes.is_empty() {
        return "Nothing to do.".to_owned();
    }
    let count = |sign| match changes.count(sign) {
        0 => "none".to_owned(),
        count => count.to_string(),
    };
    format!(
        "{} to add, {} to change, {} to remove; services: {} to start, {} to restart, {} to stop.",
        count(Sign::Add),
        count(Sign::Change),
        count(Sign::Remove),
        count(Sign::Start),
        count(Sign::Restart),
        count(Sign::Stop),
    )
}

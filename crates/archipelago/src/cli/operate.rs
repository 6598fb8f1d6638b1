//! Commands that change something: `install`, `import`, `set`, `uninstall`, `start`, `stop`,
//! `restart`, `rebuild`, `rollback`, `update`.

use std::collections::BTreeSet;
use std::io::IsTerminal;

use archipelago_core::health::AppHealth;
use archipelago_core::layout::Layout;
use archipelago_core::name::AppId;
use archipelago_core::operation::{Installation, Request};
use archipelago_core::pass;
use archipelago_core::printable::one_line;
use archipelago_node::imports;
use archipelago_node::operations::{self, Event, Left, Place, Prepared};
use clap::Args;
use serde::Serialize;
use serde_json::json;

use super::failure::{Code, Failure};
use super::import::ImportArguments;
use super::printer::{Output, ask, print_json, print_line, tell};
use super::progress::{Progress, waiting};
use super::request::{
    AppArgument, InstallArguments, RollbackArguments, SetArguments, UninstallArguments,
};
use super::{import, plan, show};

#[derive(Debug, Args)]
pub struct Install {
    #[command(flatten)]
    wanted: InstallArguments,
    /// Do not ask. An app that may do more on this host than other apps still needs --allow.
    #[arg(short, long)]
    yes: bool,
    #[command(flatten)]
    allow: Allow,
}

#[derive(Debug, Args)]
pub struct Import {
    #[command(flatten)]
    wanted: ImportArguments,
    /// Do not ask. An app that may do more on this host than other apps still needs --allow.
    #[arg(short, long)]
    yes: bool,
    #[command(flatten)]
    allow: Allow,
}

#[derive(Debug, Args)]
pub struct Set {
    #[command(flatten)]
    wanted: SetArguments,
    /// Do not ask. An app that may do more on this host than other apps still needs --allow.
    #[arg(short, long)]
    yes: bool,
    #[command(flatten)]
    allow: Allow,
}

#[derive(Debug, Args)]
pub struct Rollback {
    #[command(flatten)]
    wanted: RollbackArguments,
    /// Do not ask. An app that may do more on this host than other apps still needs --allow.
    #[arg(short, long)]
    yes: bool,
    #[command(flatten)]
    allow: Allow,
}

#[derive(Debug, Args)]
pub struct Update {
    #[command(flatten)]
    one: AppArgument,
    /// Show what would change, and change nothing.
    #[arg(long)]
    check: bool,
    /// Do not ask. An app that may do more on this host than other apps still needs --allow.
    #[arg(short, long)]
    yes: bool,
    #[command(flatten)]
    allow: Allow,
}

#[derive(Debug, Args)]
struct Allow {
    /// Let the app do something on this host that other apps may not. The command names the words
    /// that the app needs; `all` stands for all of them.
    #[arg(long = "allow", value_name = "WORD")]
    words: Vec<String>,
}

pub(super) async fn install(
    layout: Layout,
    arguments: Install,
    output: Output,
) -> Result<(), Failure> {
    let Install { wanted, yes, allow } = arguments;
    let (request, notices) = wanted.request(&layout)?;
    let mut prepared = operations::prepare(layout, request).await?;
    prepared.allow(allow.words)?;
    let is_new = installation(&prepared).is_some_and(|app| app.is_new);
    if is_new {
        for notice in &notices {
            tell(&format!("note: {notice}"));
        }
        for warning in plan::warnings(&prepared) {
            tell(&warning);
        }
    }
    let (question, refusal) = match is_new {
        true => ("Install it?", "nothing was installed"),
        false => ("Update it?", "nothing was changed"),
    };
    consent(&mut prepared, yes, question, refusal).await?;
    let ended = follow(prepared).await?;
    finish(&ended, output)
}

pub(super) async fn import(
    layout: Layout,
    arguments: Import,
    output: Output,
) -> Result<(), Failure> {
    let Import { wanted, yes, allow } = arguments;
    let (mut prepared, notices) = imports::prepare(layout, wanted.wanted()?).await?;
    prepared.allow(allow.words)?;
    for notice in &notices {
        tell(&format!("note: {notice}"));
    }
    for warning in plan::warnings(&prepared) {
        tell(&warning);
    }
    if (yes || !is_at_terminal())
        && let Some(import) = prepared.import()
    {
        tell(&import::lines(import).join("\n"));
    }
    let refusal = "nothing was imported";
    consent(&mut prepared, yes, "Import it?", refusal).await?;
    let ended = follow(prepared).await?;
    finish(&ended, output)
}

pub(super) async fn set(layout: Layout, arguments: Set, output: Output) -> Result<(), Failure> {
    let Set { wanted, yes, allow } = arguments;
    let request = wanted.request(&layout)?;
    let mut prepared = operations::prepare(layout, request).await?;
    prepared.allow(allow.words)?;
    consent(&mut prepared, yes, "Change it?", "nothing was changed").await?;
    let ended = follow(prepared).await?;
    finish(&ended, output)
}

pub(super) async fn rollback(
    layout: Layout,
    arguments: Rollback,
    output: Output,
) -> Result<(), Failure> {
    let Rollback { wanted, yes, allow } = arguments;
    let request = wanted.request(&layout)?;
    let mut prepared = operations::prepare(layout, request).await?;
    prepared.allow(allow.words)?;
    consent(&mut prepared, yes, "Go back to it?", "nothing was changed").await?;
    let ended = follow(prepared).await?;
    finish(&ended, output)
}

pub(super) async fn update(
    layout: Layout,
    arguments: Update,
    output: Output,
) -> Result<(), Failure> {
    let Update {
        one,
        check,
        yes,
        allow,
    } = arguments;
    let request = one.update(&layout)?;
    let mut prepared = operations::prepare(layout, request).await?;
    if check {
        return plan::shown(&prepared, output).await;
    }
    prepared.allow(allow.words)?;
    consent(&mut prepared, yes, "Update it?", "nothing was changed").await?;
    let ended = follow(prepared).await?;
    if ended.is_unchanged && output == Output::Text {
        print_line("There is nothing newer. Nothing was changed.");
    }
    finish(&ended, output)
}

/// `start`, `stop` and `restart`.
pub(super) async fn change_state(
    layout: Layout,
    one: AppArgument,
    request: fn(AppId) -> Request,
    output: Output,
) -> Result<(), Failure> {
    let request = one.request(&layout, request)?;
    let ended = follow(operations::prepare(layout, request).await?).await?;
    finish(&ended, output)
}

pub(super) async fn rebuild(
    layout: Layout,
    one: AppArgument,
    output: Output,
) -> Result<(), Failure> {
    let request = one.request(&layout, |app| Request::Rebuild { app, found: None })?;
    let app = request.app().clone();
    let ended = follow(operations::prepare(layout, request).await?).await?;
    if output == Output::Text {
        match &ended.rebuilt {
            Some(containers) if !containers.is_empty() => {
                let names: Vec<&str> = containers.iter().map(String::as_str).collect();
                print_line(&format!(
                    "Built anew, because a base image has changed: {}.",
                    names.join(", ")
                ));
            }
            _ => print_line(&format!(
                "No base image of {app} has changed. Nothing was done."
            )),
        }
    }
    finish(&ended, output)
}

pub(super) async fn uninstall(
    layout: Layout,
    removal: UninstallArguments,
    output: Output,
) -> Result<(), Failure> {
    let purge = removal.purge;
    let data = layout.data.display().to_string();
    let request = removal.request()?;
    let app = request.app().clone();
    let prepared = operations::prepare(layout, request).await?;
    let left: Vec<(String, Option<String>)> = prepared.left().iter().map(place_of).collect();
    let Ended { actions, .. } = follow(prepared).await?;
    match output {
        Output::Json => {
            let left = left
                .iter()
                .map(|(path, target)| json!({"path": path, "link_to": target}));
            let left: Vec<_> = left.collect();
            return print_json(&json!({
                "id": app, "removed": true, "purged": purge, "left": left, "actions": actions,
            }));
        }
        Output::Text if purge && left.is_empty() => {
            print_line(&format!("{app} and its data are removed."));
        }
        Output::Text if purge => {
            print_line(&format!(
                "{app} and its data are removed, except these, which a link or a mount puts outside of {data}:"
            ));
            for (path, target) in left {
                print_line(&match target {
                    Some(target) => {
                        format!("  {path} was a link to {target}, which is left as it was")
                    }
                    None => format!("  {path} is left as it was: a file system is mounted there"),
                });
            }
        }
        Output::Text => print_line(&format!(
            "{app} is removed. Its data stay in {data}: installing it again finds them, and archipelago uninstall {app} --purge removes them."
        )),
    }
    Ok(())
}

/// A path, and the target of the link that it is.
fn place_of(left: &Left) -> (String, Option<String>) {
    let target = match &left.place {
        Place::Behind(target) => Some(target.display().to_string()),
        Place::Mounted => None,
    };
    (left.path.display().to_string(), target)
}

/// The end of an operation.
struct Ended {
    /// The health of the app, unless it is gone.
    health: Option<AppHealth>,
    actions: Vec<pass::Event>,
    /// For `rebuild`: the containers whose image was built anew.
    rebuilt: Option<BTreeSet<String>>,
    /// For `update`: whether there was nothing newer.
    is_unchanged: bool,
}

/// Does it, and shows on standard error what happens.
async fn follow(prepared: Prepared) -> Result<Ended, Failure> {
    let mut progress = Progress::begin();
    let mut actions = Vec::new();
    let mut rebuilt = None;
    let mut is_nothing_newer = false;
    let health = prepared
        .run(|event| match event {
            Event::Locked(holder) => progress.say(&waiting(holder)),
            Event::Action(event) => actions.push(event.clone()),
            Event::Health(health) => progress.show(health),
            Event::Copying { done, total } => progress.copy(done, total),
            Event::Preparing(name, now) => progress.prepare(name, now),
            Event::Updating { is_unchanged } => is_nothing_newer = is_unchanged,
            Event::Rebuilt(containers) => rebuilt = Some(containers.clone()),
        })
        .await;
    progress.end();
    Ok(Ended {
        health: health?,
        actions,
        rebuilt,
        is_unchanged: is_nothing_newer,
    })
}

/// An app's health at the end, and the actions that were done.
#[derive(Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    health: &'a AppHealth,
    actions: &'a [pass::Event],
    #[serde(skip_serializing_if = "Option::is_none")]
    rebuilt: Option<&'a BTreeSet<String>>,
}

/// Shows how the app ended up.
fn finish(ended: &Ended, output: Output) -> Result<(), Failure> {
    let Ended {
        health,
        actions,
        rebuilt,
        is_unchanged: _,
    } = ended;
    let Some(health) = health else { return Ok(()) };
    match output {
        Output::Json => print_json(&Document {
            health,
            actions,
            rebuilt: rebuilt.as_ref(),
        }),
        Output::Text => {
            show::print_app(health);
            Ok(())
        }
    }
}

fn installation(prepared: &Prepared) -> Option<&Installation> {
    prepared.proposal().installation()
}

/// On a terminal, shows the plan of an operation and asks, unless nothing would change. Elsewhere,
/// and where nobody wants to be asked, all grants must have been agreed to by their words.
async fn consent(
    prepared: &mut Prepared,
    yes: bool,
    question: &str,
    refusal: &str,
) -> Result<(), Failure> {
    if yes || !is_at_terminal() {
        if prepared.is_allowed() {
            plan::grants(prepared).iter().for_each(|line| tell(line));
        }
        return Ok(());
    }
    // Of an update, it is known only later whether there are newer images.
    let is_unchanged = installation(prepared).is_some_and(|app| app.is_unchanged)
        && prepared.followed_tags().is_empty();
    if is_unchanged && prepared.is_allowed() {
        return Ok(());
    }
    let foreseen = prepared.foresee().await?;
    if let Some(app) = installation(prepared) {
        tell(&one_line(&title(app)));
    }
    tell(&plan::text(Some(prepared), &foreseen).join("\n"));
    if !confirmed(prepared, question)? {
        return Err(Failure::new(Code::Failed, refusal));
    }
    prepared.allow_all();
    Ok(())
}

/// Whether a person can be asked.
fn is_at_terminal() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Asks a person. The enter key alone means yes, but never agrees to a grant.
fn confirmed(prepared: &Prepared, question: &str) -> Result<bool, Failure> {
    let is_allowed = prepared.is_allowed();
    let choice = if is_allowed { "[Y/n]" } else { "[y/N]" };
    let answer = ask(&format!("{question} {choice}"))?;
    Ok(match answer.trim().to_lowercase().as_str() {
        "" => is_allowed,
        answer => answer == "y" || answer == "yes",
    })
}

fn title(app: &Installation) -> String {
    let version = if app.version.is_empty() {
        String::new()
    } else {
        format!(" {}", app.version)
    };
    let source = match app.intent.source.as_str() {
        "catalog" => "from the catalog".to_owned(),
        path => format!("from {path}"),
    };
    format!("{}{version}, {source}", app.title)
}

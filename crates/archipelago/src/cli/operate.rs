//! Commands that change something: `install`, `set`, `uninstall`, `start`, `stop`, `restart`, `rebuild`.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};

use archipelago_core::health::AppHealth;
use archipelago_core::layout::Layout;
use archipelago_core::operation::{Installation, Request};
use archipelago_node::{apps, operations};
use clap::Args;
use serde_json::json;

use super::progress::Progress;
use super::{Code, Failure, Output, print_json, print_line, show};

/// A command for one app.
#[derive(Debug, Args)]
pub struct One {
    /// The app.
    app: String,
}

/// `install`
#[derive(Debug, Args)]
pub struct Install {
    /// An app of the catalog, or the path of a folder or Compose file.
    app: String,
    /// Choose a setting; `archipelago catalog APP` lists them.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<String>,
    /// Do not ask.
    #[arg(short, long)]
    yes: bool,
}

/// `set`
#[derive(Debug, Args)]
pub struct Set {
    /// The app.
    app: String,
    /// The settings to change; `archipelago catalog APP` lists them.
    #[arg(value_name = "KEY=VALUE", required = true)]
    settings: Vec<String>,
}

/// `uninstall`
#[derive(Debug, Args)]
pub struct Uninstall {
    /// The app.
    app: String,
    /// Remove its data, secrets and built images as well. There is no way back.
    #[arg(long)]
    purge: bool,
}

/// Pairs of key and value. What has no key may be a password, so it is not repeated.
fn pairs(texts: &[String]) -> Result<Vec<(String, String)>, Failure> {
    let pair = |(index, text): (usize, &String)| {
        let (name, value) = text.split_once('=').ok_or_else(|| {
            let number = index + 1;
            Failure::new(
                Code::Input,
                format!("setting number {number} is not of the form KEY=VALUE"),
            )
        })?;
        Ok((name.to_owned(), value.to_owned()))
    };
    texts.iter().enumerate().map(pair).collect()
}

pub(super) async fn install(
    layout: Layout,
    arguments: Install,
    output: Output,
) -> Result<(), Failure> {
    let settings = pairs(&arguments.settings)?;
    let definition = Box::new(apps::find(&arguments.app)?);
    let source = definition.source.clone();
    let request = Request::Install {
        definition,
        settings,
    };
    let prepared = operations::prepare(layout, request).await?;
    if let Some(app) = prepared.proposal().installation.as_deref()
        && app.is_new
    {
        for warning in &app.warnings {
            eprintln!("warning: {warning}");
        }
        if !arguments.yes && !confirmed(app, &source)? {
            return Err(Failure::new(Code::Failed, "nothing was installed"));
        }
    }
    finish(follow(prepared).await?, output)
}

pub(super) async fn set(layout: Layout, arguments: Set, output: Output) -> Result<(), Failure> {
    let request = Request::Set {
        app: apps::installed(&layout, &arguments.app)?,
        settings: pairs(&arguments.settings)?,
    };
    operate(layout, request, output).await
}

pub(super) async fn start(layout: Layout, one: One, output: Output) -> Result<(), Failure> {
    let app = apps::installed(&layout, &one.app)?;
    operate(layout, Request::Start(app), output).await
}

pub(super) async fn stop(layout: Layout, one: One, output: Output) -> Result<(), Failure> {
    let app = apps::installed(&layout, &one.app)?;
    operate(layout, Request::Stop(app), output).await
}

pub(super) async fn restart(layout: Layout, one: One, output: Output) -> Result<(), Failure> {
    let app = apps::installed(&layout, &one.app)?;
    operate(layout, Request::Restart(app), output).await
}

pub(super) async fn rebuild(layout: Layout, one: One, output: Output) -> Result<(), Failure> {
    let app = apps::installed(&layout, &one.app)?;
    let request = Request::Rebuild {
        app,
        bases: BTreeMap::new(),
    };
    let prepared = operations::prepare(layout, request).await?;
    if let Some(rebuild) = &prepared.proposal().rebuild {
        for base in rebuild.bases.keys() {
            eprintln!("fetching {base}");
        }
    }
    finish(follow(prepared).await?, output)
}

pub(super) async fn uninstall(
    layout: Layout,
    arguments: Uninstall,
    output: Output,
) -> Result<(), Failure> {
    let Uninstall { app, purge } = arguments;
    let app = apps::app_id(&app)?;
    let data = layout.data.display().to_string();
    let request = Request::Uninstall {
        app: app.clone(),
        purge,
    };
    follow(operations::prepare(layout, request).await?).await?;
    match output {
        Output::Json => return print_json(&json!({"id": app, "removed": true, "purged": purge})),
        Output::Text if purge => {
            print_line(&format!("{app} is gone, and its data with it."));
        }
        Output::Text => print_line(&format!(
            "{app} is gone. Its data stay in {data}: installing it again finds them, and archipelago uninstall {app} --purge removes them."
        )),
    }
    Ok(())
}

async fn operate(layout: Layout, request: Request, output: Output) -> Result<(), Failure> {
    finish(
        follow(operations::prepare(layout, request).await?).await?,
        output,
    )
}

/// Does it, and shows on standard error what happens.
async fn follow(prepared: operations::Prepared) -> Result<Option<AppHealth>, Failure> {
    let mut progress = Progress::begin();
    let ended = prepared.run(|health| progress.show(health)).await;
    progress.end();
    Ok(ended?)
}

/// Shows how the app ended up.
fn finish(health: Option<AppHealth>, output: Output) -> Result<(), Failure> {
    let Some(health) = health else { return Ok(()) };
    match output {
        Output::Json => print_json(&health),
        Output::Text => {
            show::print_app(&health);
            Ok(())
        }
    }
}

/// Asks a person at a terminal; a script has already decided.
fn confirmed(app: &Installation, source: &str) -> Result<bool, Failure> {
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return Ok(true);
    }
    eprintln!("{}", title(app, source));
    for (unit, container) in app.present.containers() {
        eprintln!("  {}  {}", unit.service, container.image.reference);
    }
    for (address, _) in &app.present.ports {
        eprintln!("  publishes {address}");
    }
    eprint!("Install it? [Y/n] ");
    let failed = |error| Failure::from_error(Code::Failed, &error);
    std::io::stderr().flush().map_err(failed)?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).map_err(failed)?;
    Ok(matches!(
        answer.trim().to_lowercase().as_str(),
        "" | "y" | "yes"
    ))
}

fn title(app: &Installation, source: &str) -> String {
    let version = if app.version.is_empty() {
        String::new()
    } else {
        format!(" {}", app.version)
    };
    let source = match source {
        "catalog" => "from the catalog".to_owned(),
        path => format!("from {path}"),
    };
    format!("{}{version}, {source}", app.title)
}

//! Commands that change nothing: `status`, `list`, `version`.

use std::time::SystemTime;

use archipelago_core::health::{AppHealth, Report, UnitHealth};
use archipelago_core::layout::Layout;
use archipelago_core::name::AppId;
use archipelago_core::printable::one_line;
use archipelago_core::quadlet::VERSION;
use archipelago_node::apps::{self, Installed};
use archipelago_node::operations::{Open, OpenState, Undone};
use comfy_table::Table;
use comfy_table::presets::NOTHING;
use serde::Serialize;
use serde_json::json;

use super::ago::ago;
use super::failure::Failure;
use super::printer::{Output, print_json, print_line};

const NO_APP: &str = "No app is installed. `archipelago catalog` lists the apps.";

pub(super) async fn status(
    layout: Layout,
    app: Option<&str>,
    output: Output,
) -> Result<(), Failure> {
    let only = app.map(|app| apps::installed(&layout, app)).transpose()?;
    let mut status = apps::status(layout).await?;
    if let Some(only) = only {
        status.report.apps.retain(|app| app.id == only);
        status.operations.retain(|open| open.app == only);
        status.undone.retain(|undone| undone.app == only);
    }
    match output {
        Output::Json => print_json(&status),
        Output::Text => {
            print_report(&status.report, &status.undone);
            for open in &status.operations {
                print_line(&text_of_open(open, SystemTime::now()));
            }
            let last_pass = status.last_pass.as_ref();
            if let Some(error) = last_pass.and_then(|pass| pass["error"].as_str()) {
                print_line(&format!("The daemon could not make its last pass: {error}"));
            }
            Ok(())
        }
    }
}

fn print_report(report: &Report, undone: &[Undone]) {
    if report.apps.is_empty() {
        print_line(NO_APP);
        return;
    }
    let apps = report.apps.iter().map(|app| {
        let undone = undone.iter().find(|undone| undone.app == app.id);
        text_of(app, undone)
    });
    let apps: Vec<String> = apps.collect();
    print_line(&apps.concat());
}

fn text_of_open(open: &Open, now: SystemTime) -> String {
    let since = ago(open.asked_unix_s, now);
    let (app, kind) = (&open.app, open.kind.word());
    match open.state {
        OpenState::UnderWay => format!("{app}: {kind} is under way, asked for {since} ago"),
        OpenState::Interrupted => format!(
            "{app}: {kind} was interrupted, asked for {since} ago; the daemon or the next command finishes it"
        ),
    }
}

pub(super) fn print_app(app: &AppHealth) {
    print_line(&text_of(app, None));
}

fn text_of(app: &AppHealth, undone: Option<&Undone>) -> String {
    let mut message = match &app.why {
        None => String::new(),
        Some(why) => format!("  {why}"),
    };
    if let Some(Undone { version, cause, .. }) = undone {
        let separator = if message.is_empty() { "," } else { ";" };
        message.push_str(&format!(
            "{separator} the update to {version} was undone: {cause}"
        ));
    }
    let message = one_line(&message);
    let mut text = format!("{}  {}{message}\n", app.id, app.state.word());
    let mut table = table();
    for unit in &app.units {
        let drop_ins = unit
            .drop_ins
            .iter()
            .map(|path| format!("changed by {}", path.display()));
        let why = unit.why.iter().map(ToString::to_string);
        let note: Vec<String> = why.chain(drop_ins).collect();
        table.add_row(vec![
            format!("  {}", unit.name),
            state_of(unit),
            one_line(&note.join("; ")).into_owned(),
        ]);
    }
    if !app.units.is_empty() {
        text.push_str(&format!("{table}\n"));
    }
    if let Some(waits) = &app.waits {
        let waits = waits.to_string();
        text.push_str(&format!("  waits: {}\n", one_line(&waits)));
    }
    for url in &app.urls {
        text.push_str(&format!("  {}  {}\n", one_line(&url.title), url.url));
    }
    text
}

fn state_of(unit: &UnitHealth) -> String {
    let UnitHealth {
        state, sub_state, ..
    } = unit;
    match sub_state {
        None => state.word().to_owned(),
        Some(sub_state) => format!("{} ({})", state.word(), sub_state.word()),
    }
}

pub(super) fn table() -> Table {
    let mut table = Table::new();
    table.load_preset(NOTHING);
    table
}

/// An installed app in `list`.
#[derive(Serialize)]
struct Row {
    id: AppId,
    title: String,
    version: String,
    /// The wanted state, or `unreadable`.
    wanted: &'static str,
    problem: Option<String>,
}

impl From<Installed> for Row {
    fn from(installed: Installed) -> Self {
        let Installed {
            app,
            title,
            version,
            wanted,
        } = installed;
        let (wanted, problem) = match wanted {
            Ok(goal) => (goal.word(), None),
            Err(problem) => ("unreadable", Some(problem.to_string())),
        };
        Self {
            id: app,
            title,
            version,
            wanted,
            problem,
        }
    }
}

pub(super) fn list(layout: &Layout, output: Output) -> Result<(), Failure> {
    let rows: Vec<Row> = apps::list(layout)?.into_iter().map(Row::from).collect();
    match output {
        Output::Json => print_json(&json!({ "apps": rows })),
        Output::Text if rows.is_empty() => {
            print_line(NO_APP);
            Ok(())
        }
        Output::Text => {
            let mut table = table();
            for row in &rows {
                let Row {
                    id,
                    title,
                    version,
                    wanted,
                    problem,
                } = row;
                let problem = problem.as_deref().unwrap_or_default();
                let cells = [id.as_str(), version, wanted, title, problem];
                table.add_row(cells.map(|cell| one_line(cell).into_owned()));
            }
            print_line(&table.to_string());
            Ok(())
        }
    }
}

pub(super) fn version(output: Output) -> Result<(), Failure> {
    match output {
        Output::Json => print_json(&json!({ "version": VERSION })),
        Output::Text => {
            print_line(&format!("archipelago {VERSION}"));
            Ok(())
        }
    }
}

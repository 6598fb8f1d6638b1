//! Commands that only look: `status`, `list`, `version`.

use std::time::Duration;

use archipelago_core::health::{AppHealth, Report};
use archipelago_core::intent::Goal;
use archipelago_core::layout::Layout;
use archipelago_core::quadlet::VERSION;
use comfy_table::Table;
use comfy_table::presets::NOTHING;
use serde::Serialize;
use serde_json::json;

use super::{Code, Failure, Output, installed, print_json, print_line};
use archipelago_host::definition;
use archipelago_host::inputs;
use archipelago_node::driver::Driver;
use archipelago_node::sockets;

/// A daemon that takes longer is left out: what `status` shows does not depend on it.
const DAEMON_LIMIT: Duration = Duration::from_millis(200);

pub(super) async fn status(
    layout: Layout,
    app: Option<&str>,
    output: Output,
) -> Result<(), Failure> {
    let only = app.map(|app| installed(&layout, app)).transpose()?;
    let socket = layout.api_socket();
    let mut driver = Driver::new(layout).await?;
    let (report, last_pass) = tokio::join!(
        driver.look(),
        sockets::ask(&socket, "/v1/last-pass", DAEMON_LIMIT)
    );
    let mut report = report?;
    if let Some(only) = only {
        report.apps.retain(|app| app.id == only);
    }
    match output {
        Output::Json => print_json(&Status { report, last_pass }),
        Output::Text => {
            print_report(&report);
            let error = last_pass.as_ref().and_then(|pass| pass["error"].as_str());
            if let Some(error) = error {
                print_line(&format!("The daemon could not make its last pass: {error}"));
            }
            Ok(())
        }
    }
}

/// The apps are looked at here and now: what the daemon saw last may be half a minute old. Only it knows how its last pass went.
#[derive(Serialize)]
struct Status {
    #[serde(flatten)]
    report: Report,
    /// Absent when no daemon answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_pass: Option<serde_json::Value>,
}

fn print_report(report: &Report) {
    if report.apps.is_empty() {
        print_line("No app is installed. `archipelago catalog` shows what there is.");
        return;
    }
    let apps: Vec<String> = report.apps.iter().map(text_of).collect();
    print_line(&apps.concat());
}

pub(super) fn print_app(app: &AppHealth) {
    print_line(&text_of(app));
}

fn text_of(app: &AppHealth) -> String {
    let message = if app.message.is_empty() {
        String::new()
    } else {
        format!("  {}", app.message)
    };
    let mut text = format!("{}  {}{message}\n", app.id, app.state.word());
    let mut table = table();
    for unit in &app.units {
        let drop_ins = unit
            .drop_ins
            .iter()
            .map(|path| format!("changed by {}", path.display()));
        let message = Some(unit.message.clone()).filter(|message| !message.is_empty());
        let note: Vec<String> = message.into_iter().chain(drop_ins).collect();
        table.add_row(vec![
            format!("  {}", unit.name),
            if unit.sub_state.is_empty() {
                unit.state.clone()
            } else {
                format!("{} ({})", unit.state, unit.sub_state)
            },
            note.join("; "),
        ]);
    }
    if !app.units.is_empty() {
        text.push_str(&format!("{table}\n"));
    }
    for url in &app.urls {
        text.push_str(&format!("  {}  {}\n", url.title, url.url));
    }
    text
}

pub(super) fn table() -> Table {
    let mut table = Table::new();
    table.load_preset(NOTHING);
    table
}

pub(super) fn list(layout: &Layout, output: Output) -> Result<(), Failure> {
    let mut apps = Vec::new();
    for (id, intent) in inputs::read(layout).intents {
        let file = layout
            .definition(&id)
            .join(archipelago_core::manifest::COMPOSE_FILE);
        let schema = definition::read_folder(&layout.definition(&id))
            .ok()
            .and_then(|files| {
                archipelago_core::desired::read_schema(
                    &file.display().to_string(),
                    &files,
                    id.as_str(),
                )
                .ok()
            });
        let (title, version) = schema
            .map(|schema| (schema.extension.title, schema.extension.version))
            .unwrap_or_default();
        let (state, problem) = match &intent {
            Ok(intent) => (word(intent.state), None),
            Err(problem) => ("unreadable", Some(problem.clone())),
        };
        apps.push(json!({"id": id, "title": title, "version": version, "wanted": state, "problem": problem}));
    }
    match output {
        Output::Json => print_json(&json!({ "apps": apps })),
        Output::Text if apps.is_empty() => {
            print_line("No app is installed. `archipelago catalog` shows what there is.");
            Ok(())
        }
        Output::Text => {
            let mut table = table();
            for app in &apps {
                let text = |key: &str| app[key].as_str().unwrap_or_default().to_owned();
                table.add_row(vec![
                    text("id"),
                    text("version"),
                    text("wanted"),
                    text("title"),
                    text("problem"),
                ]);
            }
            print_line(&table.to_string());
            Ok(())
        }
    }
}

fn word(goal: Goal) -> &'static str {
    match goal {
        Goal::Running => "running",
        Goal::Stopped => "stopped",
        Goal::Removed => "removed",
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

/// The health of one app in a report.
pub(super) fn health_of<'a>(
    report: &'a Report,
    id: &archipelago_core::name::AppId,
) -> Result<&'a AppHealth, Failure> {
    report.apps.iter().find(|app| app.id == *id).ok_or_else(|| {
        Failure::new(
            Code::Failed,
            format!("{id} was uninstalled by someone else meanwhile"),
        )
    })
}

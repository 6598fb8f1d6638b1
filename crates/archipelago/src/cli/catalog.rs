//! `catalog`: what can be installed, and with which settings.

use archipelago_core::manifest::Schema;
use archipelago_core::printable::one_line;
use archipelago_node::apps;
use serde_json::json;

use super::failure::Failure;
use super::printer::{Output, print_json, print_line};
use super::show;

pub(super) fn run(app: Option<&str>, output: Output) -> Result<(), Failure> {
    match app {
        Some(app) => one(&apps::find(app)?.schema, output),
        None => all(output),
    }
}

fn all(output: Output) -> Result<(), Failure> {
    let apps: Vec<_> = apps::catalog()?
        .into_iter()
        .map(|definition| definition.schema.extension)
        .collect();
    if output == Output::Json {
        let apps: Vec<_> = apps
            .iter()
            .map(|app| {
                json!({"id": app.id, "title": app.title, "version": app.version, "category": app.category, "description": app.description})
            })
            .collect();
        return print_json(&json!({ "apps": apps }));
    }
    let mut table = show::table();
    for app in apps {
        table.add_row(vec![
            app.id.to_string(),
            app.version,
            app.title,
            app.description,
        ]);
    }
    print_line(&table.to_string());
    Ok(())
}

pub(super) fn one(schema: &Schema, output: Output) -> Result<(), Failure> {
    let app = &schema.extension;
    if output == Output::Json {
        let settings: Vec<_> = app
            .settings
            .iter()
            .map(|(name, setting)| {
                json!({"name": name, "takes": setting.kind.rule(), "default": setting.default, "description": setting.description})
            })
            .collect();
        return print_json(&json!({
            "id": app.id, "title": app.title, "version": app.version, "category": app.category,
            "description": app.description, "requires": app.requires.apps, "settings": settings,
        }));
    }
    print_line(&format!(
        "{} {}: {}",
        app.title, app.version, app.description
    ));
    for other in &app.requires.apps {
        print_line(&format!("requires {other}"));
    }
    let mut table = show::table();
    for (name, setting) in &app.settings {
        let default = setting
            .default
            .as_ref()
            .map_or("must be chosen".to_owned(), |value| {
                format!("default: {}", one_line(&value.to_string()))
            });
        table.add_row(vec![
            format!("  {name}"),
            setting.kind.rule(),
            default,
            one_line(&setting.description).into_owned(),
        ]);
    }
    print_line(&table.to_string());
    Ok(())
}

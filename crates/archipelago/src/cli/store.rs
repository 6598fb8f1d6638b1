//! Stores: `store add`, `list`, `update`, `remove`; `search` and `show`.

use archipelago_core::layout::Layout;
use archipelago_core::printable::one_line;
use archipelago_core::store::{Change, Scripts, StoreName};
use archipelago_node::stores::{self, Manner};
use clap::{Args, Subcommand};
use serde_json::json;

use super::failure::Failure;
use super::printer::{Output, print_json, print_line};
use super::{catalog, show};

/// `store`
#[derive(Debug, Subcommand)]
pub enum Store {
    /// Add a store.
    Add {
        /// A folder of apps, or the URL of a git repository (https, ssh or file).
        source: String,
        /// Its name here; by default the last part of the source.
        #[arg(long)]
        name: Option<String>,
    },
    /// List the stores.
    List,
    /// Read the source of a store, or of all stores, and show what changed. Installed apps stay as
    /// they are.
    Update {
        /// The store.
        name: Option<String>,
    },
    /// Remove a store. The apps that were installed from it stay.
    Remove {
        /// The store.
        name: String,
    },
}

/// `search`
#[derive(Debug, Args)]
pub struct Search {
    /// Words that must all stand in the app's name, title, category or description.
    #[arg(required = true)]
    words: Vec<String>,
}

pub(super) fn run(layout: &Layout, command: Store, output: Output) -> Result<(), Failure> {
    match command {
        Store::Add { source, name } => add(layout, &source, name.as_deref(), output),
        Store::List => list(layout, output),
        Store::Update { name } => update(layout, name.as_deref(), output),
        Store::Remove { name } => {
            stores::remove(layout, &name)?;
            match output {
                Output::Json => print_json(&json!({"store": name, "removed": true})),
                Output::Text => {
                    print_line(&format!(
                        "The store {name} is removed. What was installed from it stays."
                    ));
                    Ok(())
                }
            }
        }
    }
}

fn add(layout: &Layout, source: &str, name: Option<&str>, output: Output) -> Result<(), Failure> {
    let (name, store) = stores::add(layout, source, name)?;
    if output == Output::Json {
        return print_json(&json!({
            "store": name, "source": store.source, "pin": store.pin,
            "apps": store.entries.len(), "left_out": store.left_out,
        }));
    }
    print_line(&format!(
        "The store {name} has {} apps. archipelago search WORDS finds them, archipelago install {name}/APP installs one.",
        store.entries.len()
    ));
    let unreadable = store.entries.iter().filter(|entry| entry.problem.is_some());
    for entry in unreadable {
        let problem = entry.problem.as_deref().unwrap_or_default();
        print_line(&one_line(&format!("  {}: {problem}", entry.app)));
    }
    for folder in &store.left_out {
        print_line(&one_line(&format!(
            "  {folder}: its name cannot be an app's, or another folder has it"
        )));
    }
    Ok(())
}

fn list(layout: &Layout, output: Output) -> Result<(), Failure> {
    let all = stores::list(layout)?;
    if output == Output::Json {
        return print_json(&json!({ "stores": all }));
    }
    let mut table = show::table();
    for store in all {
        let pin: String = store.pin.chars().take(12).collect();
        table.add_row(vec![
            store.name.to_string(),
            format!("{} apps", store.apps),
            pin,
            one_line(&store.source).into_owned(),
        ]);
    }
    print_line(&table.to_string());
    Ok(())
}

fn update(layout: &Layout, name: Option<&str>, output: Output) -> Result<(), Failure> {
    let names = match name {
        Some(name) => vec![StoreName::parse(name).map_err(archipelago_node::Error::from)?],
        None => stores::names(layout)?,
    };
    let mut updated = Vec::new();
    for name in names {
        let (store, changes) = stores::update(layout, &name)?;
        if output == Output::Text {
            tell_changes(&name, &changes);
        }
        updated.push(json!({"store": name, "pin": store.pin, "changes": changes}));
    }
    match output {
        Output::Json => print_json(&json!({ "stores": updated })),
        Output::Text => Ok(()),
    }
}

fn tell_changes(name: &StoreName, changes: &[Change]) {
    if changes.is_empty() {
        print_line(&format!("{name}: nothing has changed"));
        return;
    }
    print_line(&format!("{name}:"));
    for change in changes {
        let line = match change {
            Change::New { app, version } => format!("  new      {app} {version}"),
            Change::Gone { app } => format!("  gone     {app}"),
            Change::Changed { app, from, to } if from == to => {
                format!("  changed  {app} {to}")
            }
            Change::Changed { app, from, to } => format!("  changed  {app} {from} to {to}"),
        };
        print_line(&one_line(&line));
    }
}

pub(super) fn search(layout: &Layout, arguments: &Search, output: Output) -> Result<(), Failure> {
    let found = stores::search(layout, &arguments.words)?;
    if output == Output::Json {
        return print_json(&json!({ "apps": found }));
    }
    if found.is_empty() {
        print_line("No app has these words. archipelago store add adds a store of apps.");
        return Ok(());
    }
    let mut table = show::table();
    for listed in found {
        let entry = listed.entry;
        table.add_row(vec![
            format!("{}/{}", listed.store, entry.app),
            one_line(&entry.version).into_owned(),
            one_line(&entry.title).into_owned(),
            one_line(entry.problem.as_deref().unwrap_or(&entry.description)).into_owned(),
        ]);
    }
    print_line(&table.to_string());
    Ok(())
}

pub(super) fn show(layout: &Layout, app: &str, output: Output) -> Result<(), Failure> {
    let manner = Manner {
        id: None,
        scripts: Scripts::Run,
    };
    let found = stores::find(layout, app, manner)?;
    catalog::one(&found.definition.schema, output)?;
    if output == Output::Text {
        for notice in &found.notices {
            print_line(&one_line(&format!("note: {notice}")));
        }
    }
    Ok(())
}

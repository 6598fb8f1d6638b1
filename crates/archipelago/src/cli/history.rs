//! `history`: the versions of an app that can be gone back to, and how its last changes ended.

use std::time::{Duration, SystemTime};

use archipelago_core::layout::Layout;
use archipelago_core::operation::Change;
use archipelago_core::printable::one_line;
use archipelago_node::apps;
use archipelago_node::history::{self, Entry, History, KeptEntry};

use super::ago::ago;
use super::failure::Failure;
use super::printer::{Output, print_json, print_line};
use super::request::AppArgument;
use super::show::table;

pub(super) fn run(layout: &Layout, one: &AppArgument, output: Output) -> Result<(), Failure> {
    let history = history::of(layout, &apps::installed(layout, &one.app)?)?;
    match output {
        Output::Json => print_json(&history),
        Output::Text => {
            print_line(&text(&history, SystemTime::now()));
            Ok(())
        }
    }
}

fn text(history: &History, now: SystemTime) -> String {
    let History {
        app,
        present,
        kept,
        changes,
    } = history;
    let mut versions = table();
    versions.add_row(cells("  present".to_owned(), present, String::new()));
    for KeptEntry {
        number,
        replaced_unix_s,
        entry,
    } in kept
    {
        let replaced = format!("replaced {} ago", ago(*replaced_unix_s, now));
        versions.add_row(cells(format!("  {number}"), entry, replaced));
    }
    let mut text = format!("{app}:\n{versions}\n");
    if !kept.is_empty() {
        text.push_str(&format!(
            "`archipelago rollback {app} NUMBER` goes back to one of them.\n"
        ));
    }
    if changes.is_empty() {
        return text;
    }
    let mut table = table();
    for change in changes {
        table.add_row(row(change, now).map(|cell| one_line(&cell).into_owned()));
    }
    text.push_str(&format!("The last changes:\n{table}\n"));
    text
}

fn cells(first: String, entry: &Entry, when: String) -> [String; 5] {
    let Entry { version, images } = entry;
    let release = version.release.as_ref();
    let images: Vec<&str> = images.values().map(String::as_str).collect();
    let cells = [
        first,
        version.version.clone(),
        release.map_or_else(String::new, |release| release.short().to_owned()),
        when,
        images.join(", "),
    ];
    cells.map(|cell| one_line(&cell).into_owned())
}

fn row(change: &Change, now: SystemTime) -> [String; 4] {
    let Change {
        id: _,
        kind,
        asked_unix_s,
        version,
        outcome,
        downtime_ms,
    } = change;
    let mut ended = outcome.word().to_owned();
    if let Some(downtime_ms) = downtime_ms {
        ended.push_str(&format!(
            ", {:.1} s down",
            Duration::from_millis(*downtime_ms).as_secs_f64()
        ));
    }
    if let Some(cause) = outcome.cause().filter(|cause| !cause.is_empty()) {
        ended.push_str(&format!(": {cause}"));
    }
    [
        format!("  {} ago", ago(*asked_unix_s, now)),
        kind.word().to_owned(),
        version.name(),
        ended,
    ]
}

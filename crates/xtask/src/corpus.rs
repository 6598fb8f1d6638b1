//! Compose files that other people wrote, read as apps, whose installation is planned: how many are
//! accepted, and the reasons against the others.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use archipelago_core::desired::{App, Apps, Inputs, assemble};
use archipelago_core::forecast::forecast;
use archipelago_core::intent::Intent;
use archipelago_core::layout::Layout;
use archipelago_core::manifest::{
    COMPOSE_FILE, Files, ImageSource, Manifest, Recipe, Schema, Setting, SettingValue, Settings,
    Warning,
};
use archipelago_core::name::AppId;
use archipelago_core::observed::{Observed, Podman, PodmanView};
use archipelago_core::reconcile::Reconciler;
use archipelago_core::store::{self, NodeFacts, Scripts, Surroundings, translate};

use crate::oracle::compose_files;

/// Examples printed for each reason.
const EXAMPLES_MAX: usize = 5;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// A folder of app folders, or a folder of such folders.
    #[arg(default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/corpus"))]
    folder: PathBuf,
    /// Print each app with its errors and warnings instead of the counts.
    #[arg(long)]
    all: bool,
}

#[derive(Default)]
struct Tally {
    files: usize,
    accepted: usize,
    /// The refused ones that would be accepted with the files which the collection leaves out.
    incomplete: usize,
    /// By reason, the apps.
    refused: BTreeMap<String, BTreeSet<String>>,
    warnings: BTreeMap<String, BTreeSet<String>>,
    time: Duration,
}

/// The errors and the warnings of an app, each with its key left out.
#[derive(Default)]
struct Verdict {
    errors: Vec<String>,
    warnings: Vec<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let folder = &arguments.folder;
    if compose_files(folder).is_ok() {
        return print(folder, arguments.all);
    }
    let mut collections = Vec::new();
    let entries = folder
        .read_dir()
        .with_context(|| format!("read {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() && compose_files(&path).is_ok() {
            collections.push(path);
        }
    }
    collections.sort();
    collections
        .iter()
        .try_for_each(|collection| print(collection, arguments.all))
}

fn print(collection: &Path, all: bool) -> Result<()> {
    let mut tally = Tally::default();
    for file in compose_files(collection)? {
        let folder = file.parent().context("a file has a folder")?;
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        let files = read(folder, &file)?;
        let began = Instant::now();
        let verdict = judge(&name, files);
        tally.time += began.elapsed();
        tally.files += 1;
        tally.accepted += usize::from(verdict.errors.is_empty());
        let is_incomplete =
            !verdict.errors.is_empty() && verdict.errors.iter().all(|error| lacks_a_file(error));
        tally.incomplete += usize::from(is_incomplete);
        if all {
            println!("{name}");
            let errors = verdict.errors.iter().map(|error| ("error", error));
            let warnings = verdict.warnings.iter().map(|warning| ("warning", warning));
            for (kind, words) in errors.chain(warnings) {
                println!("    {kind}: {words}");
            }
        }
        for (found, by_reason) in [
            (verdict.errors, &mut tally.refused),
            (verdict.warnings, &mut tally.warnings),
        ] {
            for words in found {
                let apps = by_reason.entry(general(&words)).or_default();
                apps.insert(name.clone().into_owned());
            }
        }
    }
    let Tally {
        files,
        accepted,
        incomplete,
        refused,
        warnings,
        time,
    } = tally;
    println!(
        "{}: {files} apps, {accepted} accepted, {} refused, {incomplete} of them for nothing but files that are not in the collection; {:.3} s",
        collection.file_name().unwrap_or_default().to_string_lossy(),
        files - accepted,
        time.as_secs_f64()
    );
    reasons("refused", &refused);
    reasons("warned", &warnings);
    Ok(())
}

/// Whether it says that a file which the app mounts is not in its folder. The collections are
/// without most files but the Compose file.
fn lacks_a_file(error: &str) -> bool {
    error.contains("looks like a file, and the app's folder has none of that name")
        || error.contains("this needs a file in the app's folder")
}

fn reasons(title: &str, found: &BTreeMap<String, BTreeSet<String>>) {
    println!("  {title}");
    let mut found: Vec<_> = found.iter().collect();
    found.sort_by_key(|(_, apps)| std::cmp::Reverse(apps.len()));
    for (reason, apps) in found {
        let examples: Vec<&str> = apps.iter().take(EXAMPLES_MAX).map(String::as_str).collect();
        println!("  {:4}  {reason}", apps.len());
        println!("        {}", examples.join(", "));
    }
}

/// The reason without names, numbers and texts of the app, so that equal ones are counted together.
fn general(words: &str) -> String {
    let (key, reason) = words.split_once(": ").unwrap_or(("", words));
    let parts = reason.split('`').enumerate();
    let parts = parts.map(|(at, part)| if at % 2 == 1 { "…" } else { part });
    let reason = parts.collect::<Vec<_>>().join("`");
    let keys = key.split('.').enumerate();
    let keys = keys.map(|(at, key)| match (at, key.split_once('[')) {
        (1, _) => "*",
        (_, Some((key, _))) => key,
        (_, None) => key,
    });
    match keys.collect::<Vec<_>>().join(".") {
        key if key.is_empty() => reason,
        key => format!("{key}: {reason}"),
    }
}

/// An app's folder. Where it has several Compose files, this one counts.
fn read(folder: &Path, compose: &Path) -> Result<Files> {
    let mut files = Files::new();
    read_into(folder, "", &mut files)?;
    let text = std::fs::read(compose).with_context(|| format!("read {}", compose.display()))?;
    files.insert(COMPOSE_FILE.to_owned(), text.into());
    Ok(files)
}

fn read_into(folder: &Path, prefix: &str, files: &mut Files) -> Result<()> {
    for entry in folder.read_dir()? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let name = format!("{prefix}{name}");
        if path.is_dir() {
            read_into(&path, &format!("{name}/"), files)?;
        } else {
            files.insert(name, std::fs::read(&path)?.into());
        }
    }
    Ok(())
}

fn judge(name: &str, files: Files) -> Verdict {
    let mut verdict = Verdict::default();
    let told = |found: &Warning| format!("{}: {}", found.key, found.problem);
    let node = NodeFacts {
        host_name: "node".to_owned(),
        time_zone: "Etc/UTC".to_owned(),
        architecture: "amd64".to_owned(),
        shared_folder: "/home/user/shared".to_owned(),
    };
    let surroundings = Surroundings {
        node,
        neighbours: BTreeMap::new(),
        scripts: Scripts::Run,
    };
    let translated = AppId::of_folder(name)
        .map_err(|error| error.to_string())
        .and_then(|app| {
            translate(name, &app, &files, &surroundings).map_err(|error| untold(&error))
        });
    let files = match translated {
        Ok(translated) => translated.files,
        Err(words) => {
            verdict.errors.push(words);
            return verdict;
        }
    };
    let text = files.get(COMPOSE_FILE).and_then(|file| file.text());
    let schema = Schema::read(COMPOSE_FILE, text.unwrap_or_default(), name);
    let schema = match schema {
        Ok(schema) => schema,
        Err(errors) => {
            verdict.errors.extend(errors.iter().map(told));
            return verdict;
        }
    };
    match schema.manifest(&chosen(&schema), &files) {
        Err(errors) => verdict.errors.extend(errors.iter().map(told)),
        Ok(manifest) => {
            verdict.warnings.extend(manifest.warnings.iter().map(told));
            verdict.errors.extend(unworkable(&manifest, files));
        }
    }
    verdict
}

/// Why a store's app is refused, without its file.
fn untold(error: &store::Error) -> String {
    match error {
        store::Error::Manifest(errors) => {
            let told = errors
                .iter()
                .map(|error| format!("{}: {}", error.key, error.problem));
            told.collect::<Vec<_>>().join("; ")
        }
        error => {
            let words = error.to_string();
            let words = words.split_once(": ").map_or(&*words, |(_, words)| words);
            format!("store: {words}")
        }
    }
}

/// A value for each setting that has no default.
fn chosen(schema: &Schema) -> Settings {
    let settings = schema.extension.settings.iter();
    let chosen = || SettingValue::Text("chosen".to_owned());
    let value = |setting: &Setting| setting.default.clone().unwrap_or_else(chosen);
    let settings = settings.map(|(name, setting)| (name.clone(), value(setting)));
    // These follow settings of other apps.
    let variables = schema.extension.variables.keys();
    let variables = variables.map(|name| (name.clone(), chosen()));
    Settings(settings.chain(variables).collect())
}

/// Why the units of an accepted app cannot be resolved.
fn unworkable(manifest: &Manifest, mut files: Files) -> Option<String> {
    // The collections are without the folders that apps build.
    for service in manifest.services.values() {
        if let ImageSource::Build(build) = &service.image {
            let name = build.containerfile.as_deref().unwrap_or("Dockerfile");
            let path = format!("{}/{name}", build.context);
            let path = path.trim_start_matches('/').to_owned();
            files
                .entry(path)
                .or_insert_with(|| b"FROM scratch\n".to_vec().into());
        }
    }
    let id = manifest.id();
    let mut inputs = Inputs::new(Layout {
        home: "/home/user".into(),
        config: "/home/user/.config/archipelago".into(),
        data: "/var/lib/archipelago".into(),
        units: "/home/user/.config/containers/systemd".into(),
        systemd: "/home/user/.config/systemd/user".into(),
        runtime: "/run/user/1000".into(),
    });
    let mut definitions = vec![(id.clone(), files)];
    // The apps that it requires, as if they were installed: those of the catalog, or stand-ins.
    for other in &manifest.extension.requires.apps {
        let known = catalog_app(other);
        let files = known.unwrap_or_else(|| {
            let text = format!("services:\n  {other}:\n    image: docker.io/library/a:1\n");
            Files::from([(COMPOSE_FILE.to_owned(), text.into_bytes().into())])
        });
        definitions.push((other.clone(), files));
    }
    for (id, files) in definitions {
        let mut intent = Intent::default();
        if id == *manifest.id() {
            let declared = &manifest.extension.settings;
            intent.settings = manifest.settings.0.clone();
            intent
                .settings
                .retain(|name, _| declared.contains_key(name));
        }
        inputs.definitions.insert(id.clone(), files);
        inputs.intents.insert(id, Ok(intent));
    }
    let apps = Apps::read(&inputs);
    for (id, name, recipe) in apps.recipes() {
        let secrets = inputs.secrets.entry(id.clone()).or_default();
        let text = match recipe {
            Recipe::Given(given) => given.text().to_owned(),
            Recipe::Random | Recipe::Seeded(_) => "0".repeat(64),
        };
        secrets.insert(name.clone(), text);
    }
    for path in apps.captures(&inputs.layout) {
        inputs.captured.insert(path, b"captured".to_vec());
    }
    match assemble(&inputs, &apps).apps.remove(id) {
        // Of the whole file: it names places of the app.
        Some(App::Broken { cause, .. }) => Some(format!(": {cause}")),
        Some(App::Present(_)) => unplanned(inputs),
        _ => Some(": it waits for another app".to_owned()),
    }
}

/// Why its installation on an empty host, with the apps that it requires, does not come to an end.
fn unplanned(inputs: Inputs) -> Option<String> {
    let empty = Observed {
        podman: Podman::Answered(PodmanView::default()),
        starts_max: 1,
        ..Observed::default()
    };
    let planned = forecast(inputs, empty, Reconciler::default(), Duration::ZERO);
    let unended = || ": no plan of its installation comes to an end".to_owned();
    (!planned.is_complete).then(unended)
}

/// The definition of an app of our catalog.
fn catalog_app(app: &AppId) -> Option<Files> {
    let catalog = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../catalog"));
    let mut files = Files::new();
    read_into(&catalog.join(app.as_str()), "", &mut files).ok()?;
    Some(files)
}

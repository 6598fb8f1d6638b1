//! Our reader of Compose files beside the reference, field by field, over a folder of apps.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use compose::{Loaded, ReadError, Request, Variables, load, read_dotenv};
use serde_json::Value;

use crate::oracle::{Answer, Corpus, HOME, answers};

/// The folder of an app, for both readers.
const APP: &str = "/app";
/// Examples printed of each kind of difference.
const EXAMPLES_MAX: usize = 5;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    corpus: Corpus,
}

#[derive(Default)]
struct Tally {
    reference: usize,
    ours: usize,
    both: usize,
    equal: usize,
    /// By kind, the files and what each says.
    differences: BTreeMap<String, Vec<String>>,
    time: Duration,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let answers = answers(&arguments.corpus)?;
    let base = arguments
        .corpus
        .base
        .as_deref()
        .map(std::fs::read)
        .transpose()?;
    let mut variables = Variables::new();
    if let Some(file) = &arguments.corpus.variables {
        let text =
            std::fs::read_to_string(file).with_context(|| format!("read {}", file.display()))?;
        variables = read_dotenv(&text, &|_| None)?;
    }
    let mut tally = Tally::default();
    for answer in &answers {
        compare(answer, base.as_deref(), &variables, &mut tally)?;
    }
    let Tally {
        reference,
        ours,
        both,
        equal,
        differences,
        time,
    } = tally;
    println!(
        "{} files; the reference reads {reference}, ours {ours}, both {both}, of these equal in every field {equal}; {} ms",
        answers.len(),
        time.as_millis()
    );
    for (kind, examples) in differences {
        println!("{:4}  {kind}", examples.len());
        for example in examples.iter().take(EXAMPLES_MAX) {
            println!("        {example}");
        }
    }
    Ok(())
}

fn compare(
    answer: &Answer,
    base: Option<&[u8]>,
    given: &Variables,
    tally: &mut Tally,
) -> Result<()> {
    let folder = answer.file.parent().context("a file has a folder")?;
    let app = folder
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let began = Instant::now();
    let loaded = read(&answer.file, folder, base, given)?;
    tally.time += began.elapsed();
    let mut note = |kind: String, example: String| {
        tally
            .differences
            .entry(kind)
            .or_default()
            .push(format!("{app}: {example}"));
    };
    let errors: Vec<String> = loaded
        .diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.is_error())
        .map(ToString::to_string)
        .collect();
    tally.reference += usize::from(answer.model.is_some());
    tally.ours += usize::from(loaded.project.is_some());
    match (&answer.model, loaded.project) {
        (Some(theirs), Some(ours)) => {
            tally.both += 1;
            let ours: Value = serde_json::from_str(&serde_json::to_string(&ours)?)?;
            let mut differences = Vec::new();
            differ(theirs, &ours, &mut Vec::new(), &mut differences);
            tally.equal += usize::from(differences.is_empty());
            for (path, what) in differences {
                note(general(&path), format!("{}: {what}", path.join(".")));
            }
        }
        (Some(_), None) => note("only the reference reads it".into(), errors.join(" | ")),
        (None, Some(_)) => {
            let error = answer.error.clone().unwrap_or_default();
            note("only ours reads it".into(), error);
        }
        (None, None) => {
            let error = answer.error.clone().unwrap_or_default();
            note(
                "neither reads it".into(),
                format!("{error} | ours: {}", errors.join(" | ")),
            );
        }
    }
    Ok(())
}

/// Reads an app as if its folder were [`APP`].
fn read(file: &Path, folder: &Path, base: Option<&[u8]>, given: &Variables) -> Result<Loaded> {
    let bytes = |path: &str| match (path, base) {
        ("/base.yaml", Some(base)) => Ok(base.to_vec()),
        _ => {
            let relative = path.strip_prefix(APP).ok_or(ReadError::Absent)?;
            std::fs::read(folder.join(relative.trim_start_matches('/'))).map_err(
                |error| match error.kind() {
                    std::io::ErrorKind::NotFound | std::io::ErrorKind::IsADirectory => {
                        ReadError::Absent
                    }
                    _ => ReadError::Other(error.to_string()),
                },
            )
        }
    };
    let mut variables = given.clone();
    if let Ok(text) = std::fs::read_to_string(folder.join("variables.env")) {
        variables.extend(read_dotenv(&text, &|_| None)?);
    }
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let mut files = vec![format!("{APP}/{name}")];
    if base.is_some() {
        files.insert(0, "/base.yaml".to_owned());
    }
    if folder.join("compose.override.yaml").is_file() {
        files.push(format!("{APP}/compose.override.yaml"));
    }
    Ok(load(&Request {
        name: "app",
        folder: APP,
        files: &files,
        variables: &variables,
        home: Some(HOME),
        set_aside: &[],
        secrets: &BTreeSet::new(),
        lenient: false,
        profiles: &["*".to_owned()],
        read: &bytes,
    }))
}

/// The path of a field with names of services and of variables left out.
fn general(path: &[String]) -> String {
    let keys = path.iter().enumerate().map(|(at, key)| match at {
        1 => "*",
        3 if ["environment", "labels"].contains(&path[2].as_str()) => "*",
        _ => key.as_str(),
    });
    keys.collect::<Vec<_>>().join(".")
}

fn differ(
    theirs: &Value,
    ours: &Value,
    path: &mut Vec<String>,
    found: &mut Vec<(Vec<String>, String)>,
) {
    match (theirs, ours) {
        (Value::Object(left), Value::Object(right)) => {
            let keys = left
                .keys()
                .chain(right.keys().filter(|key| !left.contains_key(*key)));
            for key in keys {
                path.push(key.clone());
                match (left.get(key), right.get(key)) {
                    (Some(left), Some(right)) => differ(left, right, path, found),
                    (Some(left), None) => {
                        found.push((path.clone(), format!("only the reference has {left}")))
                    }
                    (None, Some(right)) => {
                        found.push((path.clone(), format!("only ours has {right}")))
                    }
                    (None, None) => {}
                }
                path.pop();
            }
        }
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
            for (index, (left, right)) in left.iter().zip(right).enumerate() {
                path.push(format!("[{index}]"));
                differ(left, right, path, found);
                path.pop();
            }
        }
        (Value::Number(left), Value::Number(right)) if left.as_f64() == right.as_f64() => {}
        _ if theirs == ours => {}
        _ => found.push((
            path.clone(),
            format!("the reference has {theirs}, ours {ours}"),
        )),
    }
}

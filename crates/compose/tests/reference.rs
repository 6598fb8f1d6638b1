//! The cases beside this file, compared with compose-go's model of them
//! (`cargo xtask oracle --write`).
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test whose cases are files"
)]

mod support;

use std::fs;
use std::path::Path;

use compose::read_dotenv;
use serde_json::Value;
use support::Files;

fn files(folder: &Path, prefix: &str, into: &mut Files) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = format!("{prefix}{}", path.file_name().unwrap().to_string_lossy());
        if path.is_dir() {
            files(&path, &format!("{name}/"), into);
        } else {
            into.insert(name, fs::read(&path).unwrap());
        }
    }
}

/// The first thing in which two models differ.
fn difference(theirs: &Value, ours: &Value, path: &str) -> Option<String> {
    match (theirs, ours) {
        (Value::Object(left), Value::Object(right)) => {
            let keys = left.keys().chain(right.keys());
            keys.into_iter().find_map(|key| {
                let (left, right) = (left.get(key), right.get(key));
                difference(
                    left.unwrap_or(&Value::Null),
                    right.unwrap_or(&Value::Null),
                    &format!("{path}.{key}"),
                )
                .or_else(|| {
                    (left.is_some() != right.is_some())
                        .then(|| format!("{path}.{key}: only one has it"))
                })
            })
        }
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
            let mut items = left.iter().zip(right).enumerate();
            items.find_map(|(index, (left, right))| {
                difference(left, right, &format!("{path}[{index}]"))
            })
        }
        (Value::Number(left), Value::Number(right)) if left.as_f64() == right.as_f64() => None,
        _ => (theirs != ours).then(|| format!("{path}: the reference has {theirs}, ours {ours}")),
    }
}

#[test]
fn every_case_is_the_model_of_the_reference() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut wrong = Vec::new();
    let mut count = 0;
    for entry in fs::read_dir(cases).unwrap() {
        let folder = entry.unwrap().path();
        let case = folder.file_name().unwrap().to_string_lossy().into_owned();
        let mut all = Files::new();
        files(&folder, "", &mut all);
        let variables = all
            .get("variables.env")
            .map(|bytes| read_dotenv(std::str::from_utf8(bytes).unwrap(), &|_| None).unwrap());
        let loaded = support::read(&all, &variables.unwrap_or_default(), &["*"]);
        let Some(project) = loaded.project else {
            let found: Vec<String> = loaded.diagnostics.iter().map(ToString::to_string).collect();
            wrong.push(format!("{case}: {}", found.join("\n")));
            continue;
        };
        let ours: Value = serde_json::from_str(&serde_json::to_string(&project).unwrap()).unwrap();
        let theirs: Value = serde_json::from_slice(&all["reference.json"]).unwrap();
        wrong.extend(difference(&theirs, &ours, &case));
        count += 1;
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert!(count >= 13, "{count} cases");
}

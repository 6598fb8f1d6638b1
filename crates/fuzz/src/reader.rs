//! Compose files: one model, or everything that is wrong with them.

use std::collections::{BTreeMap, BTreeSet};

use compose::{Loaded, ReadError, Request, Variables, load};

use crate::separator::SEPARATOR;

/// The names of an input's files, in the order of its parts.
const FILES: [&str; 5] = [
    "/app/compose.yaml",
    "/app/.env",
    "/app/one.env",
    "/app/other.yaml",
    "/app/compose.override.yaml",
];

pub(crate) fn run(input: &str) {
    let files: BTreeMap<&str, &str> = FILES.into_iter().zip(input.split(SEPARATOR)).collect();
    let strict = read(&files, false);
    let lenient = read(&files, true);
    check(&strict);
    check(&lenient);
    // The lenient reader reads a file that the reference accepts in the same way.
    if let Some(project) = &strict.project {
        assert_eq!(Some(project), lenient.project.as_ref());
    }
}

fn read(files: &BTreeMap<&str, &str>, lenient: bool) -> Loaded {
    let bytes = |path: &str| {
        let text = files.get(path).ok_or(ReadError::Absent)?;
        Ok(text.as_bytes().to_vec())
    };
    let names = ["/app/compose.yaml", "/app/compose.override.yaml"];
    let names = names.into_iter().filter(|name| files.contains_key(name));
    let names: Vec<String> = names.map(str::to_owned).collect();
    load(&Request {
        name: "app",
        folder: "/app",
        files: &names,
        variables: &Variables::from([("SET".to_owned(), "value".to_owned())]),
        home: Some("/home/user"),
        set_aside: &["x-archipelago"],
        secrets: &BTreeSet::from(["given".to_owned()]),
        lenient,
        profiles: &["*".to_owned()],
        read: &bytes,
    })
}

fn check(loaded: &Loaded) {
    let errors = loaded.diagnostics.iter().filter(|found| found.is_error());
    assert_eq!(loaded.project.is_none(), errors.count() > 0);
    for diagnostic in &loaded.diagnostics {
        let said = diagnostic.to_string();
        assert!(!said.contains("fault of Archipelago"), "{said}");
        assert!(diagnostic.place.line > 0, "{said}");
    }
    if let Some(project) = &loaded.project {
        serde_json::to_string(project).expect("a model is JSON");
    }
}

//! The same Compose files, brought up by Archipelago and by Debian's podman-compose on hosts with
//! the same images: the containers are compared field by field, as `podman inspect` and the
//! configuration of the OCI runtime show them. A difference that is not in [`known`] fails, and so
//! does an entry there that nothing needs. On our side, each installation and removal must do what
//! its plan said before.
//!
//! Between them the files use every supported key (docs/compose.md).

#[path = "../support/mod.rs"]
mod support;

mod facts;
mod files;
mod hostile;
mod known;
mod sides;

use std::collections::BTreeSet;
use std::thread;

use facts::Facts;
use known::KNOWN;
use sides::{FAILURE, MAIN, Services, ours, theirs};

/// A field that differs: the file, the service, the field and both values.
type Difference = (String, String, String, String, String);

const ABSENT: &str = "-";

#[test]
fn the_same_containers_as_from_podman_compose() {
    let folder = files::folder();
    let apps = files::apps();
    let (ours, theirs) = thread::scope(|scope| {
        let ours = scope.spawn(|| ours(&folder, &apps));
        let theirs = scope.spawn(|| theirs(&folder, &apps));
        (
            ours.join().expect("our side"),
            theirs.join().expect("the side of podman-compose"),
        )
    });
    let mut unused: BTreeSet<usize> = (0..KNOWN.len()).collect();
    let mut unknown = Vec::new();
    for app in &apps {
        let ours = with_main(ours[&app.name].clone(), &theirs[&app.name]);
        for difference in differences(&app.name, &ours, &theirs[&app.name]) {
            let (file, _, field, one, other) = &difference;
            let known = (KNOWN.iter()).position(|known| known.explains(file, field, one, other));
            match known {
                Some(index) => {
                    unused.remove(&index);
                }
                None => unknown.push(difference),
            }
        }
    }
    let unused: Vec<String> = unused
        .into_iter()
        .map(|index| format!("{:?}", KNOWN[index]))
        .collect();
    let unknown: Vec<String> = unknown
        .iter()
        .map(|(file, service, field, one, other)| {
            format!("{file} {service} {field}: {one} here, {other} by podman-compose")
        })
        .collect();
    assert!(
        unknown.is_empty() && unused.is_empty(),
        "differences that no entry explains:\n{}\nentries that explain nothing:\n{}",
        unknown.join("\n"),
        unused.join("\n")
    );
}

/// Gives the container of the main service, which has its app's name, the name that is left.
fn with_main(mut ours: Services, theirs: &Services) -> Services {
    if let Some(main) = ours.remove(MAIN) {
        let left = theirs.keys().find(|service| !ours.contains_key(*service));
        let name = left.map_or("main", String::as_str).to_owned();
        ours.insert(name, main);
    }
    ours
}

fn differences(file: &str, ours: &Services, theirs: &Services) -> Vec<Difference> {
    let services: BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
    let mut found = Vec::new();
    for service in services {
        let mut differ = |field: &str, one: &str, other: &str| {
            if one != other {
                let texts = [file, service, field, one, other].map(str::to_owned);
                found.push(Difference::from(texts));
            }
        };
        let (one, other) = match (ours.get(service), theirs.get(service)) {
            (Some(one), Some(other)) => (one, other),
            (one, other) => {
                let shown = |facts: Option<&Facts>| match facts.map(|facts| facts.get(FAILURE)) {
                    None => ABSENT.to_owned(),
                    Some(None) => "runs".to_owned(),
                    Some(Some(failure)) => failure.clone(),
                };
                differ("container", &shown(one), &shown(other));
                continue;
            }
        };
        let fields: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
        for field in fields {
            let value = |facts: &Facts| facts.get(field).map_or(ABSENT, String::as_str).to_owned();
            differ(field, &value(one), &value(other));
        }
    }
    found
}

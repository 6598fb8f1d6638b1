//! The desired state that a manifest, an intent and the node's configuration produce together.

mod compose;
mod exports;
mod hooks;
mod images;
mod jobs;
mod mounts;
mod nesting;
mod sources;

use super::*;
use crate::config::Config;
use crate::file_error::FileError;
use crate::intent::Intent;
use crate::manifest::{COMPOSE_FILE, Files};

fn id(text: &str) -> AppId {
    AppId::parse(text).unwrap()
}

fn inputs(apps: &[(&str, &str)]) -> Inputs {
    let mut inputs = Inputs::new(Layout::under("/"));
    for (app, text) in apps {
        inputs
            .intents
            .insert(id(app), Ok(Intent::parse("", "").unwrap()));
        let files = Files::from([(COMPOSE_FILE.to_owned(), text.as_bytes().into())]);
        inputs.definitions.insert(id(app), files);
    }
    inputs
}

/// How each app ends up: `present`, or the cause that keeps it from that.
fn check(inputs: &Inputs, expected: &[(&str, &str)]) {
    let desired = assemble(inputs, &Apps::read(inputs));
    let found: Vec<(&str, String)> = desired
        .apps
        .iter()
        .map(|(id, app)| (id.as_str(), said(app)))
        .collect();
    let found: Vec<(&str, &str)> = found
        .iter()
        .map(|(id, text)| (*id, text.as_str()))
        .collect();
    assert_eq!(found, expected);
}

fn said(app: &App) -> String {
    match app {
        App::Broken { cause, .. } => cause.to_string(),
        App::NeedsSecrets { missing } => {
            let missing: BTreeSet<&String> = missing.keys().collect();
            format!("needs {missing:?}")
        }
        App::NeedsApp { other } => format!("waits for {other}"),
        App::NeedsFile { other, file } => format!("waits for {file} of {other}"),
        App::Present(_) => "present".to_owned(),
        App::Removed {
            purge, required_by, ..
        } => {
            format!("removed, purge {purge}, required by {}", required_by.len())
        }
    }
}

fn unit<'a>(desired: &'a Desired, app: &str, name: &str) -> &'a DesiredUnit {
    let (_, present) = desired
        .present()
        .find(|(other, _)| other.as_str() == app)
        .unwrap();
    &present.units[name]
}

const PLAIN: &str = "services: {a: {image: x}}\n";

#[test]
fn an_app_that_cannot_be_worked_out_leaves_the_others_alone() {
    let mut inputs = inputs(&[
        ("a", PLAIN),
        ("b", "services: {}\n"),
        ("c", PLAIN),
        ("d", PLAIN),
    ]);
    inputs
        .intents
        .insert(id("c"), Err(FileError::Disk("c.toml: line 1".to_owned())));
    inputs.definitions.remove(&id("d"));
    check(
        &inputs,
        &[
            ("a", "present"),
            (
                "b",
                "/config/apps/b/compose.yaml:1:1: no services: an app has at least one",
            ),
            ("c", "c.toml: line 1"),
            (
                "d",
                "its definition /config/apps/d is missing; containers keep running; archipelago install d stores it again",
            ),
        ],
    );
}

#[test]
fn two_services_of_the_same_name_for_systemd_are_refused() {
    let volume = "services:\n  a: {image: x}\n  data-volume: {image: x}\nvolumes: {data: }\n";
    let network = "services:\n  a: {image: x}\n  network: {image: x}\n";
    let taken = |unit: &str, other: &str| {
        format!(
            "{unit} and {other} both become the service {}; rename the service or the volume in compose.yaml",
            unit.replace(".container", ".service")
        )
    };
    check(
        &inputs(&[("a", volume)]),
        &[(
            "a",
            &taken("archy-a-data-volume.container", "archy-a-data.volume"),
        )],
    );
    check(
        &inputs(&[("a", network)]),
        &[("a", &taken("archy-a-network.container", "archy-a.network"))],
    );
    // Of two apps, the one that sorts last steps back.
    let other = "services: {b-c: {image: x}, a: {image: x}}\n";
    check(
        &inputs(&[
            ("a", other),
            ("a-b", "services: {a-b: {image: x}, c: {image: x}}\n"),
        ]),
        &[
            ("a", "present"),
            (
                "a-b",
                "its unit archy-a-b-c.service has the same name as one of a; uninstall one of the two",
            ),
        ],
    );
}

#[test]
fn two_apps_cannot_have_one_port() {
    let on = |port: &str| format!("services: {{web: {{image: x, ports: ['{port}']}}}}\n");
    let taken = |port: &str| {
        format!(
            "its port {port} is already that of a; choose another with --set, or uninstall one of the two"
        )
    };
    for (one, other, expected) in [
        ("80:80", "80:81", taken("127.0.0.1:80")),
        ("0.0.0.0:80:80", "127.0.0.1:80:80", taken("127.0.0.1:80")),
        ("127.0.0.1:80:80", "0.0.0.0:80:80", taken("0.0.0.0:80")),
        ("80:80", "80:80/udp", "present".to_owned()),
        ("127.0.0.1:80:80", "127.0.0.2:80:80", "present".to_owned()),
    ] {
        check(
            &inputs(&[("a", &on(one)), ("b", &on(other))]),
            &[("a", "present"), ("b", &expected)],
        );
    }
}

#[test]
fn apps_that_require_each_other_are_refused() {
    let app = |name: &str, other: &str| {
        format!(
            "services: {{{name}: {{image: x}}}}\nx-archipelago: {{requires: {{apps: [{other}]}}}}\n"
        )
    };
    let (a, b, c) = (app("a", "b"), app("b", "c"), app("c", "a"));
    let cause = |other: &str| {
        format!(
            "it requires {other}, which requires it in turn, so neither could start first; correct `requires` in one of the two"
        )
    };
    check(
        &inputs(&[("a", &a), ("b", &b), ("c", &c)]),
        &[("a", &cause("b")), ("b", &cause("c")), ("c", &cause("a"))],
    );
}

#[test]
fn a_part_of_a_second_to_stop_is_more_than_none() {
    let text = "services: {a: {image: x, stop_grace_period: 300ms}}\n";
    let inputs = inputs(&[("a", text)]);
    let desired = assemble(&inputs, &Apps::read(&inputs));
    let content = &unit(&desired, "a", "archy-a.container").file.content;
    assert!(
        content.contains("\nPodmanArgs=\"--stop-timeout\" \"1\"\n"),
        "{content}"
    );
}

#[test]
fn a_service_that_starts_healthy_is_not_hurried_and_its_page_does_not_wait() {
    let text = "services:
  web: {image: x, healthcheck: {test: [CMD, ask, it], interval: 1h, start_interval: 1s, start_period: 10m}}
  ui: {image: y}
x-archipelago: {companions: [ui]}
";
    let desired = |text| {
        let inputs = inputs(&[("web", text)]);
        assemble(&inputs, &Apps::read(&inputs))
    };
    let content = |text, name| {
        let unit = unit(&desired(text), "web", name).file.content.clone();
        unit.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let has = |content: &[String], line: &str| content.iter().any(|other| other == line);
    let web = content(text, "archy-web.container");
    for line in [
        "HealthStartupCmd=\"[\"ask\",\"it\"]\"",
        "HealthStartupInterval=1000ms",
        "PodmanArgs=\"--sdnotify\" \"healthy\"",
        "TimeoutStartSec=900",
    ] {
        assert!(has(&web, line), "no {line} in {web:#?}");
    }
    let ui = content(text, "archy-web-ui.container");
    assert!(has(&ui, "Wants=archy-web.service") && !has(&ui, "After=archy-web.service"));

    let plain: &'static str = "services:
  web: {image: x, healthcheck: {test: [CMD, ask it]}}
  ui: {image: y}
x-archipelago: {companions: [ui]}
";
    let web = content(plain, "archy-web.container");
    assert!(
        has(&web, "HealthCmd=\"[\"CMD-SHELL\",\"'ask it'\"]\"") && has(&web, "TimeoutStartSec=300")
    );
    assert!(
        !web.iter().any(|line| line.contains("sdnotify")),
        "{web:#?}"
    );
    let ui = content(plain, "archy-web-ui.container");
    assert!(has(&ui, "After=archy-web.service"), "{ui:#?}");
}

#[test]
fn an_app_waits_for_what_it_requires() {
    let base = "services: {base: {image: x}}\nx-archipelago: {secrets: {token: }, exports: {services: {base: }}}\n";
    let top = "services: {top: {image: x}, ui: {image: y}}\nx-archipelago: {companions: [ui], requires: {apps: [base]}}\n";
    check(
        &inputs(&[("top", top)]),
        &[(
            "top",
            "it requires base, which is not installed or cannot be read; archipelago install base",
        )],
    );
    let mut inputs = inputs(&[("base", base), ("top", top)]);
    check(
        &inputs,
        &[("base", "needs {\"token\"}"), ("top", "waits for base")],
    );
    inputs.secrets.insert(
        id("base"),
        BTreeMap::from([("token".to_owned(), "x".to_owned())]),
    );
    check(&inputs, &[("base", "present"), ("top", "present")]);
    let desired = assemble(&inputs, &Apps::read(&inputs));
    let main = &unit(&desired, "top", "archy-top.container").file.content;
    for line in [
        "Network=archy-top.network:alias=top",
        "Network=archy-base-exports.network",
        "After=archy-base.service",
    ] {
        assert!(
            main.lines().any(|other| other == line),
            "no {line} in\n{main}"
        );
    }
    for (line, why) in [
        (
            "Wants=archy-base.service",
            "the operator may have stopped it",
        ),
        (
            "PartOf=archy-base.service",
            "its own stop would hold up the start of what it requires",
        ),
    ] {
        assert!(!main.lines().any(|other| other == line), "{why}\n{main}");
    }
    let page = &unit(&desired, "top", "archy-top-ui.container").file.content;
    assert!(
        !page.contains("archy-top.service") && !page.contains("archy-base.service"),
        "it says that its app waits\n{page}"
    );
    assert!(
        !main.contains("archy-top-ui"),
        "a node must not wait for its page\n{main}"
    );

    let mut removed = Intent::parse("", "state = \"removed\"").unwrap();
    removed.purge = true;
    inputs.intents.insert(id("base"), Ok(removed));
    let desired = assemble(&inputs, &Apps::read(&inputs));
    assert_eq!(
        said(&desired.apps[&id("base")]),
        "removed, purge true, required by 1"
    );

    // Nor is it removed under one whose intent cannot be read: its definition still says what it
    // requires.
    let unreadable = Intent::parse("top.toml", "state = 3").unwrap_err();
    inputs
        .intents
        .insert(id("top"), Err(unreadable.clone().into()));
    let apps = Apps::read(&inputs);
    assert_eq!(apps.dependants(&id("base")), BTreeSet::from([id("top")]));
    let desired = assemble(&inputs, &apps);
    assert_eq!(
        said(&desired.apps[&id("base")]),
        "removed, purge true, required by 1"
    );
}

#[test]
fn a_revision_changes_with_what_its_container_is_started_with_and_with_nothing_else() {
    let text = "services:\n  a: {image: x, secrets: [token]}\n  b: {image: x}\nx-archipelago:\n  secrets: {token: }\n  templates: [{source: b.conf, service: b, target: /b.conf}]\n";
    let mut inputs = inputs(&[("a", text)]);
    let secret = |inputs: &mut Inputs, text: &str| {
        inputs.secrets.insert(
            id("a"),
            BTreeMap::from([("token".to_owned(), text.to_owned())]),
        );
    };
    let template = |inputs: &mut Inputs, text: &str| {
        inputs
            .definitions
            .get_mut(&id("a"))
            .unwrap()
            .insert("b.conf".to_owned(), text.as_bytes().into());
    };
    let revisions = |inputs: &Inputs| {
        let desired = assemble(inputs, &Apps::read(inputs));
        let of = |name: &str| unit(&desired, "a", name).file.revision.clone();
        (of("archy-a.container"), of("archy-a-b.container"))
    };
    secret(&mut inputs, "one");
    template(&mut inputs, "one");
    let first = revisions(&inputs);
    assert_eq!(first, revisions(&inputs));
    secret(&mut inputs, "two");
    let second = revisions(&inputs);
    assert!(first.0 != second.0 && first.1 == second.1);
    template(&mut inputs, "two");
    let third = revisions(&inputs);
    assert!(second.0 == third.0 && second.1 != third.1);
}

#[test]
fn an_image_is_replaced_however_its_name_is_written() {
    let mut inputs = inputs(&[("a", "services: {a: {image: nginx}}\n")]);
    let text = "[images]\n\"docker.io/library/nginx:latest\" = \"registry.lan/web:2\"\n";
    inputs.config = Ok(Config::parse("config.toml", text).unwrap());
    let desired = assemble(&inputs, &Apps::read(&inputs));
    let content = &unit(&desired, "a", "archy-a.container").file.content;
    assert!(
        content.contains("\nImage=registry.lan/web:2\n"),
        "{content}"
    );
    let wrong = Config::parse("config.toml", "[images]\nA = \"x\"\n").unwrap_err();
    assert!(
        wrong.to_string().starts_with("config.toml:2:1: images.A: "),
        "{wrong}"
    );
}

#[test]
fn the_whole_folder_can_be_built() {
    let mut inputs = inputs(&[("a", "services: {a: {build: .}}\n")]);
    let files = inputs.definitions.get_mut(&id("a")).unwrap();
    files.insert("Dockerfile".to_owned(), b"FROM x\n".as_slice().into());
    let desired = assemble(&inputs, &Apps::read(&inputs));
    let (_, present) = desired.present().next().unwrap();
    let (_, container) = present.containers().next().unwrap();
    let Origin::Build(context) = &container.image.origin else {
        panic!("{:?}", container.image.origin);
    };
    assert_eq!(context.containerfile, "Dockerfile");
    assert!(context.files.contains_key(COMPOSE_FILE));
}

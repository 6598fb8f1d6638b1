//! Translation of a Compose service: the lines of its unit, folders, files, images and addresses.

use super::*;
use crate::file_error::FileError;
use crate::intent::Intent;
use crate::manifest::{COMPOSE_FILE, Files};

/// The app `a` with the service `a`, which says `lines` besides its image, and a secret and a
/// volume to use.
pub(super) fn service(lines: &str) -> String {
    format!(
        "services:\n  a:\n    image: x\n    {lines}\nvolumes: {{data: }}\nx-archipelago: {{secrets: {{token: }}}}\n"
    )
}

/// The app `a`, its secret made, with these files beside its Compose file.
pub(super) fn app(text: &str, files: &[(&str, &[u8])]) -> Inputs {
    let mut inputs = inputs(&[("a", text)]);
    let definition = inputs.definitions.get_mut(&id("a")).unwrap();
    for (path, content) in files {
        definition.insert((*path).to_owned(), content.to_vec().into());
    }
    let secrets = BTreeMap::from([("token".to_owned(), "5ec2e7".to_owned())]);
    inputs.secrets.insert(id("a"), secrets);
    inputs
}

pub(super) fn assembled(inputs: &Inputs) -> Desired {
    assemble(inputs, &Apps::read(inputs))
}

pub(super) fn present(inputs: &Inputs) -> Present {
    let desired = assembled(inputs);
    match &desired.apps[&id("a")] {
        App::Present(present) => Present::clone(present),
        other => panic!("{}", said(other)),
    }
}

pub(super) fn cause(inputs: &Inputs) -> String {
    said(&assembled(inputs).apps[&id("a")])
}

pub(super) fn content(inputs: &Inputs) -> String {
    present(inputs).units["archy-a.container"]
        .file
        .content
        .clone()
}

pub(super) fn check_lines(lines: &str, expected: &[&str]) {
    let content = content(&app(&service(lines), &[]));
    for line in expected {
        assert!(
            content.lines().any(|other| other == *line),
            "no {line} in\n{content}"
        );
    }
}

#[test]
fn a_service_is_on_the_network_that_it_asks_for_and_on_no_other() {
    for (lines, network) in [
        ("network_mode: host", "Network=host"),
        ("network_mode: none", "Network=none"),
        ("init: true", "Network=archy-a.network:alias=a"),
    ] {
        let content = content(&app(&service(lines), &[]));
        let networks: Vec<&str> = content
            .lines()
            .filter(|line| line.starts_with("Network="))
            .collect();
        assert_eq!(networks, [network]);
    }
}

#[test]
fn two_apps_cannot_have_the_same_addresses() {
    let compose = |subnet: &str| {
        format!(
            "services: {{x: {{image: x}}}}\nnetworks: {{default: {{ipam: {{config: [{{subnet: {subnet}}}]}}}}}}\n"
        )
    };
    let (one, two) = (compose("10.5.0.0/16"), compose("10.5.9.0/24"));
    let inputs = inputs(&[("one", &one), ("two", &two)]);
    let apps = assemble(&inputs, &Apps::read(&inputs)).apps;
    assert!(matches!(apps[&id("one")], App::Present(_)));
    let App::Broken { cause, fault } = &apps[&id("two")] else {
        panic!("{:?}", apps[&id("two")]);
    };
    assert_eq!(*fault, Fault::Conflict);
    assert_eq!(
        cause.to_string(),
        "its addresses 10.5.9.0/24 are already those of a network of one; choose others under `networks`, or uninstall one of the two"
    );
}

#[test]
fn a_secret_reaches_its_container_through_podman_alone() {
    let inputs = app(&service("x-environment-secrets: {PASSWORD: token}"), &[]);
    let content = content(&inputs);
    assert!(
        content.contains("\nSecret=\"archy-a-token,type=env,target=PASSWORD\"\n"),
        "{content}"
    );
    assert!(!content.contains("5ec2e7"), "{content}");
    let stored = &present(&inputs).secrets["archy-a-token"];
    assert_eq!((&stored.app, stored.secret.as_str()), (&id("a"), "token"));
    // Used or not, a variable from a secret is part of what the container is started with.
    let mut other = inputs.clone();
    let secrets = BTreeMap::from([("token".to_owned(), "other".to_owned())]);
    other.secrets.insert(id("a"), secrets);
    let revision = |inputs: &Inputs| {
        present(inputs).units["archy-a.container"]
            .file
            .revision
            .clone()
    };
    assert_ne!(revision(&inputs), revision(&other));
}

#[test]
fn what_no_unit_can_say_is_refused_with_the_way_out() {
    for (lines, expected) in [
        (
            "labels: {archipelago.app: other}",
            "a: the label \"archipelago.app\" is Archipelago's own; rename it",
        ),
        (
            "environment: {A: \"a\\r\\nb\"}",
            "archy-a.container: Environment A: this cannot be passed through a unit file: Podman drops a carriage return before a line feed in a variable; change it in the app's compose.yaml or its settings",
        ),
        (
            "user: \"a\\nb\"",
            "archy-a.container: User: this cannot be passed through a unit file: this key takes one line without control characters; change it in the app's compose.yaml or its settings",
        ),
    ] {
        assert_eq!(cause(&app(&service(lines), &[])), expected);
    }
    let long = "x".repeat(300_001);
    let title = format!("services: {{a: {{image: x}}}}\nx-archipelago: {{title: {long}}}\n");
    let cause = cause(&app(&title, &[]));
    assert!(
        cause.starts_with("archy-a.network: all keys together: ") && cause.len() < 500,
        "{cause}"
    );
}

const BUILT: &str = "services: {a: {build: {context: ui, args: {VERSION: 1}}}}\n";

#[test]
fn a_build_needs_its_folder_and_its_containerfile() {
    let named = "services: {a: {build: {context: ui, dockerfile: page/File}}}\n";
    for (text, file, expected) in [
        (
            BUILT,
            "ux/Containerfile",
            "services.a.build: the folder of its context is missing or empty",
        ),
        (
            BUILT,
            "ui/other",
            "services.a.build: there is no Containerfile or Dockerfile in its context",
        ),
        (
            named,
            "ui/Containerfile",
            "services.a.build: there is no file of the name that `dockerfile` gives in its context",
        ),
        (named, "ui/page/File", "present"),
        (BUILT, "ui/Containerfile", "present"),
    ] {
        assert_eq!(
            cause(&app(text, &[(file, b"FROM x\n")])),
            expected,
            "{file}"
        );
    }
    for image in ["X", "a@sha256:1"] {
        let text = format!("services: {{a: {{image: '{image}'}}}}\n");
        let cause = cause(&app(&text, &[]));
        let expected = "services.a.image: this is no image reference: ";
        assert!(cause.starts_with(expected), "{cause}");
    }
}

/// An image that is there under the name of another would not be built.
#[test]
fn the_name_of_a_built_image_changes_with_whatever_it_is_built_from() {
    let image = |text: &str, files: &[(&str, &[u8])]| {
        let present = present(&app(text, files));
        let (_, container) = present.containers().next().unwrap();
        container.image.reference.to_string()
    };
    let files: [(&str, &[u8]); 2] = [("ui/Containerfile", b"FROM x\n"), ("ui/page", b"1")];
    let first = image(BUILT, &files);
    assert!(first.starts_with("localhost/archy-a:"), "{first}");
    assert_eq!(first, image(BUILT, &files));
    let mut others = vec![
        image(&BUILT.replace("1}", "2}"), &files),
        image(&BUILT.replace("VERSION", "OTHER"), &files),
        image(&BUILT.replace("args", "target: small, args"), &files),
        image(BUILT, &[files[0], ("ui/page", b"2")]),
        image(BUILT, &[files[0], ("ui/pages", b"1")]),
        image(BUILT, &[("ui/Dockerfile", b"FROM x\n"), files[1]]),
        first,
    ];
    others.sort_unstable();
    others.dedup();
    assert_eq!(others.len(), 7, "{others:?}");
    // Files outside the build context do not change the image.
    assert_eq!(
        image(BUILT, &files),
        image(BUILT, &[files[0], files[1], ("README.md", b"2")])
    );
}

#[test]
fn an_app_is_opened_and_asked_where_the_node_itself_reaches_it() {
    let text = |port: &str| {
        format!(
            "services: {{a: {{image: x, ports: ['{port}']}}}}\nx-archipelago:\n  urls: [{{title: Page, service: a, port: 80, path: /ui}}]\n  readiness: [{{service: a, port: 80}}]\n"
        )
    };
    for (port, address) in [
        ("8080:80", "127.0.0.1:8080"),
        ("0.0.0.0:8080:80", "127.0.0.1:8080"),
        ("[::]:8080:80", "[::1]:8080"),
        ("192.168.1.2:8080:80", "192.168.1.2:8080"),
        ("[fd00::2]:8080:80", "[fd00::2]:8080"),
    ] {
        let present = present(&app(&text(port), &[]));
        let url = format!("http://{address}/ui");
        assert_eq!(present.urls, [("Page".to_owned(), url)], "{port}");
        let asked: Vec<String> = present
            .probes
            .iter()
            .map(|probe| probe.address.to_string())
            .collect();
        assert_eq!(asked, [address], "{port}");
    }
}

const CAPTURED: &str = "services: {a: {image: x}}
volumes: {data: }
x-archipelago:
  captures:
    cert: {volume: data, path: tls/cert.pem}
    macaroon: {volume: data, path: admin.macaroon, encoding: hex}
  templates: [{source: a.conf, service: a, target: /a.conf}]
";

#[test]
fn a_template_may_use_what_the_app_wrote() {
    let template: &[u8] = b"{{ captures.cert }}|{{ captures.macaroon }}";
    let mut inputs = app(CAPTURED, &[("a.conf", template)]);
    let rendered =
        |inputs: &Inputs| present(inputs).files[&PathBuf::from("/data/archy-a/a.conf")].clone();
    assert_eq!(rendered(&inputs), "|", "nothing was written yet");
    let paths: Vec<PathBuf> = Apps::read(&inputs)
        .captures(&inputs.layout)
        .into_iter()
        .collect();
    let (macaroon, cert) = (
        PathBuf::from("/data/volumes/a/data/admin.macaroon"),
        PathBuf::from("/data/volumes/a/data/tls/cert.pem"),
    );
    assert_eq!(paths, [macaroon.clone(), cert.clone()]);
    inputs.captured.insert(cert.clone(), b"PEM\n".to_vec());
    inputs.captured.insert(macaroon, vec![0x02, 0xff]);
    assert_eq!(rendered(&inputs), "PEM|02ff");
    inputs.captured.insert(cert, vec![0xff]);
    assert_eq!(
        cause(&inputs),
        "the captured file cert of a is not UTF-8 text; use `encoding: hex`"
    );
}

#[test]
fn a_template_that_cannot_be_rendered_is_named() {
    assert_eq!(
        cause(&app(CAPTURED, &[])),
        "/config/apps/a/a.conf is missing, but x-archipelago.templates names it"
    );
    assert_eq!(
        cause(&app(CAPTURED, &[("a.conf", &[0xff])])),
        "/config/apps/a/a.conf is not UTF-8 text; save it as UTF-8"
    );
    let wrong = cause(&app(CAPTURED, &[("a.conf", b"one\n{{ captures.crt }}")]));
    assert!(wrong.starts_with("/config/apps/a/a.conf:2:1: "), "{wrong}");
}

#[test]
fn settings_and_files_are_those_of_the_app_that_the_intent_names() {
    let mut renamed = inputs(&[("a", "name: b\nservices: {a: {image: x}}\n")]);
    check(
        &renamed,
        &[(
            "a",
            "/config/apps/a/compose.yaml is the app \"b\", but its intent is named a; install it under its own name",
        )],
    );
    // The definition cannot be used, but the intent still says that the app is to be removed.
    let removed = Intent::parse("", "state = \"removed\"").unwrap();
    renamed.intents.insert(id("a"), Ok(removed));
    check(&renamed, &[("a", "removed, purge false, required by 0")]);

    let mut unknown = inputs(&[("a", PLAIN)]);
    let intent = Intent::parse("", "[settings]\nport = 1\n").unwrap();
    unknown.intents.insert(id("a"), Ok(intent));
    check(
        &unknown,
        &[(
            "a",
            "/config/apps/a.toml: a has no setting \"port\"; it has: none",
        )],
    );
    for (content, expected) in [
        (
            None,
            "/config/apps/a/compose.yaml is missing; an app is a folder with a compose.yaml",
        ),
        (
            Some(vec![0xff]),
            "/config/apps/a/compose.yaml is not UTF-8 text; save it as UTF-8",
        ),
    ] {
        let mut inputs = inputs(&[("a", PLAIN)]);
        let files = inputs.definitions.get_mut(&id("a")).unwrap();
        files.clear();
        files.extend(content.map(|content| (COMPOSE_FILE.to_owned(), content.into())));
        check(&inputs, &[("a", expected)]);
    }
}

#[test]
fn an_app_that_is_to_go_keeps_nobody_else() {
    let top = "services: {top: {image: x}}\nx-archipelago: {requires: {apps: [a]}}\n";
    let mut inputs = inputs(&[("a", PLAIN), ("top", top), ("other", PLAIN)]);
    let dependants = |inputs: &Inputs| Apps::read(inputs).dependants(&id("a"));
    assert_eq!(dependants(&inputs), BTreeSet::from([id("top")]));
    let removed = Intent::parse("", "state = \"removed\"").unwrap();
    inputs.intents.insert(id("top"), Ok(removed));
    assert_eq!(dependants(&inputs), BTreeSet::new());
}

#[test]
fn the_secrets_of_an_app_are_known_by_name_before_they_are_made() {
    let two = "services: {b: {image: x}}\nx-archipelago: {secrets: {token: , password: }}\n";
    let inputs = inputs(&[("a", PLAIN), ("b", two), ("c", "services: {}\n")]);
    let apps = Apps::read(&inputs);
    let names: Vec<(&str, &str)> = apps
        .recipes()
        .map(|(id, name, _)| (id.as_str(), name.as_str()))
        .collect();
    assert_eq!(names, [("b", "password"), ("b", "token")]);
}

#[test]
fn where_an_unusable_configuration_of_the_node_matters() {
    let mut inputs = inputs(&[("a", PLAIN), ("b", PLAIN)]);
    let removed = Intent::parse("", "state = \"removed\"").unwrap();
    inputs.intents.insert(id("b"), Ok(removed));
    inputs.config = Err(FileError::Disk("config.toml: line 1".to_owned()));
    check(
        &inputs,
        &[
            ("a", "config.toml: line 1"),
            ("b", "removed, purge false, required by 0"),
        ],
    );
}

#[test]
fn a_part_of_a_container_is_said_in_podmans_words() {
    check_lines(
        "sysctls: {net.core.somaxconn: 1024}\n    ulimits: {nproc: 64}\n    security_opt: [seccomp=unconfined]",
        &[
            "Sysctl=net.core.somaxconn=1024",
            "Ulimit=nproc=64",
            "SeccompProfile=\"unconfined\"",
        ],
    );
}

#[test]
fn a_captured_file_that_cannot_be_read_changes_nothing() {
    let template: &[u8] = b"{{ captures.cert }}";
    let mut inputs = app(CAPTURED, &[("a.conf", template)]);
    let path = PathBuf::from("/data/volumes/a/data/tls/cert.pem");
    let why = "read /data/volumes/a/data/tls/cert.pem: Input/output error";
    inputs
        .found
        .unreadable
        .insert(path, FileError::Disk(why.to_owned()));
    assert_eq!(
        cause(&inputs),
        format!("the captured file cert of a cannot be read, so nothing is changed: {why}")
    );
}

#[test]
fn a_secret_that_cannot_be_read_is_not_generated_anew() {
    for path in ["/data/secrets", "/data/secrets/a", "/data/secrets/a/token"] {
        let mut inputs = inputs(&[("a", &service("init: true"))]);
        assert_eq!(cause(&inputs), "needs {\"token\"}");
        let unreadable = &mut inputs.found.unreadable;
        unreadable.insert(PathBuf::from(path), FileError::Disk("why".to_owned()));
        let expected = "a secret of a cannot be read, so nothing is changed: why";
        assert_eq!(cause(&inputs), expected, "{path}");
        // An app that requires it must not continue without that secret either.
        let top = "services: {b: {image: x}}\nx-archipelago: {requires: {apps: [a]}}\n";
        let files = Files::from([(COMPOSE_FILE.to_owned(), top.as_bytes().into())]);
        inputs.definitions.insert(id("b"), files);
        let intent = Intent::parse("", "").unwrap();
        inputs.intents.insert(id("b"), Ok(intent));
        assert_eq!(said(&assembled(&inputs).apps[&id("b")]), expected);
    }
    let mut other = inputs(&[("a", &service("init: true"))]);
    other.found.unreadable.insert(
        PathBuf::from("/data/secrets/b"),
        FileError::Disk("why".to_owned()),
    );
    assert_eq!(cause(&other), "needs {\"token\"}");
}

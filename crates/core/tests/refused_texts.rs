//! Texts that a unit file cannot hold: the renderer refuses them with the key and the reason.
#![allow(
    clippy::unwrap_used,
    reason = "a failure of a test helper fails the test"
)]

use std::collections::BTreeMap;
use std::error::Error;

use archipelago_core::name::AppId;
use archipelago_core::quadlet::{
    Container, Kind, Secret, SecretDelivery, ServiceSection, Stamp, Unit, UnitSection,
};

/// Renders a changed container, which must be refused with this key and reason, or accepted.
fn check(change: impl FnOnce(&mut Container), expected: Option<(&str, &str)>) {
    let mut container = Container {
        image: "docker.io/library/busybox:stable".to_owned(),
        name: "archy-x".to_owned(),
        ..Container::default()
    };
    change(&mut container);
    let unit = Unit {
        stem: "archy-x".to_owned(),
        unit: UnitSection::default(),
        kind: Kind::Container(Box::new(container)),
        service: ServiceSection::default(),
        starts_at_boot: false,
    };
    let app = AppId::parse("x").unwrap();
    let stamp = Stamp {
        app: &app,
        companion: false,
        inputs: &[],
    };
    match (unit.render(stamp), expected) {
        (Ok(_), None) => {}
        (Err(error), Some((key, reason))) => {
            assert_eq!(error.to_string(), format!("archy-x.container: {key}"));
            let source = error.source().unwrap().to_string();
            assert!(source.contains(reason), "{source}");
        }
        (rendered, _) => panic!("{rendered:?}, expected {expected:?}"),
    }
}

fn variables(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
        .collect()
}

#[test]
fn names_of_variables_that_podman_would_read_otherwise_are_refused() {
    check(
        |container| container.environment = variables(&[("A.b-C_1", "x")]),
        None,
    );
    for name in ["A*", "A B", "", "A\n", "%h"] {
        check(
            |container| container.environment = variables(&[(name, "x")]),
            Some(("Environment", "")),
        );
    }
}

#[test]
fn a_carriage_return_before_a_line_feed_is_refused_in_a_variable_alone() {
    check(
        |container| container.environment = variables(&[("A", "a\r\nb")]),
        Some(("Environment A", "carriage return")),
    );
    check(
        |container| container.labels = variables(&[("A", "a\r\nb")]),
        None,
    );
    check(
        |container| container.annotations = variables(&[("A", "a\r\nb")]),
        None,
    );
}

#[test]
fn a_comma_in_an_option_of_a_secret_is_refused() {
    let secret = |name: &str, delivery| Secret {
        name: name.to_owned(),
        delivery,
    };
    let environment = |name: &str| SecretDelivery::Environment(name.to_owned());
    let file = |target: &str| SecretDelivery::File {
        target: Some(target.to_owned()),
        uid: None,
        gid: None,
        mode: None,
    };
    check(
        |container| container.secrets = vec![secret("s", environment("PASSWORD"))],
        None,
    );
    check(
        |container| container.secrets = vec![secret("s", environment("A,type=mount"))],
        Some(("Secret", "commas")),
    );
    check(
        |container| container.secrets = vec![secret("s,x", environment("A"))],
        Some(("Secret", "commas")),
    );
    check(
        |container| container.secrets = vec![secret("s", file("/a,mode=0777"))],
        Some(("Secret", "commas")),
    );
}

#[test]
fn more_text_than_systemd_reads_in_one_line_is_refused() {
    let many = |count: usize| {
        variables(&[
            ("A", &"x".repeat(59_000)),
            ("B", &"x".repeat(59_000)),
            ("C", &"x".repeat(count)),
        ])
    };
    check(|container| container.environment = many(59_000), None);
    check(
        |container| {
            container.environment = many(59_000);
            container.labels = many(59_000);
        },
        Some(("all keys together", "300,000 bytes")),
    );
}

#[test]
fn a_line_break_is_refused_in_a_key_of_one_line() {
    type Change = fn(&mut Container);
    let one_line = "one line";
    let cases: [(&str, Change); 4] = [
        ("User", |container| container.user = Some("a\nb".to_owned())),
        ("HostName", |container| {
            container.hostname = Some("a\nb".to_owned())
        }),
        ("WorkingDir", |container| {
            container.working_dir = Some("/a\nb".to_owned())
        }),
        ("Tmpfs", |container| {
            container.tmpfs = vec!["/a\nb".to_owned()]
        }),
    ];
    for (key, change) in cases {
        check(change, Some((key, one_line)));
    }
}

//! The exports of an app, and its requirements on other apps.

use std::collections::BTreeSet;

use super::*;

#[test]
fn what_an_app_offers_is_there() {
    let check = |text: &str, expected: &str| check_extension(&format!("exports: {text}"), expected);
    check(
        "{service: {web: }}",
        &format!("5:13: x-archipelago.exports.service: {UNKNOWN}"),
    );
    check(
        "{services: [web]}",
        "5:13: x-archipelago.exports.services: expected a mapping (key: value)",
    );
    check(
        "{services: {db: }}",
        "5:24: x-archipelago.exports.services.db: there is no service \"db\"",
    );
    check(
        "{services: {web: [0]}}",
        "5:30: x-archipelago.exports.services.web[0]: expected a port from 1 to 65535",
    );
    check(
        "{settings: [network, zmq]}",
        "5:24: x-archipelago.exports.settings[0]: there is no setting of that name",
    );
    check(
        "{secrets: [rpc]}",
        "5:23: x-archipelago.exports.secrets[0]: there is no secret of that name",
    );
    check(
        "{files: [cert]}",
        "5:21: x-archipelago.exports.files[0]: there is no capture of that name",
    );
    let host = "services: {web: {image: x, network_mode: host}}\n";
    super::check(
        &format!("{host}x-archipelago: {{exports: {{services: {{web: }}}}}}\n"),
        "2:38: x-archipelago.exports.services.web: \"web\" has a `network_mode`, so it cannot join the network on which others would reach it; remove one of the two",
    );
    super::check(
        &format!("{host}x-archipelago: {{requires: {{apps: [{{app: db, services: [web]}}]}}}}\n"),
        "2:56: x-archipelago.requires.apps[0].services[0]: \"web\" has a `network_mode`, so it cannot join the network of another app; remove one of the two",
    );
    let manifest = good(
        "services: {web: {image: x}}\nx-archipelago: {settings: {a: {type: port, default: 1}}, secrets: {s: , t: }, exports: {services: {web: [80, 443]}, settings: [a], secrets: [t]}}\n",
    );
    let exports = &manifest.extension.exports;
    assert!(exports.has_network());
    assert_eq!(
        (&exports.services["web"], &exports.secrets),
        (
            &BTreeSet::from([80, 443]),
            &BTreeSet::from(["t".to_owned()])
        )
    );
    // By default nothing is exported.
    assert_eq!(
        good("services: {web: {image: x}}\n").extension.exports,
        Exports::default()
    );
}

#[test]
fn a_requirement_can_name_the_services_that_use_it() {
    let check = |text: &str, expected: &str| {
        check_extension(&format!("requires: {{apps: [{text}]}}"), expected);
    };
    check(
        "{app: db, service: [web]}",
        &format!("5:31: x-archipelago.requires.apps[0].service: {UNKNOWN}"),
    );
    check(
        "{services: [web]}",
        "5:21: x-archipelago.requires.apps[0]: `app` is missing",
    );
    check(
        "{app: db, services: [wbe]}",
        "5:42: x-archipelago.requires.apps[0].services[0]: there is no service of that name; the services are ui, web",
    );
    check(
        "db, {app: db}",
        "5:26: x-archipelago.requires.apps[1].app: db is required twice",
    );
    let manifest = good(
        "services: {web: {image: x}, job: {image: x}}\nx-archipelago: {id: a, requires: {apps: [one, {app: two, services: [job]}]}}\n",
    );
    let requires = &manifest.extension.requires;
    let id = |text| AppId::parse(text).unwrap();
    for (service, app, expected) in [
        ("web", "one", true),
        ("job", "one", true),
        ("web", "two", false),
        ("job", "two", true),
        ("job", "three", false),
    ] {
        assert_eq!(
            requires.lets(service, &id(app)),
            expected,
            "{service} {app}"
        );
    }
}

#[test]
fn a_joined_secret_is_made_of_what_there_is() {
    let check = |secret: &str, expected: &str| {
        check_extension(
            &format!("requires: {{apps: [node]}}\nsecrets: {{own: , s: {{joined: [{secret}]}}}}"),
            expected,
        );
    };
    let parts = "expected `text`, `setting`, `secret`, or `app` with `secret` or `file`";
    check(
        "{}",
        &format!("6:33: x-archipelago.secrets.s.joined[0]: {parts}"),
    );
    check(
        "{app: node}",
        &format!("6:33: x-archipelago.secrets.s.joined[0]: {parts}"),
    );
    check(
        "{file: m}",
        &format!("6:34: x-archipelago.secrets.s.joined[0].file: {UNKNOWN}"),
    );
    check(
        "{text: a, secret: own}",
        "6:43: x-archipelago.secrets.s.joined[0].secret: one part is one of these keys; make two parts of it",
    );
    let absent =
        "a part names a setting, a variable or a generated secret that this app does not have";
    for part in ["{secret: none}", "{secret: s}", "{setting: none}"] {
        check(
            part,
            &format!("6:24: x-archipelago.secrets.s.joined: {absent}"),
        );
    }
    check(
        "{app: other, secret: x}",
        "6:20: x-archipelago.secrets.s: this app does not require other; add it to `requires.apps`",
    );
    check_extension(
        "variables: {A: {app: node, setting: x}}",
        "5:15: x-archipelago.variables.A: this app does not require node; add it to `requires.apps`",
    );
    check_extension(
        "requires: {apps: [node]}\nsettings: {A: {type: string, default: x}}\nvariables: {A: {app: node, setting: x}}",
        "7:15: x-archipelago.variables.A: there is a setting of that name; rename one of the two",
    );
    // Another app would get what it was not offered.
    check_extension(
        "requires: {apps: [node]}\nsecrets: {s: {joined: [{app: node, secret: x}]}}\nexports: {secrets: [s]}",
        "7:23: x-archipelago.exports.secrets[0]: there is no secret of that name",
    );
    super::check(
        "services: {web: {image: x, x-environment-secrets: {A: s}}}\nx-archipelago: {requires: {apps: [node]}, secrets: {s: {joined: [{app: node, file: x}]}}}\n",
        "1:28: services.web.x-environment-secrets: a secret here has a file of another app, whose bytes may be no text; mount it with `secrets`",
    );
}

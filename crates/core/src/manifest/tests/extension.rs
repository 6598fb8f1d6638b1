//! The extension: settings, companions, templates.

use super::*;

#[test]
fn the_main_service_is_the_one_named_like_the_app_or_the_only_one() {
    let main = |services: &str, companions: &str| {
        good(&format!(
            "services: {{{services}}}\nx-archipelago: {{companions: [{companions}]}}\n"
        ))
        .main
    };
    assert_eq!(
        main("web: {image: x}, db: {image: y}", "").as_deref(),
        Some("web")
    );
    assert_eq!(
        main("app: {image: x}, ui: {image: y}", "ui").as_deref(),
        Some("app")
    );
    assert_eq!(main("app: {image: x}, db: {image: y}", ""), None);
    assert_eq!(main("ui: {image: y}", "ui"), None);
}

#[test]
fn variables() {
    // A file for Archipelago sets all its variables.
    let unset = |line: &str, expected: &str| {
        check(
            &format!("services:\n  web: {{image: x,\n    {line}}}\nx-archipelago: {{}}\n"),
            expected,
        );
    };
    unset(
        "hostname: '${nmae}'",
        "3:15: services.web.hostname: there is no variable \"nmae\"; those of this app are its settings: none. Declare it under `x-archipelago.settings`, or write `${nmae:-default}`",
    );
    // It may be a part of a password.
    unset(
        "hostname: pa$word",
        "3:15: services.web.hostname: `$` begins a variable, and there is none of this name; those of this app are its settings: none. A dollar sign is written `$$`",
    );
    unset(
        "hostname: '${nmae'",
        "3:15: services.web.hostname: a `${` without its `}`; write a dollar sign as `$$`; correct the variable, or write a plain dollar sign as `$$`",
    );
    // Elsewhere it is as in Compose.
    check_warning(
        "hostname: '${nmae}'",
        "3:15: services.web.hostname: the variable nmae is not set and becomes empty; set nmae, or write a default: ${nmae:-…}",
    );
    assert_eq!(good_service("command: ['5 $']").command, ["5 $"]);
    let manifest = good(
        "services: {web: {image: 'x:${tag}', hostname: '${none:-h}$$'}}\nx-archipelago: {settings: {tag: {type: string, default: '1'}}}\n",
    );
    let web = &manifest.services["web"];
    assert_eq!(
        (web.image.clone(), web.hostname.as_deref()),
        (ImageSource::Reference("x:1".to_owned()), Some("h$"))
    );
}

#[test]
fn an_app_without_a_name_has_that_of_its_folder() {
    let id = |folder: &str| {
        let text = "services: {web: {image: x}}\n";
        let schema = Schema::read("compose.yaml", text, folder);
        schema.map(|schema| schema.extension.id.to_string())
    };
    assert_eq!(id("My_page.site"), Ok("my-page-site".to_owned()));
    assert_eq!(id(".web"), Ok("web".to_owned()));
    assert!(id("...").is_err());
}

/// Only captures take settings: anything else is read before those are chosen.
#[test]
fn what_the_extension_says_is_not_filled_in() {
    let manifest = good(
        "services: {web: {image: x}}\nvolumes: {data: }\nx-archipelago: {title: 'a ${b} $$', settings: {n: {type: string, default: main}}, captures: {c: {volume: data, path: 'x/${n}'}}}\n",
    );
    assert_eq!(manifest.extension.title, "a ${b} $$");
    assert_eq!(manifest.extension.captures["c"].path, "x/main");
    check(
        "services: {web: {image: x}}\nvolumes: {data: }\nx-archipelago: {captures: {c: {volume: data, path: '${n}'}}}\n",
        "3:46: x-archipelago.captures.c.path: there is no variable \"n\"; those of this app are its settings: none. Declare it under `x-archipelago.settings`, or write `${n:-default}`",
    );
}

#[test]
fn the_extension() {
    check_extension("titel: x", &format!("5:3: x-archipelago.titel: {UNKNOWN}"));
    check_extension(
        "id: Web",
        "5:3: x-archipelago.id: this cannot be the name of an app: use 1 to 40 lower-case letters, digits and hyphens, starting and ending with a letter or digit",
    );
    check_extension(
        "title: \"a\\nb\"",
        "5:3: x-archipelago.title: expected one line of text, without control characters",
    );
    check_extension(
        "settings: {9port: {type: port}}",
        "5:14: x-archipelago.settings.9port: the setting \"9port\" is not usable as a variable: use letters, digits and underscores, starting with a letter",
    );
    check_extension(
        "settings: {a: {type: number}}",
        "5:18: x-archipelago.settings.a.type: this is no type of a setting; there are string, text, integer, boolean, choice, port and path",
    );
    check_extension(
        "settings: {a: {type: choice}}",
        "5:14: x-archipelago.settings.a: a choice needs `choices`, a list of at least one",
    );
    check_extension(
        "settings: {a: {type: port, default: 0}}",
        "5:30: x-archipelago.settings.a.default: the setting a does not fit: it takes a port from 1 to 65535",
    );
    check_extension(
        "settings: {a: {type: port, minimum: 1}}",
        &format!("5:30: x-archipelago.settings.a.minimum: {UNKNOWN}"),
    );
    check_extension(
        &format!("settings: {{{}: {{type: port}}}}", "a".repeat(65)),
        &format!(
            "5:14: x-archipelago.settings.{0}: the setting \"{0}\" is not usable as a variable: use letters, digits and underscores, starting with a letter",
            "a".repeat(65)
        ),
    );
    check_extension(
        "secrets: {a: {length: 3}}",
        &format!("5:17: x-archipelago.secrets.a.length: {UNKNOWN}"),
    );
    check_extension(
        "companions: [gui]",
        "5:3: x-archipelago.companions: there is no service of that name; the services are ui, web",
    );
    check_extension(
        "requires: {app: [x]}",
        &format!("5:14: x-archipelago.requires.app: {UNKNOWN}"),
    );
    check_extension(
        "requires: {apps: [web]}",
        "5:3: x-archipelago.requires: an app cannot require itself",
    );
    check_extension(
        "captures: {a: {volume: data, path: x}}",
        "5:14: x-archipelago.captures.a: there is no such volume; declare it under the top-level `volumes`",
    );
    check_extension(
        "captures: {a: {volume: data, path: ../x}}",
        "5:32: x-archipelago.captures.a.path: this path leads out of the app's folder",
    );
    check_extension(
        "captures: {a: {volume: data, path: x, encoding: base64}}",
        "5:41: x-archipelago.captures.a.encoding: expected text or hex",
    );
    check_extension(
        "captures: {a: {volume: data, path: x, trim: true}}",
        &format!("5:41: x-archipelago.captures.a.trim: {UNKNOWN}"),
    );
}

#[test]
fn a_companion_depends_on_its_app_and_never_the_other_way_round() {
    check(
        "services:\n  web: {image: x, depends_on: [ui]}\n  ui: {image: y}\nx-archipelago: {companions: [ui]}\n",
        "2:32: services.web.depends_on.ui: ui is a companion; a companion depends on its app, never the other way round",
    );
    good(
        "services:\n  web: {image: x}\n  ui: {image: y, depends_on: [web, tor]}\n  tor: {image: z}\nx-archipelago: {companions: [ui, tor]}\n",
    );
}

#[test]
fn templates() {
    let template =
        |text: &str, expected: &str| check_extension(&format!("templates:\n  - {text}"), expected);
    template(
        "{source: a, service: db, target: /a}",
        "5:3: x-archipelago.templates: there is no service of that name; the services are ui, web",
    );
    template(
        "{source: a, service: web}",
        "6:7: x-archipelago.templates[0]: `target` is missing",
    );
    template(
        "{source: ../a, service: web, target: /a}",
        "6:8: x-archipelago.templates[0].source: this path leads out of the app's folder",
    );
    template(
        "{source: a, service: web, target: a}",
        "6:33: x-archipelago.templates[0].target: the path in the container must be absolute",
    );
    template(
        "{source: a, service: web, target: /a, mode: 1}",
        &format!("6:45: x-archipelago.templates[0].mode: {UNKNOWN}"),
    );
    template(
        "{source: a, service: web, target: /etc/..}",
        "6:33: x-archipelago.templates[0].target: this cannot be the name of a file: use 1 to 64 letters, digits, dots, underscores and hyphens, starting with a letter or digit",
    );
    template(
        "{source: a, service: web, target: /a/x.conf}\n  - {source: b, service: web, target: /b/x.conf}",
        "5:3: x-archipelago.templates: two templates of web have targets of one name; give them different file names",
    );
    good(&with_extension(
        "templates:\n  - {source: a, service: web, target: /x.conf}\n  - {source: a, service: ui, target: /x.conf}",
    ));
}

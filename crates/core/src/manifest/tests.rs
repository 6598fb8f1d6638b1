//! Accepted manifests, and the exact error message for each refused one.

mod before;
mod exports;
mod extension;
mod hooks;
mod jobs;
mod mounts;
mod networks;
mod ports;
mod service;
mod sources;

use std::collections::BTreeMap;

use super::*;

/// Reads a manifest with the settings at their defaults; the folder has `page/index.html` and some
/// files of variables.
fn read(text: &str) -> Result<Manifest, ManifestErrors> {
    let files: [(&str, &[u8]); 4] = [
        ("page/index.html", b""),
        ("web.env", b"# of the page\n\nA=1\n  B='two words'\n"),
        ("wrong.env", b"A=1\nB C=2\n"),
        ("binary.env", b"A=\xff\n"),
    ];
    read_with(text, &files)
}

/// The same in a folder with these files.
fn read_with(text: &str, files: &[(&str, &[u8])]) -> Result<Manifest, ManifestErrors> {
    let files: Files = files
        .iter()
        .map(|(path, content)| ((*path).to_owned(), content.to_vec().into()))
        .collect();
    let schema = Schema::read("compose.yaml", text, "web")?;
    let settings = Settings::settle("web", &schema.extension.settings, &BTreeMap::new()).unwrap();
    schema.manifest(&settings, &files)
}

/// A whole file and the whole message.
fn check(text: &str, expected: &str) {
    match read(text) {
        Ok(_) => panic!("accepted, although {expected:?}, in:\n{text}"),
        Err(error) => assert_eq!(
            error.to_string(),
            format!("compose.yaml:{expected}"),
            "in:\n{text}"
        ),
    }
}

/// A service that is fine, and what is told of it as a warning.
fn check_warning(line: &str, expected: &str) {
    let manifest = good(&format!("services:\n  web: {{image: x,\n    {line}}}\n"));
    let told: Vec<String> = manifest.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(told, [format!("compose.yaml:{expected}")], "for {line}");
}

/// A mounted secret that is declared, in line 3.
fn check_secret(options: &str, expected: &str) {
    check(
        &format!(
            "services:\n  web: {{image: x,\n    secrets: [{{source: t, {options}}}]}}\nx-archipelago: {{secrets: {{t: }}}}\n"
        ),
        expected,
    );
}

/// One more line, the third, in a service that is fine without it.
fn check_service(line: &str, expected: &str) {
    check(
        &format!("services:\n  web: {{image: x,\n    {line}}}\n"),
        expected,
    );
}

/// The extension, in a file that is fine without it: its keys begin in line 5.
fn check_extension(lines: &str, expected: &str) {
    check(&with_extension(lines), expected);
}

fn with_extension(lines: &str) -> String {
    let lines: String = lines.lines().map(|line| format!("  {line}\n")).collect();
    format!(
        "services:\n  web: {{image: x, ports: ['80:8080', '53:53/udp']}}\n  ui: {{image: y}}\nx-archipelago:\n{lines}"
    )
}

fn good(text: &str) -> Manifest {
    read(text).unwrap_or_else(|error| panic!("{error} in:\n{text}"))
}

fn good_service(lines: &str) -> Service {
    good(&format!("services:\n  web:\n    image: x\n    {lines}\nvolumes: {{data: }}\nx-archipelago: {{secrets: {{token: }}}}\n")).services["web"].clone()
}

const UNKNOWN: &str = "unknown key; docs/manifest.md lists those that exist";

/// The reader's words about a key that Compose does not have.
fn unknown_to_compose(near: &str) -> String {
    format!(
        "Compose has no such key here; did you mean `{near}`?; correct or remove it, or begin an extension with `x-`"
    )
}

const NO_SERVICES: &str =
    "the file has no mapping with `services`; write `services:` with at least one service";

#[test]
fn the_file_as_a_whole() {
    check("", "1:1: the file is empty");
    check("- a\n", &format!("1:1: {NO_SERVICES}"));
    check(
        "services: {}\n",
        "1:1: no services: an app has at least one",
    );
    check("x-archipelago: {}\n", &format!("1:1: {NO_SERVICES}"));
    check(
        "services: [a]\n",
        "1:11: services: this must be a mapping and is a list; write a mapping",
    );
    check(
        "services:\n  web: {image: x}\nservice: {}\n",
        &format!("3:1: service: {}", unknown_to_compose("services")),
    );
    check(
        "jobs: {j: {image: x, triggers: {manual: true}}}\nservices: {web: {image: x}}\n",
        "1:1: jobs: Compose starts it by hand, and there is no such command here; make it a service with `restart: \"no\"`",
    );
    check(
        "services:\n  web: {image: x}\n  -bad: {image: x}\n",
        "3:3: services.-bad: this cannot be the name of a service: use 1 to 64 letters, digits, dots, underscores and hyphens, starting with a letter or digit",
    );
    check(
        "name: '--'\nservices: {web: {image: x}}\n",
        "1:1: name: this cannot be the name of an app: use 1 to 40 lower-case letters, digits and hyphens, starting and ending with a letter or digit",
    );
}

#[test]
fn everything_is_said_at_once() {
    check(
        "services:\n  web: {image: x, mac_address: x, runtime: y, depends_on: [ui]}\n  ui: {image: x, ports: ['0']}\nx-archipelago:\n  companions: [ui, gui]\n  urls: [{service: web, port: 80}]\n",
        "2:19: services.web.mac_address: expected a hardware address like 02:42:ac:11:00:02
compose.yaml:2:35: services.web.runtime: all containers have the node's runtime; remove it
compose.yaml:2:60: services.web.depends_on.ui: ui is a companion; a companion depends on its app, never the other way round
compose.yaml:3:26: services.ui.ports[0]: expected a port from 1 to 65535
compose.yaml:5:3: x-archipelago.companions: there is no service of that name; the services are ui, web
compose.yaml:6:3: x-archipelago.urls: the service web publishes no such port; add it to its `ports`",
    );
    check(
        "services: {web: {image: x, comand: y, tty: maybe}}\n",
        &format!(
            "1:28: services.web.comand: {}\ncompose.yaml:1:44: services.web.tty: this is neither `true` nor `false`; write `true` or `false`",
            unknown_to_compose("command")
        ),
    );
    check(
        "services: {web: {image: x}}\nx-archipelago:\n  titel: x\n  secrets: {A: }\n",
        &format!(
            "3:3: x-archipelago.titel: {UNKNOWN}\ncompose.yaml:4:13: x-archipelago.secrets.A: the secret \"A\" is not usable in templates: use lower-case letters, digits and underscores, starting with a letter"
        ),
    );
}

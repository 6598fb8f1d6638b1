//! Configs and secrets, and where their texts come from.

use super::*;
use crate::file::{File, FileMode};

const ENV: &[(&str, &[u8])] = &[(".env", b"TOKEN=hunter2\nEMPTY=\n"), ("own.conf", b"own")];

fn config(name: &str, text: &str, bits: u32) -> MountSource {
    MountSource::Config {
        name: name.to_owned(),
        file: File {
            content: text.as_bytes().into(),
            mode: FileMode::of_bits(bits),
        },
    }
}

fn mounts(service: &str, top: &str) -> Vec<(MountSource, String)> {
    let text = format!("services:\n  web:\n    image: x\n    {service}\n{top}\n");
    let manifest = read_with(&text, ENV).unwrap_or_else(|error| panic!("{error} in:\n{text}"));
    let mounts = manifest.services["web"].mounts.iter();
    assert!(mounts.clone().all(|mount| mount.read_only));
    mounts
        .map(|mount| (mount.source.clone(), mount.target.clone()))
        .collect()
}

#[test]
fn the_text_of_a_config_may_stand_in_the_compose_file() {
    for (top, source) in [
        (
            "configs: {page: {content: \"a $$b ${TOKEN}\\n\"}}",
            config("page", "a $b hunter2\n", 0o644),
        ),
        (
            "configs: {page: {environment: TOKEN}}",
            config("page", "hunter2", 0o644),
        ),
        (
            "configs: {page: {file: ./own.conf}}",
            MountSource::Definition("own.conf".to_owned()),
        ),
    ] {
        let expected = [
            (source.clone(), "/page".to_owned()),
            (source, "/etc/page".to_owned()),
        ];
        let service = "configs: [page, {source: page, target: /etc/page}]";
        assert_eq!(mounts(service, top), expected);
    }
    let text =
        "services: {web: {image: x, configs: [page]}}\nconfigs:\n  page: {environment: NOBODY}\n";
    assert_eq!(
        read_with(text, ENV).unwrap_err().to_string(),
        "compose.yaml:3:10: configs.page.environment: the variable has no value; give it one in the app's `.env`"
    );
}

#[test]
fn a_config_has_the_mode_that_it_is_given_and_belongs_to_root() {
    for (mode, bits) in [("0440", 0o600), ("0444", 0o644), ("'0555'", 0o755)] {
        for (top, text) in [
            ("configs: {page: {content: text}}", "text"),
            ("configs: {page: {file: ./own.conf}}", "own"),
        ] {
            let service = format!("configs: [{{source: page, mode: {mode}, uid: '0'}}]");
            let expected = [(config("page", text, bits), "/page".to_owned())];
            assert_eq!(mounts(&service, top), expected, "{mode} {top}");
        }
    }
    let warning = |options: &str| {
        let text = format!(
            "services: {{web: {{image: x, configs: [{{source: page, {options}}}]}}}}\nconfigs: {{page: {{content: x}}}}\n"
        );
        let manifest = read_with(&text, ENV).unwrap();
        let mount = manifest.services["web"].mounts[0].source.clone();
        (mount, manifest.warnings[0].problem.clone())
    };
    assert_eq!(
        warning("uid: '103', mode: 0440"),
        (
            config("page", "x", 0o644),
            "`uid` and `gid` are left out: the file belongs to root, and every user of the container can read it".to_owned()
        )
    );
    assert_eq!(
        warning("gid: '103'"),
        (
            config("page", "x", 0o644),
            "`uid` and `gid` are left out: the file belongs to root in the container".to_owned()
        )
    );
    let text = "services: {web: {image: x, configs: [{source: page, mode: 010000}]}}\nconfigs: {page: {content: x}}\n";
    let error = read_with(text, ENV).unwrap_err().to_string();
    assert!(
        error.contains("configs[0].mode: expected a mode"),
        "{error}"
    );
}

fn given(text: &str) -> Manifest {
    read_with(text, ENV).unwrap_or_else(|error| panic!("{error} in:\n{text}"))
}

#[test]
fn a_secret_may_be_the_value_of_a_variable() {
    let manifest = given(
        "services:\n  web:\n    image: x\n    secrets:\n      - db-password\n      - {source: db-password, target: other, uid: '70', gid: '0', mode: 0400}\n      - {source: plain, target: /etc/plain}\nsecrets: {db-password: {environment: TOKEN}, plain: {environment: TOKEN}}\n",
    );
    let secret = |kept: &str, target: &str| SecretMount {
        secret: kept.to_owned(),
        target: Some(target.to_owned()),
        uid: None,
        gid: None,
        mode: None,
    };
    assert_eq!(
        manifest.services["web"].secrets,
        [
            secret("db_password", "/run/secrets/db-password"),
            SecretMount {
                uid: Some(70),
                gid: Some(0),
                mode: Some("0400".to_owned()),
                ..secret("db_password", "other")
            },
            secret("plain", "/etc/plain"),
        ]
    );
    let recipes: Vec<(&str, Recipe)> = manifest
        .recipes()
        .map(|(name, recipe)| (name.as_str(), recipe))
        .collect();
    let given = Recipe::Given(GivenText::of("hunter2").unwrap());
    assert_eq!(recipes, [("db_password", given.clone()), ("plain", given)]);
    assert!(!format!("{manifest:?}").contains("hunter2"), "{manifest:?}");
}

#[test]
fn a_secret_without_a_text_is_refused_and_so_is_one_under_the_name_of_another() {
    for (top, expected) in [
        (
            "a: {environment: NOBODY}",
            "a.environment: the variable has no value, or one that is too long for Podman; give it one in the app's `.env`",
        ),
        (
            "a: {environment: EMPTY}",
            "a.environment: the variable has no value, or one that is too long for Podman; give it one in the app's `.env`",
        ),
        (
            "a-b: {environment: TOKEN}, a.b: {environment: TOKEN}",
            "a.b.environment: another secret is kept under this name, in which `-` and `.` become `_`; rename one of the two",
        ),
        (
            "token-x: {environment: TOKEN}",
            "token-x.environment: another secret is kept under this name, in which `-` and `.` become `_`; rename one of the two",
        ),
    ] {
        let text = format!(
            "services: {{web: {{image: x}}}}\nsecrets: {{{top}}}\nx-archipelago: {{secrets: {{token_x: }}}}\n"
        );
        let error = read_with(&text, ENV).unwrap_err().to_string();
        assert!(error.ends_with(expected), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}

//! The scripts of Umbrel's apps, which become jobs without a network.

use super::*;
use crate::file::{File, FileMode};
use crate::manifest::{Awaited, Job, NetworkMode, Service};

const COMPOSE: &str = "services:
  app_proxy:
    environment: {APP_HOST: notes_web_1, APP_PORT: 80}
  web:
    image: docker.io/library/a:1
    depends_on: [db]
    volumes: ['${APP_DATA_DIR}/data/web:/data', './nginx.conf:/etc/nginx.conf:ro']
  db:
    image: docker.io/library/b:1
    depends_on: {cache: {condition: service_healthy}}
    volumes: [{type: bind, source: $APP_DATA_DIR/data/db, target: /db}, named:/x]
  cache:
    image: docker.io/library/c:1
    healthcheck: {test: ping}
volumes: {named: }
";

fn executable(text: &str) -> File {
    let mode = FileMode {
        executable: true,
        private: false,
    };
    File {
        content: text.as_bytes().into(),
        mode,
    }
}

fn with_scripts(scripts: &[(&str, &str)]) -> Files {
    let mut all = files(&[
        (
            "umbrel-app.yml",
            "id: notes\nname: Notes\nport: 4010\nversion: '2'\n",
        ),
        ("docker-compose.yml", COMPOSE),
        ("nginx.conf", ""),
        ("data/defaults/theme", ""),
        ("data/web.default", ""),
    ]);
    let scripts = scripts.iter();
    all.extend(scripts.map(|(path, text)| ((*path).to_owned(), executable(text))));
    all
}

fn translated(files: &Files, scripts: Scripts) -> Translated {
    let app = AppId::parse("notes").unwrap();
    translate("s/x", &app, files, &surroundings(scripts)).unwrap()
}

fn mounts(service: &Service) -> Vec<String> {
    let mounts = service.mounts.iter().map(|mount| {
        let end = if mount.read_only { " read-only" } else { "" };
        let source = match &mount.source {
            MountSource::Data(path) => format!("data {path}"),
            MountSource::Definition(path) => format!("own {path}"),
            other => panic!("{other:?}"),
        };
        format!("{source} at {}{end}", mount.target)
    });
    mounts.collect()
}

#[test]
fn a_script_becomes_a_job_without_a_network_that_sees_the_apps_folder() {
    let scripts = [
        ("hooks/pre-start", "#!/bin/sh\necho $APP_PASSWORD\n"),
        ("hooks/post-start", "true\n"),
    ];
    let translated = translated(&with_scripts(&scripts), Scripts::Run);
    let manifest = read(&translated.files, &[]);
    let before = &manifest.services["hook-pre-start"];
    assert_eq!(before.script.as_deref(), Some("hooks/pre-start"));
    assert_eq!(
        (before.job, &before.network),
        (Some(Job::Once), &NetworkMode::None)
    );
    assert!(before.no_new_privileges);
    assert_eq!(
        before.entrypoint.as_deref().unwrap(),
        ["bash", "-c", "/umbrel/app-data/notes/hooks/pre-start"]
    );
    assert_eq!(
        mounts(before),
        [
            "data data/db at /umbrel/app-data/notes/data/db",
            "own data/defaults at /umbrel/app-data/notes/data/defaults read-only",
            "data data/web at /umbrel/app-data/notes/data/web",
            "own data/web.default at /umbrel/app-data/notes/data/web.default read-only",
            "own hooks at /umbrel/app-data/notes/hooks read-only",
            "own nginx.conf at /umbrel/app-data/notes/nginx.conf read-only",
            "own umbrel-app.yml at /umbrel/app-data/notes/umbrel-app.yml read-only",
        ]
    );
    for (name, value) in [
        ("APP_DATA_DIR", "/umbrel/app-data/notes"),
        ("UMBREL_ROOT", "/umbrel"),
        ("APP_ID", "notes"),
        ("DEVICE_DOMAIN_NAME", "box.local"),
    ] {
        assert_eq!(before.environment[name], value);
    }
    // It gets the secrets that it names.
    let secrets: Vec<&String> = before.environment_secrets.keys().collect();
    assert_eq!(secrets, ["APP_PASSWORD"]);
    let after = &manifest.services["hook-post-start"];
    assert!(after.environment_secrets.is_empty());

    // It runs before all services, which start whatever becomes of it, or after all.
    assert!(before.depends_on.is_empty());
    let awaits = |name: &str| {
        let awaited = manifest.services[name].depends_on.iter();
        let awaited = awaited.map(|(name, state)| (name.as_str(), *state));
        awaited.collect::<Vec<_>>()
    };
    let script = ("hook-pre-start", Awaited::Started);
    assert_eq!(awaits("web"), [("db", Awaited::Started), script]);
    assert_eq!(awaits("db"), [("cache", Awaited::Healthy), script]);
    assert_eq!(awaits("cache"), [script]);
    assert_eq!(
        awaits("hook-post-start")
            .iter()
            .map(|(it, _)| *it)
            .collect::<Vec<_>>(),
        ["cache", "db", "hook-pre-start", "web"]
    );
}

#[test]
fn an_app_keeps_its_names_with_a_script() {
    let mut all = with_scripts(&[("hooks/pre-start", "true")]);
    let compose = "services: {server: {image: docker.io/library/a:1}}\n";
    all.insert("docker-compose.yml".to_owned(), compose.as_bytes().into());
    let manifest = read(&translated(&all, Scripts::Run).files, &[]);
    assert_eq!(manifest.main.as_deref(), Some("server"));
}

#[test]
fn the_notes_say_which_scripts_are_run() {
    let mut all = with_scripts(&[
        ("hooks/pre-start", "true"),
        ("hooks/pre-install", "true"),
        ("hooks/lib/functions", "true"),
    ]);
    all.insert(
        "hooks/post-start".to_owned(),
        b"not executable".as_slice().into(),
    );
    let list = |path: &str| vec![path.to_owned()];
    let run = translated(&all, Scripts::Run);
    assert_eq!(
        run.notices,
        [
            Notice::Scripts(list("hooks/pre-start")),
            Notice::Shell(list("hooks/pre-install"))
        ]
    );
    assert!(
        !read(&run.files, &[])
            .services
            .contains_key("hook-post-start")
    );
    let without = translated(&all, Scripts::Skip);
    assert_eq!(
        without.notices,
        [Notice::Shell(vec![
            "hooks/pre-install".to_owned(),
            "hooks/pre-start".to_owned()
        ])]
    );
    let services = read(&without.files, &[]).services;
    assert!(services.values().all(|service| service.script.is_none()));
}

/// A container that can write a folder could put a link there, which Podman would follow.
#[test]
fn a_script_writes_no_folder_in_which_another_mount_lies() {
    let mut all = with_scripts(&[("hooks/pre-start", "true")]);
    let compose = "services: {web: {image: docker.io/library/a:1, volumes: ['./data:/a:ro', './data/x:/b']}}\n";
    all.retain(|path, _| !path.starts_with("data/"));
    all.insert("docker-compose.yml".to_owned(), compose.as_bytes().into());
    let manifest = read(&translated(&all, Scripts::Run).files, &[]);
    assert_eq!(
        mounts(&manifest.services["hook-pre-start"])[..2],
        [
            "data data at /umbrel/app-data/notes/data read-only",
            "data data/x at /umbrel/app-data/notes/data/x"
        ]
    );
}

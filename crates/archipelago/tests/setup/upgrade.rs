//! An upgrade from version 0.1.0: an app of that version keeps running, and a restart isolates it.
//!
//! The folder `version-0.1.0` holds the files that that version wrote for one app.

use std::collections::BTreeMap;

use testhost::{Account, Host};

use crate::support;
use crate::{archipelago, json, shell, user};

const CONTAINERS: [&str; 3] = ["archy-notes", "archy-notes-db", "archy-notes-ui"];

/// A host on which the app runs as version 0.1.0 installed it. The daemon, of the present version,
/// is stopped.
fn host_of_0_1_0() -> Host {
    let host = support::host();
    user(&host, "systemctl --user stop archipelago");
    let kept = support::repository().join("crates/archipelago/tests/setup/version-0.1.0");
    host.copy_in(&kept, "/home/archy/old")
        .expect("the files of version 0.1.0");
    user(
        &host,
        "cd ~/old
        mkdir -p ~/.config/archipelago/apps ~/.config/containers/systemd
        cp -r apps/. ~/.config/archipelago/apps
        cp units/* ~/.config/containers/systemd
        chmod 600 ~/.config/containers/systemd/* data/secrets/notes/token data/archy-notes-ui/*
        cp -rp data/. /var/lib/archipelago
        revision=$(sha256sum data/secrets/notes/token | cut -c 1-16)
        podman secret create --label archipelago.app=notes --label archipelago.revision=$revision archy-notes-token data/secrets/notes/token >/dev/null
        systemctl --user daemon-reload
        systemctl --user start archy-notes archy-notes-db archy-notes-ui",
    );
    host
}

/// The id and the start of each container.
fn containers(host: &Host) -> BTreeMap<String, String> {
    let script = "podman ps -q | xargs -r podman container inspect --format '{{.Name}}={{.Id}} {{.State.StartedAt}}'";
    let listed = user(host, script);
    let runs = listed.lines().map(|line| {
        let (name, run) = line.split_once('=').expect("a name and a run");
        (name.to_owned(), run.to_owned())
    });
    runs.collect()
}

/// The app's page, its secret in all places, and a file in its volume.
fn kept(host: &Host) -> String {
    user(
        host,
        "curl -fsS http://127.0.0.1:8481/ http://127.0.0.1:8481/token
        podman exec archy-notes cat /run/secrets/token /data/hostname
        cat /var/lib/archipelago/secrets/notes/token",
    )
}

fn isolation(host: &Host) -> (String, String) {
    let (_, doctor) = json(host, &["doctor"]);
    let checks = doctor["checks"].as_array().expect("a list");
    let found = checks.iter().find(|check| check["name"] == "isolation");
    let found = found.expect("a check of isolation");
    let text = |key: &str| found[key].as_str().unwrap_or_default().to_owned();
    (text("state"), text("cure"))
}

#[test]
fn an_app_of_0_1_0_keeps_running_and_a_restart_isolates_it() {
    let host = host_of_0_1_0();
    let (before, left) = (containers(&host), kept(&host));
    assert_eq!(Vec::from_iter(before.keys()), CONTAINERS);

    user(&host, "systemctl --user start archipelago");
    archipelago(&host, &["start", "notes"])
        .checked()
        .expect("the app is ready");
    let outdated = "grep -l Version=0.1.0 ~/.config/containers/systemd/*";
    assert_eq!(shell(&host, Account::User, outdated).stdout, "");
    assert_eq!(
        (containers(&host), kept(&host)),
        (before.clone(), left.clone())
    );
    assert_eq!(
        isolation(&host),
        ("warning".to_owned(), "archipelago restart notes".to_owned())
    );

    archipelago(&host, &["restart", "notes"])
        .checked()
        .expect("the app is ready");
    assert_eq!(isolation(&host), ("ok".to_owned(), String::new()));
    let option = "podman network inspect archy-notes --format '{{.Options.isolate}}'";
    assert_eq!(user(&host, option), "strict\n");
    assert_eq!(kept(&host), left);
    let after = containers(&host);
    for name in CONTAINERS {
        assert_ne!(after[name], before[name], "{name}");
    }
}

//! An upgrade from version 0.1.0: apps of that version keep running, and a restart isolates each.
//!
//! The folder `version-0.1.0` holds the files that that version wrote for three apps: `notes`,
//! `chain`, and `index`, which requires `chain` and reads a setting and a secret of it. That
//! version knew no exports.

use std::collections::{BTreeMap, BTreeSet};

use testhost::{Account, Host};

use crate::support;
use crate::{archipelago, json, shell, user};

const CONTAINERS: [&str; 7] = [
    "archy-chain",
    "archy-chain-db",
    "archy-index",
    "archy-index-db",
    "archy-notes",
    "archy-notes-db",
    "archy-notes-ui",
];

/// A host on which the apps run as version 0.1.0 installed them. The daemon, of the present
/// version, is stopped.
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
        chmod 600 ~/.config/containers/systemd/* data/secrets/*/* data/archy-*/*
        cp -rp data/. /var/lib/archipelago
        revision=$(sha256sum data/secrets/notes/token | cut -c 1-16)
        podman secret create --label archipelago.app=notes --label archipelago.revision=$revision archy-notes-token data/secrets/notes/token >/dev/null
        systemctl --user daemon-reload
        systemctl --user start archy-notes archy-notes-db archy-notes-ui archy-chain archy-chain-db archy-index archy-index-db",
    );
    host
}

/// The id and the start of each container.
pub(crate) fn containers(host: &Host) -> BTreeMap<String, String> {
    let script = "podman ps -q | xargs -r podman container inspect --format '{{.Name}}={{.Id}} {{.State.StartedAt}}'";
    let listed = user(host, script);
    let runs = listed.lines().map(|line| {
        let (name, run) = line.split_once('=').expect("a name and a run");
        (name.to_owned(), run.to_owned())
    });
    runs.collect()
}

/// The pages of the apps, their secrets in all places, and files in their volumes.
fn kept(host: &Host) -> String {
    user(
        host,
        "curl -fsS http://127.0.0.1:8481/ http://127.0.0.1:8481/token
        podman exec archy-notes cat /run/secrets/token /data/hostname
        podman exec archy-chain cat /data/hostname
        podman exec archy-index cat /page/page
        cat /var/lib/archipelago/secrets/*/*",
    )
}

/// The state and the cure in the row `isolation` of `doctor`.
pub(crate) fn isolation(host: &Host) -> (String, String) {
    let (_, doctor) = json(host, &["doctor"]);
    let checks = doctor["checks"].as_array().expect("a list");
    let found = checks.iter().find(|check| check["name"] == "isolation");
    let found = found.expect("a check of isolation");
    let text = |key: &str| found[key].as_str().unwrap_or_default().to_owned();
    (text("state"), text("cure"))
}

fn warned(cure: &str) -> (String, String) {
    ("warning".to_owned(), cure.to_owned())
}

pub(crate) fn is_ready(host: &Host, command: &str, app: &str) {
    let run = archipelago(host, &[command, app]).checked();
    run.unwrap_or_else(|error| panic!("{command} {app}: {error:#}"));
    let (_, status) = json(host, &["status", app]);
    assert_eq!(status["apps"][0]["state"], "ready", "{command} {app}");
}

/// The containers that a container reaches at any of their addresses.
pub(crate) fn reached(host: &Host, from: &str) -> BTreeSet<String> {
    let asked = user(
        host,
        &format!(
            "podman ps -q | xargs podman inspect --format '{{{{$name := .Name}}}}{{{{range .NetworkSettings.Networks}}}}{{{{$name}}}} {{{{.IPAddress}}}}{{{{\"\\n\"}}}}{{{{end}}}}' |
            {{ while read -r name address; do
                case $name in ''|{from}) continue;; esac
                podman exec {from} nc -w 3 $address 80 </dev/null >/dev/null 2>&1 && echo $name &
            done; wait; }}"
        ),
    );
    asked.lines().map(str::to_owned).collect()
}

pub(crate) fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn apps_of_0_1_0_keep_running_and_a_restart_isolates_each() {
    let host = host_of_0_1_0();
    let (before, left) = (containers(&host), kept(&host));
    assert_eq!(Vec::from_iter(before.keys()), CONTAINERS);
    let others = |own: &str| -> BTreeSet<String> {
        let all = CONTAINERS.iter().filter(|name| **name != own);
        all.map(|name| (*name).to_owned()).collect()
    };
    assert_eq!(reached(&host, "archy-notes"), others("archy-notes"));

    user(&host, "systemctl --user start archipelago");
    for app in ["notes", "chain", "index"] {
        is_ready(&host, "start", app);
    }
    let outdated = "grep -l Version=0.1.0 ~/.config/containers/systemd/*";
    assert_eq!(shell(&host, Account::User, outdated).stdout, "");
    assert_eq!(
        (containers(&host), kept(&host)),
        (before.clone(), left.clone())
    );
    assert_eq!(
        isolation(&host),
        warned(
            "archipelago restart chain; then the same with index, notes, if they are still named here"
        )
    );

    // A restart of one app leaves the others alone.
    is_ready(&host, "restart", "notes");
    assert_eq!(
        isolation(&host),
        warned("archipelago restart chain; then the same with index, if they are still named here")
    );
    assert_eq!(
        reached(&host, "archy-notes"),
        names(&["archy-notes-db", "archy-notes-ui"])
    );
    let after = containers(&host);
    for name in CONTAINERS {
        let is_of_notes = name.starts_with("archy-notes");
        assert_eq!(after[name] != before[name], is_of_notes, "{name}");
    }

    // Version 0.1.0 put `index` on the network of `chain`, so both are restarted together.
    is_ready(&host, "restart", "chain");
    is_ready(&host, "start", "index");
    assert_eq!(isolation(&host), ("ok".to_owned(), String::new()));
    let option = "podman network inspect archy-notes archy-chain archy-index --format '{{.Options.isolate}}'";
    assert_eq!(user(&host, option), "strict\nstrict\nstrict\n");
    // `index` still reaches all services of `chain`.
    for from in ["archy-index", "archy-index-db"] {
        let expected = [
            "archy-chain",
            "archy-chain-db",
            "archy-index",
            "archy-index-db",
        ];
        let expected = expected.into_iter().filter(|name| *name != from);
        assert_eq!(
            reached(&host, from),
            names(&Vec::from_iter(expected)),
            "{from}"
        );
    }
    assert_eq!(
        reached(&host, "archy-notes"),
        names(&["archy-notes-db", "archy-notes-ui"])
    );
    assert_eq!(kept(&host), left);
    let after = containers(&host);
    for name in CONTAINERS {
        assert_ne!(after[name], before[name], "{name}");
    }
}

#[test]
fn a_new_definition_of_an_app_of_0_1_0_must_export_what_others_read() {
    let host = host_of_0_1_0();
    let (before, left) = (containers(&host), kept(&host));
    user(&host, "systemctl --user start archipelago");
    is_ready(&host, "start", "index");

    // The same definition, installed again, exports only what it declares.
    user(&host, "cp -r ~/old/apps/chain ~/chain");
    let refused = archipelago(&host, &["install", "/home/archy/chain", "--yes"]);
    assert_eq!(refused.status, 3, "{refused:?}");
    for words in [
        "index, which is installed, could not run with that",
        "chain does not export it",
    ] {
        assert!(refused.stderr.contains(words), "{words:?}: {refused:?}");
    }
    assert_eq!((containers(&host), kept(&host)), (before, left.clone()));

    let exports = "  exports: {services: {chain: [80]}, settings: [network], secrets: [password]}";
    user(&host, &format!("echo {exports:?} >>~/chain/compose.yaml"));
    archipelago(&host, &["install", "/home/archy/chain", "--yes"])
        .checked()
        .expect("an app that exports them is installed");
    is_ready(&host, "restart", "chain");
    is_ready(&host, "start", "index");
    assert_eq!(kept(&host), left);
    assert_eq!(
        reached(&host, "archy-index"),
        names(&["archy-chain", "archy-index-db"])
    );
}

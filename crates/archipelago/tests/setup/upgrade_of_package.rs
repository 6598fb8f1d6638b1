//! An upgrade of the real package of version 0.1.0, with litecoin and three Compose apps running.
//!
//! The three apps are those of `upgrade.rs`. The first test also compares the files that the real
//! package writes for them with the kept ones, on which the tests of `upgrade.rs` depend.

use std::path::PathBuf;

use testhost::Host;

use crate::support;
use crate::upgrade::{containers, is_ready, isolation, names, reached};
use crate::{archipelago, user};

/// An address whose key nobody needs, because the mined coins are not spent.
const MINER: &str = "rltc1qyq0052zwswfzn3qm3mdrca8c6wjclkv5qxyjp3";

/// The kept definitions, in the order in which they can be installed.
const KEPT: [(&str, &[&str]); 3] = [
    ("notes", &["--set", "ui_port=8481"]),
    ("chain", &[]),
    ("index", &[]),
];

fn kept_files() -> PathBuf {
    support::repository().join("crates/archipelago/tests/setup/version-0.1.0")
}

/// Installs the apps with the program on the host, and puts data into them.
fn install_apps(host: &Host) {
    host.copy_in(&kept_files(), "/home/archy/old")
        .expect("the kept files of version 0.1.0");
    let install = |arguments: &[&str]| {
        let installed = archipelago(host, &[&["install"], arguments].concat()).checked();
        installed.unwrap_or_else(|error| panic!("install {arguments:?}: {error:#}"));
    };
    install(&["litecoin", "--set", "network=regtest"]);
    for (app, settings) in KEPT {
        user(host, &format!("cp -r ~/old/apps/{app} ~/{app}"));
        install(&[&[format!("/home/archy/{app}").as_str()], settings].concat());
    }
    user(
        host,
        &format!(
            "podman exec archy-litecoin litecoin-cli generatetoaddress 5 {MINER} >/dev/null
            podman exec archy-notes sh -c 'head -c 100000 /dev/urandom >/data/file; chown 7:7 /data/file; chmod 640 /data/file'
            podman exec archy-chain sh -c 'echo a block >/data/block'"
        ),
    );
}

/// All that must stay: data in the containers' own words, files of data and secrets with their
/// bytes, modes and owners, and Podman's objects.
fn kept(host: &Host) -> String {
    user(
        host,
        "podman exec archy-litecoin litecoin-cli getbestblockhash
        podman exec archy-litecoin sh -c 'stat -c \"%n %i %u %g %a\" /data /data/regtest/blocks/blk*'
        podman exec archy-notes sh -c 'stat -c \"%n %i %u %g %a %s\" /data /data/*; sha256sum /data/* /run/secrets/*'
        podman exec archy-chain sh -c 'stat -c \"%n %i %u %g %a %s\" /data /data/*; sha256sum /data/*'
        cd /var/lib/archipelago
        stat -c '%n %i %u %g %a %s' secrets secrets/* secrets/*/* archy-*/*
        sha256sum secrets/*/* archy-*/*
        for secret in $(podman secret ls --format '{{.Name}}' | sort); do
            podman secret inspect --showsecret --format '{{.Spec.Name}} {{.ID}} {{.SecretData}}' $secret
        done
        podman volume ls --format '{{.Name}} {{.CreatedAt}} {{.Mountpoint}}' | sort
        curl -fsS http://127.0.0.1:8481/token",
    )
}

/// The services that systemd has started, with their invocations: a unit that was started again has
/// another one.
fn invocations(host: &Host) -> String {
    user(
        host,
        "systemctl --user show --property=Id,InvocationID,NRestarts 'archy-*.service' | sort",
    )
}

/// Whether a container reaches litecoin's RPC port at the address that it had when it was asked
/// first.
fn reaches_the_node(host: &Host, from: &str) -> bool {
    let asked = user(
        host,
        &format!(
            "address=$(podman inspect archy-litecoin --format '{{{{range .NetworkSettings.Networks}}}}{{{{.IPAddress}}}}{{{{end}}}}')
            podman exec {from} nc -w 3 $address 9332 </dev/null >/dev/null 2>&1 && echo yes || echo no"
        ),
    );
    asked == "yes\n"
}

/// Restarts the app that `doctor` names, until it names none. Returns those that it named.
fn restart_as_doctor_says(host: &Host) -> Vec<String> {
    let mut restarted = Vec::new();
    loop {
        let (state, cure) = isolation(host);
        if state == "ok" {
            return restarted;
        }
        let command = cure.split(';').next().unwrap_or_default();
        let app = command.strip_prefix("archipelago restart ");
        let app = app.unwrap_or_else(|| panic!("doctor names no command: {cure:?}"));
        assert!(
            !restarted.iter().any(|earlier| earlier == app),
            "{app} was restarted and is named again: {cure:?}"
        );
        is_ready(host, "restart", app);
        restarted.push(app.to_owned());
    }
}

#[test]
fn an_upgrade_of_the_package_keeps_containers_data_and_secrets_and_a_restart_isolates() {
    let host = support::host_of_0_1_0();
    let version = |host: &Host| user(host, "archipelago version");
    let earlier = version(&host);
    assert!(earlier.contains("0.1.0"), "{earlier}");
    install_apps(&host);
    let (before, left, invoked) = (containers(&host), kept(&host), invocations(&host));
    assert_eq!(before.len(), 9, "{before:?}");
    assert!(
        reaches_the_node(&host, "archy-notes"),
        "nothing is isolated"
    );
    wrote_the_kept_units(&host);

    host.install_package(&support::package())
        .expect("the new package replaces the earlier one");
    assert_ne!(version(&host), earlier);
    for app in ["litecoin", "notes", "chain", "index"] {
        is_ready(&host, "start", app);
    }
    let outdated = "grep -l Version=0.1.0 ~/.config/containers/systemd/* || :";
    assert_eq!(user(&host, outdated), "", "units of the earlier version");
    assert_eq!(containers(&host), before);
    assert_eq!(kept(&host), left);
    assert_eq!(invocations(&host), invoked);
    assert_eq!(isolation(&host).0, "warning");

    let mut restarted = restart_as_doctor_says(&host);
    restarted.sort();
    assert!(restarted.contains(&"litecoin".to_owned()), "{restarted:?}");
    assert!(restarted.contains(&"notes".to_owned()), "{restarted:?}");
    for app in ["litecoin", "notes", "chain", "index"] {
        is_ready(&host, "start", app);
    }
    assert_eq!(kept(&host), left);
    assert!(!reaches_the_node(&host, "archy-notes"), "P1");
    assert_eq!(
        reached(&host, "archy-notes"),
        names(&["archy-notes-db", "archy-notes-ui"])
    );
    let after = containers(&host);
    let is_another = |name: &String| after[name] != before[name];
    assert!(before.keys().all(is_another), "{before:?} {after:?}");
}

/// The kept files of `upgrade.rs` are those that the real package writes, but for the revision,
/// which changes with the secrets.
fn wrote_the_kept_units(host: &Host) {
    let differences = user(
        host,
        "cd ~/old/units
        for unit in *; do
            diff <(grep -v ^Revision= $unit) <(grep -v ^Revision= ~/.config/containers/systemd/$unit) || echo in $unit
        done",
    );
    assert_eq!(
        differences, "",
        "the kept units (<) are not the real ones (>)"
    );
}

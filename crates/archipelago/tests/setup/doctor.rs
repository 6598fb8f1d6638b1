//! `doctor` finds each fault of a host and names its cure. `install` refuses a host on which no app
//! could run.

use testhost::Account::{self, Root, User};
use testhost::{Host, Reboot};

use crate::support;
use crate::{archipelago, json, put_tick, shell, user};

/// How `install` must behave on such a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Install {
    /// It refuses with this text in its error, and leaves nothing behind.
    Refused(&'static str),
    /// The fault does not concern `install`.
    NotTried,
}

/// Breaks a fresh host that is set up. `doctor` must then fail the check `name`, with `cure` in its
/// cure.
fn check(account: Account, broken_by: &str, name: &str, cure: &str, install: Install) {
    let host = support::host();
    let folder = put_tick(&host);
    shell(&host, account, broken_by)
        .checked()
        .expect("the host breaks");

    let (code, doctor) = json(&host, &["doctor"]);
    assert_eq!((code, &doctor["ok"]), (1, &false.into()), "{doctor}");
    let checks = doctor["checks"].as_array().expect("a list");
    let found = checks
        .iter()
        .find(|check| check["name"] == name)
        .unwrap_or_else(|| panic!("no check {name}: {doctor}"));
    assert_eq!(found["state"], "failed", "{found}");
    assert!(
        found["cure"]
            .as_str()
            .is_some_and(|text| text.contains(cure)),
        "{found}"
    );
    let text = archipelago(&host, &["doctor"]);
    assert!(
        text.status == 1 && text.stdout.contains("to do: "),
        "{text:?}"
    );

    if let Install::Refused(words) = install {
        let output = archipelago(&host, &["install", folder, "--yes"]);
        assert_eq!(output.status, 4, "{output:?}");
        assert!(output.stderr.contains(words), "{output:?}");
        let left = "find ~/.config/archipelago/apps ~/.config/containers/systemd -mindepth 1; ls -A /var/lib/archipelago";
        assert_eq!(user(&host, left), "", "install left something behind");
    }
}

#[test]
fn no_linger() {
    let install = Install::Refused("sudo loginctl enable-linger archy");
    check(
        Root,
        "rm /var/lib/systemd/linger/archy",
        "linger",
        "sudo loginctl enable-linger archy",
        install,
    );
}

#[test]
fn socket_stopped() {
    let install = Install::Refused("systemctl --user enable --now podman.socket");
    check(
        User,
        "systemctl --user stop podman.socket",
        "podman-socket",
        "enable --now podman.socket",
        install,
    );
}

#[test]
fn socket_masked() {
    let install = Install::Refused("podman.socket is not running");
    check(
        User,
        "systemctl --user mask --now podman.socket",
        "podman-socket",
        "unmask podman.socket",
        install,
    );
}

#[test]
fn podman_missing() {
    let install = Install::Refused("install Podman 4.9 or newer");
    check(
        Root,
        "mv /usr/bin/podman /root/",
        "podman",
        "install Podman 4.9 or newer",
        install,
    );
}

#[test]
fn podman_too_old() {
    let stub = "printf '#!/bin/sh\\necho podman version 4.3.1\\n' >/usr/local/bin/podman; chmod 755 /usr/local/bin/podman";
    check(
        Root,
        stub,
        "podman",
        "install Podman 4.9 or newer",
        Install::Refused("Podman 4.3 is too old"),
    );
}

#[test]
fn no_subordinate_ids() {
    let install = Install::Refused("/etc/subuid");
    check(
        Root,
        ": >/etc/subuid",
        "subordinate-ids",
        "sudo archipelago setup --for archy",
        install,
    );
}

#[test]
fn no_id_mapper() {
    check(
        Root,
        "mv /usr/bin/newuidmap /root/",
        "newuidmap",
        "sudo apt install uidmap",
        Install::Refused("newuidmap"),
    );
}

#[test]
fn units_folder_not_writable() {
    let install = Install::Refused("/home/archy/.config/containers/systemd is not writable");
    check(
        User,
        "chmod 500 ~/.config/containers/systemd",
        "folder-units",
        "sudo chown archy",
        install,
    );
}

#[test]
fn network_never_online() {
    let cure = "sudo systemctl add-wants multi-user.target network-online.target";
    check(
        Root,
        "systemctl stop network-online.target",
        "network-online",
        cure,
        Install::NotTried,
    );
}

#[test]
fn daemon_stopped() {
    check(
        User,
        "systemctl --user stop archipelago",
        "service",
        "archipelago setup",
        Install::NotTried,
    );
}

/// The daemon works without the port, so no check fails.
#[test]
fn port_taken_by_another_program() {
    let host = support::host();
    user(
        &host,
        "systemctl --user stop archipelago; systemd-run --user --quiet busybox httpd -f -p 127.0.0.1:5678 -h /etc
        until curl -s http://127.0.0.1:5678/ >/dev/null; do :; done; systemctl --user start archipelago",
    );
    let (code, doctor) = json(&host, &["doctor"]);
    assert_eq!((code, &doctor["ok"]), (0, &true.into()), "{doctor}");
    let checks = doctor["checks"].as_array().expect("a list");
    let port = checks.iter().find(|check| check["name"] == "port");
    let port = port.expect("a check of the port");
    assert_eq!(port["state"], "warning", "{port}");
    let cure = port["cure"].as_str().expect("a cure");
    assert!(cure.contains("ss -ltnp 'sport = :5678'"), "{cure}");
}

#[test]
fn a_full_disk_is_reported() {
    // A file system of its own, smaller than any real one.
    let fills = "mount -t tmpfs -o size=64m,uid=1000,gid=1000,mode=700 none /var/lib/archipelago";
    check(Root, fills, "disk", "image prune", Install::NotTried);
}

/// The state of the check `locks`, and the number of free locks.
fn locks(host: &Host) -> (String, Option<u32>) {
    let (_, doctor) = json(host, &["doctor"]);
    let checks = doctor["checks"].as_array().expect("a list");
    let check = checks.iter().find(|check| check["name"] == "locks");
    let text = |field: &str| {
        check
            .and_then(|check| check[field].as_str())
            .expect("the check")
    };
    let free = text("finding")
        .split(' ')
        .find_map(|word| word.parse().ok());
    (text("state").to_owned(), free)
}

#[test]
fn locks_are_counted_and_the_cure_adds_more_when_none_is_free() {
    let host = support::host();
    let folder = put_tick(&host);
    archipelago(&host, &["install", folder, "--yes"])
        .checked()
        .expect("the app is ready");
    // Follows the cure, after which the app runs again.
    let set_num_locks = |number: u32| {
        let script = format!(
            "systemctl --user stop archipelago && systemctl --user stop 'archy-*'; podman stop --all; \
             printf '[engine]\\nnum_locks = {number}\\n' >~/.config/containers/containers.conf"
        );
        user(&host, &script);
        host.reboot(Reboot::Soft).expect("the host is back");
        let running =
            "systemctl --user is-system-running --wait; systemctl --user is-active archy-tick";
        user(&host, running);
    };
    let state = |state: &str, free| (state.to_owned(), free);

    let before = locks(&host).1.expect("a number");
    user(&host, "podman volume create one");
    assert_eq!(locks(&host), state("ok", Some(before - 1)));

    // Podman makes at least 32 locks. The app and the volume use two of them.
    set_num_locks(32);
    assert_eq!(locks(&host), state("warning", Some(30)));
    user(
        &host,
        "for number in {1..30}; do podman volume create taken-$number; done",
    );
    assert_eq!(locks(&host), state("failed", Some(0)));
    let refused = shell(&host, User, "podman volume create two");
    assert!(refused.stderr.contains("exceeded num_locks"), "{refused:?}");

    set_num_locks(4096);
    assert_eq!(locks(&host), state("ok", Some(4096 - 32)));
    user(
        &host,
        "podman volume create two; podman volume inspect one taken-30",
    );
}

#[test]
fn units_of_an_app_that_is_gone_are_reported_as_a_warning() {
    let host = support::host();
    let folder = put_tick(&host);
    archipelago(&host, &["install", folder, "--yes"])
        .checked()
        .expect("the app is ready");
    user(
        &host,
        "systemctl --user stop archipelago; rm ~/.config/archipelago/apps/tick.toml",
    );
    let (_, doctor) = json(&host, &["doctor"]);
    let checks = doctor["checks"].as_array().expect("a list");
    let orphans = checks
        .iter()
        .find(|check| check["name"] == "orphans")
        .expect("the check");
    assert_eq!(orphans["state"], "warning", "{orphans}");
    assert!(
        orphans["finding"]
            .as_str()
            .is_some_and(|text| text.contains("archy-tick.container")),
        "{orphans}"
    );
}

#[test]
fn setup_repairs_everything_that_the_user_can_repair() {
    let host = support::host();
    user(
        &host,
        "systemctl --user disable --now podman.socket archipelago.service; rm -r ~/.config/archipelago ~/.config/containers/systemd",
    );
    assert_eq!(archipelago(&host, &["doctor"]).status, 1);
    user(&host, "archipelago setup; archipelago doctor");
}

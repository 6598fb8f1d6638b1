//! `setup` makes a host ready and reports its changes. A second run changes nothing.

use crate::support;
use crate::{archipelago, json, put_tick, root, shell, user};

/// Prints everything that a setup could change: files with inode, mode and time, and the start
/// times of units.
const STATE: &str = "find ~/.config ~/.local/share/archipelago /var/lib/archipelago /etc/subuid /etc/subgid /var/lib/systemd/linger \
    /etc/systemd -printf '%p %i %m %T@\\n' 2>/dev/null | sort || true; \
    systemctl --user show --property=InvocationID,ActiveEnterTimestamp archipelago.service podman.socket";

/// The setup as root. It runs as a service, because logind reads the control group of its callers,
/// and a process that entered the host from outside has none there.
const FOR_ARCHY: &str = "systemd-run --pipe --wait --quiet archipelago setup --for archy";

#[test]
fn the_first_setup_makes_the_host_ready_and_the_second_changes_nothing() {
    let host = support::installed();
    root(&host, FOR_ARCHY);
    user(&host, "systemctl --user disable --now podman.socket");
    let (code, before) = json(&host, &["doctor"]);
    assert_eq!((code, &before["ok"]), (1, &false.into()));

    let (code, first) = json(&host, &["setup"]);
    assert_eq!((code, &first["ok"]), (0, &true.into()), "{first}");
    let done: Vec<&str> = first["done"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|name| name.as_str())
        .collect();
    assert!(
        ["podman-socket", "service"]
            .iter()
            .all(|name| done.contains(name)),
        "{done:?}"
    );
    user(
        &host,
        "systemctl --user is-enabled archipelago.service podman.socket; curl -sf http://127.0.0.1:5678/health",
    );
    // Intents hold settings, and settings may be passwords.
    assert_eq!(
        user(&host, "stat -c %a ~/.config/archipelago/apps"),
        "700\n"
    );

    let state = user(&host, STATE);
    let second = archipelago(&host, &["setup"])
        .checked()
        .expect("a second setup");
    assert!(second.contains("There was nothing to do."), "{second}");
    assert_eq!(user(&host, STATE), state);

    let (code, doctor) = json(&host, &["doctor"]);
    assert_eq!((code, &doctor["ok"]), (0, &true.into()), "{doctor}");
    for check in doctor["checks"].as_array().expect("a list") {
        let keys: Vec<&String> = check.as_object().expect("an object").keys().collect();
        assert_eq!(keys, ["cure", "finding", "name", "state"]);
        assert_eq!(
            (&check["state"], &check["cure"]),
            (&"ok".into(), &serde_json::Value::Null),
            "{check}"
        );
    }
}

#[test]
fn root_sets_a_user_up_once() {
    let host = support::installed();
    root(
        &host,
        ": >/etc/subuid; echo other:100000:65536 >/etc/subgid; rm /var/lib/systemd/linger/archy; \
         systemctl disable wants-network-online.service; systemctl stop wants-network-online.service network-online.target",
    );
    let asked = archipelago(&host, &["setup"]);
    assert_eq!(asked.status, 4, "{asked:?}");
    assert!(
        asked
            .stdout
            .contains("    sudo archipelago setup --for archy\n"),
        "{asked:?}"
    );

    let first = root(&host, FOR_ARCHY);
    for part in [
        "165536-231071",
        "network-online.target",
        "/var/lib/archipelago belongs to archy",
        "without a login",
        "started again when it is killed",
    ] {
        assert!(
            first
                .lines()
                .any(|line| line.starts_with("done") && line.contains(part)),
            "{part}: {first}"
        );
    }
    let result = "cat /etc/subuid /etc/subgid; stat -c '%U %a' /var/lib/archipelago; ls /var/lib/systemd/linger; systemctl is-active network-online.target";
    let expected =
        "archy:165536:65536\nother:100000:65536\narchy:165536:65536\narchy 700\narchy\nactive\n";
    assert_eq!(root(&host, result), expected);

    // Two minutes at a shutdown are not enough for a node that writes its cache.
    let kept = "systemctl show -P Restart -P TimeoutStopUSec user@$(id -u archy)";
    assert_eq!(root(&host, kept), "on-failure\n30min\n");

    // As after a run that was killed before systemd reloaded the drop-in.
    let drop_in = "/etc/systemd/system/user@$(id -u archy).service.d/50-archipelago.conf";
    root(
        &host,
        &format!(
            "mv {drop_in} /root/; systemctl daemon-reload; mv /root/50-archipelago.conf {drop_in}"
        ),
    );
    assert_ne!(root(&host, kept), "on-failure\n30min\n");
    let repaired = root(&host, FOR_ARCHY);
    assert!(
        repaired.contains("done     the systemd of archy"),
        "{repaired}"
    );
    assert_eq!(root(&host, kept), "on-failure\n30min\n");

    let state = user(&host, STATE);
    let second = root(&host, FOR_ARCHY);
    assert!(
        second.lines().all(|line| !line.starts_with("done")),
        "{second}"
    );
    assert_eq!(user(&host, STATE), state);
    let doctor = archipelago(&host, &["setup"]);
    assert_eq!(doctor.status, 0, "{doctor:?}");
}

#[test]
fn root_keeps_the_data_of_a_user_where_they_are() {
    let host = support::installed();
    user(&host, "archipelago setup");
    let modes = "stat -c %a ~/.config/archipelago/apps ~/.local/share/archipelago";
    assert_eq!(user(&host, modes), "700\n700\n");
    let folder = put_tick(&host);
    archipelago(&host, &["install", folder, "--yes"])
        .checked()
        .expect("the app is ready");
    user(&host, "mkdir -p ~/.local/share/archipelago/volumes/tick");
    let said = root(
        &host,
        "archipelago setup --for archy; test ! -e /var/lib/archipelago",
    );
    assert!(
        said.contains("stay in /home/archy/.local/share/archipelago"),
        "{said}"
    );
}

#[test]
fn each_part_of_the_setup_is_refused_to_the_wrong_user() {
    let host = support::installed();
    let refused = |as_root: bool, command: &str, code: i32, words: &str| {
        let account = if as_root {
            testhost::Account::Root
        } else {
            testhost::Account::User
        };
        let output = shell(&host, account, command);
        assert_eq!(output.status, code, "{command}: {output:?}");
        assert!(
            format!("{}{}", output.stdout, output.stderr).contains(words),
            "{command}: {output:?}"
        );
    };
    refused(true, "archipelago setup", 4, "not as root");
    refused(true, "archipelago install litecoin", 4, "not as root");
    refused(true, "archipelago doctor", 1, "log in as the user");
    refused(
        true,
        "archipelago setup --for nobody-there",
        3,
        "nobody-there",
    );
    refused(true, "archipelago setup --for root", 3, "ordinary user");
    refused(
        false,
        "archipelago setup --for archy",
        4,
        "sudo archipelago setup --for archy",
    );
    root(&host, "archipelago version; archipelago catalog");
}

#[test]
fn without_the_package_setup_writes_the_unit_and_a_later_package_replaces_it() {
    let host = support::installed();
    user(&host, "mkdir -p ~/bin; cp /usr/bin/archipelago ~/bin/");
    root(&host, "apt-get purge --yes archipelago");
    user(&host, "~/bin/archipelago setup");
    let program = "systemctl --user show --property=ExecStart archipelago.service";
    assert!(user(&host, program).contains("/home/archy/bin/archipelago"));
    user(&host, "curl -sf http://127.0.0.1:5678/health");

    host.install_package(&support::package())
        .expect("the package installs");
    user(&host, "archipelago setup");
    assert!(user(&host, program).contains("/usr/bin/archipelago"));
    user(
        &host,
        "archipelago doctor; test ! -e ~/.config/systemd/user/archipelago.service",
    );
}

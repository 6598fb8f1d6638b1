//! Debian testing (`forky`), which has the systemd and Podman of the next stable Debian: from the
//! installation of the package to the removal of an app.

#[allow(dead_code, reason = "other test programs use more kinds of apps")]
#[path = "support/apps.rs"]
mod apps;
#[allow(dead_code, reason = "not every test program uses all of it")]
#[path = "support/node.rs"]
mod node;
#[path = "support/mod.rs"]
mod support;

use testhost::{Host, Options, Reboot, Suite};

use crate::node::{Node, ONE_TICK, SOON, UNITS, until, until_equal};

/// The oldest versions that this suite may have. With older ones the test would run on the stable
/// Debian.
const SYSTEMD: [u32; 2] = [262, 0];
const PODMAN: [u32; 2] = [5, 8];

/// A host of Debian testing with the package installed and set up as its documentation says.
fn forky() -> Node {
    let node = Node(Host::boot(Options::default().suite(Suite::Forky)).expect("a host"));
    let systemd = version(&node.user(&["systemctl", "--version"]));
    assert!(
        systemd >= SYSTEMD,
        "systemd {systemd:?} is of another Debian"
    );
    let podman = version(&node.user(&["podman", "--version"]));
    assert!(podman >= PODMAN, "Podman {podman:?} is of another Debian");

    node.0
        .install_package(&support::package())
        .expect("the package installs without a network");
    node.shell("sudo archipelago setup --for archy");
    node.user(&["archipelago", "setup"]);
    node
}

/// Major and minor of the version in texts such as `systemd 262 (262-1)` or `podman version 5.8.6`.
fn version(printed: &str) -> [u32; 2] {
    let mut numbers = printed
        .split_whitespace()
        .find(|word| word.starts_with(|first: char| first.is_ascii_digit()))
        .unwrap_or_else(|| panic!("no version in {printed:?}"))
        .split(|character: char| !character.is_ascii_digit())
        .map(|number| number.parse().unwrap_or_default());
    [(); 2].map(|()| numbers.next().unwrap_or_default())
}

#[test]
fn an_app_is_installed_repaired_and_removed_on_debian_testing() {
    let node = forky();
    let doctor = node.json(&["doctor"]);
    let checks = doctor["checks"].as_array().expect("a list");
    assert!(
        doctor["ok"] == true && checks.iter().all(|check| check["state"] == "ok"),
        "{doctor:#}"
    );

    let shop = apps::shop();
    let folder = node.put(&shop);
    let nothing = node.traces(&shop.id);
    node.user(&["archipelago", "install", &folder]);
    assert_eq!(node.state(&shop.id), "ready");
    assert_eq!(node.shell("curl -fsS http://127.0.0.1:8480/"), "hello\n");
    let installed = node.containers();

    // A deleted unit file is written again, and its container keeps running.
    let unit = format!("{UNITS}/archy-shop.container");
    let text = node.shell(&format!("cat {unit}"));
    node.shell(&format!("rm {unit}"));
    until_equal("the unit file to be back", ONE_TICK, &text, || {
        node.try_shell(&format!("cat {unit}")).stdout
    });
    all_run(&node);
    assert_eq!(node.containers(), installed);

    // A stopped service is started again, and no other service is.
    node.user(&["systemctl", "--user", "stop", "archy-shop-db"]);
    until("the stopped service to be back", ONE_TICK, || {
        let now = node.try_containers()?;
        let back = now.get("archy-shop-db")?;
        (back.state == "running" && *back != installed["archy-shop-db"]).then_some(())
    });
    all_run(&node);
    let mut others = node.containers();
    others.insert(
        "archy-shop-db".to_owned(),
        installed["archy-shop-db"].clone(),
    );
    assert_eq!(others, installed);

    node.0.reboot(Reboot::Soft).expect("a reboot");
    all_run(&node);
    assert_eq!(node.shell("curl -fsS http://127.0.0.1:8480/"), "hello\n");

    node.user(&["archipelago", "uninstall", &shop.id, "--purge"]);
    assert_eq!(node.traces(&shop.id), nothing);
    assert_eq!(node.json(&["doctor"])["ok"], true);
}

/// Waits until every service of the app runs.
fn all_run(node: &Node) {
    until_equal("the app to be ready", SOON, &"ready".to_owned(), || {
        node.state("shop")
    });
}

//! Hard reboots in a row, each at a random instant of an install, a change of settings, an
//! uninstall, or while nothing happens. In half of them Archipelago is disabled, and systemd alone
//! starts the apps again.
//!
//! Every process of the host is killed at once. Data that the kernel had not written yet are not
//! lost, because the host shares the machine's kernel; the simulation tests that the order of
//! writes survives a loss of power.
//!
//! `ARCHIPELAGO_TORTURE_REBOOTS` sets the number of reboots. `ARCHIPELAGO_TEST_SEED` repeats the
//! instants.

use std::collections::BTreeSet;
use std::time::Duration;

use testhost::Reboot;

use crate::fault::{Kept, all_well, kept, shop};
use crate::instants::{Instants, wanted};
use crate::node::{CONFIG, Node, until, until_equal};
use crate::whole::{nothing_to_do, observe, until_observed};
use crate::{apps, foreign};

/// The number of reboots in the shorter set: one of each kind, two of them with Archipelago
/// disabled.
const REBOOTS: u32 = 4;
/// Containers start side by side, on a machine that has just booted.
const BACK: Duration = Duration::from_secs(60);
const RECOVERED: Duration = Duration::from_secs(90);

/// The commands that a reboot interrupts. They change a third app beside those that must run again.
const MEANWHILE: [&str; 4] = [
    "archipelago install /home/archy/apps/guest",
    "archipelago install /home/archy/apps/guest --set port=8484",
    "archipelago uninstall guest",
    "sleep 3",
];

/// The containers that must run again: those of the apps `shop` and `lone`, and those of the units
/// of others.
const RESIDENTS: [&str; 6] = [
    "systemd-archy-foreign",
    "archy-lone",
    "archy-shop",
    "archy-shop-db",
    "archy-shop-ui",
    "systemd-foreign",
];

struct Before {
    kept: Kept,
    others: String,
    /// Without the guest.
    whole: BTreeSet<String>,
}

#[test]
fn hard_reboots_at_random_instants() {
    let reboots = wanted("ARCHIPELAGO_TORTURE_REBOOTS", REBOOTS);
    let mut instants = Instants::new();
    let node = Node::new();
    foreign::make(&node);
    let kept_before = shop(&node);
    node.install(&apps::lone("lone", 8481));
    node.put(&apps::lone("guest", 8483));
    // This container has no unit, so it is not started after a reboot.
    node.shell("podman rm -f -t 0 shop-by-hand >/dev/null");
    let before = Before {
        kept: kept_before,
        others: foreign::state(&node, false),
        whole: observe(&node),
    };
    for number in 0..reboots {
        let meanwhile = MEANWHILE[number as usize % MEANWHILE.len()];
        // Each kind happens with and without Archipelago by turns.
        let alone = (number + number / 4) % 2 == 1;
        reboot(&node, &mut instants, meanwhile, alone);
        until_back(&node, &before, alone);
        println!(
            "reboot {} of {reboots}, during `{meanwhile}`, {}: all back",
            number + 1,
            if alone {
                "by systemd alone"
            } else {
                "with Archipelago"
            }
        );
    }
    println!("rebooted: {reboots} times, all apps back each time");
    let intents = node.shell(&format!("ls {CONFIG}/apps"));
    if intents.contains("guest.toml") {
        node.user(&["archipelago", "uninstall", "guest"]);
    }
    until_observed(&node, "the host to be as before the reboots", &before.whole);
    nothing_to_do(&node, "/home/archy/apps/lone");
}

/// Reboots hard while a command runs.
fn reboot(node: &Node, instants: &mut Instants, meanwhile: &str, alone: bool) {
    if alone {
        node.user(&["systemctl", "--user", "disable", "--now", "archipelago"]);
    }
    let mut child = node
        .0
        .spawn_user(&["bash", "-c", meanwhile])
        .expect("a command in the host");
    instants.pass(Duration::from_millis(2500));
    node.0.reboot(Reboot::Hard).expect("a reboot");
    child.wait().expect("the end of the command");
}

/// Waits until all residents run, with or without Archipelago. Then waits until Archipelago has
/// repaired everything else.
fn until_back(node: &Node, before: &Before, alone: bool) {
    until("all containers to run", BACK, || {
        let now = node.try_containers()?;
        RESIDENTS
            .iter()
            .all(|name| now.get(*name).is_some_and(|run| run.state == "running"))
            .then_some(())
    });
    let active = node.try_shell("systemctl --user is-active archipelago");
    assert_eq!(active.stdout.trim() == "inactive", alone, "{active:?}");
    until_equal("the shop to answer", BACK, &"hello\n".to_owned(), || {
        node.try_shell("curl -fsS http://127.0.0.1:8480/").stdout
    });
    assert_eq!(kept(node), before.kept);
    assert_eq!(foreign::state(node, false), before.others);
    if alone {
        node.user(&["systemctl", "--user", "enable", "--now", "archipelago"]);
    }
    all_well(node, RECOVERED);
}

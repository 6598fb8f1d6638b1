//! The simulation is held to the real thing: the same scripts on a simulated host and on a real one, compared after each step. What differs
//! is a mistake of the simulation, or one of the product that the simulation does not know.
//!
//! What is compared: unit files, rendered files, data and intents with their content; what Quadlet made of the units; what stands above them
//! and beside them; each service with what systemd calls its states; which services were started anew in the step; Podman's containers,
//! images, networks, volumes and secrets; and every word that `archipelago status` says. Secrets are random: those that the real host draws
//! are given to the simulated one.

#[allow(dead_code, reason = "the apps are those of the simulation")]
#[path = "../support/apps.rs"]
mod apps;
#[allow(dead_code, reason = "not every test program does all of it")]
#[path = "../support/node.rs"]
mod node;
#[path = "../support/mod.rs"]
mod support;

mod both;
mod observation;
mod real;
mod simulated;

use both::Both;
use sim::apps::{BASE, SHOP};
use sim::deeds::Deed;
use sim::script::Line;
use sim::world::disk::Unsynced;
use sim::world::registry::Supply;

fn both_apps() -> Both {
    let mut both = Both::new();
    both.step(
        "two apps are installed",
        &[
            Line::Do(Deed::Install(BASE.to_owned(), 1)),
            Line::Do(Deed::Install(SHOP.to_owned(), 1)),
        ],
    );
    both
}

fn unit(name: &str) -> String {
    format!("archy-{name}.container")
}

fn service(name: &str) -> String {
    format!("archy-{name}.service")
}

#[test]
fn what_others_do_to_units_and_services() {
    let mut both = both_apps();
    both.deed("a unit is deleted", Deed::DeleteUnit(unit("shop-db")));
    both.deed("a unit is edited", Deed::EditUnit(unit("shop-ui")));
    both.deed("a unit is spoiled", Deed::SpoilUnit(unit("shop")));
    both.deed(
        "a network's unit is deleted",
        Deed::DeleteUnit("archy-shop.network".to_owned()),
    );
    both.deed(
        "a rendered file is deleted",
        Deed::DeleteRendered("archy-shop-ui".to_owned()),
    );
    both.deed(
        "a rendered file is edited",
        Deed::EditRendered("archy-shop-ui".to_owned()),
    );
    both.deed(
        "a service is stopped",
        Deed::StopService(service("shop-db")),
    );
    both.deed(
        "the main service is stopped",
        Deed::StopService(service("shop")),
    );
    both.deed(
        "a network's service is stopped",
        Deed::StopService("archy-shop-network.service".to_owned()),
    );
    both.deed("a service is masked", Deed::Mask(service("shop-ui")));
    both.deed(
        "a masked service is stopped",
        Deed::StopService(service("shop-ui")),
    );
    both.deed("a setting changes beside a mask", Deed::SetPort(8090));
    both.deed("the mask is taken away", Deed::Unmask(service("shop-ui")));
    both.deed("the required app is masked", Deed::Mask(service("base")));
    both.deed("and stopped", Deed::StopService(service("base")));
    both.deed("and given back", Deed::Unmask(service("base")));
    both.step(
        "a masked service ends",
        &[
            Line::Do(Deed::Mask(service("shop-ui"))),
            Line::Do(Deed::KillService(service("shop-ui"))),
        ],
    );
    both.deed("that mask is taken away", Deed::Unmask(service("shop-ui")));
    both.deed("a drop-in", Deed::DropIn(service("shop-db")));
    both.step(
        "a drop-in that Quadlet refuses",
        &[
            Line::Do(Deed::SpoilingDropIn(unit("shop-db"))),
            Line::Do(Deed::Reload),
        ],
    );
    both.step(
        "what it refuses is stopped",
        &[Line::Do(Deed::StopService(service("shop-db")))],
    );
    both.step(
        "that drop-in is gone",
        &[
            Line::Do(Deed::RemoveDropIns(unit("shop-db"))),
            Line::Do(Deed::Reload),
        ],
    );
}

#[test]
fn what_others_do_to_podman() {
    let mut both = both_apps();
    both.step(
        "one container is killed, another removed",
        &[
            Line::Do(Deed::KillService(service("shop-db"))),
            Line::Do(Deed::RemoveContainer("archy-shop-ui".to_owned())),
        ],
    );
    both.deed(
        "a volume is removed",
        Deed::RemoveVolume("archy-shop-data".to_owned()),
    );
    both.deed(
        "a network is removed",
        Deed::RemoveNetwork("archy-shop".to_owned()),
    );
    both.deed(
        "a secret is removed",
        Deed::RemoveSecret("archy-shop-token".to_owned()),
    );
    both.deed(
        "an image is removed",
        Deed::RemoveImage(real::mapped("docker.io/library/shop:1")),
    );
    both.step(
        "an image is removed that cannot be had again",
        &[
            Line::Do(Deed::Registry(Supply::Fails)),
            Line::Do(Deed::RemoveImage(real::mapped("docker.io/library/db:1"))),
        ],
    );
    both.step(
        "it can be had again",
        &[
            Line::Do(Deed::Registry(Supply::Comes)),
            Line::Do(Deed::Start(SHOP.to_owned())),
        ],
    );
    both.deed("Podman's socket is removed", Deed::RemoveSocket);
    both.deed("all that is not used is pruned", Deed::Prune);
    both.deed("Podman forgets everything", Deed::PodmanReset);
}

#[test]
fn what_the_operator_asks_for() {
    let mut both = both_apps();
    both.deed("a setting changes", Deed::SetPort(8090));
    both.deed("the app is stopped", Deed::Stop(SHOP.to_owned()));
    both.deed("all that is not used is pruned", Deed::Prune);
    both.deed("the app is started", Deed::Start(SHOP.to_owned()));
    both.deed("the app is restarted", Deed::Restart(SHOP.to_owned()));
    both.deed("the required app is stopped", Deed::Stop(BASE.to_owned()));
    both.deed("the required app is started", Deed::Start(BASE.to_owned()));
    both.deed(
        "another version is installed",
        Deed::Install(SHOP.to_owned(), 2),
    );
    both.deed("the app is uninstalled", Deed::Uninstall(SHOP.to_owned()));
    both.deed("it is installed again", Deed::Install(SHOP.to_owned(), 2));
    both.deed("it is purged", Deed::Purge(SHOP.to_owned()));
    both.deed("and so is the other", Deed::Purge(BASE.to_owned()));
}

#[test]
fn the_manager_and_the_host_go_down() {
    let mut both = both_apps();
    both.step("the daemon is killed", &[Line::KillDaemon]);
    both.step(
        "things happen without it",
        &[
            Line::Do(Deed::StopService(service("shop-db"))),
            Line::Do(Deed::DeleteUnit(unit("shop-ui"))),
            Line::Do(Deed::RemoveContainer("archy-base".to_owned())),
        ],
    );
    both.step("systemd is reloaded without it", &[Line::Do(Deed::Reload)]);
    both.step(
        "what has no unit any more ends",
        &[Line::Do(Deed::KillService(service("shop-ui")))],
    );
    both.step("it comes back", &[Line::StartDaemon]);
    both.step("it is gone again", &[Line::KillDaemon]);
    both.deed("a reboot without it", Deed::Reboot);
    both.deed("power is lost without it", Deed::PowerLoss(Unsynced::Kept));
    both.step("it is there again", &[Line::StartDaemon]);
    both.deed("a reboot with it", Deed::Reboot);
    both.step(
        "a reboot in the middle of a change",
        &[
            Line::Do(Deed::DeleteUnit(unit("shop"))),
            Line::Do(Deed::Mask(service("shop-ui"))),
            Line::Do(Deed::Reboot),
        ],
    );
    both.deed("power is lost with it", Deed::PowerLoss(Unsynced::Kept));
    both.deed("the mask is taken away", Deed::Unmask(service("shop-ui")));
}

//! Compares the simulation with reality: the same scripts run on a simulated host and on a real
//! one, which are compared after each step. A difference is a mistake of the simulation, or one of
//! the product that the simulation does not show.
//!
//! The comparison covers unit files, rendered files, data and intents with their content; Quadlet's
//! output; masks and drop-ins; the states of each service in systemd; the services that were
//! started in the step; Podman's containers, images, networks, volumes and secrets; and the whole
//! output of `archipelago status`. Secrets are random, so the simulated host is given those of the
//! real one.

#[allow(dead_code, reason = "the apps are those of the simulation")]
#[path = "../support/apps.rs"]
mod apps;
#[allow(dead_code, reason = "not every test program uses all of it")]
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
use sim::host::disk::Unsynced;
use sim::host::registry::PullOutcome;
use sim::script::intervention::Intervention;
use sim::script::lines::Line;

fn both_apps() -> Both {
    let mut both = Both::new();
    both.step(
        "two apps are installed",
        &[
            Line::Do(Intervention::Install(BASE.to_owned(), 1)),
            Line::Do(Intervention::Install(SHOP.to_owned(), 1)),
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
fn others_change_units_and_services() {
    let mut both = both_apps();
    both.intervene(
        "a unit is deleted",
        Intervention::DeleteUnit(unit("shop-db")),
    );
    both.intervene("a unit is edited", Intervention::EditUnit(unit("shop-ui")));
    both.intervene("a unit is spoiled", Intervention::SpoilUnit(unit("shop")));
    both.intervene(
        "a network's unit is deleted",
        Intervention::DeleteUnit("archy-shop.network".to_owned()),
    );
    both.intervene(
        "a rendered file is deleted",
        Intervention::DeleteRendered("archy-shop-ui".to_owned()),
    );
    both.intervene(
        "a rendered file is edited",
        Intervention::EditRendered("archy-shop-ui".to_owned()),
    );
    both.intervene(
        "a service is stopped",
        Intervention::StopService(service("shop-db")),
    );
    both.intervene(
        "the main service is stopped",
        Intervention::StopService(service("shop")),
    );
    both.intervene(
        "a network's service is stopped",
        Intervention::StopService("archy-shop-network.service".to_owned()),
    );
    both.intervene(
        "a service is masked",
        Intervention::Mask(service("shop-ui")),
    );
    both.intervene(
        "a masked service is stopped",
        Intervention::StopService(service("shop-ui")),
    );
    both.intervene(
        "a setting changes beside a mask",
        Intervention::SetPort(8090),
    );
    both.intervene(
        "the mask is removed",
        Intervention::Unmask(service("shop-ui")),
    );
    both.intervene(
        "the required app is masked",
        Intervention::Mask(service("base")),
    );
    both.intervene(
        "the required app is stopped",
        Intervention::StopService(service("base")),
    );
    both.intervene(
        "the required app is unmasked",
        Intervention::Unmask(service("base")),
    );
    both.step(
        "a masked service ends",
        &[
            Line::Do(Intervention::Mask(service("shop-ui"))),
            Line::Do(Intervention::KillService(service("shop-ui"))),
        ],
    );
    both.intervene(
        "that mask is removed",
        Intervention::Unmask(service("shop-ui")),
    );
    both.intervene("a drop-in", Intervention::DropIn(service("shop-db")));
    both.step(
        "a drop-in that Quadlet refuses",
        &[
            Line::Do(Intervention::SpoilingDropIn(unit("shop-db"))),
            Line::Do(Intervention::Reload),
        ],
    );
    both.step(
        "the service without a generated unit is stopped",
        &[Line::Do(Intervention::StopService(service("shop-db")))],
    );
    both.step(
        "that drop-in is removed",
        &[
            Line::Do(Intervention::RemoveDropIns(unit("shop-db"))),
            Line::Do(Intervention::Reload),
        ],
    );
}

#[test]
fn others_change_podman() {
    let mut both = both_apps();
    both.step(
        "one container is killed, another removed",
        &[
            Line::Do(Intervention::KillService(service("shop-db"))),
            Line::Do(Intervention::RemoveContainer("archy-shop-ui".to_owned())),
        ],
    );
    both.intervene(
        "a volume is removed",
        Intervention::RemoveVolume("archy-shop-data".to_owned()),
    );
    both.intervene(
        "a network is removed",
        Intervention::RemoveNetwork("archy-shop".to_owned()),
    );
    both.intervene(
        "a secret is removed",
        Intervention::RemoveSecret("archy-shop-token".to_owned()),
    );
    both.intervene(
        "an image is removed",
        Intervention::RemoveImage(real::mapped("docker.io/library/shop:1")),
    );
    both.step(
        "an image is removed that cannot be pulled again",
        &[
            Line::Do(Intervention::Registry(PullOutcome::Fails)),
            Line::Do(Intervention::RemoveImage(real::mapped(
                "docker.io/library/db:1",
            ))),
        ],
    );
    both.step(
        "the image can be pulled again",
        &[
            Line::Do(Intervention::Registry(PullOutcome::Succeeds)),
            Line::Do(Intervention::Start(SHOP.to_owned())),
        ],
    );
    both.intervene("Podman's socket is removed", Intervention::RemoveSocket);
    both.intervene("unused objects are pruned", Intervention::Prune);
    both.intervene("Podman is reset", Intervention::PodmanReset);
}

#[test]
fn the_operator_runs_commands() {
    let mut both = both_apps();
    both.intervene("a setting changes", Intervention::SetPort(8090));
    both.intervene("the app is stopped", Intervention::Stop(SHOP.to_owned()));
    both.intervene("unused objects are pruned", Intervention::Prune);
    both.intervene("the app is started", Intervention::Start(SHOP.to_owned()));
    both.intervene(
        "the app is restarted",
        Intervention::Restart(SHOP.to_owned()),
    );
    both.intervene(
        "the required app is stopped",
        Intervention::Stop(BASE.to_owned()),
    );
    both.intervene(
        "the required app is started",
        Intervention::Start(BASE.to_owned()),
    );
    both.intervene(
        "another version is installed",
        Intervention::Install(SHOP.to_owned(), 2),
    );
    both.intervene(
        "the app is uninstalled",
        Intervention::Uninstall(SHOP.to_owned()),
    );
    both.intervene(
        "the app is installed again",
        Intervention::Install(SHOP.to_owned(), 2),
    );
    both.intervene("the app is purged", Intervention::Purge(SHOP.to_owned()));
    both.intervene(
        "the required app is purged",
        Intervention::Purge(BASE.to_owned()),
    );
}

#[test]
fn the_daemon_and_the_host_go_down() {
    let mut both = both_apps();
    both.step("the daemon is killed", &[Line::KillDaemon]);
    both.step(
        "units and containers are changed without it",
        &[
            Line::Do(Intervention::StopService(service("shop-db"))),
            Line::Do(Intervention::DeleteUnit(unit("shop-ui"))),
            Line::Do(Intervention::RemoveContainer("archy-base".to_owned())),
        ],
    );
    both.step(
        "systemd is reloaded without the daemon",
        &[Line::Do(Intervention::Reload)],
    );
    both.step(
        "a service without a unit ends",
        &[Line::Do(Intervention::KillService(service("shop-ui")))],
    );
    both.step("the daemon is started", &[Line::StartDaemon]);
    both.step("the daemon is killed again", &[Line::KillDaemon]);
    both.intervene("a reboot without the daemon", Intervention::Reboot);
    both.intervene(
        "power is lost without the daemon",
        Intervention::PowerLoss(Unsynced::Kept),
    );
    both.step("the daemon is started again", &[Line::StartDaemon]);
    both.intervene("a reboot with the daemon", Intervention::Reboot);
    both.step(
        "a reboot in the middle of a change",
        &[
            Line::Do(Intervention::DeleteUnit(unit("shop"))),
            Line::Do(Intervention::Mask(service("shop-ui"))),
            Line::Do(Intervention::Reboot),
        ],
    );
    both.intervene(
        "power is lost with the daemon",
        Intervention::PowerLoss(Unsynced::Kept),
    );
    both.intervene(
        "the mask is removed",
        Intervention::Unmask(service("shop-ui")),
    );
}

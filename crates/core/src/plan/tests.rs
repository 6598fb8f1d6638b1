//! Plans, case by case.

mod apply;
mod contention;
mod data_folder;
mod dependants;
mod disturbed;
mod forecast;
mod granted;
mod images;
mod lines;
mod network;
mod operations;
mod reasons;
mod refused;
mod releases;
mod reload;
mod removal;
mod renewal;
mod repair;
mod retries;
mod world;

use std::path::{Path, PathBuf};

use crate::action::{Action, AppStep, HostStep};
use crate::cause::Cause;
use crate::health::report;
use crate::image_facts::{ImageState, KnownImages};
use crate::intent::WantedState;
use crate::manifest::{COMPOSE_FILE, Recipe};
use crate::observed::{
    Active, Failure, Job, Load, Override, Podman, PodmanNetwork, Service, SubState, Unreachable,
    needs_podman,
};
use crate::pass::{Run, Scene};
use crate::plan::*;
use crate::reconcile::Outcome;
use disturbed::Disturbance;
use lines::*;
use world::*;

/// Checks the plans pass by pass after a disturbance of a converged world. After the last one
/// nothing is left to do.
fn check(happened: impl FnOnce(&mut World), passes: &[&[&str]]) {
    let mut world = World::converged();
    happened(&mut world);
    check_passes(world, passes);
}

/// Only the first passes; others follow.
fn check_first(happened: impl FnOnce(&mut World), passes: &[&[&str]]) {
    let mut world = World::converged();
    happened(&mut world);
    for expected in passes {
        assert_eq!(world.lines(), *expected);
        world.pass_cut_at(usize::MAX);
    }
}

fn check_passes(mut world: World, passes: &[&[&str]]) {
    for expected in passes {
        assert_eq!(world.lines(), *expected);
        world.pass_cut_at(usize::MAX);
    }
    assert_eq!(world.lines(), [""; 0], "after the expected passes");
}

#[test]
fn a_fresh_install_goes_from_secrets_to_started_services() {
    check_passes(
        World::fresh(),
        &[
            &["generate secret web/token"],
            &[
                "make folder volumes/web/data",
                "ensure image docker.io/library/ui:1",
                "ensure image docker.io/library/web:1",
                "check 4 units",
                "remember reload",
                "write file archy-web-ui/ui.conf",
                "store secret archy-web-token",
                "write archy-web-data.volume",
                "write archy-web-ui.container",
                "write archy-web.container",
                "write archy-web.network",
                "reload",
                "remember",
            ],
            &[
                "remember",
                "start archy-web-ui.service",
                "start archy-web.service",
            ],
            &["remember"],
        ],
    );
}

#[test]
fn a_converged_world_needs_nothing_and_podman_is_not_asked() {
    let mut world = World::converged();
    assert_eq!(world.lines(), [""; 0]);
    assert!(!needs_podman(&world.desired(), &world.observe()));
    // Something of Podman's changed: it is asked, and remembered that all is there.
    world
        .podman
        .images
        .insert("docker.io/library/other:1".to_owned(), None);
    assert!(needs_podman(&world.desired(), &world.observe()));
    check_passes(world, &[&["remember"]]);
}

#[test]
fn a_mask_is_the_operators_word() {
    check(
        |world| {
            world.stop("archy-web-ui.service");
            world
                .host
                .overrides
                .insert("archy-web-ui.service".to_owned(), Override::Masked);
        },
        &[&["remember"]],
    );
    check(
        |world| {
            world
                .host
                .services
                .get_mut("archy-web-ui.service")
                .unwrap()
                .load = Load::Masked
        },
        &[],
    );
}

#[test]
fn what_belongs_to_someone_else_is_not_touched() {
    fn of_other() -> PodmanNetwork {
        PodmanNetwork {
            owner: Some(id("other")),
            ..PodmanNetwork::default()
        }
    }
    let foreign: [fn(&mut World); 6] = [
        |world| {
            drop(
                world
                    .podman
                    .secrets
                    .insert("archy-web-token".to_owned(), None),
            )
        },
        |world| {
            drop(world.host.unit_files.insert(
                "archy-web.container".to_owned(),
                b"[Container]\nImage=x\n".to_vec(),
            ))
        },
        |world| drop(world.podman.containers.insert("archy-web".to_owned(), None)),
        |world| {
            drop(
                world
                    .podman
                    .networks
                    .insert("archy-web".to_owned(), of_other()),
            )
        },
        |world| {
            drop(
                world
                    .podman
                    .volumes
                    .insert("archy-web-data".to_owned(), None),
            )
        },
        |world| {
            let name = "archy-web.service".to_owned();
            world.host.overrides.insert(name, Override::Foreign);
        },
    ];
    for take in foreign {
        let mut world = World::fresh();
        let secret = AppStep::GenerateSecret {
            name: "token".to_owned(),
            recipe: Recipe::Random,
        };
        world.apply(&of_app("web", secret));
        take(&mut world);
        assert_eq!(world.lines(), [""; 0]);
        let desired = world.desired();
        let (_, present) = desired.present().next().unwrap();
        assert!(
            blocked(
                &layout(),
                &id("web"),
                present,
                &world.observe(),
                world.reconciler.retries()
            )
            .is_some()
        );
    }
}

#[test]
fn a_copy_of_a_unit_under_another_name_is_not_ours() {
    check(
        |world| {
            let content = world.unit("archy-web.container").clone();
            for name in ["archy-mine.container", "volumes.container"] {
                world
                    .host
                    .unit_files
                    .insert(name.to_owned(), content.clone());
            }
        },
        &[],
    );
}

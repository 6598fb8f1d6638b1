//! Definitions and what containers mount of them, stored under their hashes.

use super::reasons::{actions, check};
use super::world::*;
use super::*;
use crate::action::Reason;
use crate::quadlet::VERSION;
use crate::release::ReleaseId;
use crate::releases::{Former, Releases};

const MOUNTING: &str = "
services:
  web:
    image: docker.io/library/web:1
    volumes: ['./page:/page:ro']
";

/// A world in which the app `web` mounts a file of its definition, as an intent that names its
/// release has it.
fn mounting(text: &str) -> World {
    let mut world = World::fresh();
    install(&mut world, text);
    world.converge();
    world
}

fn install(world: &mut World, text: &str) {
    world.install("web", &[(COMPOSE_FILE, MOUNTING), ("page", text)]);
    let web = id("web");
    let release = ReleaseId::of(&world.inputs.definitions[&web]);
    let intent = world
        .inputs
        .intents
        .get_mut(&web)
        .unwrap()
        .as_mut()
        .unwrap();
    intent.release = Some(release.clone());
    let named = world.inputs.releases.named.get_or_insert_default();
    named.clear();
    named.insert(release.clone());
    world.host.releases.all.insert(release);
}

/// The release of what the container mounts.
fn mounted(world: &World) -> ReleaseId {
    let desired = world.desired();
    let (_, present) = desired.present().next().unwrap();
    present.mounted.keys().next().unwrap().clone()
}

/// The reason of the action that this line is brief for.
fn reason(actions: &[Action], line: &str) -> Reason {
    let action = actions.iter().find(|action| brief(action) == line);
    let Some(action) = action else {
        let lines: Vec<String> = actions.iter().map(brief).collect();
        panic!("{line:?} is not among {lines:?}");
    };
    action.reason().clone()
}

#[test]
fn what_a_container_mounts_is_stored_before_it_starts() {
    let mut world = World::fresh();
    install(&mut world, "one");
    let lines = world.lines();
    let at = |line: &str| lines.iter().position(|it| it == line);
    assert!(at("store page").is_some(), "{lines:?}");
    assert!(
        at("store page") < at("write archy-web.container"),
        "{lines:?}"
    );
}

#[test]
fn what_was_changed_of_it_is_stored_anew_and_its_reader_restarts() {
    let world = mounting("one");
    let page = mounted(&world);
    let damaged = || Reason::ReleaseDamaged {
        release: page.clone(),
    };
    check(
        world,
        |world| assert!(world.host.releases.whole.remove(&page)),
        &[
            ("store page", damaged()),
            ("restart archy-web.service", damaged()),
        ],
    );
}

#[test]
fn a_release_goes_once_nothing_names_it_and_nothing_runs_with_it() {
    let mut world = mounting("one");
    let first = mounted(&world);
    install(&mut world, "two");
    let second = mounted(&world);
    assert_ne!(first, second);
    let removal = format!("remove release {}", &first.as_str()[..4]);
    assert_eq!(reason(&actions(&mut world), &removal), Reason::Unneeded);
    let all = &world.host.releases.all;
    assert!(all.contains(&second) && !all.contains(&first), "{all:?}");
    // While an earlier intent cannot be read, nobody knows what it names.
    world.inputs.releases.named = None;
    let stray = ReleaseId::of(&crate::file::Files::new());
    world.host.releases.all.insert(stray.clone());
    assert_eq!(world.lines(), [""; 0]);
    let desired = world.desired();
    let unused = unused(&desired, &world.observe());
    assert!(unused.is_empty());
}

#[test]
fn a_definition_of_0_1_0_is_taken_over_and_nothing_restarts() {
    let mut world = World::fresh();
    install(&mut world, "one");
    // As version 0.1.0 left it: the intent names no release, and the unit mounts the folder beside
    // it.
    let web = id("web");
    let files = world.inputs.definitions[&web].clone();
    let release = ReleaseId::of(&files);
    world.converge();
    let intent = world
        .inputs
        .intents
        .get_mut(&web)
        .unwrap()
        .as_mut()
        .unwrap();
    intent.release = None;
    world.inputs.releases = Releases {
        former: [(
            web.clone(),
            Former {
                release: release.clone(),
                files,
                allow: [].into(),
            },
        )]
        .into(),
        named: Some([].into()),
        unusable: [].into(),
    };
    let page = mounted(&world);
    world.host.releases.all.clear();
    world.host.releases.whole.clear();
    world.host.releases.former.insert(web.clone());
    let unit = world.unit("archy-web.container");
    let text = String::from_utf8(unit.clone()).unwrap();
    let text = text.replace(&format!("/config/releases/{page}"), "/config/apps/web");
    let version = format!("Version={VERSION}");
    *unit = text.replace(&version, "Version=0.1.0").into_bytes();
    let run = world.host.invocations["archy-web.service"].clone();
    let done = actions(&mut world);
    let former = Reason::FormerDefinition;
    assert_eq!(reason(&done, "name release of web"), former);
    assert_eq!(reason(&done, "store compose.yaml page"), former);
    assert_eq!(world.host.invocations["archy-web.service"], run);
    let stored: Vec<&ReleaseId> = world.host.releases.all.iter().collect();
    assert!(stored.contains(&&page) && stored.contains(&&release));
    // The container still has the former folder mounted.
    assert!(world.host.releases.former.contains(&web));
    world.stop("archy-web.service");
    let done = actions(&mut world);
    let removal = reason(&done, "remove former folder of web");
    assert_eq!(removal, Reason::Unneeded);
    assert!(world.host.releases.former.is_empty());
}

//! Volumes of images are learnt before the units that must name them are written. A damaged image
//! affects its own app alone.

use super::*;
use crate::cause::Rule;
use crate::health::State;
use crate::image_facts::ImageFacts;
use crate::plan::guard;

const WEB_IMAGE: &str = "docker.io/library/web:1";
const UI_IMAGE: &str = "docker.io/library/ui:1";

fn declares(paths: &[&str]) -> ImageFacts {
    ImageFacts::new("id", paths.iter().copied())
}

/// A world in which the images of `web` are on the node, and nothing is known of them.
fn unknown() -> World {
    let mut world = World::fresh();
    world.learns_images = true;
    for image in [WEB_IMAGE, UI_IMAGE] {
        world.podman.images.insert(image.to_owned(), None);
    }
    world
        .images
        .insert(WEB_IMAGE.to_owned(), declares(&["/data", "/cache"]));
    world
}

#[test]
fn a_unit_is_written_once_it_is_known_which_volumes_its_image_declares() {
    let mut world = unknown();
    check_first_of(&mut world, &["generate secret web/token"]);
    check_first_of(
        &mut world,
        &[
            "make folder volumes/web/data",
            &format!("remember images {UI_IMAGE} {WEB_IMAGE}"),
            "check 2 units",
        ],
    );
    let written = world.lines();
    assert!(
        written.contains(&"write archy-web.container".to_owned())
            && written.contains(&"make folder volumes/web/web-cache-7afa528c".to_owned())
            && written.contains(&"write archy-web-web-cache-7afa528c.volume".to_owned()),
        "{written:?}"
    );
    world.converge();
    let unit = String::from_utf8(world.unit("archy-web.container").clone()).unwrap();
    assert!(
        unit.contains("Volume=archy-web-web-cache-7afa528c.volume:/cache:z"),
        "{unit}"
    );
}

fn check_first_of(world: &mut World, expected: &[&str]) {
    let lines = world.lines();
    assert_eq!(lines[..expected.len()], *expected);
    world.pass_cut_at(usize::MAX);
}

#[test]
fn what_is_forgotten_of_images_costs_no_unit_and_no_restart() {
    let mut world = unknown();
    world.converge();
    let (files, runs) = (
        world.host.unit_files.clone(),
        world.host.invocations.clone(),
    );
    // Its file is lost.
    world.inputs.found.images.clear();
    let remember = format!("remember images {UI_IMAGE} {WEB_IMAGE}");
    assert!(world.lines().contains(&remember), "{:?}", world.lines());
    world.converge();
    assert_eq!(world.host.unit_files, files);
    assert_eq!(world.host.invocations, runs);
    // While Podman cannot be asked, a unit that is lost as well waits: without its volume it would
    // lose data.
    world.inputs.found.images.clear();
    world.host.unit_files.remove("archy-web.container");
    let mut observed = world.observe();
    observed.podman = Podman::Unreachable(Unreachable::Refused("no socket".to_owned()));
    observed.images.clear();
    let plan = world
        .reconciler
        .plan(&world.desired(), &observed, world.now);
    let writes = plan.actions.iter().any(changes_unit);
    assert!(!writes, "{:?}", plan.actions);
}

#[test]
fn units_of_an_earlier_version_are_written_with_the_volumes_and_not_restarted() {
    let mut world = World::converged();
    let runs = world.host.invocations.clone();
    for content in world.host.unit_files.values_mut() {
        *content = disturbed::aged(content);
    }
    for content in world.generated.values_mut() {
        *content = String::from_utf8(disturbed::aged(content.as_bytes())).unwrap();
    }
    world.learns_images = true;
    let facts = declares(&["/cache"]);
    world.images.insert(WEB_IMAGE.to_owned(), facts);
    world.converge();
    let unit = String::from_utf8(world.unit("archy-web.container").clone()).unwrap();
    assert!(unit.contains("/cache"), "{unit}");
    assert_eq!(world.host.invocations, runs);
}

#[test]
fn only_what_was_learnt_is_remembered() {
    let mut world = unknown();
    world.converge();
    let known = world.inputs.found.images.clone();
    world.inputs.found.images.clear();
    let mut judge = |images: KnownImages| {
        let plan = world.plan();
        let action = of_app("web", AppStep::RememberImages(images));
        let refused = guard::check(&world.desired(), &world.observe(), &plan, &action).err();
        refused.map(|refused| refused.rule())
    };
    assert_eq!(judge(known.clone()), None);
    let mut other = known;
    other.insert(UI_IMAGE.to_owned(), declares(&["/made-up"]));
    assert_eq!(judge(other), Some(Rule::Wanted));
}

#[test]
fn an_app_whose_image_is_damaged_says_so_and_gets_it_again() {
    let mut world = World::converged();
    world.stop("archy-web.service");
    world.podman.images.remove(WEB_IMAGE);
    let mut observed = world.observe();
    let damage = ImageState::Damaged("no manifest".to_owned());
    observed.images.insert(WEB_IMAGE.to_owned(), damage);
    let desired = world.desired();
    let plan = world.reconciler.plan(&desired, &observed, world.now);
    let gets = |action: &Action| matches!(action.app_step(), Some(AppStep::EnsureImage(_)));
    assert!(plan.actions.iter().any(gets), "{:?}", plan.actions);
    let report = report(&desired, &observed, world.reconciler.retries());
    let web = &report.apps[0];
    assert_ne!(web.state, State::Ready);
    assert!(
        web.message()
            .contains("docker.io/library/web:1 is damaged: no manifest")
            && web.message().contains("archipelago doctor"),
        "{}",
        web.message()
    );
}

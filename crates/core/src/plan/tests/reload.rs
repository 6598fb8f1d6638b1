//! While systemd will not read the units.

use super::*;

#[test]
fn systemd_does_not_reload_when_no_unit_file_could_be_changed() {
    let mut world = World::converged();
    world.install("top", &[(COMPOSE_FILE, ON_TOP)]);
    world.converge();
    for unit in ["archy-web.container", "archy-top.container"] {
        world.host.unit_files.remove(unit);
    }
    let (desired, observed, plan) = (world.desired(), world.observe(), world.plan());
    let tried = |fails: &[&str]| {
        let scene = Scene {
            desired: &desired,
            observed: &observed,
            plan: &plan,
        };
        let mut run = Run::default();
        let mut tried = Vec::new();
        while let Some(action) = run.next_action(scene) {
            tried.push(brief(action));
            let fails = matches!(action.app_step(), Some(AppStep::WriteUnit { name, .. }) if fails.contains(&name.as_str()));
            run.went(
                &plan,
                if fails {
                    Outcome::Failed(Cause::File("no space left".to_owned()))
                } else {
                    Outcome::Done
                },
            );
        }
        tried
    };
    let reloads = |tried: Vec<String>| tried.iter().filter(|line| *line == "reload").count();
    assert_eq!(reloads(tried(&[])), 1);
    assert_eq!(reloads(tried(&["archy-web.container"])), 1);
    assert_eq!(
        reloads(tried(&["archy-web.container", "archy-top.container"])),
        0
    );
}

/// A pass in which systemd will not read the units.
fn pass_without_reload(world: &mut World) {
    let (desired, observed, plan) = (world.desired(), world.observe(), world.plan());
    let scene = Scene {
        desired: &desired,
        observed: &observed,
        plan: &plan,
    };
    let mut run = Run::default();
    while let Some(action) = run.next_action(scene) {
        run.went(
            &plan,
            if is_reload(action) {
                Outcome::Failed(Cause::File("a pipe".to_owned()))
            } else {
                world.apply(action);
                Outcome::Done
            },
        );
    }
    world
        .reconciler
        .finished(&desired, &plan, run.outcomes(), world.now);
}

/// Two apps, the first of which needs a reload that has just failed.
fn held_up() -> World {
    let mut world = World::converged();
    world.install("top", &[(COMPOSE_FILE, ON_TOP)]);
    world.converge();
    world.edit_definition("volumes: [data:/data]", "volumes: [data:/other]");
    pass_without_reload(&mut world);
    assert!(world.host.memory.reload, "it is not forgotten");
    world
}

fn cause_of(world: &World, app: &str) -> Option<String> {
    let subject = Subject::App(id(app));
    let attempts = world.reconciler.retries().attempts(&subject);
    Some(attempts?.cause.as_ref()?.to_string())
}

#[test]
fn while_systemd_will_not_read_the_units_it_is_asked_now_and_then() {
    let mut world = held_up();
    assert_eq!(world.lines(), [""; 0]);
    assert_eq!(
        world.plan().wake_at,
        Some(world.now + Duration::from_secs(10))
    );
    assert_eq!(cause_of(&world, "web").as_deref(), Some("a pipe"));
    world.now += Duration::from_secs(10);
    let lines = world.lines();
    assert!(lines.contains(&"reload".to_owned()), "{lines:?}");
    world.converge();
    assert!(world.observe().services["archy-web.service"].is_up());
    assert_eq!(cause_of(&world, "web"), None);
}

#[test]
fn what_systemd_has_read_is_started_while_it_reads_nothing_more() {
    let mut world = held_up();
    world.stop("archy-top.service");
    assert_eq!(world.lines(), ["start archy-top.service"]);
}

#[test]
fn what_is_to_be_removed_or_restarted_waits_until_systemd_reads_the_units_and_says_so() {
    let mut world = held_up();
    let invocation = world.host.invocations["archy-top.service"].clone();
    let restarts = &mut world.host.memory.restarts;
    restarts.insert("archy-top.service".to_owned(), invocation);
    pass_without_reload(&mut world);
    assert_eq!(cause_of(&world, "top").as_deref(), Some("a pipe"));
    assert_eq!(world.lines(), [""; 0]);

    let mut world = held_up();
    world.intend("top", WantedState::Removed, false);
    for _ in 0..PASSES_MAX {
        pass_without_reload(&mut world);
    }
    assert_eq!(world.lines(), [""; 0]);
    assert!(world.observe().generated.contains_key("archy-top.service"));
    world.now += Duration::from_secs(600);
    world.converge();
    assert!(!world.observe().generated.contains_key("archy-top.service"));
    assert_eq!(cause_of(&world, "web"), None);
}

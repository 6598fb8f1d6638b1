//! Two tools that fight over a file.

use std::path::PathBuf;

use super::world::*;
use crate::health::{State, report};
use crate::intent::Goal;
use crate::plan::*;
use crate::reconcile::{FileWriter, FileWriters, Hint, Reconciler};

const UNIT: &str = "archy-web.container";

/// For so many seconds, something changes a file once a second and is always seen at once. Returns the seconds at which the file was put right.
fn fight(world: &mut World, seconds: u64, mut change: impl FnMut(&mut World)) -> Vec<u64> {
    let mut repaired = Vec::new();
    for second in 0..seconds {
        change(world);
        let now = world.now;
        let plan = world.pass_cut_at(usize::MAX);
        let writes = |action: &Action| {
            matches!(action.step, Step::WriteUnit { .. } | Step::WriteFile { .. })
        };
        if plan.actions.iter().any(writes) {
            repaired.push(second);
        }
        world.now = now + Duration::from_secs(1);
    }
    repaired
}

fn edit(world: &mut World) {
    if !world.host.unit_files[UNIT].starts_with(b"# edited") {
        world.unit(UNIT).splice(0..0, *b"# edited\n");
    }
}

fn state(world: &World) -> (State, String) {
    let report = report(
        &world.desired(),
        &world.observe(),
        world.reconciler.progress(),
    );
    (report.apps[0].state, report.apps[0].message.clone())
}

#[test]
fn a_unit_that_something_keeps_changing_is_put_right_less_and_less_often_and_that_is_said() {
    let mut world = World::at_rest();
    let repaired = fight(&mut world, 160, edit);
    assert_eq!(repaired, [0, 1, 2, 3, 4, 5, 15, 35, 75, 155]);
    let (state, message) = state(&world);
    assert_eq!(state, State::Degraded);
    assert!(
        message.starts_with("something else keeps changing archy-web.container"),
        "{message}"
    );
}

/// The files that the next pass puts right although they are fought over.
fn fought_over(world: &World) -> BTreeMap<String, PathBuf> {
    let mut reconciler = world.reconciler.clone();
    let plan = reconciler.plan(&world.desired(), &world.observe(), world.now);
    reconciler.fought_over(&plan, &layout())
}

#[test]
fn who_may_be_changing_a_file_is_looked_for_whenever_it_is_put_right_under_contest_and_told() {
    let mut world = World::at_rest();
    let rendered = PathBuf::from("/data/archy-web-ui/ui.conf");
    let mut looks = Vec::new();
    for second in 0..80 {
        edit(&mut world);
        world.host.files.get_mut(&rendered).unwrap().content = b"theirs".to_vec();
        let files = fought_over(&world);
        let now = world.now;
        world.pass_cut_at(usize::MAX);
        world.now = now + Duration::from_secs(1);
        if files.is_empty() {
            continue;
        }
        looks.push(second);
        let unit = (UNIT.to_owned(), PathBuf::from("/units").join(UNIT));
        let file = (rendered.display().to_string(), rendered.clone());
        assert_eq!(files, BTreeMap::from([unit, file]));
        let file_writer = FileWriter {
            pid: second,
            parent: 1,
            program: "vim".to_owned(),
            user: None,
            unit: None,
            hint: Hint::Open,
        };
        let file_writers = FileWriters {
            path: files[UNIT].clone(),
            owner: None,
            processes: vec![file_writer],
        };
        let told = format!(
            "something else keeps changing {UNIT}; it is put right less and less often until that ends. It may be vim (process {second}, \
             has it open). Stop what does it, or put what it wants into a drop-in"
        );
        let file_writers = BTreeMap::from([(UNIT.to_owned(), file_writers)]);
        assert_eq!(
            world.reconciler.attribute(&file_writers),
            std::slice::from_ref(&told)
        );
        assert_eq!(state(&world), (State::Degraded, told));
        // Another manager tells the same.
        let mut other = Reconciler::default();
        other.recall(world.reconciler.keep());
        assert_eq!(other.progress(), world.reconciler.progress());
    }
    assert_eq!(looks, [5, 15, 35, 75]);
}

#[test]
fn nobody_is_blamed_for_a_file_that_is_not_fought_over() {
    let mut world = World::at_rest();
    fight(&mut world, 5, edit);
    assert!(fought_over(&world).is_empty());
    let file_writers = BTreeMap::from([(UNIT.to_owned(), FileWriters::default())]);
    assert!(world.reconciler.attribute(&file_writers).is_empty());
    assert_eq!(state(&world), (State::Ready, String::new()));
    // What the operator has just changed was not right before.
    world.edit_definition("data:/data]", "data:/other]");
    assert!(fought_over(&world).is_empty());
}

#[test]
fn so_is_one_that_something_keeps_removing() {
    let mut world = World::at_rest();
    let repaired = fight(&mut world, 40, |world| {
        drop(world.host.unit_files.remove(UNIT));
    });
    assert_eq!(repaired, [0, 1, 2, 3, 4, 5, 15, 35]);
}

#[test]
fn so_is_a_rendered_file() {
    let mut world = World::at_rest();
    let path = PathBuf::from("/data/archy-web-ui/ui.conf");
    let repaired = fight(&mut world, 40, |world| {
        world.host.files.get_mut(&path).unwrap().content = b"theirs".to_vec();
    });
    assert_eq!(repaired, [0, 1, 2, 3, 4, 5, 15, 35]);
    let (state, message) = state(&world);
    assert_eq!(state, State::Degraded);
    assert!(message.contains("/data/archy-web-ui/ui.conf"), "{message}");
}

#[test]
fn when_the_other_ends_all_is_well_again() {
    let mut world = World::at_rest();
    fight(&mut world, 20, edit);
    let repaired = fight(&mut world, 60, |_| ());
    assert_eq!(repaired, [15], "35 s after the fight began");
    assert_eq!(state(&world), (State::Ready, String::new()));
    // Nothing is held against the file: it is put right at once.
    assert_eq!(fight(&mut world, 3, edit), [0, 1, 2]);
}

#[test]
fn the_operator_who_asks_does_not_wait() {
    let mut world = World::at_rest();
    fight(&mut world, 8, edit);
    assert_eq!(fight(&mut world, 1, |_| ()), [0; 0]);
    let desired = world.desired();
    world.reconciler.retry_now(&desired, &id("web"));
    assert_eq!(fight(&mut world, 1, |_| ()), [0]);
    assert_eq!(state(&world), (State::Ready, String::new()));
}

#[test]
fn the_operator_who_asks_a_command_does_not_wait_for_the_daemon() {
    let mut world = World::at_rest();
    fight(&mut world, 8, edit);
    let desired = world.desired();
    let daemon = &mut world.reconciler;
    let shared = daemon.keep().expect("there is a fight");
    daemon.kept(shared.clone());
    let mut command = Reconciler::default();
    command.recall(Some(shared));
    command.retry_now(&desired, &id("web"));
    let shared = command.keep();
    assert!(shared.is_some());
    world.reconciler.recall(shared);
    // It is the daemon that puts it right: then the fight is over for it, too.
    assert_eq!(fight(&mut world, 1, |_| ()), [0]);
    assert_eq!(state(&world), (State::Ready, String::new()));
}

#[test]
fn what_is_changed_now_and_then_or_on_purpose_is_no_fight() {
    let mut world = World::at_rest();
    let mut second = 0;
    let repaired = fight(&mut world, 100, |world| {
        if second % 15 == 0 {
            edit(world);
        }
        second += 1;
    });
    assert_eq!(repaired.len(), 7);
    assert_eq!(state(&world).0, State::Ready);
    // Another definition of the app every second.
    let mut target = "/data".to_owned();
    let repaired = fight(&mut world, 20, |world| {
        let next = format!("{target}x");
        world.edit_definition(&format!("data:{target}]"), &format!("data:{next}]"));
        target = next;
    });
    assert_eq!(repaired.len(), 20);
    assert_eq!(
        world
            .reconciler
            .progress()
            .attempts(&Subject::File(UNIT.to_owned())),
        None
    );
}

#[test]
fn a_fight_ends_with_the_app() {
    let mut world = World::at_rest();
    fight(&mut world, 20, edit);
    world.intend("web", Goal::Removed, false);
    world.converge();
    assert!(world.reconciler.progress().is_empty());
}

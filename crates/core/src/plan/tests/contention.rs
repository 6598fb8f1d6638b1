//! Two tools that keep changing a file.

use crate::action::{Action, HostStep};
use std::collections::BTreeMap;
use std::path::PathBuf;

use super::world::*;
use crate::cause::{FileWriter, FileWriters, Hint};
use crate::health::{State, report};
use crate::intent::WantedState;
use crate::manifest::COMPOSE_FILE;
use crate::plan::*;
use crate::reconcile::{Outcome, Reconciler, SharedFile};

const UNIT: &str = "archy-web.container";

/// A tool in a loop: it checks the file so often that each change answers a repair.
const LOOP: Duration = Duration::from_millis(200);
/// A person, or a script of theirs.
const BY_HAND: Duration = Duration::from_secs(2);

/// For so many seconds, something makes a change once every `period`, which is always seen at once.
/// Returns the milliseconds at which the file was repaired.
fn contend_every(
    world: &mut World,
    period: Duration,
    seconds: u64,
    mut change: impl FnMut(&mut World),
) -> Vec<u128> {
    let began = world.now;
    let mut repaired = Vec::new();
    while world.now < began + Duration::from_secs(seconds) {
        change(world);
        let now = world.now;
        let plan = world.pass_cut_at(usize::MAX);
        let writes = |action: &Action| {
            matches!(
                action.app_step(),
                Some(AppStep::WriteUnit { .. } | AppStep::WriteFile { .. })
            )
        };
        if plan.actions.iter().any(writes) {
            repaired.push((now - began).as_millis());
        }
        world.now = now + period;
    }
    repaired
}

fn contend(world: &mut World, seconds: u64, change: impl FnMut(&mut World)) -> Vec<u128> {
    contend_every(world, LOOP, seconds, change)
}

/// When contention in a [`LOOP`] is repaired, in milliseconds.
const REPAIRS: [u128; 10] = [
    0, 200, 400, 600, 800, 1_000, 11_000, 31_000, 71_000, 151_000,
];

fn edit(world: &mut World) {
    if !world.host.unit_files[UNIT].starts_with(b"# edited") {
        world.unit(UNIT).splice(0..0, *b"# edited\n");
    }
}

fn state(world: &World) -> (State, String) {
    let report = report(
        &world.desired(),
        &world.observe(),
        world.reconciler.retries(),
    );
    (report.apps[0].state, report.apps[0].message())
}

#[test]
fn a_unit_that_something_keeps_changing_is_put_right_less_and_less_often_and_that_is_said() {
    let mut world = World::converged();
    let repaired = contend(&mut world, 160, edit);
    assert_eq!(repaired, REPAIRS);
    let (state, message) = state(&world);
    assert_eq!(state, State::Degraded);
    assert!(
        message.starts_with("something else keeps changing archy-web.container"),
        "{message}"
    );
}

/// The files that the next pass repairs although they are contended.
fn contended_files(world: &World) -> BTreeMap<String, PathBuf> {
    let mut reconciler = world.reconciler.clone();
    let plan = reconciler.plan(&world.desired(), &world.observe(), world.now);
    reconciler.contended_files(&plan, &layout())
}

#[test]
fn who_may_be_changing_a_file_is_looked_for_whenever_it_is_put_right_under_contest_and_told() {
    let mut world = World::converged();
    let rendered = PathBuf::from("/data/archy-web-ui/ui.conf");
    let mut looks = Vec::new();
    for look in 0..400 {
        edit(&mut world);
        world.host.files.get_mut(&rendered).unwrap().content = b"theirs".to_vec();
        let files = contended_files(&world);
        let now = world.now;
        world.pass_cut_at(usize::MAX);
        world.now = now + LOOP;
        if files.is_empty() {
            continue;
        }
        looks.push(look);
        let unit = (UNIT.to_owned(), PathBuf::from("/units").join(UNIT));
        let file = (rendered.display().to_string(), rendered.clone());
        assert_eq!(files, BTreeMap::from([unit, file]));
        let file_writer = FileWriter {
            pid: look,
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
            "something else keeps changing {UNIT}; until that ends, Archipelago waits longer before each repair. It may be vim (process {look}, \
             has it open). Stop that process, or put its change into a drop-in"
        );
        let file_writers = BTreeMap::from([(UNIT.to_owned(), file_writers)]);
        let causes = world.reconciler.attribute(&file_writers);
        let causes: Vec<String> = causes.iter().map(ToString::to_string).collect();
        assert_eq!(causes, std::slice::from_ref(&told));
        assert_eq!(state(&world), (State::Degraded, told));
        // Another process reports the same.
        let mut other = Reconciler::default();
        other.recall(world.reconciler.keep().into());
        assert_eq!(other.retries(), world.reconciler.retries());
    }
    assert_eq!(looks, [5, 55, 155, 355]);
}

#[test]
fn nobody_is_blamed_for_a_file_that_is_not_contended() {
    let mut world = World::converged();
    contend(&mut world, 1, edit);
    assert!(contended_files(&world).is_empty());
    let file_writers = BTreeMap::from([(UNIT.to_owned(), FileWriters::default())]);
    assert!(world.reconciler.attribute(&file_writers).is_empty());
    assert_eq!(state(&world), (State::Ready, String::new()));
    // A file that the operator has just changed was not right before.
    world.edit_definition("data:/data]", "data:/other]");
    assert!(contended_files(&world).is_empty());
}

#[test]
fn so_is_one_that_something_keeps_removing() {
    let mut world = World::converged();
    let repaired = contend(&mut world, 40, |world| {
        drop(world.host.unit_files.remove(UNIT));
    });
    assert_eq!(repaired, REPAIRS[..8]);
}

#[test]
fn so_is_a_rendered_file() {
    let mut world = World::converged();
    let path = PathBuf::from("/data/archy-web-ui/ui.conf");
    let repaired = contend(&mut world, 40, |world| {
        world.host.files.get_mut(&path).unwrap().content = b"theirs".to_vec();
    });
    assert_eq!(repaired, REPAIRS[..8]);
    let (state, message) = state(&world);
    assert_eq!(state, State::Degraded);
    assert!(message.contains("/data/archy-web-ui/ui.conf"), "{message}");
}

#[test]
fn when_the_other_ends_all_is_well_again() {
    let mut world = World::converged();
    contend(&mut world, 20, edit);
    let repaired = contend(&mut world, 60, |_| ());
    assert_eq!(repaired, [11_000], "31 s after the contention began");
    assert_eq!(state(&world), (State::Ready, String::new()));
    // Nothing is held against the file: it is repaired at once.
    assert_eq!(contend(&mut world, 1, edit), REPAIRS[..5]);
}

#[test]
fn the_operator_who_asks_does_not_wait() {
    let mut world = World::converged();
    contend(&mut world, 8, edit);
    assert_eq!(contend(&mut world, 1, |_| ()), [0; 0]);
    let desired = world.desired();
    world.reconciler.retry_now(&desired, &id("web"));
    assert_eq!(contend(&mut world, 1, |_| ()), [0]);
    assert_eq!(state(&world), (State::Ready, String::new()));
}

#[test]
fn the_operator_who_asks_a_command_does_not_wait_for_the_daemon() {
    let mut world = World::converged();
    contend(&mut world, 8, edit);
    let desired = world.desired();
    let daemon = &mut world.reconciler;
    let shared = daemon.keep().expect("there is contention");
    daemon.kept(shared.clone());
    let mut command = Reconciler::default();
    command.recall(SharedFile::Content(shared));
    command.retry_now(&desired, &id("web"));
    let shared = command.keep();
    assert!(shared.is_some());
    world.reconciler.recall(shared.into());
    // It is the daemon that puts it right: then the contention is over for it, too.
    assert_eq!(contend(&mut world, 1, |_| ()), [0]);
    assert_eq!(state(&world), (State::Ready, String::new()));
}

fn remove(world: &mut World) {
    drop(world.host.unit_files.remove(UNIT));
}

#[test]
fn a_person_who_changes_a_file_again_and_again_does_not_wait() {
    for change in [edit, remove] {
        let mut world = World::converged();
        // Twenty times, and after a while twenty times more.
        for _ in 0..2 {
            assert_eq!(contend_every(&mut world, BY_HAND, 40, change).len(), 20);
            assert_eq!(state(&world), (State::Ready, String::new()));
            contend_every(&mut world, BY_HAND, 120, |_| ());
        }
    }
}

#[test]
fn four_answers_in_a_row_are_no_contention() {
    let mut world = World::converged();
    let mut looks = 0;
    let repaired = contend(&mut world, 18, |world| {
        looks += 1;
        if looks % 10 < 5 {
            edit(world);
        }
    });
    assert_eq!(repaired.len(), 45);
    assert_eq!(state(&world), (State::Ready, String::new()));
}

#[test]
fn another_definition_every_time_is_no_contention() {
    let mut world = World::converged();
    let mut target = "/data".to_owned();
    let repaired = contend(&mut world, 20, |world| {
        let next = format!("{target}x");
        world.edit_definition(&format!("data:{target}]"), &format!("data:{next}]"));
        target = next;
    });
    assert_eq!(repaired.len(), 100);
    let subject = Subject::File(UNIT.to_owned());
    assert_eq!(world.reconciler.retries().attempts(&subject), None);
}

#[test]
fn a_tool_that_comes_again_every_half_minute_is_noticed_in_time_and_waited_out() {
    let mut world = World::converged();
    let period = Duration::from_secs(30);
    let minutes_26 = contend_every(&mut world, period, 26 * 60, edit);
    // Each time until the fifty-first repair; then twice that time passes at least.
    assert_eq!(minutes_26.len(), 51);
    assert_eq!(state(&world).0, State::Degraded);
    let hour = contend_every(&mut world, period, 60 * 60, edit);
    assert!((10..=16).contains(&hour.len()), "{hour:?}");
    assert_eq!(state(&world).0, State::Degraded);
    // Once it stays away all is well, within the longest wait.
    contend_every(&mut world, period, 10 * 60, |_| ());
    assert_eq!(state(&world), (State::Ready, String::new()));
    assert_eq!(contend_every(&mut world, period, 120, edit).len(), 4);
}

#[test]
fn what_comes_less_often_than_contention_is_put_right_is_put_right_each_time() {
    let mut world = World::converged();
    let period = Duration::from_secs(300);
    let day = 24 * 60 * 60;
    let repaired = contend_every(&mut world, period, day, edit);
    assert_eq!(repaired.len() as u64, day / 300);
}

#[test]
fn ones_own_operations_are_no_contention() {
    let mut world = World::converged();
    // Installed and uninstalled by another process, in passes of which this one makes but a few.
    let mut other = Reconciler::default();
    for _ in 0..60 {
        world.intend("web", WantedState::Removed, true);
        world.converge_at_once();
        std::mem::swap(&mut world.reconciler, &mut other);
        world.install_web();
        world.converge_at_once();
        assert_eq!(state(&world), (State::Ready, String::new()));
    }
}

/// Makes passes, two a second, until nothing is left to do. Returns when the file is written.
fn writes_until_quiet(world: &mut World, file: &str) -> Vec<Duration> {
    let mut writes = Vec::new();
    for _ in 0..PASSES_MAX {
        let now = world.now;
        let plan = world.pass_cut_at(usize::MAX);
        world.now = now + Duration::from_millis(500);
        if plan.is_empty() {
            return writes;
        }
        let is_written = |action: &&Action| matches!(action.app_step(), Some(AppStep::WriteUnit { name, .. }) if name == file);
        writes.extend(plan.actions.iter().filter(is_written).map(|_| now));
    }
    panic!("it does not come to rest: {:#?}", world.lines());
}

/// The rule of version 0.1.0, planted: more than five writes of a file within a minute were
/// contention. A case that this rule does not get wrong would not notice it.
fn is_contention_by_the_rule_of_0_1_0(writes: &[Duration]) -> bool {
    let minute = Duration::from_secs(60);
    let mut spans = writes.windows(6);
    spans.any(|six| six[5] - six[0] < minute)
}

#[test]
fn the_rule_of_0_1_0_gets_both_cases_wrong_that_are_no_contention() {
    let mut world = World::converged();
    let by_hand = contend_every(&mut world, BY_HAND, 40, edit);
    let by_hand = by_hand
        .into_iter()
        .map(|ms| Duration::from_millis(ms as u64));
    assert!(is_contention_by_the_rule_of_0_1_0(
        &by_hand.collect::<Vec<_>>()
    ));
    let mut world = World::converged();
    let writes = install_and_purge_six_times(&mut world, "archy-web-data.volume");
    assert!(is_contention_by_the_rule_of_0_1_0(&writes));
    // Slower changes were none, and are none.
    let slow = [0, 20, 40, 60, 80, 100, 120].map(Duration::from_secs);
    assert!(!is_contention_by_the_rule_of_0_1_0(&slow));
}

/// Returns when the file is written.
fn install_and_purge_six_times(world: &mut World, file: &str) -> Vec<Duration> {
    let mut writes = Vec::new();
    for _ in 0..6 {
        world.intend("web", WantedState::Removed, true);
        writes.extend(writes_until_quiet(world, file));
        world.install_web();
        writes.extend(writes_until_quiet(world, file));
        assert_eq!(state(world), (State::Ready, String::new()));
    }
    writes
}

#[test]
fn six_installs_and_purges_within_a_minute_are_no_contention() {
    let volume = "archy-web-data.volume";
    let mut world = World::converged();
    let began = world.now;
    let writes = install_and_purge_six_times(&mut world, volume);
    assert_eq!(writes.len(), 6);
    assert!(world.now - began < Duration::from_secs(60));
    let subject = Subject::File(volume.to_owned());
    assert_eq!(world.reconciler.retries().attempts(&subject), None);
}

#[test]
fn contention_ends_with_the_app() {
    let mut world = World::converged();
    contend(&mut world, 20, edit);
    world.intend("web", WantedState::Removed, false);
    world.converge();
    assert!(world.reconciler.retries().is_empty());
}

#[test]
fn a_file_that_is_contended_is_put_right_at_once_when_the_operator_asks() {
    let mut world = World::converged();
    world.install("top", &[(COMPOSE_FILE, ON_TOP)]);
    world.converge();
    let path = PathBuf::from("/data/archy-web-ui/ui.conf");
    let meddle = |world: &mut World| {
        world.replace("archy-web.container", "Pull=never", "Pull=always");
        world.host.files.get_mut(&path).unwrap().content.push(b'x');
    };
    for _ in 0..=crate::reconcile::REACTIONS_MAX {
        meddle(&mut world);
        let now = world.now;
        world.pass_cut_at(usize::MAX);
        world.now = now;
    }
    meddle(&mut world);
    let repairs = |world: &mut World| -> Vec<String> {
        let lines = world.lines().into_iter();
        lines.filter(|line| line.starts_with("write ")).collect()
    };
    assert_eq!(repairs(&mut world), [""; 0]);
    let desired = world.desired();
    world.reconciler.retry_now(&desired, &id("top"));
    assert_eq!(repairs(&mut world), [""; 0], "that is another app's");
    world.reconciler.retry_now(&desired, &id("web"));
    assert_eq!(
        repairs(&mut world),
        [
            "write file archy-web-ui/ui.conf",
            "write archy-web.container"
        ]
    );
}

#[test]
fn a_unit_that_is_kept_must_still_become_a_service() {
    let mut world = World::converged();
    contend(&mut world, 2, edit);
    // The unit that names the volume cannot be written now.
    world.edit_definition("    volumes: [data:/data]\n", "");
    world.edit_definition("volumes:\n  data:\n", "");
    let removes = |lines: &[String]| lines.contains(&"remove archy-web-data.volume".to_owned());
    let now = world.now;
    for _ in 0..PASSES_MAX {
        if removes(&world.lines()) {
            break;
        }
        world.pass_cut_at(usize::MAX);
        world.now = now;
    }
    assert!(removes(&world.lines()), "{:?}", world.lines());
    let (desired, plan) = (world.desired(), world.plan());
    let refused = Outcome::Refused(BTreeMap::from([(UNIT.to_owned(), "no volume".to_owned())]));
    let mut outcomes = Vec::new();
    for action in &plan.actions {
        outcomes.push(match action.host_step() {
            Some(HostStep::CheckUnits { required, .. }) => {
                assert!(required.contains(UNIT), "{required:?}");
                refused.clone()
            }
            _ => Outcome::Skipped,
        });
    }
    assert!(outcomes.contains(&refused));
    world
        .reconciler
        .finished(&desired, &plan, &outcomes, world.now);
    assert_eq!(world.lines(), [""; 0], "it waits with all of the app");
}

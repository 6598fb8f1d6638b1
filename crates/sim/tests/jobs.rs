//! A job runs before the service that awaits it, once for each start of its app, whatever happens
//! to the host meanwhile.

use std::time::Duration;

use sim::apps::{JOB, TOOL};
use sim::script::intervention::Intervention;
use sim::script::lines::{Line, Script};
use sim::simulation::driver::Simulation;

const LIMIT: Duration = Duration::from_secs(60);
const LONG: Duration = Duration::from_secs(600);
const SERVICE: &str = "archy-tool.service";

fn tool() -> String {
    TOOL.to_owned()
}

fn do_all(simulation: &mut Simulation, interventions: &[Intervention]) {
    let lines = interventions.iter().cloned().map(Line::Do).collect();
    simulation.run(&Script { lines });
    simulation.run_until_quiescent(LIMIT);
}

fn installed(fails: bool) -> Simulation {
    let mut simulation = Simulation::new(None);
    simulation.world.jobs_fail = fails;
    do_all(&mut simulation, &[Intervention::Install(tool(), 1)]);
    simulation
}

fn runs(simulation: &Simulation) -> u32 {
    simulation.world.job_runs.values().sum()
}

fn is_active(simulation: &Simulation, service: &str) -> bool {
    let unit = simulation.world.systemd.units.get(service);
    unit.is_some_and(|unit| unit.observed().is_up())
}

fn message(simulation: &Simulation) -> String {
    let report = simulation.report.clone().unwrap_or_default();
    let health = report.apps.into_iter().find(|app| app.id.as_str() == TOOL);
    health.map(|health| health.message()).unwrap_or_default()
}

/// The events on the host, and the number of runs of the job after them.
#[test]
fn a_job_is_not_repaired_over_and_over() {
    let service = || SERVICE.to_owned();
    let job = || JOB.to_owned();
    for (interventions, expected) in [
        (vec![], 1),
        (vec![Intervention::KillService(service())], 1),
        (vec![Intervention::KillService(job())], 1),
        (
            vec![Intervention::RemoveContainer("archy-tool".to_owned())],
            1,
        ),
        (vec![Intervention::StopService(service())], 1),
        (vec![Intervention::Reload], 1),
        (vec![Intervention::Prune], 1),
        (
            vec![Intervention::DeleteUnit(
                "archy-tool-fill.container".to_owned(),
            )],
            1,
        ),
        (
            vec![
                Intervention::Mask(service()),
                Intervention::Unmask(service()),
            ],
            1,
        ),
        // Someone made it undone.
        (vec![Intervention::StopService(job())], 2),
        (vec![Intervention::Restart(tool())], 2),
        (vec![Intervention::Stop(tool())], 1),
        (
            vec![Intervention::EditUnit(
                "archy-tool-fill.container".to_owned(),
            )],
            2,
        ),
        (vec![Intervention::Reboot], 2),
    ] {
        let mut simulation = installed(false);
        do_all(&mut simulation, &interventions);
        simulation.wait(LONG);
        assert_eq!(runs(&simulation), expected, "{interventions:?}");
        let is_stopped = interventions.contains(&Intervention::Stop(tool()));
        assert_eq!(
            is_active(&simulation, SERVICE),
            !is_stopped,
            "{interventions:?}"
        );
        simulation.judge();
        assert_eq!(simulation.world.violations, [], "{interventions:?}");
    }
    let mut simulation = installed(false);
    do_all(&mut simulation, &[Intervention::Stop(tool())]);
    do_all(&mut simulation, &[Intervention::Start(tool())]);
    assert_eq!(runs(&simulation), 2);
}

#[test]
fn a_failed_job_keeps_its_dependants_down_and_runs_again_only_when_asked() {
    let mut simulation = installed(true);
    simulation.wait(LONG);
    assert_eq!(runs(&simulation), 1);
    assert!(!is_active(&simulation, SERVICE));
    let told = message(&simulation);
    assert!(
        told.contains("the job ended with exit-code (status 1)"),
        "{told}"
    );

    do_all(&mut simulation, &[Intervention::Start(tool())]);
    simulation.wait(LONG);
    assert_eq!(
        runs(&simulation),
        2,
        "a command for the app lets it be tried again"
    );

    simulation.world.jobs_fail = false;
    do_all(&mut simulation, &[Intervention::Start(tool())]);
    assert_eq!(runs(&simulation), 3);
    assert!(is_active(&simulation, SERVICE));
    simulation.judge();
    assert_eq!(simulation.world.violations, []);
}

/// A missing requirement of the job is not a failure of its program.
#[test]
fn a_job_that_podman_could_not_run_is_tried_again() {
    let mut simulation = installed(false);
    let volume = Intervention::RemoveVolume("archy-tool-data".to_owned());
    do_all(
        &mut simulation,
        &[volume, Intervention::StopService(JOB.to_owned())],
    );
    simulation.wait(LONG);
    assert!(is_active(&simulation, SERVICE));
    simulation.judge();
    assert_eq!(simulation.world.violations, []);
}

//! Commands do what `core` works out, and what it refuses changes nothing.

use std::time::Duration;

use sim::apps::{BASE, NESTED_VERSION, SHOP, TOOL};
use sim::script::intervention::Intervention;
use sim::script::lines::{Line, Script};
use sim::simulation::driver::Simulation;

const LIMIT: Duration = Duration::from_secs(60);

fn base() -> String {
    BASE.to_owned()
}

fn shop() -> String {
    SHOP.to_owned()
}

fn tool() -> String {
    TOOL.to_owned()
}

/// A host with both apps on which this has just happened.
fn after(interventions: &[Intervention]) -> Simulation {
    let mut simulation = Simulation::new(None);
    let install = [base(), shop()].map(|app| Intervention::Install(app, 1));
    for all in [&install[..], interventions] {
        let lines = all.iter().cloned().map(Line::Do).collect();
        simulation.run(&Script { lines });
        if all == install {
            simulation.run_until_quiescent(LIMIT);
        }
    }
    simulation
}

#[test]
fn a_refused_request_changes_nothing() {
    let removing = "shop is being removed; wait until archipelago list no longer shows it";
    for (before, request, refusal) in [
        (
            vec![Intervention::Uninstall(shop())],
            Intervention::Stop(shop()),
            removing,
        ),
        (
            vec![Intervention::Uninstall(shop())],
            Intervention::SetPort(8090),
            removing,
        ),
        (
            vec![Intervention::Stop(shop())],
            Intervention::Restart(shop()),
            "shop is stopped; archipelago start shop starts it",
        ),
        (
            vec![],
            Intervention::Uninstall(base()),
            "shop requires base; uninstall shop first",
        ),
        (
            vec![],
            Intervention::Start(tool()),
            "tool is not installed; archipelago list shows what is",
        ),
        (
            vec![],
            Intervention::Install(shop(), NESTED_VERSION),
            "/pics/thumbs",
        ),
        (
            vec![Intervention::UnmountData],
            Intervention::Install(tool(), 1),
            "/data",
        ),
        (
            vec![Intervention::BreakPodman],
            Intervention::Install(tool(), 1),
            "Podman",
        ),
    ] {
        for line in [Line::Do(request.clone()), Line::Operate(request.clone())] {
            let mut simulation = after(&before);
            simulation.world.trace = Some(Vec::new());
            let changes = simulation.world.disk.changes;
            simulation.line(&line);
            let trace = simulation.world.trace.unwrap_or_default();
            let told = trace.last().map(String::as_str).unwrap_or_default();
            assert!(told.contains("refused"), "{line:?}: {trace:?}");
            assert!(told.contains(refusal), "{line:?}: {told}");
            assert_eq!(simulation.world.disk.changes, changes, "{line:?}");
        }
    }
}

#[test]
fn data_that_an_uninstallation_kept_can_still_be_purged() {
    let layout = |simulation: &Simulation| simulation.world.layout.clone();
    let mut simulation = after(&[Intervention::Uninstall(shop())]);
    simulation.run_until_quiescent(LIMIT);
    let id = archipelago_core::name::AppId::parse(SHOP).expect("an id");
    let data = layout(&simulation).volumes(&id);
    assert!(simulation.world.disk.exists(&data));
    simulation.line(&Line::Operate(Intervention::Purge(shop())));
    assert!(!simulation.world.disk.exists(&data));
    simulation.judge();
    assert_eq!(simulation.world.violations, []);
}

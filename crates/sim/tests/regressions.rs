//! Scripts that once showed a defect. `cargo xtask sim --seed N` shrinks a script with a violation,
//! and tells where to put it.

use sim::script::lines::Script;
use sim::search::random::run_in;
use sim::simulation::driver::Simulation;

fn check(name: &str, text: &str) {
    let script = Script::parse(text).expect("a script");
    let mut simulation = Simulation::new(None);
    simulation.world.trace = Some(Vec::new());
    let ended = run_in(&mut simulation, &script);
    if let Some(violation) = ended.violation {
        let trace = simulation.world.trace.unwrap_or_default().join("\n");
        panic!("{name}: {violation}\n{trace}");
    }
}

macro_rules! regressions {
    ($($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                check(stringify!($name), include_str!(concat!("regressions/", stringify!($name), ".script")));
            }
        )*
    };
}

regressions! {
    a_file_that_was_put_back_before_the_reload_restarts_what_ran_with_another
    a_lost_volume_is_not_made_anew_by_podman
    a_pull_that_brings_nothing_is_not_a_storm
    a_restart_that_is_due_is_part_of_the_report
    a_secret_that_was_linked_and_called_a_failure_lasts
    a_secret_whose_name_did_not_last_is_not_used
    a_service_that_comes_up_before_the_reload_runs_with_its_new_unit
    a_unit_file_does_not_come_back_after_its_app_is_forgotten
    an_app_is_not_refused_for_the_network_of_one_that_failed
    the_network_of_a_stopped_app_is_there_for_those_who_joined_it
}

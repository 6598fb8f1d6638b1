//! Scripts that once showed a defect. `cargo xtask sim --seed N` shrinks a script with a violation,
//! and prints the file to save it in.

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
    a_due_restart_is_reported
    a_linked_secret_is_durable_despite_a_reported_failure
    a_lost_volume_is_not_replaced_by_podman
    a_pretended_reload_is_noticed
    a_pull_without_an_image_backs_off
    a_refused_app_need_not_restore_a_rendered_file
    a_refused_app_need_not_restore_a_secret
    a_refused_app_need_not_restore_the_unit_of_a_volume
    a_refused_app_that_systemd_restarts_forever_sends_late_events
    a_refused_app_that_systemd_restarts_forever_sends_swapped_events
    a_removed_unit_file_stays_removed_after_a_power_loss
    a_secret_that_is_not_durable_is_not_used
    a_service_that_came_up_since_its_unit_changed_is_stopped_for_its_network
    a_service_that_comes_up_beside_one_that_restarts_forever_is_news
    a_service_that_starts_at_the_instant_of_its_observation_may_be_restarted
    a_service_that_starts_before_the_reload_gets_its_new_unit
    a_service_that_starts_while_podman_hangs_may_be_stopped
    a_service_whose_unit_was_forgotten_may_be_restarted
    an_app_is_not_refused_for_the_network_of_a_failed_app
    an_app_is_stopped_whose_required_app_is_masked_without_a_unit
    the_network_of_a_stopped_app_is_restored_for_its_members
}

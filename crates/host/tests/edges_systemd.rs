//! `host::systemd` against a real user manager: its reports and its commands.

mod edges_inside;

use std::time::Duration;

use archipelago_core::observed::Job;
use archipelago_host::systemd::{
    ActiveState, Error, JobResult, LoadState, Signal, Systemd, UnitFileState, linger, set_linger,
};
use edges_inside::{on_a_host, write};
use futures_util::{Stream, StreamExt};
use testhost::Account::{Root, User};

/// Far longer than anything here takes.
const LIMIT: Duration = Duration::from_secs(30);

const SLEEPS: &str = "[Service]\nExecStart=sleep infinity\n";

fn unit(name: &str, text: &str) {
    write(&format!(".config/systemd/user/{name}"), text);
}

async fn connect_and_reload() -> Systemd {
    let systemd = Systemd::connect().await.expect("a connection");
    systemd.reload().await.expect("a reload");
    systemd
}

/// The first signal that `wanted` picks.
async fn next<T>(
    signals: &mut (impl Stream<Item = Signal> + Unpin),
    wanted: impl Fn(Signal) -> Option<T>,
) -> T {
    let found = async {
        loop {
            let signal = signals
                .next()
                .await
                .expect("a signal before the stream's end");
            if let Some(found) = wanted(signal) {
                return found;
            }
        }
    };
    tokio::time::timeout(LIMIT, found)
        .await
        .expect("the signal in time")
}

#[test]
fn a_job_ends_with_its_result_and_a_failed_service_tells_why() {
    on_a_host(
        "a_job_ends_with_its_result_and_a_failed_service_tells_why",
        User,
        |_| {},
        async {
            unit("archy-good.service", SLEEPS);
            unit(
                "archy-bad.service",
                "[Service]\nType=oneshot\nExecStart=sh -c 'exit 7'\n",
            );
            unit(
                "archy-needy.service",
                &format!("[Unit]\nRequires=archy-bad.service\nAfter=archy-bad.service\n{SLEEPS}"),
            );
            unit(
                "archy-slow.service",
                "[Service]\nType=oneshot\nExecStart=sleep infinity\n",
            );
            let systemd = connect_and_reload().await;
            let start =
                async |service| systemd.start_and_wait(service, LIMIT).await.expect("a job");

            assert_eq!(start("archy-good.service").await, JobResult::Done);
            assert_eq!(
                start("archy-good.service").await,
                JobResult::Done,
                "it runs already"
            );
            assert_eq!(start("archy-bad.service").await, JobResult::Failed);
            assert_eq!(start("archy-needy.service").await, JobResult::Dependency);
            let late = systemd
                .start_and_wait("archy-slow.service", Duration::from_millis(200))
                .await;
            assert!(matches!(late, Err(Error::JobLimit { .. })), "{late:?}");
            let services = systemd.services(&["archy-slow.*"]).await.expect("services");
            let slow = &services["archy-slow.service"];
            assert_eq!(
                (slow.active, slow.job),
                (ActiveState::Activating, Some(Job::Other))
            );

            let bad = systemd.failure("archy-bad.service").await.expect("a cause");
            assert_eq!(
                (
                    bad.result.as_str(),
                    bad.exec_main_code,
                    bad.exec_main_status
                ),
                ("exit-code", 1, 7)
            );
            assert_eq!(bad.invocation_id.map(|id| id.len()), Some(32));
            assert_eq!(
                bad.active_enter, None,
                "a oneshot that failed was never active"
            );
            let good = systemd
                .failure("archy-good.service")
                .await
                .expect("a cause");
            assert_eq!((good.result.as_str(), good.restarts), ("success", 0));
            assert!(good.active_enter.is_some());

            let began = async |service| systemd.began(service).await.expect("an answer");
            assert_eq!(began("archy-absent.service").await, None);
            let first = began("archy-good.service").await.expect("it runs");
            let restarted = systemd.restart_and_wait("archy-good.service", LIMIT).await;
            assert_eq!(restarted.expect("a job"), JobResult::Done);
            let second = began("archy-good.service").await.expect("it runs");
            assert!(first < second, "{first:?} {second:?}");

            // The job of what never comes to an end is withdrawn; having none is fine.
            let job = async || {
                let services = systemd.services(&["archy-slow.*"]).await.expect("services");
                services.get("archy-slow.service").and_then(|slow| slow.job)
            };
            assert_eq!(job().await, Some(Job::Other));
            for _ in 0..2 {
                systemd
                    .cancel_job("archy-slow.service")
                    .await
                    .expect("an answer");
                assert_eq!(job().await, None);
            }
        },
    );
}

#[test]
fn what_cannot_start_says_why_and_what_is_gone_is_stopped() {
    on_a_host(
        "what_cannot_start_says_why_and_what_is_gone_is_stopped",
        User,
        |_| {},
        async {
            unit("archy-wrong.service", "[Service]\nExecStart=\n");
            unit("archy-masked.service", "");
            let systemd = connect_and_reload().await;

            let absent = systemd.start("archy-absent.service").await;
            assert!(
                matches!(absent, Err(Error::NoSuchUnit { .. })),
                "{absent:?}"
            );
            // An empty file masks as a link to /dev/null does.
            let masked = systemd.start("archy-masked.service").await;
            assert!(matches!(masked, Err(Error::Masked { .. })), "{masked:?}");
            let wrong = systemd.start("archy-wrong.service").await;
            assert!(matches!(wrong, Err(Error::Call { .. })), "{wrong:?}");

            assert_eq!(
                systemd.stop("archy-absent.service").await.expect("a stop"),
                None
            );
            let stopped = systemd.stop_and_wait("archy-absent.service", LIMIT).await;
            assert_eq!(stopped.expect("a stop"), JobResult::Done);
            systemd
                .reset_failed("archy-absent.service")
                .await
                .expect("nothing to forget");
        },
    );
}

#[test]
fn quadlet_services_are_listed_with_what_became_of_their_files() {
    on_a_host(
        "quadlet_services_are_listed_with_what_became_of_their_files",
        User,
        |_| {},
        async {
            let container = "[Container]\nImage=docker.io/library/busybox:stable\nExec=sleep infinity\nStopTimeout=1\n";
            let wanted = format!("{container}[Install]\nWantedBy=default.target\n");
            write(".config/containers/systemd/archy-a.container", &wanted);
            write(".config/containers/systemd/archy-b.container", &wanted);
            write(".config/containers/systemd/archy-c.container", container);
            unit("archy-b.service", "");
            unit(
                "archipelago.service",
                &format!("{SLEEPS}[Install]\nWantedBy=default.target\n"),
            );
            let systemd = connect_and_reload().await;
            let file = async |unit| systemd.unit_file_state(unit).await.expect("a state");
            let loaded = async || {
                let services = systemd
                    .services(&["archy-*.service"])
                    .await
                    .expect("services");
                Vec::from_iter(
                    services
                        .into_iter()
                        .map(|(name, service)| (name, service.load, service.active)),
                )
            };

            assert_eq!(
                file("archy-a.service").await,
                Some(UnitFileState::Generated)
            );
            assert_eq!(file("archy-b.service").await, Some(UnitFileState::Masked));
            assert_eq!(file("archy-absent.service").await, None);
            assert_eq!(
                loaded().await,
                [
                    (
                        "archy-a.service".to_owned(),
                        LoadState::Loaded,
                        ActiveState::Inactive
                    ),
                    (
                        "archy-b.service".to_owned(),
                        LoadState::Masked,
                        ActiveState::Inactive
                    ),
                ],
                "c is wanted by nothing, so systemd does not hold it"
            );

            let started = systemd.start_and_wait("archy-a.service", LIMIT).await;
            assert_eq!(started.expect("a job"), JobResult::Done);
            let home = std::env::var("HOME").expect("HOME");
            std::fs::remove_file(format!(
                "{home}/.config/containers/systemd/archy-a.container"
            ))
            .expect("the file");
            systemd.reload().await.expect("a reload");
            let gone = (
                "archy-a.service".to_owned(),
                LoadState::NotFound,
                ActiveState::Active,
            );
            assert!(
                loaded().await.contains(&gone),
                "it runs on without its file"
            );

            systemd
                .enable(&["archipelago.service"])
                .await
                .expect("enable");
            assert_eq!(
                file("archipelago.service").await,
                Some(UnitFileState::Enabled)
            );
            systemd
                .disable(&["archipelago.service"])
                .await
                .expect("disable");
            systemd
                .disable(&["archipelago.service"])
                .await
                .expect("disable what is disabled");
            assert_eq!(
                file("archipelago.service").await,
                Some(UnitFileState::Disabled)
            );
        },
    );
}

#[test]
fn signals_tell_of_our_units_alone_until_the_bus_ends() {
    on_a_host(
        "signals_tell_of_our_units_alone_until_the_bus_ends",
        User,
        |_| {},
        async {
            unit("archy-one.service", SLEEPS);
            unit("other.service", SLEEPS);
            let systemd = Systemd::connect().await.expect("a connection");
            let mut signals = systemd.signals("archy-").await.expect("signals");

            systemd.reload().await.expect("a reload");
            next(&mut signals, |signal| {
                (signal == Signal::Reloading { active: false }).then_some(())
            })
            .await;

            systemd.start("other.service").await.expect("a job");
            let job = systemd.start("archy-one.service").await.expect("a job");
            next(&mut signals, |signal| match signal {
                Signal::StateChanged {
                    unit,
                    active: ActiveState::Active,
                    ..
                } => {
                    assert_eq!(unit, "archy-one.service");
                    Some(())
                }
                _ => None,
            })
            .await;
            let result = next(&mut signals, |signal| match signal {
                Signal::JobRemoved {
                    job: removed,
                    result,
                    ..
                } if removed == job => Some(result),
                _ => None,
            });
            assert_eq!(result.await, JobResult::Done);

            systemd.stop("archy-one.service").await.expect("a job");
            let removed = Signal::UnitRemoved {
                unit: "archy-one.service".to_owned(),
            };
            next(&mut signals, |signal| (signal == removed).then_some(())).await;

            let _ = systemd.stop("dbus.socket").await;
            let _ = systemd.stop("dbus.service").await;
            let rest = tokio::time::timeout(LIMIT, signals.collect::<Vec<_>>());
            rest.await.expect("the stream's end");
            let lost = systemd.services(&["archy-*"]).await;
            assert!(matches!(lost, Err(Error::Lost { .. })), "{lost:?}");
        },
    );
}

#[test]
fn lingering_is_read_by_all_and_refused_to_a_user_without_polkit() {
    on_a_host(
        "lingering_is_read_by_all_and_refused_to_a_user_without_polkit",
        User,
        |_| {},
        async {
            assert!(linger(1000).await.expect("the user's lingering"));
            assert!(!linger(4242).await.expect("nobody's lingering"));
            let refused = set_linger(1000, true)
                .await
                .expect_err("nobody asked polkit");
            assert!(
                refused
                    .to_string()
                    .contains("sudo loginctl enable-linger 1000"),
                "{refused}"
            );
        },
    );
}

#[test]
fn lingering_can_be_turned_off_and_on_by_root() {
    on_a_host(
        "lingering_can_be_turned_off_and_on_by_root",
        Root,
        |_| {},
        async {
            set_linger(1000, false).await.expect("off");
            assert!(!linger(1000).await.expect("lingering"));
            set_linger(1000, true).await.expect("on");
            assert!(linger(1000).await.expect("lingering"));
        },
    );
}

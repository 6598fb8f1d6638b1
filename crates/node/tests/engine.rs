//! An engine beside a real systemd: what is asked of it is done, and what it did is heard.

#[allow(dead_code, reason = "these tests write no files")]
#[path = "../../host/tests/edges_inside/mod.rs"]
mod edges_inside;

use std::collections::BTreeSet;
use std::time::Duration;

use archipelago_core::name::AppId;
use archipelago_core::operation::Request;
use archipelago_host::{disk, folders};
use archipelago_node::engine::{Engine, Role, spawn};
use archipelago_node::handle::{Error, Handle};
use archipelago_node::operations::prepare;
use edges_inside::on_a_host;
use testhost::Account::User;

/// Less than the tick, on which a pass is made in any case.
const SOON: Duration = Duration::from_secs(20);

/// The number of the next pass, which must be made soon.
async fn next(handle: &mut Handle) -> u64 {
    let made = tokio::time::timeout(SOON, handle.next()).await;
    let made = made.expect("a pass in time").expect("an engine");
    let pass = made.outcome.as_ref().expect("a pass that was made");
    assert!(pass.report.apps.is_empty());
    made.number
}

/// The work of every engine, whoever runs it.
async fn is_asked_and_answers(mut handle: Handle) {
    // A command's engine waits until it is asked something.
    let first = handle.pass().await.expect("a pass");
    // It is the newest pass, and was not returned by `next` yet.
    let newest = next(&mut handle).await;
    assert!(newest >= first.number, "{newest}, {first:?}");
    let asked = handle.pass().await.expect("a pass");
    assert!(asked.number > first.number, "{asked:?}, {first:?}");
    assert!(next(&mut handle).await > newest);
    assert_eq!(handle.last().map(|made| made.number), Some(asked.number));
    let web = AppId::parse("web").expect("an id");
    handle.retry_now(web.clone()).await.expect("it is noted");
    let invocations = handle.running_invocations(web).await.expect("a look");
    assert!(invocations.is_empty(), "{invocations:?}");
    // While somebody follows, passes come by themselves.
    let follower = handle.follow();
    let first = next(&mut handle).await;
    for _ in 0..3 {
        next(&mut handle).await;
    }
    assert!(next(&mut handle).await >= first + 4);
    drop(follower);
    handle.stop();
    handle.ended().await;
    assert!(matches!(handle.pass().await, Err(Error::Ended)));
}

#[test]
fn an_engine_runs_beside_what_asks_it() {
    on_a_host("an_engine_runs_beside_what_asks_it", User, |_| {}, async {
        let layout = folders::layout().expect("a layout");
        let (engine, handle) = Engine::begin(layout, Role::Operation)
            .await
            .expect("an engine");
        // Its first pass does the commands that were sent before it ran.
        let early = handle.clone();
        let asked = async { early.pass().await.expect("a pass").number };
        let (number, (), ()) = tokio::join!(asked, engine.run(), is_asked_and_answers(handle));
        assert_eq!(number, 1);
    });
}

#[test]
fn an_engine_has_a_thread_of_its_own_and_ends_with_it() {
    let threads = || -> BTreeSet<String> {
        let tasks = std::fs::read_dir("/proc/self/task").expect("threads");
        let names =
            tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
        names.map(|name| name.trim_end().to_owned()).collect()
    };
    on_a_host(
        "an_engine_has_a_thread_of_its_own_and_ends_with_it",
        User,
        |_| {},
        async {
            for role in [Role::Daemon, Role::Operation] {
                let layout = folders::layout().expect("a layout");
                let running = spawn(layout, role).await.expect("an engine");
                assert!(threads().contains("passes"));
                is_asked_and_answers(running.handle.clone()).await;
                running.end().await;
                assert!(!threads().contains("passes"));
            }
        },
    );
}

#[test]
fn an_operation_runs_with_an_engine_that_goes_on_afterwards() {
    on_a_host(
        "an_operation_runs_with_an_engine_that_goes_on_afterwards",
        User,
        |_| {},
        async {
            let layout = folders::layout().expect("a layout");
            let app = AppId::parse("web").expect("an id");
            let intent = layout.intent(&app);
            std::fs::create_dir_all(layout.apps()).expect("the folder of intents");
            std::fs::write(&intent, "state = \"stopped\"\n").expect("an intent");
            let engine = spawn(layout.clone(), Role::Daemon)
                .await
                .expect("an engine");
            let before = engine.handle.pass().await.expect("a pass").number;
            let request = Request::Uninstall { app, purge: false };
            let prepared = prepare(layout, request).await.expect("a proposal");
            let ended = prepared.run_with(&engine.handle, |_| {}).await;
            assert!(matches!(ended, Ok(None)), "{ended:?}");
            assert!(!disk::may_exist(&intent));
            let after = engine.handle.pass().await.expect("the engine goes on");
            assert!(after.number > before, "{after:?}");
            engine.end().await;
        },
    );
}

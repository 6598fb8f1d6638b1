//! The parts of the test that share one host. They run one after the other, and none disturbs the
//! next.

use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use testhost::prerequisites;

use crate::node::Node;
use crate::{calls, friends, heights, pages, reboots, secrets, stack, stops};

type Part<'a> = &'a dyn Fn(&Node);

#[test]
fn three_real_daemons_and_their_pages() {
    prerequisites::ensure_commands(&[("chromium", "chromium")]).expect("a browser");
    let began = Instant::now();
    let node = stack::node();
    secrets::watch(&node);
    let printed = stack::install_all(&node);
    println!("installed after {:.0} s", began.elapsed().as_secs_f64());

    let parts: [(&str, Part<'_>); 8] = [
        ("the heights agree", &heights::agree),
        ("the pages pass their specs", &pages::pass_their_specs),
        (
            "reads are answered, all else is refused",
            &calls::are_filtered,
        ),
        ("apps of Umbrel use the nodes", &friends::use_the_nodes),
        (
            "the pages name a daemon that is away",
            &pages::name_the_daemon_that_is_away,
        ),
        (
            "the daemons have the time to stop",
            &stops::have_the_time_they_need,
        ),
        ("a reboot starts all in order", &reboots::bring_all_back),
        ("no secret can be read", &|node| {
            secrets::stay_secret(node, &printed);
        }),
    ];
    let mut failed = Vec::new();
    for (name, part) in parts {
        let began = Instant::now();
        // A failed part does not hide the others. Its message is printed above.
        if catch_unwind(AssertUnwindSafe(|| part(&node))).is_err() {
            failed.push(name);
        }
        println!("{name}: {:.0} s", began.elapsed().as_secs_f64());
    }
    // Written directly, because the test harness captures the output of a test that passes.
    let pictures = format!("screenshots are in {}\n", pages::pictures().display());
    std::io::stderr()
        .write_all(pictures.as_bytes())
        .expect("standard error");
    assert!(failed.is_empty(), "failed: {failed:?}");
}

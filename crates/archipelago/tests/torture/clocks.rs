//! A wrong or jumping wall clock has no effect: waits count the time since the boot, and files are
//! compared by their content.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::apps;
use crate::fault::{a_pass, all_well, kept, shop};
use crate::node::{Node, ONE_TICK, SOON, UNITS, until, until_equal};

/// Debian's libfaketime, which answers for the C library. The machine's own clock is shared by all
/// hosts and cannot be moved.
const LIBRARY: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1";
const DAY_S: i64 = 86_400;

/// Makes the daemon read the wall clock from `~/clock`, each time anew. The time since the boot
/// stays as it is.
const DROP_IN: &str = "[Service]
Environment=LD_PRELOAD=/home/archy/libfaketime.so
Environment=FAKETIME_TIMESTAMP_FILE=/home/archy/clock FAKETIME_NO_CACHE=1
Environment=FAKETIME_DONT_FAKE_MONOTONIC=1 NO_FAKE_STAT=1
";

#[test]
fn a_clock_that_jumps_by_a_year_causes_nothing() {
    testhost::prerequisites::ensure_commands(&[("faketime", "faketime")]).expect("libfaketime");
    let node = Node::new();
    let kept_before = shop(&node);
    let mut before = node.containers();
    let jump = |days: i64| {
        node.shell(&format!(
            "echo {days:+}d >~/clock.new; mv ~/clock.new ~/clock"
        ))
    };
    node.0
        .copy_in(Path::new(LIBRARY), "/home/archy/libfaketime.so")
        .expect("the library in the host");
    jump(0);
    let folder = "~/.config/systemd/user/archipelago.service.d";
    node.shell(&format!(
        "mkdir -p {folder}; printf '%s' '{DROP_IN}' >{folder}/clock.conf; systemctl --user daemon-reload; systemctl --user restart archipelago"
    ));
    for days in [365, 0, -365, 365] {
        jump(days);
        a_pass(&node);
        let health = node.try_health().expect("a health page");
        let finished = health["last_pass"]["finished_unix_s"].as_i64();
        let ahead = finished.expect("a time") - now();
        assert!(
            (ahead - days * DAY_S).abs() < DAY_S,
            "it is {ahead} s ahead, and was to be {days} days"
        );
        all_well(&node, SOON);
        assert_eq!(node.containers(), before, "{days} days");

        node.shell(&format!("rm {UNITS}/archy-shop-ui.container"));
        until("the unit to be back", ONE_TICK, || {
            node.try_shell(&format!("test -e {UNITS}/archy-shop-ui.container"))
                .success()
                .then_some(())
        });
        node.shell("systemctl --user stop archy-shop-ui");
        until("the page to be back", ONE_TICK, || {
            node.try_shell("systemctl --user is-active archy-shop-ui")
                .success()
                .then_some(())
        });
        all_well(&node, ONE_TICK);
        before = node.containers();
    }
    assert_eq!(kept(&node), kept_before);
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.expect("a time after 1970").as_secs().cast_signed()
}

/// A wrong clock leaves files with such times behind.
#[test]
fn files_of_another_year_cause_nothing() {
    let node = Node::new();
    node.install(&apps::shop());
    let before = node.containers();
    for years in ["-1 year", "+1 year"] {
        node.shell(&format!(
            "find ~/.config/archipelago ~/.config/containers /var/lib/archipelago/archy-* /var/lib/archipelago/secrets \
                 $XDG_RUNTIME_DIR/archipelago ~/.local/share/containers/storage/*/*.json -exec touch -h -d '{years}' '{{}}' +"
        ));
        a_pass(&node);
        a_pass(&node);
        until_equal(years, SOON, &"ready".to_owned(), || node.state("shop"));
        assert_eq!(node.containers(), before);
    }
}

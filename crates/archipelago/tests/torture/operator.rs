//! The operator uses systemd's own commands: drop-ins, `systemctl --user edit`, a mask, `systemctl
//! --user stop`.

use crate::apps;
use crate::fault::{RECOVERY, a_pass, all_well};
use crate::node::{Node, ONE_TICK, SOON, UNITS, text, until};

fn drop_ins(node: &Node) -> Vec<String> {
    let unit = node.status("lone")["units"][0].clone();
    let files = unit["drop_ins"].as_array().cloned().unwrap_or_default();
    files.iter().map(text).collect()
}

#[test]
fn drop_ins_are_respected_and_shown() {
    let node = Node::new();
    node.install(&apps::lone("lone", 8481));
    let untouched = node.containers();
    assert_eq!(drop_ins(&node), [""; 0]);

    let quadlet = format!("{UNITS}/archy-lone.container.d/10-operator.conf");
    node.write(&quadlet, "[Container]\nEnvironment=OPERATOR=quadlet\n");
    node.shell("printf '[Service]\\nNice=7\\n' | systemctl --user edit --stdin archy-lone.service");
    let edited = "/home/archy/.config/systemd/user/archy-lone.service.d/override.conf";
    a_pass(&node);
    assert_eq!(node.containers(), untouched, "nobody asked for a restart");
    assert_eq!(drop_ins(&node), [quadlet.as_str(), edited]);
    let shown = node.user(&["archipelago", "status", "lone"]);
    assert!(
        shown.contains(&quadlet) && shown.contains(edited),
        "{shown}"
    );

    node.shell("systemctl --user daemon-reload; systemctl --user restart archy-lone");
    let with_them = node.containers();
    let run = &with_them["archy-lone"];
    assert!(run.environment.contains("OPERATOR=quadlet"), "{run:?}");
    a_pass(&node);
    all_well(&node, SOON);

    // Drop-ins are kept by a repair, a change of settings, a stop and an uninstallation.
    node.shell(&format!("rm {UNITS}/archy-lone.container"));
    node.user(&[
        "archipelago",
        "install",
        "/home/archy/apps/lone",
        "--set",
        "port=8490",
    ]);
    all_well(&node, RECOVERY);
    let run = node.containers()["archy-lone"].clone();
    assert!(run.environment.contains("OPERATOR=quadlet"), "{run:?}");
    let nice = node.shell("systemctl --user show -P Nice archy-lone");
    assert_eq!(nice.trim(), "7");
    node.user(&["archipelago", "uninstall", "lone", "--purge"]);
    node.shell(&format!("test -e {quadlet}; test -e {edited}"));
}

#[test]
fn a_drop_in_that_quadlet_refuses_is_reported() {
    let node = Node::new();
    node.install(&apps::lone("lone", 8481));
    let before = node.containers();
    let quadlet = format!("{UNITS}/archy-lone.container.d/10-operator.conf");
    node.write(&quadlet, "[Container]\nNoSuchKey=1\n");
    node.shell("systemctl --user daemon-reload");
    let message = until("the cause to be reported", ONE_TICK, || {
        let message = text(&node.status("lone")["units"][0]["message"]);
        message.contains("made no service of it").then_some(message)
    });
    let (_, command) = message
        .split_once("shows why: ")
        .expect("a way to the cause");
    let why = node.try_shell(&format!("{command} 2>&1"));
    assert!(why.stdout.contains("NoSuchKey"), "{command}: {why:?}");
    assert_eq!(drop_ins(&node), [quadlet.as_str()]);
    assert_eq!(node.containers(), before, "the container must keep running");
    node.shell(&format!("rm {quadlet}; systemctl --user daemon-reload"));
    all_well(&node, RECOVERY);
}

#[test]
fn a_file_that_quadlet_cannot_read_costs_no_app_its_service() {
    let node = Node::new();
    node.install(&apps::lone("lone", 8481));
    node.install(&apps::lone("other", 8482));
    let other = node.containers()["archy-other"].clone();
    let theirs = format!("{UNITS}/mine.container");
    // A service that was not stopped would wait for the reload alone.
    let stop = "systemctl --user stop archy-lone";
    for (make, disturb) in [
        ("mkdir", stop),
        ("mkfifo", stop),
        ("ln -s /nonexistent", "true"),
        ("echo nonsense >", stop),
    ] {
        node.shell(&format!("{make} {theirs}"));
        node.shell(&format!("rm {UNITS}/archy-lone.container; {disturb}"));
        until(&format!("{make}: the app to be back"), ONE_TICK, || {
            let back = node.try_shell(&format!(
                "test -e {UNITS}/archy-lone.container && systemctl --user is-active archy-lone"
            ));
            back.success().then_some(())
        });
        let failed_checks = node.failed_checks();
        assert!(
            failed_checks["units"].contains(&theirs),
            "{make}: {failed_checks:?}"
        );
        // A reload would have made systemd forget this service.
        let loaded = node.shell("systemctl --user show -P LoadState archy-other");
        assert_eq!(loaded.trim(), "loaded", "{make}");
        node.shell(&format!("rm -r {theirs}"));
        all_well(&node, RECOVERY);
        assert_eq!(node.containers()["archy-other"], other, "{make}");
    }
    // A change that needs a reload waits, and the app's message names the file.
    node.write(&theirs, "nonsense");
    let changed = ["install", "/home/archy/apps/lone", "--set", "port=8490"];
    let said = node.archipelago(&changed);
    assert!(!said.success() && said.stderr.contains(&theirs), "{said:?}");
    node.shell(&format!("rm {theirs}"));
    all_well(&node, RECOVERY);
    node.shell("curl -sS --output /dev/null http://127.0.0.1:8490/");
}

#[test]
fn a_mask_is_respected_and_a_bare_stop_is_repaired() {
    let node = Node::new();
    node.install(&apps::lone("lone", 8481));
    node.shell("systemctl --user mask --now archy-lone.service");
    a_pass(&node);
    a_pass(&node);
    assert_eq!(node.state("lone"), "degraded");
    assert!(text(&node.status("lone")["message"]).contains("masked by the operator"));
    assert!(node.containers().is_empty());
    node.shell("systemctl --user unmask archy-lone.service");
    all_well(&node, ONE_TICK);

    node.shell("systemctl --user stop archy-lone");
    all_well(&node, ONE_TICK);
    // A stop through Archipelago is kept.
    node.user(&["archipelago", "stop", "lone"]);
    a_pass(&node);
    assert_eq!(node.state("lone"), "stopped");
    assert!(node.containers().is_empty());
}

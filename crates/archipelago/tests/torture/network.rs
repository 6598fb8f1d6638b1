//! The processes that serve the containers' networks are killed. No container ends, and Podman does
//! not notice.

use crate::apps;
use crate::fault::{RECOVERY, all_well};
use crate::node::{Node, ONE_TICK, SOON, text, until};

const RESOLVER: &str = "$XDG_RUNTIME_DIR/containers/networks/aardvark-dns/aardvark.pid";
const UPLINK: &str = "$XDG_RUNTIME_DIR/containers/networks/rootless-netns/rootless-netns-conn.pid";

/// Fails when a name is not known.
const RESOLVE: &str = "podman exec archy-shop-db timeout 2 nslookup shop >/dev/null";
/// Fails only when there is no way to the host: nothing listens there.
const REACH: &str = "! podman exec archy-shop-db timeout 2 wget -qO- http://169.254.1.2:9/ 2>&1 | \
    grep -E 'unreachable|timed out|Terminated'";

fn works(node: &Node, script: &str) -> bool {
    node.try_shell(script).success()
}

#[test]
fn the_resolver_is_killed() {
    let node = Node::new();
    node.install(&apps::shop());
    let before = node.containers();
    assert!(works(&node, RESOLVE));
    for _ in 0..3 {
        node.shell(&format!("kill -KILL $(cat {RESOLVER})"));
        until("names to be known again", SOON, || {
            works(&node, RESOLVE).then_some(())
        });
    }
    all_well(&node, RECOVERY);
    assert_eq!(node.containers(), before, "nothing was restarted");
    // Without a daemon that repairs it, the fault is reported.
    node.shell(&format!(
        "systemctl --user stop archipelago; kill -KILL $(cat {RESOLVER})"
    ));
    assert!(!works(&node, RESOLVE));
    let status = node.status("shop");
    assert_eq!(text(&status["state"]), "degraded");
    let message = text(&status["message"]);
    assert!(message.contains("aardvark-dns does not run"), "{message}");
    let failed_checks = node.failed_checks();
    assert!(
        failed_checks["networks"].contains("aardvark-dns does not run"),
        "{failed_checks:?}"
    );
    node.shell("systemctl --user start archipelago");
    until("names to be known again", ONE_TICK, || {
        works(&node, RESOLVE).then_some(())
    });
    assert_eq!(node.containers(), before, "nothing was restarted");
}

#[test]
fn the_uplink_of_the_networks_is_killed() {
    let node = Node::new();
    node.install(&apps::shop());
    let before = node.containers();
    assert!(works(&node, REACH));
    let pid = node.shell(&format!("cat {UPLINK}"));
    node.shell(&format!("kill -KILL {pid}"));
    // Commands of Podman would start it again, so the check uses none.
    until("the uplink to be back", SOON, || {
        let script = format!("test \"$(cat {UPLINK})\" != {pid} && kill -0 \"$(cat {UPLINK})\"");
        works(&node, &script.replace('\n', "")).then_some(())
    });
    until("the host to be reached", SOON, || {
        works(&node, REACH).then_some(())
    });
    all_well(&node, RECOVERY);
    assert_eq!(node.containers(), before, "nothing was restarted");
}

#[test]
fn the_port_forwarder_is_killed() {
    let node = Node::new();
    node.install(&apps::shop());
    node.install(&apps::lone("lone", 8481));
    let before = node.containers();
    let unit = "$(systemctl --user show -P ControlGroup archy-shop-ui)/runtime/cgroup.procs";
    node.shell(&format!(
        "for pid in $(cat /sys/fs/cgroup{unit}); do
            case $(cat /proc/$pid/comm) in rootlessport*) kill -KILL $pid ;; esac
        done"
    ));
    assert!(!works(&node, "curl -fsS http://127.0.0.1:8480/"));
    until("the port to answer again", ONE_TICK, || {
        works(&node, "curl -fsS http://127.0.0.1:8480/").then_some(())
    });
    all_well(&node, RECOVERY);
    let mut after = node.containers();
    let own = "archy-shop-ui";
    assert_ne!(after[own], before[own]);
    after.insert(own.to_owned(), before[own].clone());
    assert_eq!(after, before, "no other container was restarted");
}

#[test]
fn podmans_pause_process_is_killed() {
    let node = Node::new();
    node.install(&apps::shop());
    let before = node.containers();
    node.shell("kill -KILL $(cat $XDG_RUNTIME_DIR/libpod/tmp/pause.pid)");
    assert!(works(&node, RESOLVE));
    // A new container joins the namespaces of the running containers.
    node.install(&apps::lone("lone", 8481));
    node.shell("curl -fsS http://127.0.0.1:8481/hostname http://127.0.0.1:8480/");
    let mut after = node.containers();
    after.remove("archy-lone");
    assert_eq!(after, before);
}

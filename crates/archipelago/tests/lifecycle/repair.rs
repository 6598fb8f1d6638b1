//! Anything that someone else deletes, stops or changes is repaired within a tick, and nothing else
//! is restarted.

use std::collections::{BTreeMap, BTreeSet};

use crate::apps;
use crate::node::{DATA, Node, ONE_TICK, Run, UNITS, until_equal};

/// The state of two apps on a host.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Everything {
    /// Unit files and rendered files with their mode and checksum, Podman's objects, services with
    /// their state.
    things: BTreeSet<String>,
    /// The state and the environment of each container.
    containers: BTreeMap<String, (String, BTreeSet<String>)>,
}

/// Prints one line for each thing with its state. Objects of Podman without an app's label belong
/// to the test host.
const STATE: &str = r#"
cd "$1"; for f in *; do [ -f "$f" ] && echo "unit $f $(stat -c %a "$f") $(sha256sum <"$f")"; done
cd "$2"; for f in archy-*/*; do echo "rendered $f $(stat -c %a "$f") $(sha256sum <"$f")"; done
podman network ls -q --filter label=archipelago.app | sed 's/^/network /'
podman volume ls -q --filter label=archipelago.app | sed 's/^/volume /'
podman secret ls --format '{{.Name}}' | sed 's/^/secret /'
podman image ls --format '{{.Repository}}:{{.Tag}}' --filter label=archipelago.built-for | sed 's/^/image /'
systemctl --user list-units --all --plain --no-legend 'archy-*.service' | awk '{print "service", $1, $2, $3, $4}'
"#;

struct Disturbed {
    node: Node,
    before: BTreeMap<String, Run>,
    whole: Everything,
}

impl Disturbed {
    /// A host with two apps, four containers, and the daemon.
    fn new() -> Self {
        let node = Node::new();
        node.install(&apps::shop());
        node.install(&apps::lone("lone", 8481));
        let before = node.containers();
        assert_eq!(
            before.keys().collect::<Vec<_>>(),
            ["archy-lone", "archy-shop", "archy-shop-db", "archy-shop-ui"]
        );
        let whole = observe(&node);
        Self {
            node,
            before,
            whole,
        }
    }

    /// Runs a disturbing script, waits until the state is as before, and checks which containers
    /// were restarted.
    fn disturb(&mut self, what: &str, script: &str, restarted: &[&str]) {
        if restarted.is_empty() {
            // A repair that restarts no container may be over before the disturbed state is read,
            // so the daemon is frozen.
            self.node.shell(&signal("STOP"));
        }
        self.node.shell(script);
        assert!(
            observe(&self.node) != self.whole || !restarted.is_empty(),
            "{what}: the script changed nothing"
        );
        let start = std::time::Instant::now();
        self.node.shell(&signal("CONT"));
        // A file is repaired before the container that reads it is restarted, so the test waits for
        // both.
        let restarted: Vec<String> = restarted.iter().map(|name| (*name).to_owned()).collect();
        until_equal(
            what,
            ONE_TICK,
            &(self.whole.clone(), restarted.clone()),
            || (observe(&self.node), self.restarted_containers()),
        );
        println!("{what}: {} ms", start.elapsed().as_millis());
        // The pass that repairs it holds the lock until it is over.
        self.node
            .shell("flock $XDG_RUNTIME_DIR/archipelago/lock true");
        assert_eq!(
            self.restarted_containers(),
            restarted,
            "{what}: restarted containers"
        );
        self.before = self.node.containers();
    }

    fn restarted_containers(&self) -> Vec<String> {
        let now = self.node.containers().into_iter();
        now.filter(|(name, run)| self.before.get(name) != Some(run))
            .map(|(name, _)| name)
            .collect()
    }
}

fn signal(name: &str) -> String {
    format!("systemctl --user kill --signal={name} archipelago.service")
}

fn observe(node: &Node) -> Everything {
    let command = ["bash", "-c", STATE, "bash", UNITS, DATA];
    let things = node.0.run_user(&command).expect("a run in the host").stdout;
    let containers = node.containers().into_iter();
    Everything {
        things: things.lines().map(str::to_owned).collect(),
        containers: containers
            .map(|(name, run)| (name, (run.state, run.environment)))
            .collect(),
    }
}

#[test]
fn deleted_and_edited_units_are_restored() {
    let mut host = Disturbed::new();
    host.disturb(
        "a unit file deleted and another edited",
        "cd ~/.config/containers/systemd
        rm archy-shop.container
        sed -i 's/^\\[Container\\]/&\\nEnvironment=INTRUDER=1/' archy-shop-db.container",
        // The container may have been started with the edited file, so it is restarted.
        &["archy-shop-db"],
    );
    host.disturb(
        "the same, and systemd reloaded, and the edited one restarted",
        // The daemon is frozen until all is done: a pass in between would find less to do.
        "cd ~/.config/containers/systemd
        systemctl --user kill --signal=STOP archipelago.service
        rm archy-shop.container
        sed -i 's/^\\[Container\\]/&\\nEnvironment=INTRUDER=1/' archy-shop-db.container
        systemctl --user daemon-reload
        systemctl --user restart archy-shop-db
        systemctl --user kill --signal=CONT archipelago.service",
        // Neither the disk nor systemd shows any more which text the first container was started
        // with.
        &["archy-shop", "archy-shop-db"],
    );
    host.disturb(
        "a stopped service",
        "systemctl --user stop archy-shop-db",
        &["archy-shop-db"],
    );
}

#[test]
fn objects_removed_from_podman_are_restored() {
    let mut host = Disturbed::new();
    host.node.shell("podman exec archy-shop touch /data/kept");
    host.disturb(
        "a removed container",
        "podman rm -f archy-shop",
        &["archy-shop"],
    );
    host.disturb(
        "a removed image, built here",
        // It complains when systemd starts the container meanwhile; the image is gone then too.
        "podman rmi -f $(podman image ls -q --filter label=archipelago.built-for=shop) || :",
        &["archy-shop"],
    );
    host.disturb(
        "a removed volume",
        "podman volume rm -f archy-shop-data",
        &["archy-shop"],
    );
    host.node.shell("podman exec archy-shop test -e /data/kept");
    host.disturb(
        "a removed network",
        "podman network rm -f archy-shop",
        &["archy-shop", "archy-shop-db", "archy-shop-ui"],
    );
    host.disturb("a removed secret", "podman secret rm archy-shop-token", &[]);
    host.node
        .shell("podman exec archy-shop cat /run/secrets/token >/dev/null");
}

#[test]
fn rendered_files_are_restored() {
    let mut host = Disturbed::new();
    host.disturb(
        "a rendered file removed, and another made readable for others",
        "cd /var/lib/archipelago; rm archy-shop-ui/default.conf; chmod 644 archy-shop/shop.conf",
        &[],
    );
    host.disturb(
        "a rendered file edited",
        "echo '# intruder' >>/var/lib/archipelago/archy-shop-ui/default.conf",
        // nginx may have read the edited file, so it is restarted.
        &["archy-shop-ui"],
    );
    let inside = host
        .node
        .shell("podman exec archy-shop-ui cat /etc/nginx/conf.d/default.conf");
    assert!(!inside.contains("intruder"));
}

//! SIGKILL of the daemon and of the command at random instants of install, a change of settings,
//! uninstall and purge.
//!
//! `ARCHIPELAGO_TORTURE_KILLS` sets the number of kills. `ARCHIPELAGO_TEST_SEED` repeats the
//! instants, as parts of the time that a change takes.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::fault::{Kept, kept, put_data};
use crate::instants::{Instants, wanted};
use crate::node::{CONFIG, DATA, Node, until_equal};
use crate::whole::{nothing_to_do, observe, until_observed};
use crate::{apps, foreign};

/// The number of kills in the shorter set.
const KILLS: u32 = 50;
/// A failed attempt is retried after 10, then 20 s.
const RECOVERED: Duration = Duration::from_secs(90);

/// A change that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    Install,
    Set,
    Uninstall,
    Purge,
}

const CHANGES: [Change; 6] = [
    Change::Install,
    Change::Set,
    Change::Uninstall,
    Change::Install,
    Change::Set,
    Change::Purge,
];

impl Change {
    /// The command; `word` is the new setting.
    fn command(self, word: &str) -> String {
        match self {
            Self::Install => "install /home/archy/apps/shop".to_owned(),
            Self::Set => format!("install /home/archy/apps/shop --set greeting={word}"),
            Self::Uninstall => "uninstall shop".to_owned(),
            Self::Purge => "uninstall shop --purge".to_owned(),
        }
    }

    /// Whether the intent, as the text of its file, asks for this change.
    fn is_asked(self, intent: &str, word: &str) -> bool {
        match self {
            Self::Install => intent.contains("state = \"running\""),
            Self::Set => intent.contains(&format!("\"{word}\"")),
            Self::Uninstall => intent.is_empty() || intent.contains("state = \"removed\""),
            Self::Purge => intent.is_empty() || intent.contains("purge = true"),
        }
    }
}

/// Kills the command, the daemon, or both, each after its time, and prints which were killed. `$1`
/// and `$2` are the times, or `never`; the other arguments are the command. A killed daemon is
/// started at once, so that the test does not wait for `RestartSec=`.
const KILL: &str = r#"
cli=$1 daemon=$2; shift 2
if [ "$daemon" != never ]; then (
    sleep "$daemon"
    if systemctl --user kill --kill-whom=main --signal=KILL archipelago 2>/dev/null; then echo daemon; fi
    systemctl --user --no-block restart archipelago
) & fi
if [ "$cli" = never ]; then
    archipelago "$@" >/dev/null 2>&1
else
    timeout --foreground --signal=KILL "$cli" archipelago "$@" >/dev/null 2>&1
    [ "$?" = 137 ] && echo command
fi
wait
"#;

/// The time that each undisturbed change takes on this machine.
struct Takes {
    install: Duration,
    set: Duration,
    uninstall: Duration,
    purge: Duration,
}

impl Takes {
    fn of(&self, change: Change) -> Duration {
        match change {
            Change::Install => self.install,
            Change::Set => self.set,
            Change::Uninstall => self.uninstall,
            Change::Purge => self.purge,
        }
    }
}

struct Torture {
    node: Node,
    takes: Takes,
    instants: Instants,
    /// Kills of the command, and of the daemon.
    killed: [u32; 2],
    /// The state of the host after an undisturbed installation, uninstallation and purge.
    installed: BTreeSet<String>,
    uninstalled: BTreeSet<String>,
    purged: BTreeSet<String>,
    lone: crate::node::Run,
    others: String,
    /// The data and secrets, while there are any.
    kept: Option<Kept>,
}

impl Torture {
    fn new() -> Self {
        let node = Node::new();
        foreign::make(&node);
        node.install(&apps::lone("lone", 8481));
        node.put(&apps::shop());
        let undisturbed = |change: Change| {
            let command = change.command("another");
            let words: Vec<&str> = command.split(' ').collect();
            let began = Instant::now();
            node.user(&[&["archipelago"], words.as_slice()].concat());
            began.elapsed()
        };
        let install = undisturbed(Change::Install);
        put_data(&node);
        let set = undisturbed(Change::Set);
        let installed = observe(&node);
        let uninstall = undisturbed(Change::Uninstall);
        let uninstalled = observe(&node);
        let purge = undisturbed(Change::Purge);
        let purged = observe(&node);
        let takes = Takes {
            install,
            set,
            uninstall,
            purge,
        };
        Self {
            takes,
            instants: Instants::new(),
            killed: [0, 0],
            installed,
            uninstalled,
            purged,
            lone: node.containers()["archy-lone"].clone(),
            others: foreign::state(&node, true),
            kept: None,
            node,
        }
    }

    /// Makes one change, after this many attempts that are killed.
    fn round(&mut self, change: Change, word: &str, attempts: u32) {
        let command = change.command(word);
        for _ in 0..attempts {
            // The command alone, the daemon alone, or both.
            let who = self.instants.next(Duration::from_secs(3)).as_secs();
            let [cli, daemon] = [(); 2].map(|()| self.instants.next(self.takes.of(change)));
            let time = |time: Duration, spared: bool| {
                if spared {
                    "never".to_owned()
                } else {
                    format!("{:.6}", time.as_secs_f64())
                }
            };
            let (cli, daemon) = (time(cli, who == 0), time(daemon, who == 1));
            let words = ["bash", "-c", KILL, "bash", &cli, &daemon];
            let words: Vec<&str> = words.into_iter().chain(command.split(' ')).collect();
            let said = self.node.0.run_user(&words).expect("a run in the host");
            self.killed[0] += u32::from(said.stdout.contains("command"));
            self.killed[1] += u32::from(said.stdout.contains("daemon"));
        }
        let intent = self
            .node
            .shell(&format!("cat {CONFIG}/apps/shop.toml 2>/dev/null || :"));
        // A command that was killed before it wrote the intent has asked for nothing, so the change
        // is asked for again.
        if !change.is_asked(&intent, word) {
            let words: Vec<&str> = command.split(' ').collect();
            self.node
                .user(&[&["archipelago"], words.as_slice()].concat());
        }
        let expected = match change {
            Change::Install | Change::Set => "ready",
            Change::Uninstall | Change::Purge => "gone",
        };
        until_equal(
            &format!("{change:?}"),
            RECOVERED,
            &expected.to_owned(),
            || {
                let status = self.node.json(&["status"]);
                let apps = status["apps"].as_array().cloned().unwrap_or_default();
                let shop = apps.iter().find(|app| app["id"] == "shop");
                shop.map_or("gone".to_owned(), |app| crate::node::text(&app["state"]))
            },
        );
    }

    /// Checks the state of the host after a change.
    fn check(&mut self, change: Change, word: &str) {
        let expected = match change {
            Change::Install | Change::Set => &self.installed,
            Change::Uninstall => &self.uninstalled,
            Change::Purge => &self.purged,
        };
        until_observed(
            &self.node,
            &format!("the host to be as after an undisturbed {change:?}"),
            expected,
        );
        nothing_to_do(&self.node, "/home/archy/apps/lone");
        assert_eq!(foreign::state(&self.node, true), self.others);
        assert_eq!(self.node.containers()["archy-lone"], self.lone);
        match change {
            Change::Install | Change::Set => {
                let page = self.node.shell("curl -fsS http://127.0.0.1:8480/");
                assert_eq!(page.trim(), word);
                let token = self.node.shell("curl -fsS http://127.0.0.1:8480/token");
                let secret = self.node.shell(&format!("cat {DATA}/secrets/shop/token"));
                assert_eq!(token.trim(), secret.trim());
                let before = self.kept.get_or_insert_with(|| put_data(&self.node));
                assert_eq!(kept(&self.node), *before, "data and secret");
            }
            Change::Uninstall => {
                assert_eq!(Some(kept(&self.node)), self.kept, "data and secret");
            }
            Change::Purge => self.kept = None,
        }
    }
}

#[test]
fn sigkill_at_random_instants() {
    let kills = wanted("ARCHIPELAGO_TORTURE_KILLS", KILLS);
    let mut torture = Torture::new();
    let mut word = "hello".to_owned();
    for (number, change) in CHANGES.into_iter().cycle().enumerate() {
        let killed: u32 = torture.killed.iter().sum();
        if killed >= kills {
            break;
        }
        match change {
            Change::Set => word = format!("word{number}"),
            // The setting was removed with the intent.
            Change::Install => word = "hello".to_owned(),
            Change::Uninstall | Change::Purge => {}
        }
        torture.round(change, &word, 5.min(kills - killed));
        torture.check(change, &word);
        let [commands, daemons] = torture.killed;
        println!("{number}: {change:?}; killed so far: {commands} commands, {daemons} daemons");
    }
    let [commands, daemons] = torture.killed;
    assert!(commands > 0 && daemons > 0, "{:?}", torture.killed);
    println!(
        "killed: {commands} commands and {daemons} daemons, {} in all",
        commands + daemons
    );
}

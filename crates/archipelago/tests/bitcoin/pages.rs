//! Runs the pages' own specs (catalog/node-ui/e2e) in a real browser, with the window of a desktop
//! and of a phone.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use testhost::Account;

use crate::heights::bitcoin_height;
use crate::node::{Node, text, until_equal};
use crate::stack::{FOLLOWS, MEMBERS, MINER, lnd_info, until_ready};
use crate::{support, wallet};

/// The spec for pages whose daemons do not run.
const DOWN: &str = "down.spec.mjs";
/// This spec mines a block, which changes the height that the other specs expect.
const MINED: &str = "mined.spec.mjs";

/// The bound for a page to notice that its daemon is away. nginx keeps an address for two seconds.
/// The remaining time is for a slow machine. It must be well below the minute in which an old
/// answer replaces a late one (njs/ready.js), because an old answer must not hide that the daemon
/// is away.
const AWAY: Duration = Duration::from_secs(40);

/// The bound of all specs together: it ends a run that hangs.
const SPECS: Duration = Duration::from_secs(1800);

/// Runs all specs except the one for a stopped daemon.
pub(crate) fn pass_their_specs(node: &Node) {
    let specs = Specs::prepare(node);
    let wallet = wallet::fill(node);
    let height = bitcoin_height(node).to_string();
    let info = lnd_info(node).expect("lnd answers");
    let [channels, peers, payments] = wallet.peer.lists();
    let expected = [
        channels,
        peers,
        payments,
        ("NODE_HEIGHT", height.clone()),
        ("ELECTRUM_HEIGHT", height.clone()),
        ("ELECTRUM_ADDRESS", MINER.to_owned()),
        // One for each block except the genesis block and lnd's two, and the unconfirmed one.
        (
            "ELECTRUM_TRANSACTIONS",
            (bitcoin_height(node) - 1).to_string(),
        ),
        ("ELECTRUM_WAITING", "1".to_owned()),
        ("LIGHTNING_HEIGHT", height),
        ("LIGHTNING_PUBKEY", text(&info["identity_pubkey"])),
        ("LIGHTNING_CONFIRMED", wallet.confirmed.to_string()),
        ("LIGHTNING_UNCONFIRMED", wallet.unconfirmed.to_string()),
        ("LIGHTNING_INVOICE", wallet.memo.clone()),
        ("LIGHTNING_PREIMAGE", wallet.preimage.clone()),
    ];
    let others = specs
        .names()
        .into_iter()
        .filter(|name| name != DOWN && name != MINED);
    specs.pass(node, &others.collect::<Vec<_>>(), &expected);

    let mine = inside(
        node,
        &format!(
            "podman exec archy-bitcoin bitcoin-cli generatetoaddress 1 {MINER} >/dev/null; podman exec archy-bitcoin bitcoin-cli getblockcount"
        ),
    );
    specs.pass(node, &[MINED.to_owned()], &[("NODE_MINE", mine)]);
    wallet.is_mined(node);
}

/// The folder for the specs' pictures, emptied once for each run.
pub(crate) fn pictures() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("screenshots");
        if folder.exists() {
            std::fs::remove_dir_all(&folder).expect("no older pictures");
        }
        folder
    })
}

/// Checks that each page and each answer about readiness soon names the daemon that is away: its
/// own, or the node that it needs. systemctl stops the daemons. Archipelago is stopped, because it
/// would start them again.
pub(crate) fn name_the_daemon_that_is_away(node: &Node) {
    let specs = Specs::prepare(node);
    let [bitcoin, electrs, lnd] = MEMBERS;
    let systemctl = |arguments: &[&str]| {
        node.user(&[&["systemctl", "--user"], arguments].concat());
    };
    systemctl(&["stop", "archipelago", "archy-bitcoin"]);
    let waiting = (503, "waiting for bitcoin, which does not answer".to_owned());
    let expected = [waiting.clone(), waiting];
    until_equal(
        "both to report that bitcoin is away",
        AWAY,
        &expected,
        || {
            [electrs, lnd].map(|member| {
                let (status, answer) = member.readiness(node);
                let message = answer["message"].as_str().unwrap_or_default();
                (status, message.to_owned())
            })
        },
    );
    specs.pass(node, &[DOWN.to_owned()], &[("DOWN", "bitcoin".to_owned())]);

    systemctl(&["stop", "archy-electrs", "archy-lnd"]);
    systemctl(&["start", "archy-bitcoin"]);
    until_equal("bitcoin to be back", FOLLOWS, &200, || {
        bitcoin.readiness(node).0
    });
    specs.pass(node, &[DOWN.to_owned()], &[("DOWN", "others".to_owned())]);

    systemctl(&["start", "archipelago"]);
    let started = Instant::now();
    // electrs and lnd are restarted.
    until_ready(node, FOLLOWS * 2);
    println!(
        "all are ready {:.0} s after Archipelago is back",
        started.elapsed().as_secs_f64()
    );
}

/// A folder with the specs and their packages from npm. It is deleted on drop.
struct Specs(PathBuf);

impl Specs {
    fn prepare(node: &Node) -> Self {
        let specs =
            Self(Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("e2e-{}", node.0.name())));
        let prepare = support::repository().join("catalog/node-ui/e2e/prepare");
        let output = Command::new(prepare)
            .arg(&specs.0)
            .stdin(Stdio::null())
            .output();
        let output = output.expect("the script runs");
        assert!(
            output.status.success(),
            "npm: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        specs
    }

    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.0.join("e2e")).expect("a folder");
        let names = entries.map(|entry| {
            entry
                .expect("a file")
                .file_name()
                .to_string_lossy()
                .into_owned()
        });
        let mut names: Vec<String> = names.filter(|name| name.ends_with(".spec.mjs")).collect();
        names.sort();
        names
    }

    /// Runs the specs in the host's network, one after the other. Each must pass.
    fn pass(&self, node: &Node, specs: &[String], variables: &[(&str, String)]) {
        let [bitcoin, electrs, lnd] = MEMBERS.map(|member| member.page(""));
        let output = node
            .0
            .network_command("timeout")
            .expect("a command in the host's network")
            .arg(SPECS.as_secs().to_string())
            .args([
                "node",
                "--test",
                "--test-reporter=spec",
                "--test-concurrency=1",
            ])
            .args(specs.iter().map(|name| self.0.join("e2e").join(name)))
            .envs([
                ("NODE_URL", bitcoin),
                ("ELECTRUM_URL", electrs),
                ("LIGHTNING_URL", lnd),
            ])
            .envs(variables.iter().cloned())
            .env("SCREENSHOTS", pictures())
            .stdin(Stdio::null())
            .output()
            .expect("node");
        let said = String::from_utf8_lossy(&output.stdout);
        println!("{said}");
        assert!(
            output.status.success(),
            "{specs:?} failed, see above: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

impl Drop for Specs {
    fn drop(&mut self) {
        // A leftover folder does no harm.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A shell command for this machine that runs `script` as the host's user.
fn inside(node: &Node, script: &str) -> String {
    let command = node
        .0
        .command(Account::User, &["sh", "-c", script])
        .expect("a command");
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let quoted = words.map(|word| format!("'{}'", word.to_string_lossy().replace('\'', r"'\''")));
    quoted.collect::<Vec<_>>().join(" ")
}

//! The three apps on a fresh host, and what a person does with them.

use std::time::Duration;

use testhost::{Account, Host, Options, daemons};

use crate::node::{CONFIG, Node, until};
use crate::support;

/// Anyone's: nobody spends what it gets.
const MINER: &str = "bcrt1qyq0052zwswfzn3qm3mdrca8c6wjclkv57t7mk0";

/// lnd follows its node's blocks by asking, and calls itself synchronised some seconds after it is.
pub(crate) const FOLLOWS: Duration = Duration::from_secs(60);

/// One of the three apps, and what it is installed with here.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Member {
    pub(crate) app: &'static str,
    settings: &'static [&'static str],
}

/// In the order in which they are installed.
pub(crate) const MEMBERS: [Member; 3] = [
    Member {
        app: "bitcoin",
        // The one that is built for tests has no ZeroMQ.
        settings: &["network=regtest", "zmq=false"],
    },
    Member {
        app: "electrs",
        settings: &[],
    },
    Member {
        app: "lnd",
        settings: &["network=regtest", "bitcoin_events=polling"],
    },
];

impl Member {
    /// The command that installs it, with these settings besides.
    pub(crate) fn install<'a>(&'a self, more: &[&'a str]) -> Vec<&'a str> {
        let settings = self.settings.iter().chain(more);
        [
            vec!["install", self.app],
            settings.flat_map(|setting| ["--set", setting]).collect(),
        ]
        .concat()
    }
}

/// A fresh host, set up, that has the daemons' images and runs them for the catalog's.
pub(crate) fn node() -> Node {
    let host = Host::boot(Options::default().with_bitcoin()).expect("a host");
    let map = daemons::image_map(&support::repository().join("catalog")).expect("a map of images");
    host.write_file(
        Account::User,
        &format!("{CONFIG}/config.toml"),
        map.as_bytes(),
    )
    .expect("a file in the host");
    Node(support::set_up(host))
}

/// All three, installed and at the same height. Returns what the installations printed.
pub(crate) fn install_all(node: &Node) -> String {
    let mut printed = String::new();
    for member in &MEMBERS {
        let output = node.archipelago(&member.install(&[]));
        assert!(output.success(), "{output:?}");
        printed += &output.stdout;
        printed += &output.stderr;
    }
    // On regtest no block comes unless someone mines, and lnd waits for one before it looks at the chain.
    mine(node, 1);
    until("lnd to be up to its node", FOLLOWS, || {
        lnd_info(node)?["synced_to_chain"].as_bool()?.then_some(())
    });
    printed
}

pub(crate) fn bitcoin_cli(node: &Node, arguments: &[&str]) -> String {
    let command = ["podman", "exec", "archy-bitcoin", "bitcoin-cli"];
    node.user(&[&command, arguments].concat()).trim().to_owned()
}

pub(crate) fn mine(node: &Node, blocks: u32) {
    bitcoin_cli(node, &["generatetoaddress", &blocks.to_string(), MINER]);
}

/// What `lncli getinfo` says; nothing while it is not up.
pub(crate) fn lnd_info(node: &Node) -> Option<serde_json::Value> {
    let output = node
        .0
        .run_user(&["podman", "exec", "archy-lnd", "lncli", "getinfo"])
        .expect("a run in the host");
    output
        .success()
        .then(|| serde_json::from_str(&output.stdout).expect("JSON"))
}

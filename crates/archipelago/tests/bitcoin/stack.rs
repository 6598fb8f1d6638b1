//! The three apps on a fresh host, and the commands that a person uses with them.

use std::time::Duration;

use serde_json::Value;
use testhost::{Account, Host, Options, daemons};

use crate::node::{CONFIG, Node, until_equal};
use crate::support;

/// An address whose key nobody needs, because the mined coins are not spent.
pub(crate) const MINER: &str = "bcrt1qyq0052zwswfzn3qm3mdrca8c6wjclkv57t7mk0";

/// lnd polls its node for blocks, and reports that it is synchronised only some seconds after it
/// is.
pub(crate) const FOLLOWS: Duration = Duration::from_secs(60);

/// One of the three apps: its name, the port of its page, and its settings here.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Member {
    pub(crate) app: &'static str,
    port: u16,
    settings: &'static [&'static str],
}

/// In the order in which they are installed.
pub(crate) const MEMBERS: [Member; 3] = [
    Member {
        app: "bitcoin",
        port: 8441,
        // The bitcoind that is built for tests has no ZeroMQ.
        settings: &["network=regtest", "zmq=false"],
    },
    Member {
        app: "electrs",
        port: 8444,
        settings: &[],
    },
    Member {
        app: "lnd",
        port: 8443,
        settings: &["network=regtest", "bitcoin_events=polling"],
    },
];

/// The containers of the three apps.
pub(crate) const CONTAINERS: [&str; 6] = [
    "archy-bitcoin",
    "archy-bitcoin-ui",
    "archy-electrs",
    "archy-electrs-ui",
    "archy-lnd",
    "archy-lnd-ui",
];

impl Member {
    /// An address of the app's page, inside the host.
    pub(crate) fn page(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.port)
    }

    /// The readiness by the app's page: the status and the answer.
    pub(crate) fn readiness(&self, node: &Node) -> (u16, Value) {
        let (status, body) = curl(node, &[&self.page("ready")], "");
        (status, serde_json::from_str(&body).unwrap_or_default())
    }

    /// The command that installs the app, with additional settings.
    pub(crate) fn install<'a>(&'a self, more: &[&'a str]) -> Vec<&'a str> {
        let settings = self.settings.iter().chain(more);
        [
            vec!["install", self.app],
            settings.flat_map(|setting| ["--set", setting]).collect(),
        ]
        .concat()
    }
}

/// A fresh host, set up, that runs the images of the built daemons instead of the catalog's.
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

/// Installs all three and waits until they have the same height. Returns the output of the
/// installations.
pub(crate) fn install_all(node: &Node) -> String {
    let mut printed = String::new();
    for member in &MEMBERS {
        let output = node.archipelago(&member.install(&[]));
        assert!(output.success(), "{output:?}");
        printed += &output.stdout;
        printed += &output.stderr;
        if member.app == "bitcoin" {
            // On regtest no block comes unless someone mines. While the last block is old, as the
            // first block is, electrs and lnd assume that bitcoind is still fetching its chain.
            mine(node, 1);
        }
    }
    until_ready(node, FOLLOWS);
    printed
}

pub(crate) fn bitcoin_cli(node: &Node, arguments: &[&str]) -> String {
    let command = ["podman", "exec", "archy-bitcoin", "bitcoin-cli"];
    node.user(&[&command, arguments].concat()).trim().to_owned()
}

pub(crate) fn lncli(node: &Node, arguments: &[&str]) -> Value {
    let command = ["podman", "exec", "archy-lnd", "lncli"];
    let said = node.user(&[&command, arguments].concat());
    serde_json::from_str(&said).expect("JSON")
}

pub(crate) fn mine(node: &Node, blocks: u32) {
    bitcoin_cli(node, &["generatetoaddress", &blocks.to_string(), MINER]);
}

/// Runs curl in the host, with `body` as its standard input. Returns the status, 0 for no answer,
/// and the body.
pub(crate) fn curl(node: &Node, arguments: &[&str], body: &str) -> (u16, String) {
    let command = [
        "curl",
        "-s",
        "--path-as-is",
        "--max-time",
        "20",
        "-w",
        "\n%{http_code}",
    ];
    let output = node.0.run(
        Account::User,
        &[&command, arguments].concat(),
        body.as_bytes(),
    );
    let output = output.expect("a run in the host").stdout;
    let (body, status) = output.rsplit_once('\n').expect("a status");
    (status.parse().expect("a status"), body.to_owned())
}

/// Waits until all three are ready by their pages and by `status`.
pub(crate) fn until_ready(node: &Node, bound: Duration) {
    until_equal("all three to be ready", bound, &[200; 3], || {
        MEMBERS.map(|member| member.readiness(node).0)
    });
}

/// The output of `lncli getinfo`; `None` while lnd does not answer. The call has a bound, because
/// lnd keeps it waiting for minutes while it does not reach its node.
pub(crate) fn lnd_info(node: &Node) -> Option<Value> {
    let command = [
        "timeout",
        "--preserve-status",
        "20",
        "podman",
        "exec",
        "archy-lnd",
        "lncli",
        "getinfo",
    ];
    let output = node.0.run_user(&command).expect("a run in the host");
    output
        .success()
        .then(|| serde_json::from_str(&output.stdout).expect("JSON"))
}

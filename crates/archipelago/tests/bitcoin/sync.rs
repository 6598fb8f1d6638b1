//! bitcoind is killed again and again while it fetches its chain, and recovers each time by itself.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::browser::{Browser, Page};
use crate::heights::{daemons_show, try_bitcoin_height};
use crate::node::{Node, ONE_TICK, SOON, text, until, until_equal};
use crate::processes::reach;
use crate::stack::{self, MEMBERS, MINER, until_ready};
use crate::stops::Frozen;

const KILLS: u64 = 10;
/// Enough blocks for every kill to come before the end.
const BLOCKS: u64 = 4000;
/// systemd waits ten seconds before it starts bitcoind again. The remaining time is for loading the
/// chain on a busy machine.
pub(crate) const RETURNS: Duration = Duration::from_secs(90);
/// lnd reads each new block, one after the other.
const CATCHES_UP: Duration = Duration::from_secs(300);
/// The next pass updates the messages of the apps that wait.
const UPDATES: Duration = ONE_TICK;
/// The message of electrs and lnd while bitcoind is away.
const AWAY: &str = "waiting for bitcoin, which does not answer";
/// A dependant that finds no bitcoind may end and be started once more for each kill.
const STARTS_PER_KILL: u64 = 2;
/// Once all are ready, no container is started for this time, which is longer than systemd or a
/// pass would wait.
const QUIET: Duration = Duration::from_secs(60);
/// The containers whose starts are counted.
const COUNTED: [&str; 5] = [
    "archy-bitcoin",
    "archy-electrs",
    "archy-lnd",
    "archy-bitcoin-ui",
    "archy-electrs-ui",
];

#[test]
#[expect(clippy::too_many_lines, reason = "one story on one host")]
fn a_node_that_is_killed_while_it_fetches_its_chain_recovers() {
    let node = stack::node();
    let [bitcoin, electrs, lnd] = MEMBERS;
    let output = node.archipelago(&bitcoin.install(&["extra_config=addnode=peer:8333"]));
    assert!(output.success(), "{output:?}");

    // Apps that require a node can be installed while the node is stopped.
    node.user(&["archipelago", "stop", "bitcoin"]);
    let height = start_peer(&node);
    let peer = Frozen::freeze(&node, "peer");
    for member in [electrs, lnd] {
        let output = node.archipelago(&member.install(&[]));
        assert!(output.success(), "{output:?}");
        let status = node.status(member.app);
        assert_eq!(text(&status["state"]), "waiting", "{status}");
        assert_eq!(
            text(&status["message"]),
            "because bitcoin is stopped",
            "{status}"
        );
    }
    // The command waits for bitcoin to be ready, so it runs in the background.
    let started = node.0.spawn_user(&["archipelago", "start", "bitcoin"]);
    let started = started.expect("a run in the host");
    until("bitcoind to have a block", RETURNS, || {
        peer.runs_briefly(":");
        (try_bitcoin_height(&node)? > 0).then_some(())
    });
    // lnd's page restarts when it gets its key, and a page that is opened during the restart loads
    // only some of its files.
    until("lnd's page to have its key", CATCHES_UP, || {
        let (_, answer) = lnd.readiness(&node);
        let message = answer["message"].as_str()?;
        (message.starts_with("catching up") || message == "starting, and waiting for the chain")
            .then_some(())
    });
    let mut watch = Watch::begin(&node);
    let (mut while_syncing, mut said) = (BTreeSet::new(), BTreeSet::new());
    // The numbers of starts before each kill.
    let mut counts = Vec::new();
    for kill in 0..KILLS {
        // Each kill comes at a greater height. Blocks that bitcoind had not written yet are lost
        // with it.
        until("bitcoind to have some of the chain", RETURNS, || {
            peer.runs_briefly(":");
            (try_bitcoin_height(&node)? > height * kill / (2 * KILLS)).then_some(())
        });
        // The peer is frozen, so bitcoind stays at this height while all are asked.
        until_equal("all to show its progress", UPDATES, &[true; 4], || {
            let messages = watch.messages();
            let shown = [
                is_share(&messages[0].page),
                messages[0].headline == "Catching up",
                is_share_of_bitcoin(&messages[1].status),
                is_share_of_bitcoin(&messages[2].status),
            ];
            while_syncing.extend(messages);
            shown
        });
        let blocks = try_bitcoin_height(&node).expect("bitcoind answers");
        assert!(blocks < height, "bitcoind has all {height} blocks already");

        counts.push(COUNTED.map(|container| starts(&node, container)));
        reach(&node, "archy-bitcoin", |pid| {
            peer.runs_briefly(&format!("kill -KILL {pid}"))
        });
        let killed = Instant::now();
        until("bitcoind to answer again", RETURNS, || {
            said.extend(watch.messages());
            try_bitcoin_height(&node)
        });
        println!(
            "kill {}, at {blocks} blocks: it answers {:.1} s later",
            kill + 1,
            killed.elapsed().as_secs_f64()
        );
    }
    drop(peer);
    until("the whole chain", RETURNS, || {
        said.extend(watch.messages());
        (try_bitcoin_height(&node)? == height).then_some(())
    });
    println!("while it fetches: {while_syncing:#?}\nonce it was killed: {said:#?}");
    started.wait_with_output().expect("the command ended");
    until_ready(&node, CATCHES_UP);
    counts.push(COUNTED.map(|container| starts(&node, container)));
    stays_ready(&node, height);

    for (said, app, page, headline) in [
        (
            &said,
            "bitcoin",
            "not answering",
            "Bitcoin Core does not answer",
        ),
        (&said, "electrs", AWAY, "Without its Bitcoin node"),
        (&said, "lnd", AWAY, "Without its Bitcoin node"),
        (&while_syncing, "bitcoin", "at ", "Catching up"),
        (
            &while_syncing,
            "electrs",
            "waiting for bitcoin",
            "Waiting for Bitcoin",
        ),
    ] {
        let mut of_app = said.iter().filter(|messages| messages.app == app);
        assert!(
            of_app
                .clone()
                .any(|messages| messages.page.starts_with(page)),
            "the answer of {app} must say at some time: {page}"
        );
        assert!(
            of_app.any(|messages| messages.headline == headline),
            "the page of {app} must say at some time: {headline}"
        );
    }
    assert_starts(&counts);
}

/// `counts` are the starts of [`COUNTED`], before each kill and once all are ready after the last.
fn assert_starts(counts: &[[u64; 5]]) {
    println!("starts of {COUNTED:?}: {counts:?}");
    for (kill, pair) in counts.windows(2).enumerate() {
        let [bitcoin, electrs, lnd, bitcoin_ui, electrs_ui] =
            std::array::from_fn(|which| pair[1][which] - pair[0][which]);
        assert_eq!(bitcoin, 1, "bitcoin after kill {}", kill + 1);
        for (dependant, starts) in [("electrs", electrs), ("lnd", lnd)] {
            assert!(
                starts <= STARTS_PER_KILL,
                "{dependant} was started {starts} times after kill {}",
                kill + 1
            );
        }
        assert_eq!(
            [bitcoin_ui, electrs_ui],
            [0, 0],
            "the pages must not be restarted"
        );
    }
    // The starts of the installation. bitcoin and its page were also stopped and started by a
    // command.
    let [bitcoin, _, _, bitcoin_ui, electrs_ui] = counts[0];
    assert_eq!([bitcoin, bitcoin_ui, electrs_ui], [2, 2, 1]);
}

/// Checks that all keep the same height, stay ready and are not restarted.
fn stays_ready(node: &Node, height: u64) {
    let before = COUNTED.map(|container| starts(node, container));
    let since = Instant::now();
    while since.elapsed() < QUIET {
        daemons_show(node, height, SOON);
        until_ready(node, SOON);
        assert_eq!(COUNTED.map(|container| starts(node, container)), before);
        std::thread::park_timeout(Duration::from_secs(1));
    }
}

/// Starts another node with a chain. Returns the chain's height.
fn start_peer(node: &Node) -> u64 {
    node.shell(&format!(
        "podman run --quiet --detach --name peer --network archy-bitcoin --tmpfs /chain localhost/bitcoind:31.99 \\
            -regtest -datadir=/chain -bind=0.0.0.0:8333 -checkblockindex=0 -checkmempool=0 >/dev/null
        ask() {{ podman exec peer bitcoin-cli -regtest -datadir=/chain -rpcwait \"$@\"; }}
        # Blocks with old times, so that a node that has only these knows that it lacks later ones.
        ask setmocktime $(($(date +%s) - 300 * 86400))
        for _ in $(seq 4); do ask generatetoaddress {} {MINER} >/dev/null; done
        ask setmocktime 0
        ask generatetoaddress 5 {MINER} >/dev/null",
        BLOCKS / 4
    ));
    let count = node.shell("podman exec peer bitcoin-cli -regtest -datadir=/chain getblockcount");
    count.trim().parse().expect("a height")
}

/// The messages about an app, without the figures that change.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Messages {
    app: &'static str,
    /// The message in `status`.
    status: String,
    /// The message in the readiness answer of the page's server.
    page: String,
    /// The headline of the page.
    headline: String,
}

/// The three pages, open in a browser during the whole test.
struct Watch<'a> {
    node: &'a Node,
    browser: Browser,
    pages: [Page; 3],
}

impl<'a> Watch<'a> {
    fn begin(node: &'a Node) -> Self {
        let mut browser = Browser::start(node);
        let pages = MEMBERS.map(|member| browser.open(&member.page("")));
        Self {
            node,
            browser,
            pages,
        }
    }

    /// The present messages about each member.
    fn messages(&mut self) -> [Messages; 3] {
        let without_figures = |text: &str| text.replace(|letter: char| letter.is_ascii_digit(), "");
        std::array::from_fn(|which| {
            let member = &MEMBERS[which];
            let status = self.node.status(member.app);
            let (_, page) = member.readiness(self.node);
            let headline = self.browser.read(&self.pages[which], "headline");
            Messages {
                app: member.app,
                status: without_figures(&format!(
                    "{} {}",
                    text(&status["state"]),
                    text(&status["message"])
                )),
                page: without_figures(page["message"].as_str().unwrap_or_default()),
                headline: headline.unwrap_or_default(),
            }
        })
    }
}

/// Whether a message is "at 83 %", with or without the time left.
fn is_share(page: &str) -> bool {
    page == "at  %" || page.starts_with("at  %, about ")
}

fn is_share_of_bitcoin(status: &str) -> bool {
    status
        .strip_prefix("waiting because bitcoin is ")
        .is_some_and(is_share)
}

/// The number of times that systemd has begun to start a container.
fn starts(node: &Node, container: &str) -> u64 {
    // "A start job for unit … has begun execution", systemd.journal-fields(7)
    let count = node.shell(&format!(
        "journalctl --user --no-pager -o cat MESSAGE_ID=7d4958e842da4a758f6c1cdc7b36dcc5 USER_UNIT={container}.service | wc -l"
    ));
    count.trim().parse().expect("a number")
}

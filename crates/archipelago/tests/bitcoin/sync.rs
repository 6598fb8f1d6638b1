//! bitcoind is killed again and again while it fetches its chain, and nobody has to do anything about it.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::heights::{daemons_say, try_bitcoin_height};
use crate::node::{Node, ONE_TICK, SOON, text, until, until_equal};
use crate::stack::{self, MEMBERS, MINER, until_ready};
use crate::stops::{Still, process};

const KILLS: u64 = 10;
/// Enough to be killed in the midst of.
const BLOCKS: u64 = 4000;
/// systemd waits ten seconds before it starts again what ended; the rest is for loading the chain, on a machine that does other things.
pub(crate) const RETURNS: Duration = Duration::from_secs(90);
/// lnd looks at each block that came meanwhile, one after the other.
const CATCHES_UP: Duration = Duration::from_secs(300);
/// Whoever waits is looked at with the next pass.
const SAYS: Duration = ONE_TICK;
/// A dependant that finds nobody to talk to may try once more for each time that bitcoin went.
const STARTS_PER_KILL: u64 = 2;

#[test]
fn a_node_that_is_killed_while_it_fetches_its_chain() {
    let node = stack::node();
    let [bitcoin, electrs, lnd] = MEMBERS;
    let output = node.archipelago(&bitcoin.install(&["extra_config=addnode=peer:8333"]));
    assert!(output.success(), "{output:?}");

    // Those who need a node can be installed while there is none.
    node.user(&["archipelago", "stop", "bitcoin"]);
    let height = start_peer(&node);
    let peer = Still::hold(&node, "peer");
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
    // It waits for a while to see it ready; nobody has to wait for it.
    let started = node.0.spawn_user(&["archipelago", "start", "bitcoin"]);
    let started = started.expect("a run in the host");
    let mut said = BTreeSet::new();
    for kill in 0..KILLS {
        // A little further each time; what it had not written yet is lost with it.
        until("it to have some of the chain", RETURNS, || {
            peer.goes_on_for_a_moment("");
            (try_bitcoin_height(&node)? > height * kill / (2 * KILLS)).then_some(())
        });
        // It gets no further by itself, so all can be asked in peace.
        until_equal("all to say how far it is", SAYS, &[true; 3], || {
            let words = MEMBERS.map(|member| in_words(&node, &member));
            let far = [
                is_share(&words[0].page),
                is_share_of_bitcoin(&words[1].status),
                is_share_of_bitcoin(&words[2].status),
            ];
            said.extend(words);
            far
        });
        let blocks = try_bitcoin_height(&node).expect("it answers");
        assert!(blocks < height, "it has all {height} blocks already");

        let pid = process(&node, "archy-bitcoin");
        peer.goes_on_for_a_moment(&format!("kill -KILL {pid}"));
        let killed = Instant::now();
        until("bitcoind to answer again", RETURNS, || {
            said.extend(MEMBERS.iter().map(|member| in_words(&node, member)));
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
        said.extend(MEMBERS.iter().map(|member| in_words(&node, member)));
        (try_bitcoin_height(&node)? == height).then_some(())
    });
    println!("{said:#?}");
    started.wait_with_output().expect("the command ended");
    until_ready(&node, CATCHES_UP);
    daemons_say(&node, height, SOON);

    for (app, page) in [
        ("bitcoin", "not answering"),
        ("electrs", "waiting for bitcoin, which does not answer"),
        ("lnd", "waiting for bitcoin, which does not answer"),
    ] {
        assert!(
            said.iter()
                .any(|words| words.app == app && words.page.starts_with(page)),
            "the page of {app} says at some time that it is {page}"
        );
    }
    // When it was installed, when it was told to, and once after each kill.
    assert_eq!(starts(&node, "archy-bitcoin"), 2 + KILLS);
    for container in ["archy-electrs", "archy-lnd"] {
        let starts = starts(&node, container);
        assert!(
            starts <= 1 + KILLS * STARTS_PER_KILL,
            "{container} was started {starts} times"
        );
    }
    // The pages went on all the time; bitcoin's was stopped and started with it when somebody asked for that.
    assert_eq!(starts(&node, "archy-bitcoin-ui"), 2);
    assert_eq!(starts(&node, "archy-electrs-ui"), 1);
}

/// Another node, which has a chain and no reason to go away. Returns the chain's height.
fn start_peer(node: &Node) -> u64 {
    node.shell(&format!(
        "podman run --quiet --detach --name peer --network archy-bitcoin --tmpfs /chain localhost/bitcoind:31.99 \\
            -regtest -datadir=/chain -bind=0.0.0.0:8333 -checkblockindex=0 -checkmempool=0 >/dev/null
        ask() {{ podman exec peer bitcoin-cli -regtest -datadir=/chain -rpcwait \"$@\"; }}
        # Blocks of last year: a node that has but these knows that it lacks others.
        ask setmocktime $(($(date +%s) - 300 * 86400))
        for _ in $(seq 4); do ask generatetoaddress {} {MINER} >/dev/null; done
        ask setmocktime 0
        ask generatetoaddress 5 {MINER} >/dev/null",
        BLOCKS / 4
    ));
    let count = node.shell("podman exec peer bitcoin-cli -regtest -datadir=/chain getblockcount");
    count.trim().parse().expect("a height")
}

/// What is said about an app, without the figures that change.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Words {
    app: &'static str,
    /// What `status` shows.
    status: String,
    /// What its page says is wanting.
    page: String,
}

fn in_words(node: &Node, member: &stack::Member) -> Words {
    let status = node.status(member.app);
    let (_, page) = member.readiness(node);
    let without_figures = |text: &str| text.replace(|letter: char| letter.is_ascii_digit(), "");
    Words {
        app: member.app,
        status: without_figures(&format!(
            "{} {}",
            text(&status["state"]),
            text(&status["message"])
        )),
        page: without_figures(page["message"].as_str().unwrap_or_default()),
    }
}

/// "at 83 %", and how long it will take when that can be told.
fn is_share(page: &str) -> bool {
    page == "at  %" || page.starts_with("at  %, about ")
}

fn is_share_of_bitcoin(status: &str) -> bool {
    status
        .strip_prefix("waiting because bitcoin is ")
        .is_some_and(is_share)
}

/// How often systemd has begun to start a container.
fn starts(node: &Node, container: &str) -> u64 {
    // "A start job for unit … has begun execution", systemd.journal-fields(7)
    let count = node.shell(&format!(
        "journalctl --user --no-pager -o cat MESSAGE_ID=7d4958e842da4a758f6c1cdc7b36dcc5 USER_UNIT={container}.service | wc -l"
    ));
    count.trim().parse().expect("a number")
}

//! The height of the chain, as the three daemons and their pages show it.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::browser::{Browser, Page};
use crate::node::{Node, SOON, until_equal};
use crate::stack::{MEMBERS, bitcoin_cli, lnd_info, mine};

/// The longest allowed lag behind a new block, besides the time that reading the heights takes.
const LAG: Duration = Duration::from_secs(5);
/// The lag is extended by the time of this many readings. The end of the lag shows in the second
/// reading at the latest, and each reading may take twice as long as the measured one.
const READINGS: u32 = 4;

/// Checks that the daemons and the open pages show the same height, before and after ten blocks are
/// mined.
pub(crate) fn agree(node: &Node) {
    let mut browser = Browser::start(node);
    let pages = MEMBERS.map(|member| browser.open(&member.page("")));
    let before = bitcoin_height(node);
    daemons_show(node, before, SOON);
    // The first reading includes the start of the browser.
    pages_show(&mut browser, &pages, before, SOON);
    let reading = Instant::now();
    daemons_show(node, before, SOON);
    pages_show(&mut browser, &pages, before, SOON);
    let lag = LAG + reading.elapsed() * READINGS;

    mine(node, 10);
    let mined = Instant::now();
    daemons_show(node, before + 10, lag);
    let daemons = mined.elapsed();
    pages_show(
        &mut browser,
        &pages,
        before + 10,
        lag.saturating_sub(daemons),
    );
    println!(
        "after ten blocks the daemons agree in {:.1} s, the pages in {:.1} s",
        daemons.as_secs_f64(),
        mined.elapsed().as_secs_f64()
    );
    // No request of the pages was refused.
    let (answered, complaints) = browser.observed();
    let refused: Vec<_> = answered
        .iter()
        .filter(|(_, status)| *status != 200)
        .collect();
    assert!(answered.len() > 20 && refused.is_empty(), "{answered:?}");
    assert!(complaints.is_empty(), "{complaints:?}");
}

fn pages_show(browser: &mut Browser, pages: &[Page], height: u64, bound: Duration) {
    let expected = vec![Some(height.to_string()); pages.len()];
    until_equal("the pages to show the height", bound, &expected, || {
        let shown = pages.iter().map(|page| browser.read(page, "height"));
        shown.collect()
    });
}

/// Waits until `bitcoin-cli`, electrs and `lncli` show this height.
pub(crate) fn daemons_show(node: &Node, height: u64, bound: Duration) {
    let expected = [Some(height); 3];
    until_equal(
        "bitcoin-cli, electrs and lncli to agree",
        bound,
        &expected,
        || {
            [
                try_bitcoin_height(node),
                electrs_height(node),
                lnd_info(node).and_then(|info| info["block_height"].as_u64()),
            ]
        },
    );
}

pub(crate) fn bitcoin_height(node: &Node) -> u64 {
    let count = bitcoin_cli(node, &["getblockcount"]);
    count.parse().expect("a height")
}

/// `None` while bitcoind does not answer.
pub(crate) fn try_bitcoin_height(node: &Node) -> Option<u64> {
    let command = [
        "podman",
        "exec",
        "archy-bitcoin",
        "bitcoin-cli",
        "getblockcount",
    ];
    let output = node.0.run_user(&command).expect("a run in the host");
    output
        .success()
        .then(|| output.stdout.trim().parse().expect("a height"))
}

/// `None` while electrs does not answer.
fn electrs_height(node: &Node) -> Option<u64> {
    ask_electrs(node, "blockchain.headers.subscribe", &json!([]))?["height"].as_u64()
}

/// Asks electrs as a wallet does: Electrum's protocol is JSON-RPC over TCP, one message per line.
/// `None` while electrs does not answer.
pub(crate) fn ask_electrs(node: &Node, method: &str, params: &Value) -> Option<Value> {
    let forward = node.0.forward(50001).expect("a forwarded port");
    let mut stream = TcpStream::connect(forward.address()).expect("a connection to the forwarder");
    let ask = |stream: &mut TcpStream| -> std::io::Result<Value> {
        stream.set_read_timeout(Some(SOON))?;
        let call = json!({"jsonrpc": "2.0", "id": 0, "method": method, "params": params});
        writeln!(stream, "{call}")?;
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line)?;
        Ok(serde_json::from_str(&line)?)
    };
    let answer = ask(&mut stream).ok()?;
    answer.get("result").cloned()
}

//! The height of the chain, as everyone says it whom a person can ask.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::browser::{Browser, Page};
use crate::node::{Node, SOON, until_equal};
use crate::stack::{bitcoin_cli, lnd_info, mine};

/// How long anyone may lag behind a new block.
const LAG: Duration = Duration::from_secs(5);

/// All six agree, before and after ten blocks are mined: the daemons, and the pages in a browser that has them open.
pub(crate) fn agree(node: &Node) {
    let mut browser = Browser::start(node);
    let pages = [8441, 8443].map(|port| browser.open(&format!("http://127.0.0.1:{port}/")));
    let before = bitcoin_height(node);
    // The browser has yet to start.
    pages_say(&mut browser, &pages, before, SOON);
    daemons_say(node, before, LAG);

    mine(node, 10);
    let mined = Instant::now();
    daemons_say(node, before + 10, LAG);
    let daemons = mined.elapsed();
    pages_say(
        &mut browser,
        &pages,
        before + 10,
        LAG.saturating_sub(daemons),
    );
    println!(
        "after ten blocks the daemons agree in {:.1} s, the pages in {:.1} s",
        daemons.as_secs_f64(),
        mined.elapsed().as_secs_f64()
    );
}

fn pages_say(browser: &mut Browser, pages: &[Page], height: u64, bound: Duration) {
    let expected = vec![Some(height.to_string()); pages.len()];
    until_equal("the pages to show the height", bound, &expected, || {
        let shown = pages.iter().map(|page| browser.read(page, "height"));
        shown.collect()
    });
}

/// `bitcoin-cli`, electrs and `lncli` say this height within the bound.
pub(crate) fn daemons_say(node: &Node, height: u64, bound: Duration) {
    let expected = [Some(height); 3];
    until_equal(
        "bitcoin-cli, electrs and lncli to agree",
        bound,
        &expected,
        || {
            [
                Some(bitcoin_height(node)),
                electrs_height(node),
                lnd_info(node).and_then(|info| info["block_height"].as_u64()),
            ]
        },
    );
}

fn bitcoin_height(node: &Node) -> u64 {
    let count = bitcoin_cli(node, &["getblockcount"]);
    count.parse().expect("a height")
}

/// Asked as a wallet asks: Electrum's protocol is JSON-RPC over TCP, a line each.
pub(crate) fn electrs_height(node: &Node) -> Option<u64> {
    electrum(node, "blockchain.headers.subscribe", json!([])).ok()?["result"]["height"].as_u64()
}

/// One call to electrs' port.
pub(crate) fn electrum(node: &Node, method: &str, params: Value) -> std::io::Result<Value> {
    let forward = node.0.forward(50001).expect("a forwarded port");
    let mut stream = TcpStream::connect(forward.address())?;
    stream.set_read_timeout(Some(LAG))?;
    let call = json!({"jsonrpc": "2.0", "id": 0, "method": method, "params": params});
    writeln!(stream, "{call}")?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    Ok(serde_json::from_str(&line)?)
}

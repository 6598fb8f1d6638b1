//! `cargo xtask demo bitcoin`: runs Bitcoin Core, electrs and lnd with their pages on regtest on a
//! throw-away Debian 13 host. It prints every command that it runs, and leaves the host up.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result};
use testhost::{Host, Options, prerequisites};

use crate::{demo, host};

/// The name of the demo's host.
pub(crate) const HOST: &str = "demo-bitcoin";
/// The apps, the ports of their pages, and the arguments of their installation. The bitcoind that
/// is built for the demo has no ZeroMQ.
const APPS: [(&str, u16, &[&str]); 3] = [
    ("bitcoin", 8441, &["network=regtest", "zmq=false"]),
    ("electrs", 8444, &[]),
    ("lnd", 8443, &["network=regtest", "bitcoin_events=polling"]),
];
/// An address whose key nobody needs, because the mined coins are not spent.
const ADDRESS: &str = "bcrt1qyq0052zwswfzn3qm3mdrca8c6wjclkv57t7mk0";

pub(crate) fn run() -> Result<()> {
    let began = Instant::now();
    prerequisites::ensure()?;
    demo::take_down_earlier(HOST)?;
    demo::say(
        "building the package, the host's parts and the daemons (kept for the next run; the first run compiles for a quarter of an hour)",
    );
    let package = demo::build_both(testhost::prepare_with_bitcoin)?;
    let host = Host::boot(Options::named(HOST).with_bitcoin().detached())?;
    demo::say(&format!(
        "a fresh Debian 13 host is up after {:.1} s",
        host.boot_time().as_secs_f64()
    ));
    if let Err(error) = show(&host, &package) {
        eprintln!(
            "the host {HOST} stays up for inspection; to take it down: cargo xtask host down {HOST}"
        );
        return Err(error);
    }
    println!(
        "\nDone in {:.0} s. The host stays up. To look around, open in a browser:",
        began.elapsed().as_secs_f64()
    );
    for (app, port, _) in APPS {
        println!("  {}   the page of {app}", demo::forward(HOST, port)?);
    }
    println!("In a shell:");
    println!(
        "  cargo xtask host enter {HOST}                        a shell as the user of the apps"
    );
    println!("  cargo xtask host enter {HOST} -- archipelago status  the state of the apps");
    println!("  cargo xtask host reboot {HOST} --hard                cut the power");
    println!(
        "  cargo xtask host enter {HOST} -- podman exec archy-bitcoin bitcoin-cli generatetoaddress 1 {ADDRESS}\n\
         \x20                                                      mine a block; a power cut loses a block that bitcoind has not written yet"
    );
    println!("To clean up:");
    println!("  cargo xtask host down {HOST}");
    Ok(())
}

fn show(host: &Host, package: &Path) -> Result<()> {
    demo::say("installing Archipelago as a user would, then the three apps");
    host::map_bitcoin_images(host)?;
    host::install(host, package)?;
    for (app, _, settings) in APPS {
        let settings = settings.iter().flat_map(|setting| ["--set", setting]);
        let command: Vec<&str> = ["archipelago", "install", app]
            .into_iter()
            .chain(settings)
            .collect();
        demo::user(host, &command)?;
        if app == "bitcoin" {
            demo::say(
                "mining the first block: regtest has no miners, and electrs and lnd need a block",
            );
            mine(host, "1")?;
        }
    }
    demo::say("mining ten blocks: all three reach the same height");
    mine(host, "10")?;
    let height = bitcoin_cli(host, &["getblockcount"])?;
    demo::wait_for("all three to be at the same height", || {
        Ok(electrs_height(host)?.as_deref() == Some(&height)
            && lnd_height(host)?.as_deref() == Some(&height))
    })?;
    println!("\nbitcoin-cli getblockcount: {height}");
    println!(
        "electrs, asked for its newest header over its TCP port: {}",
        electrs_height(host)?.unwrap_or_default()
    );
    println!(
        "lncli getinfo, block_height: {}",
        lnd_height(host)?.unwrap_or_default()
    );
    demo::user(host, &["archipelago", "status"])
}

fn mine(host: &Host, blocks: &str) -> Result<()> {
    let nblocks = format!("nblocks={blocks}");
    let address = format!("address={ADDRESS}");
    let cli = ["podman", "exec", "archy-bitcoin", "bitcoin-cli"];
    demo::user(
        host,
        &[
            &cli[..],
            &["-named", "generatetoaddress", &nblocks, &address],
        ]
        .concat(),
    )?;
    // This call makes bitcoind write its memory to the disk: no other node has these blocks, and a
    // person may cut the power.
    bitcoin_cli(host, &["gettxoutsetinfo"]).map(drop)
}

fn bitcoin_cli(host: &Host, arguments: &[&str]) -> Result<String> {
    let cli = ["podman", "exec", "archy-bitcoin", "bitcoin-cli"];
    let said = host.run_user(&[&cli[..], arguments].concat())?.checked()?;
    Ok(said.trim().to_owned())
}

/// The height that electrs tells a wallet; `None` while it does not answer.
fn electrs_height(host: &Host) -> Result<Option<String>> {
    let call = r#"{"jsonrpc":"2.0","id":0,"method":"blockchain.headers.subscribe","params":[]}"#;
    let script = format!(
        "exec 3<>/dev/tcp/127.0.0.1/50001; echo '{call}' >&3; read -r -t 2 line <&3; echo \"$line\""
    );
    let output = host.run_user(&["bash", "-c", &script])?;
    figure(&output.stdout, "/result/height")
}

fn lnd_height(host: &Host) -> Result<Option<String>> {
    let output = host.run_user(&["podman", "exec", "archy-lnd", "lncli", "getinfo"])?;
    figure(&output.stdout, "/block_height")
}

fn figure(answer: &str, pointer: &str) -> Result<Option<String>> {
    if answer.trim().is_empty() {
        return Ok(None);
    }
    let answer: serde_json::Value =
        serde_json::from_str(answer).with_context(|| format!("reading {answer:?}"))?;
    Ok(answer.pointer(pointer).map(ToString::to_string))
}

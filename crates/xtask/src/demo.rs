//! `cargo xtask demo`: installs Archipelago as a user would on a throw-away Debian 13 host,
//! installs a node, breaks things and shows that they are repaired. It prints every command that it
//! runs, and leaves the host up.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use testhost::{Host, Options, prerequisites};

use crate::{deb, host};

/// The name of the demo's host.
pub(crate) const HOST: &str = "demo";
/// The port of litecoin's page, in the host and, when it is free, on this machine.
pub(crate) const PORT: u16 = 8442;
/// An address whose key nobody needs, because the mined coins are not spent.
const ADDRESS: &str = "rltc1qyq0052zwswfzn3qm3mdrca8c6wjclkv5qxyjp3";

pub(crate) fn run() -> Result<()> {
    let began = Instant::now();
    prerequisites::ensure()?;
    take_down_earlier(HOST)?;
    say(
        "building the package, and the host's root file system and images (both are kept for the next run)",
    );
    let package = build_both(testhost::prepare)?;
    let host = Host::boot(Options::named(HOST).detached())?;
    say(&format!(
        "a fresh Debian 13 host is up after {:.1} s",
        host.boot_time().as_secs_f64()
    ));
    if let Err(error) = show(&host, &package) {
        eprintln!(
            "the host {HOST} stays up for inspection; to take it down: cargo xtask host down {HOST}"
        );
        return Err(error);
    }
    let address = forward(HOST, PORT)?;
    println!(
        "\nDone in {:.0} s. The host stays up. To look around:",
        began.elapsed().as_secs_f64()
    );
    println!("  open {address} in a browser: the node's page");
    println!(
        "  cargo xtask host enter {HOST}                            a shell as the user of the apps"
    );
    println!(
        "  cargo xtask host enter {HOST} -- archipelago catalog     the apps that can be installed"
    );
    println!("  cargo xtask host reboot {HOST} --hard                    cut the power");
    println!("To clean up:");
    println!("  cargo xtask host down {HOST}");
    Ok(())
}

pub(crate) fn take_down_earlier(name: &str) -> Result<()> {
    if testhost::list()?.iter().any(|listed| listed.name == name) {
        say("taking down the host of an earlier demo");
        Host::open(name)?.down()?;
    }
    Ok(())
}

/// Compiles the package while `prepare` builds the host's parts.
pub(crate) fn build_both(
    prepare: impl FnOnce() -> Result<testhost::Prepared> + Send,
) -> Result<std::path::PathBuf> {
    std::thread::scope(|scope| {
        let parts = scope.spawn(prepare);
        let package = deb::build();
        let parts = parts
            .join()
            .map_err(|_| anyhow::anyhow!("preparing the host's parts panicked"))?;
        parts?;
        package
    })
}

fn show(host: &Host, package: &std::path::Path) -> Result<()> {
    say("installing Archipelago as a user would: apt install ./archipelago.deb, archipelago setup");
    host::install(host, package)?;
    user(host, &["archipelago", "doctor"])?;
    user(
        host,
        &[
            "archipelago",
            "install",
            "litecoin",
            "--set",
            "network=regtest",
            "--yes",
        ],
    )?;
    let cli = ["podman", "exec", "archy-litecoin", "litecoin-cli"];
    user(
        host,
        &[
            &cli[..],
            &[
                "-named",
                "generatetoaddress",
                "nblocks=5",
                &format!("address={ADDRESS}"),
            ],
        ]
        .concat(),
    )?;
    user(host, &[&cli[..], &["getblockcount"]].concat())?;
    user(
        host,
        &[
            "systemctl",
            "--user",
            "list-units",
            "--no-pager",
            "--no-legend",
            "archy-*",
        ],
    )?;
    let before = containers(host)?;

    say("killing the daemon with SIGKILL: nothing that it installed goes down");
    user(
        host,
        &[
            "systemctl",
            "--user",
            "kill",
            "--signal=SIGKILL",
            "archipelago.service",
        ],
    )?;
    wait_for("the daemon to be back", || {
        Ok(curl(host, "http://127.0.0.1:5678/health")?.contains("\"ready\":1"))
    })?;
    if containers(host)? != before {
        bail!("containers changed while the daemon was killed");
    }
    println!("{before}");

    say("deleting a unit file and stopping its service: both are restored at once");
    user(
        host,
        &[
            "rm",
            "/home/archy/.config/containers/systemd/archy-litecoin-ui.container",
        ],
    )?;
    let stopped = Instant::now();
    user(
        host,
        &["systemctl", "--user", "stop", "archy-litecoin-ui.service"],
    )?;
    wait_for("the page to be back", || {
        Ok(!curl(host, &format!("http://127.0.0.1:{PORT}/"))?.is_empty())
    })?;
    println!(
        "the page answers again {:.1} s later",
        stopped.elapsed().as_secs_f64()
    );
    user(host, &["archipelago", "status"])
}

fn containers(host: &Host) -> Result<String> {
    let format = "{{.Names}}  {{.ID}}  started at {{.StartedAt}}";
    let listed = host
        .run_user(&["podman", "ps", "--format", format])?
        .checked()?;
    let mut lines: Vec<&str> = listed.lines().collect();
    lines.sort_unstable();
    Ok(lines.join("\n"))
}

fn curl(host: &Host, url: &str) -> Result<String> {
    Ok(host
        .run_user(&["curl", "-s", "--max-time", "2", url])?
        .stdout)
}

/// Prints a command, runs it in the user's session and prints its output.
pub(crate) fn user(host: &Host, command: &[&str]) -> Result<()> {
    println!("\n$ {}", command.join(" "));
    let output = host.run_user(command)?;
    print!("{}{}", output.stderr, output.stdout);
    if !output.success() {
        bail!("{} ended with status {}", command.join(" "), output.status);
    }
    Ok(())
}

pub(crate) fn wait_for(what: &str, mut there: impl FnMut() -> Result<bool>) -> Result<()> {
    let limit = Instant::now() + Duration::from_secs(60);
    while !there()? {
        if Instant::now() > limit {
            bail!("waited a minute for {what}");
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

/// Forwards a page to this machine's loopback, from the same port when that is free.
pub(crate) fn forward(name: &str, port: u16) -> Result<String> {
    let program = std::env::current_exe().context("finding this program")?;
    let port = port.to_string();
    let forwarded = |local: &str| {
        Command::new(&program)
            .args(["host", "forward", name, &port, "--local", local])
            .arg("--background")
            .output()
            .context("forwarding the page's port")
    };
    let mut output = forwarded(&port)?;
    if !output.status.success() {
        output = forwarded("0")?;
    }
    if !output.status.success() {
        bail!(
            "forwarding the page's port: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

pub(crate) fn say(text: &str) {
    println!("\n── {text}");
}

//! The network of a host: running programs of this machine in it, and joining two hosts with a
//! cable.

use std::net::Ipv4Addr;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};

use anyhow::{Context, Result, bail};

use crate::host::Host;

/// The two ends of a cable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// The address of the first host.
    pub first: Ipv4Addr,
    /// The address of the second host.
    pub second: Ipv4Addr,
}

impl Host {
    /// A program of this machine that will run in the host's network, such as a browser that opens
    /// its ports.
    ///
    /// # Errors
    /// When the host is not running.
    pub fn network_command(&self, program: &str) -> Result<Command> {
        let mut command = Command::new("nsenter");
        command.args([
            "--target",
            &self.init()?.pid.to_string(),
            "--net",
            "--",
            program,
        ]);
        Ok(command)
    }
}

/// Joins two hosts with a cable: a pair of virtual interfaces, each with an address. The cable is
/// gone when either host is discarded or reboots.
///
/// # Errors
/// When a host is not running, or the kernel has no virtual cables.
pub fn link(first: &Host, second: &Host) -> Result<Link> {
    static LINKED: AtomicU8 = AtomicU8::new(0);
    let number = LINKED.fetch_add(1, Ordering::Relaxed);
    let interface = format!("link{number}");
    // A private range that neither Podman nor pasta uses by default.
    let link = Link {
        first: Ipv4Addr::new(10, 213, number, 1),
        second: Ipv4Addr::new(10, 213, number, 2),
    };
    let second_process = second.init()?.pid.to_string();
    ip(
        first,
        &[
            "link",
            "add",
            &interface,
            "type",
            "veth",
            "peer",
            "name",
            &interface,
            "netns",
            &second_process,
        ],
    )?;
    for (host, address) in [(first, link.first), (second, link.second)] {
        ip(
            host,
            &[
                "address",
                "add",
                &format!("{address}/24"),
                "dev",
                &interface,
            ],
        )?;
        ip(host, &["link", "set", &interface, "up"])?;
    }
    Ok(link)
}

/// Runs the machine's `ip`: that of the host would not know the process ids of the machine.
fn ip(host: &Host, arguments: &[&str]) -> Result<()> {
    let output = host
        .network_command("ip")?
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .context("running ip")?;
    if !output.status.success() {
        bail!(
            "ip {} in the network of the host {}: {}",
            arguments.join(" "),
            host.name(),
            String::from_utf8_lossy(&output.stderr).trim_end()
        );
    }
    Ok(())
}

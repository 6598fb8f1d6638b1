//! `cargo xtask host …`: test hosts that stay up after the command. Later commands find a host by
//! its name.

use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{self, ExitCode, Stdio};

use anyhow::{Context, Result, bail};
use clap::Subcommand;
use testhost::{Account, Host, Options, Reboot, Suite};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Build the files that hosts share, so that the first `up` is fast.
    Prepare {
        /// Also build the real Bitcoin daemons: bitcoind, electrs and lnd, compiled from source in
        /// a quarter of an hour.
        #[arg(long)]
        bitcoin: bool,
    },
    /// Boot a fresh host that stays until `down`.
    Up {
        name: String,
        /// Leave out Archipelago: only Debian, Podman and the user.
        #[arg(long)]
        bare: bool,
        /// Add images of the real Bitcoin daemons, and configure the node so that the catalog's
        /// apps run them.
        #[arg(long)]
        bitcoin: bool,
        /// The Debian release: trixie (Debian 13) or forky (Debian testing).
        #[arg(long, default_value = "trixie")]
        suite: Suite,
    },
    /// Run a command in the user's session, or a login shell; its exit status is passed on.
    Enter {
        name: String,
        /// Run as root instead of as the user.
        #[arg(long)]
        root: bool,
        #[arg(last = true)]
        command: Vec<String>,
    },
    /// Run a program of this machine in the host's network.
    Net {
        name: String,
        #[arg(last = true, required = true)]
        command: Vec<OsString>,
    },
    /// Copy a file or folder into a host. The copy belongs to the owner of the folder above it.
    Copy {
        file: PathBuf,
        /// NAME:PATH
        destination: String,
    },
    /// Open a port of the host's loopback on this machine's loopback.
    Forward {
        name: String,
        port: u16,
        /// The port on this machine; 0 for any free one.
        #[arg(long, default_value_t = 0)]
        local: u16,
        /// Return at once and go on forwarding until the host is taken down.
        #[arg(long)]
        background: bool,
    },
    /// Restart a host on the same files.
    Reboot {
        name: String,
        /// Cut the power instead of shutting down.
        #[arg(long)]
        hard: bool,
    },
    /// Take a host down and delete everything of it.
    Down { name: String },
    /// List the hosts of this machine.
    List,
}

pub(crate) fn run(command: Command) -> Result<ExitCode> {
    match command {
        Command::Prepare { bitcoin } => {
            let testhost::Prepared { root, images } = if bitcoin {
                testhost::prepare_with_bitcoin()?
            } else {
                testhost::prepare()?
            };
            println!("root: {}\nimages: {}", root.display(), images.display());
        }
        Command::Up {
            name,
            bare,
            bitcoin,
            suite,
        } => up(&name, bare, bitcoin, suite)?,
        Command::Enter {
            name,
            root,
            command,
        } => {
            let account = if root { Account::Root } else { Account::User };
            let words: Vec<&str> = command.iter().map(String::as_str).collect();
            return Ok(exit_code(
                Host::open(&name)?.run_interactively(account, &words)?,
            ));
        }
        Command::Net { name, command } => return net(&name, &command),
        Command::Copy { file, destination } => {
            let Some((name, path)) = destination.split_once(':') else {
                bail!("{destination:?} is not of the form NAME:PATH");
            };
            Host::open(name)?.copy_in(&file, path)?;
        }
        Command::Forward {
            name,
            port,
            local,
            background: false,
        } => {
            let forward = Host::open(&name)?.forward_from(local, port)?;
            println!("http://{}", forward.address());
            forward.run();
        }
        Command::Forward {
            name,
            port,
            local,
            background: true,
        } => forward_in_background(&name, port, local)?,
        Command::Reboot { name, hard } => {
            Host::open(&name)?.reboot(if hard { Reboot::Hard } else { Reboot::Soft })?;
        }
        Command::Down { name } => Host::open(&name)?.down()?,
        Command::List => list()?,
    }
    Ok(ExitCode::SUCCESS)
}

fn up(name: &str, bare: bool, bitcoin: bool, suite: Suite) -> Result<()> {
    let package = if bare {
        None
    } else {
        Some(crate::deb::build()?)
    };
    let mut options = Options::named(name).detached().suite(suite);
    if bitcoin {
        options = options.with_bitcoin();
    }
    let host = Host::boot(options)?;
    let boot_time = host.boot_time();
    let furnish = || {
        if bitcoin {
            map_bitcoin_images(&host)?;
        }
        package.map_or(Ok(()), |package| install(&host, &package))
    };
    if let Err(error) = furnish() {
        host.down()?;
        return Err(error);
    }
    println!(
        "{name} is up; it booted in {:.1} s",
        boot_time.as_secs_f64()
    );
    println!("  cargo xtask host enter {name}      a shell in the user's session");
    println!("  cargo xtask host down {name}       take it down");
    Ok(())
}

/// Installs Archipelago on a host as a person would: the package, then the setup as root, then the
/// setup as the user.
pub(crate) fn install(host: &Host, package: &Path) -> Result<()> {
    host.install_package(package)?;
    host.run_root(&["archipelago", "setup", "--for", "archy"])?
        .checked()
        .context("setting up the host for the user")?;
    host.run_user(&["archipelago", "setup"])?
        .checked()
        .context("setting up Archipelago for the user")?;
    Ok(())
}

/// Configures the node so that the catalog's Bitcoin apps run the images of [`testhost::daemons`].
pub(crate) fn map_bitcoin_images(host: &Host) -> Result<()> {
    let map = testhost::daemons::image_map(&crate::deb::repository().join("catalog"))?;
    let path = "/home/archy/.config/archipelago/config.toml";
    host.write_file(Account::User, path, map.as_bytes())
}

fn net(name: &str, command: &[OsString]) -> Result<ExitCode> {
    let Some((program, arguments)) = command.split_first() else {
        bail!("no program given")
    };
    let program = program.to_str().context("the program's name is not text")?;
    let error = Host::open(name)?
        .network_command(program)?
        .args(arguments)
        .exec();
    Err(error).with_context(|| format!("running {program} in the network of {name}"))
}

/// Starts this program again without a terminal. That process ends when the host is taken down.
fn forward_in_background(name: &str, port: u16, local: u16) -> Result<()> {
    let host = Host::open(name)?;
    let program = std::env::current_exe().context("finding this program")?;
    let mut forwarder = process::Command::new("setsid")
        .arg(program)
        .args([
            "host",
            "forward",
            name,
            &port.to_string(),
            "--local",
            &local.to_string(),
        ])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .context("starting to forward in the background")?;
    host.tie_forwarder(forwarder.id())?;
    let mut address = String::new();
    let output = forwarder
        .stdout
        .take()
        .context("reading the forwarded address")?;
    BufReader::new(output)
        .read_line(&mut address)
        .context("reading the forwarded address")?;
    if address.is_empty() {
        bail!(
            "port {port} of {name} cannot be forwarded from port {local} of this machine: is it taken?"
        );
    }
    print!("{address}");
    Ok(())
}

fn list() -> Result<()> {
    let hosts = testhost::list()?;
    if hosts.is_empty() {
        println!("no host is up");
    }
    for testhost::Listed {
        name,
        running,
        detached,
    } in hosts
    {
        let state = if running { "running" } else { "not running" };
        let kept = if detached {
            "until taken down"
        } else {
            "with its test"
        };
        println!("{name:<40} {state:<12} {kept}");
    }
    Ok(())
}

/// The exit status of a command in the host as an exit code of this process.
fn exit_code(status: i32) -> ExitCode {
    u8::try_from(status).map_or(ExitCode::FAILURE, ExitCode::from)
}

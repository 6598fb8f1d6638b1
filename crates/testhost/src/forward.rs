//! Forwarding a port of this machine's loopback to a port of a host's loopback.
//!
//! Both ends are on a loopback: nothing becomes reachable from another machine.

use std::fs::{self, File};
use std::io::copy;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use anyhow::{Context, Result};
use rustix::process::Signal;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::host::Host;
use crate::process::Identity;
use crate::record::{self, Record};

/// Forwards until it is dropped. Connections that are open then stay until either side closes them.
#[derive(Debug)]
pub struct Forward {
    address: SocketAddr,
    ended: Arc<AtomicBool>,
    accepting: Option<JoinHandle<()>>,
}

impl Host {
    /// Forwards a port of this machine to a port of the host's loopback. The kernel chooses the
    /// port of this machine when `local_port` is 0. Forwarding outlasts reboots of the host.
    ///
    /// # Errors
    /// When the local port is taken.
    pub fn forward_from(&self, local_port: u16, port: u16) -> Result<Forward> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, local_port))
            .with_context(|| format!("listening on 127.0.0.1:{local_port}"))?;
        let address = listener
            .local_addr()
            .context("asking for the forwarded port")?;
        let ended = Arc::new(AtomicBool::new(false));
        let name = self.name().to_owned();
        let accepting = thread::Builder::new()
            .name(format!("forward-{port}"))
            .spawn({
                let ended = Arc::clone(&ended);
                move || accept(&listener, &ended, &name, port)
            })
            .context("starting to forward")?;
        Ok(Forward {
            address,
            ended,
            accepting: Some(accepting),
        })
    }

    /// As [`Host::forward_from`], from any free port.
    ///
    /// # Errors
    /// As [`Host::forward_from`].
    pub fn forward(&self, port: u16) -> Result<Forward> {
        self.forward_from(0, port)
    }

    /// Ties a process that forwards in the background to the host: it ends when the host is taken
    /// down.
    ///
    /// # Errors
    /// When the process is gone already, or the host's folder cannot be written.
    pub fn tie_forwarder(&self, pid: u32) -> Result<()> {
        let process =
            Identity::of(i32::try_from(pid)?).context("the process that forwards ended at once")?;
        let path = record::folder(self.name()).join(format!("forward-{pid}"));
        fs::write(&path, process.to_string()).with_context(|| format!("writing {}", path.display()))
    }
}

impl Forward {
    /// The address on this machine.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Forwards for as long as the process lives.
    pub fn run(mut self) {
        if let Some(accepting) = self.accepting.take() {
            let _panicked = accepting.join();
        }
    }
}

impl Drop for Forward {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Release);
        if let Some(accepting) = self.accepting.take() {
            // A connection wakes the thread, which then reads `ended`.
            let _woken = TcpStream::connect(self.address);
            let _panicked = accepting.join();
        }
    }
}

/// Ends the background processes that were tied to a host.
pub(crate) fn end_all(name: &str) -> Result<()> {
    let Ok(entries) = fs::read_dir(record::folder(name)) else {
        return Ok(());
    };
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        if path
            .file_name()
            .is_some_and(|file| file.to_string_lossy().starts_with("forward-"))
        {
            let process: Identity = fs::read_to_string(&path)
                .with_context(|| format!("reading {}", path.display()))?
                .parse()?;
            process.signal(Signal::TERM)?;
            process.wait_for_end()?;
        }
    }
    Ok(())
}

fn accept(listener: &TcpListener, ended: &AtomicBool, name: &str, port: u16) {
    for connection in listener.incoming() {
        if ended.load(Ordering::Acquire) {
            return;
        }
        let Ok(outside) = connection else { continue };
        let name = name.to_owned();
        // One thread enters a network namespace, not the process, so each connection gets a thread.
        thread::spawn(move || {
            // Where nothing listens in the host, the connection is closed.
            if let Ok(inside) = connect(&name, port) {
                exchange(&outside, &inside);
            }
        });
    }
}

/// Opens a connection from inside the host. This thread stays in the host's network.
fn connect(name: &str, port: u16) -> Result<TcpStream> {
    let init = Record::read(name)?.running()?;
    let namespace =
        File::open(format!("/proc/{}/ns/net", init.pid)).context("opening the host's network")?;
    move_into_link_name_space(
        std::os::fd::AsFd::as_fd(&namespace),
        Some(LinkNameSpaceType::Network),
    )
    .context("entering the host's network")?;
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).context("connecting")
}

/// Copies both ways until both sides have closed their direction.
fn exchange(outside: &TcpStream, inside: &TcpStream) {
    thread::scope(|scope| {
        scope.spawn(|| one_way(inside, outside));
        one_way(outside, inside);
    });
}

/// Copies one way. An error on either side closes this direction, as the end of the data does.
fn one_way(mut from: &TcpStream, mut to: &TcpStream) {
    let _broken_off = copy(&mut from, &mut to);
    let _closed = to.shutdown(Shutdown::Write);
}

//! Tests of the hosts themselves: what works inside, and that none leaves anything behind. Each
//! test boots its own host.

mod files;
mod inside;
mod lifecycle;
mod network;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use testhost::{Account, Host, Options, Output};

pub(crate) const BUSYBOX: &str = "docker.io/library/busybox:stable";

pub(crate) fn boot() -> Host {
    Host::boot(Options::default()).expect("a host")
}

pub(crate) fn user(host: &Host, command: &[&str]) -> String {
    host.run_user(command)
        .and_then(Output::checked)
        .expect("a command of the user")
}

pub(crate) fn root(host: &Host, command: &[&str]) -> String {
    host.run_root(command)
        .and_then(Output::checked)
        .expect("a command of root")
}

/// Installs a Quadlet file for the user and starts its service.
pub(crate) fn start_container(host: &Host, name: &str, text: &str) {
    let path = format!("/home/archy/.config/containers/systemd/{name}.container");
    host.write_file(Account::User, &path, text.as_bytes())
        .expect("a unit file");
    user(host, &["systemctl", "--user", "daemon-reload"]);
    user(host, &["systemctl", "--user", "start", name]);
}

pub(crate) fn web_container(port: u16) -> String {
    format!(
        "[Container]\nImage={BUSYBOX}\nPublishPort=127.0.0.1:{port}:80\nStopTimeout=1\n\
         Exec=sh -c \"echo a page > /var/www/index.html; exec httpd -f -h /var/www\"\n\
         [Install]\nWantedBy=default.target\n"
    )
}

/// Checks a condition until it holds, for at most a minute.
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(
            start.elapsed() < Duration::from_secs(60),
            "waited a minute for {what}"
        );
        std::thread::park_timeout(Duration::from_millis(50));
    }
}

/// Sends one HTTP request. Returns the answer, or an empty text when there is none.
pub(crate) fn get(forward: &testhost::Forward) -> String {
    let mut answer = String::new();
    if let Ok(mut connection) = TcpStream::connect(forward.address()) {
        let _refused = connection
            .write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            .and_then(|()| connection.read_to_string(&mut answer));
    }
    answer
}

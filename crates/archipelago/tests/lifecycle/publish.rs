//! A published port is reached from the node alone, until its operator sets `publish_address`.

use std::net::Ipv4Addr;

use testhost::Host;

use crate::apps;
use crate::node::{CONFIG, Node, ONE_TICK, until_equal};

/// curl's exit code for a refused connection.
const REFUSED: i32 = 7;

/// Asks a port of the node from another machine. Returns curl's exit code and the page.
fn ask_from(other: &Host, node: Ipv4Addr, port: u16) -> (i32, String) {
    let url = format!("http://{node}:{port}/hostname");
    let output = other.run_user(&["curl", "-sS", "--max-time", "10", &url]);
    let output = output.expect("a run in the host");
    (output.status, output.stdout)
}

#[test]
fn another_machine_reaches_a_port_only_once_the_operator_publishes_it() {
    let (node, other) = (Node::new(), crate::support::installed());
    let link = testhost::link(&node.0, &other).expect("a cable");
    node.install(&apps::lone("lone", 8481));
    let page = node.shell("curl -fsS http://127.0.0.1:8481/hostname");
    assert!(!page.is_empty());
    assert_eq!(
        ask_from(&other, link.first, 8481),
        (REFUSED, String::new()),
        "by default it is on 127.0.0.1"
    );

    node.write(
        &format!("{CONFIG}/config.toml"),
        "publish_address = \"0.0.0.0\"\n",
    );
    until_equal("the app to be published", ONE_TICK, &0, || {
        ask_from(&other, link.first, 8481).0
    });
    let page = node.shell("podman exec archy-lone cat /etc/hostname");
    assert_eq!(ask_from(&other, link.first, 8481), (0, page));
    assert_eq!(node.state("lone"), "ready");
}

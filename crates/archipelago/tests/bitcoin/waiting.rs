//! What cannot work is refused at once, and what is not there is said to be so.

use crate::node::Node;
use crate::node::until_equal;
use crate::pages;
use crate::stack::{self, FOLLOWS, MEMBERS};
use crate::stops;

#[test]
fn without_a_node_that_has_all_blocks() {
    let node = stack::node();
    let [bitcoin, electrs, _] = MEMBERS;
    let output = node.archipelago(&bitcoin.install(&["prune=550"]));
    assert!(output.success(), "{output:?}");
    let before = node.traces("electrs");
    let said = node.refused(3, &electrs.install(&[]));
    assert!(said.contains("pruned"), "{said}");
    assert_eq!(node.traces("electrs"), before, "nothing is left of it");

    the_page_goes_on_without_it(&node);
    stops::are_patient_at_every_end(&node);
}

/// Stopped by somebody who does not ask Archipelago.
fn the_page_goes_on_without_it(node: &Node) {
    let [bitcoin, ..] = MEMBERS;
    node.user(&[
        "systemctl",
        "--user",
        "stop",
        "archipelago",
        "archy-bitcoin",
    ]);
    pages::say_that_it_is_down(node);
    node.user(&["systemctl", "--user", "start", "archipelago"]);
    until_equal("it to be started again", FOLLOWS, &200, || {
        bitcoin.readiness(node).0
    });
}

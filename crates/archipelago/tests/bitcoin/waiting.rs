//! What cannot work is refused at once, and who takes time at his end is given it, whatever ends.

use crate::stack::{self, MEMBERS};
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

    stops::are_patient_at_every_end(&node);
}

//! electrs is refused on a pruned node, and bitcoind may stop slowly at a reboot and an
//! uninstallation.

use crate::stack::{self, MEMBERS};
use crate::stops;

#[test]
fn electrs_is_refused_on_a_pruned_node_and_every_stop_is_patient() {
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

//! electrs is refused on a pruned node. bitcoind may stop slowly at a reboot and at an
//! uninstallation.

use crate::stack::{self, MEMBERS};
use crate::stops;

#[test]
fn electrs_is_refused_on_a_pruned_node_and_bitcoind_may_stop_slowly() {
    let node = stack::node();
    let [bitcoin, electrs, _] = MEMBERS;
    let output = node.archipelago(&bitcoin.install(&["prune=550"]));
    assert!(output.success(), "{output:?}");
    let before = node.traces("electrs");
    let said = node.exits(3, &electrs.install(&[]));
    assert!(said.contains("pruned"), "{said}");
    assert_eq!(node.traces("electrs"), before, "nothing is left of it");

    stops::have_the_time_they_need_at_a_reboot_and_an_uninstallation(&node);
}

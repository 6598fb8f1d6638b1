//! What holds for all three on one host.

use testhost::prerequisites;

use crate::{heights, stack};

#[test]
fn three_real_daemons_and_their_pages() {
    prerequisites::ensure_commands(&[("chromium", "chromium")]).expect("a browser");
    let node = stack::node();
    stack::install_all(&node);
    heights::agree(&node);
}

//! Where findings and expansions are counted.

use crate::diagnostic::Report;
use crate::limits::Budget;

/// What expanding needs beside the tree.
pub(crate) struct Context<'a> {
    pub report: &'a mut Report,
    pub budget: &'a mut Budget,
}

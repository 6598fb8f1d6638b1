//! The context of an expansion: its findings, and the budget that bounds it.

use crate::diagnostic::Report;
use crate::limits::Budget;

/// The context of an expansion.
pub(crate) struct Context<'a> {
    pub report: &'a mut Report,
    pub budget: &'a mut Budget,
}

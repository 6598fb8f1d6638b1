//! Archipelago broken on purpose, to see that the simulation notices.

use archipelago_core::desired::Desired;
use archipelago_core::observed::Observed;
use archipelago_core::plan::Plan;

/// One way to be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutation {
    /// Files are put in place without fsync.
    SkipFsync,
    /// Two managers make passes at once.
    NoLock,
}

impl Mutation {
    pub(crate) fn observed(self, _observed: &mut Observed) {}

    pub(crate) fn plan(self, _desired: &Desired, _observed: &Observed, _plan: &mut Plan) {}
}

//! The invariants and their violations. The checks are in `checks`, `world` and `process`, each
//! where it can fail.

use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Invariant {
    /// Files and objects of others stay as they are.
    ForeignUntouched,
    /// Data are removed only if a purge was asked for.
    DataKept,
    /// A secret is not replaced while data depend on it.
    SecretsKept,
    /// A service that runs as desired is not stopped.
    NoNeedlessStop,
    /// Every app is as asked, or the report names the cause.
    ReachedOrReported,
    /// The host becomes quiescent within the bound.
    QuietInTime,
    /// A quiescent host stays as it is.
    QuietStaysQuiet,
    /// After a boot everything starts without Archipelago.
    BootsAlone,
    /// Retries of a failed pull are spaced out.
    PatientAttempts,
    /// A service is started only when its image is present.
    ImageBeforeStart,
    /// A container is on the networks of its app and of the exports that its app offers or uses,
    /// and on no other. No network is made without isolation, and no service is started on an empty
    /// network without isolation.
    Isolated,
    /// A plan keeps the rules that production enforces.
    PlanKeepsRules,
    /// No container starts with a mount beneath a folder that a container writes.
    NothingNested,
    /// No container has a right on the host to which no person has agreed.
    RightsAgreed,
    /// Containers that run can resolve each other's names.
    NamesServed,
    /// An operation that changed something is followed to its end, and the end is reported. Its
    /// record is removed then, and not before.
    OperationsEnd,
    /// An operation makes all of its changes, or none.
    OperationsWhole,
    /// No file or object of ours is left behind.
    NothingLeft,
    /// The simulator itself works.
    Simulator,
}

impl fmt::Display for Invariant {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::ForeignUntouched => "foreign-untouched",
            Self::DataKept => "data-kept",
            Self::SecretsKept => "secrets-kept",
            Self::NoNeedlessStop => "no-needless-stop",
            Self::ReachedOrReported => "reached-or-reported",
            Self::QuietInTime => "quiet-in-time",
            Self::QuietStaysQuiet => "quiet-stays-quiet",
            Self::BootsAlone => "boots-alone",
            Self::PatientAttempts => "patient-attempts",
            Self::ImageBeforeStart => "image-before-start",
            Self::Isolated => "isolated",
            Self::PlanKeepsRules => "plan-keeps-rules",
            Self::NothingNested => "nothing-nested",
            Self::RightsAgreed => "rights-agreed",
            Self::NamesServed => "names-served",
            Self::OperationsEnd => "operations-end",
            Self::OperationsWhole => "operations-whole",
            Self::NothingLeft => "nothing-left",
            Self::Simulator => "simulator",
        })
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    pub invariant: Invariant,
    pub what: String,
    /// The number of the call at which it was noticed.
    pub call: u64,
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            invariant,
            what,
            call,
        } = self;
        write!(formatter, "{invariant} (call {call}): {what}")
    }
}

//! The journal's fields for the actions of passes.

use archipelago_core::action::Action;
use archipelago_core::name::AppId;
use archipelago_core::reconcile::Outcome;

/// Tells the journal of an action. Its fields `ARCHIPELAGO_APP=` and so on are what scripts select
/// by.
pub(crate) fn action(action: &Action, outcome: &Outcome) {
    let app = action.app().map(AppId::as_str);
    let reason = action.reason();
    let operation = action.operation().map(tracing::field::display);
    macro_rules! tell {
        ($level:ident, $($text:tt)+) => {
            tracing::$level!(
                app,
                action = action.kind(),
                reason = reason.kind(),
                operation,
                $($text)+
            )
        };
    }
    match outcome {
        Outcome::Done if action.is_bookkeeping() => tell!(debug, "{action}"),
        Outcome::Done => tell!(info, "{action}: {reason}"),
        Outcome::Failed(cause) => tell!(warn, "{action} failed: {cause}"),
        Outcome::Refused(units) => {
            let causes: Vec<&str> = units.values().map(String::as_str).collect();
            tell!(warn, "{action} failed: {}", causes.join("; "));
        }
        Outcome::Skipped => {}
    }
}

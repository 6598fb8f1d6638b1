//! The apps that a failed action concerns.

use std::collections::BTreeSet;

use crate::action::{Action, AppAction, AppStep, HostStep};
use crate::desired::{App, Desired};
use crate::name::AppId;
use crate::plan::Plan;

/// The network that an action removes so that it can be made anew.
pub(super) fn renewed<'a>(desired: &Desired, action: &'a AppAction) -> Option<&'a String> {
    let AppStep::RemoveNetwork(network) = &action.step else {
        return None;
    };
    let app = desired.apps.get(&action.app)?;
    matches!(app, App::Present(_)).then_some(network)
}

/// The apps that cannot go on when this, which is for all, has failed: every app that wanted
/// something; of a reload, those whose units it is to read.
pub(super) fn held_up<'a>(
    desired: &'a Desired,
    plan: &'a Plan,
    step: &HostStep,
) -> BTreeSet<&'a AppId> {
    let is_reload = *step == HostStep::Reload;
    let is_held_up = |action: &&Action| {
        let changes_unit = matches!(
            action.app_step(),
            Some(AppStep::WriteUnit { .. } | AppStep::RemoveUnit(_))
        );
        !is_reload || changes_unit
    };
    let acting = plan.actions.iter().filter(is_held_up);
    let regenerated = desired.present().filter(|(_, present)| {
        is_reload
            && plan
                .regenerates
                .iter()
                .any(|unit| present.units.contains_key(unit))
    });
    acting
        .filter_map(Action::app)
        .chain(regenerated.map(|(id, _)| id))
        .collect()
}

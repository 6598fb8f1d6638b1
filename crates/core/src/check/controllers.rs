//! The controllers of control groups that the limits of apps need.

use std::collections::BTreeMap;

use super::facts::Controllers;
use super::judgement::{Check, ok, warning};
use super::needs::Delegate;
use crate::desired::Desired;
use crate::name::AppId;
use crate::needs::Controller;

/// The controllers that each app needs.
#[must_use]
pub fn asked(desired: &Desired) -> BTreeMap<AppId, Vec<Controller>> {
    let apps = desired.present().map(|(id, present)| {
        let containers = present.containers();
        let needed = containers.flat_map(|(_, container)| &container.needs.controllers);
        let mut needed: Vec<Controller> = needed.copied().collect();
        needed.sort_unstable();
        needed.dedup();
        (id.clone(), needed)
    });
    apps.filter(|(_, needed)| !needed.is_empty()).collect()
}

pub(super) fn judge_controllers(controllers: &Controllers) -> Check {
    let Controllers { delegated, asked } = controllers;
    let missing = |needed: &[Controller]| -> Vec<&str> {
        let missing = needed.iter().filter(|needed| !delegated.contains(needed));
        missing.map(|controller| controller.name()).collect()
    };
    let without: Vec<String> = asked
        .iter()
        .map(|(app, needed)| (app, missing(needed)))
        .filter(|(_, missing)| !missing.is_empty())
        .map(|(app, missing)| format!("{app} needs {}", missing.join(" and ")))
        .collect();
    if without.is_empty() {
        let names: Vec<&str> = delegated.iter().map(|it| it.name()).collect();
        let has = match names.as_slice() {
            [] => "none; no app needs one".to_owned(),
            names => names.join(", "),
        };
        return ok(
            "controllers",
            format!("control group controllers of this user's services: {has}"),
        );
    }
    warning(
        "controllers",
        format!(
            "the limits of apps need control group controllers that this user's services do not have: {}; their containers do not start",
            without.join("; ")
        ),
        Delegate.to_string(),
    )
}

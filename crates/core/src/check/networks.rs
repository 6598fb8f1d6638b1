//! Networks of apps that Podman made before they were isolated, or that somebody changed.

use std::collections::BTreeSet;

use super::judgement::{Check, ok, warning};
use crate::name::AppId;

/// `apps` are those with a network that other apps' networks reach.
pub(super) fn judge_isolation(apps: &BTreeSet<AppId>) -> Check {
    let names: Vec<&str> = apps.iter().map(AppId::as_str).collect();
    let Some((first, others)) = names.split_first() else {
        return ok(
            "isolation",
            "every app's network is isolated from the others",
        );
    };
    let cure = if others.is_empty() {
        format!("archipelago restart {first}")
    } else {
        // A restart of an app takes those along that require it.
        format!(
            "archipelago restart {first}; then the same with {}, if they are still named here",
            others.join(", ")
        )
    };
    warning(
        "isolation",
        format!(
            "containers of other apps can open the ports of {}: the network was made without isolation, by an earlier version or by hand, and is made again when the app next starts",
            names.join(", ")
        ),
        cure,
    )
}

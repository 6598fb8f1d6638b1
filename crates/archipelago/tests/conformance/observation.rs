//! What is compared: each thing by its name, with all that is to be known of it as text.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

/// One look at a host.
pub(crate) type Observation = BTreeMap<String, String>;

/// The services that are looked at, and what makes them.
pub(crate) fn services() -> impl Iterator<Item = String> {
    sim::apps::UNITS
        .iter()
        .map(|unit| archipelago_core::quadlet::service_of(unit))
}

/// What `status` says, without what counts how often something happened.
pub(crate) fn add_status(observation: &mut Observation, status: &Value) {
    for app in status["apps"].as_array().into_iter().flatten() {
        let mut app = app.clone();
        let id = app["id"].as_str().unwrap_or_default().to_owned();
        for unit in app["units"].as_array_mut().into_iter().flatten() {
            if let Some(unit) = unit.as_object_mut() {
                unit.remove("restarts");
            }
        }
        observation.insert(format!("status {id}"), format!("{app:#}"));
    }
}

/// What an intent says, without where the definition came from.
pub(crate) fn intent(text: &str) -> String {
    let intent = archipelago_core::intent::Intent::parse("", text).map(|mut intent| {
        intent.source = String::new();
        intent
    });
    format!("{intent:?}")
}

/// Where two differ, one thing after the other; empty when they do not.
pub(crate) fn difference(simulated: &Observation, real: &Observation) -> String {
    let mut text = String::new();
    let names = simulated.keys().chain(real.keys());
    let names: std::collections::BTreeSet<&String> = names.collect();
    for name in names {
        let (one, other) = (simulated.get(name), real.get(name));
        if one != other {
            let shown = |side: Option<&String>| side.map_or("nothing", String::as_str).to_owned();
            let _ = write!(
                text,
                "{name}\n  simulated: {}\n  real:      {}\n",
                shown(one),
                shown(other)
            );
        }
    }
    text
}

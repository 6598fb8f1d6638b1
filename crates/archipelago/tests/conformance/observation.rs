//! An observation of either host, for comparison: the state of each thing as text, by its name.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

/// The observation of one host.
pub(crate) type Observation = BTreeMap<String, String>;

/// The names of the services that are observed.
pub(crate) fn services() -> impl Iterator<Item = String> {
    sim::apps::UNITS
        .iter()
        .map(|unit| archipelago_core::quadlet::service_of(unit))
}

/// Adds the output of `status`, without its counts of restarts.
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

/// The text of an intent, without the source of the definition.
pub(crate) fn intent(text: &str) -> String {
    let intent = archipelago_core::intent::Intent::parse("", text).map(|mut intent| {
        intent.source = String::new();
        intent
    });
    format!("{intent:?}")
}

/// The differences of two observations; empty when they are equal.
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

//! The ports that an installation chooses from a range.

use std::collections::{BTreeMap, BTreeSet};

use crate::desired::{App, Inputs};
use crate::forecast::wanted;
use crate::manifest::Manifest;
use crate::name::AppId;

use super::Refusal;

/// The node's ports of an app that are chosen from a range: those that it has, or else the first
/// that is free. Nothing is chosen anew while the old choice is in its range.
pub(super) fn choose_ports(
    inputs: &Inputs,
    id: &AppId,
    manifest: &mut Manifest,
    known: &BTreeMap<String, u16>,
) -> Result<BTreeMap<String, u16>, Refusal> {
    if manifest.chosen_ports().next().is_none() {
        return Ok(BTreeMap::new());
    }
    let apps = wanted(inputs.clone()).apps;
    let mut taken: BTreeSet<u16> = inputs.found.listening.clone();
    for (other, app) in &apps {
        if let App::Present(present) = app
            && other != id
        {
            taken.extend(present.ports.iter().map(|(address, _)| address.port()));
        }
    }
    let fixed = manifest
        .services
        .values()
        .flat_map(|service| &service.ports);
    taken.extend(
        fixed
            .filter(|port| port.until.is_none())
            .map(|port| port.host),
    );
    let mut chosen = BTreeMap::new();
    for (word, port) in manifest.chosen_ports() {
        let last = port.until.unwrap_or(port.host);
        let mut range = port.host..=last;
        let kept = known.get(&word).filter(|known| range.contains(known));
        let free = kept
            .copied()
            .or_else(|| range.find(|port| !taken.contains(port)));
        let Some(free) = free else {
            return Err(Refusal::NoFreePort {
                app: id.clone(),
                first: port.host,
                last,
            });
        };
        taken.insert(free);
        chosen.insert(word, free);
        port.host = free;
    }
    Ok(chosen)
}

//! Conflicts of two apps: the same port, addresses or name.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;

use super::app::{App, Fault, Transport};
use super::error::Error;
use crate::name::AppId;

/// Two apps cannot have the same unit, port of the node or addresses of a network; the one that
/// sorts last steps back.
pub(super) fn refuse_conflicts(apps: &mut BTreeMap<AppId, App>) {
    let mut units: BTreeMap<String, AppId> = BTreeMap::new();
    let mut ports: BTreeMap<(u16, Transport), Vec<(IpAddr, AppId)>> = BTreeMap::new();
    let mut subnets: Vec<(IpNet, AppId)> = Vec::new();
    for (id, app) in apps {
        let App::Present(present) = app else { continue };
        let unit = present
            .units
            .values()
            .find_map(|unit| Some((&unit.service, units.get(&unit.service)?)));
        let port = present.ports.iter().find_map(|(address, transport)| {
            let same = ports.get(&(address.port(), *transport))?;
            let (_, other) = same.iter().find(|(ip, _)| overlap(*ip, address.ip()))?;
            Some((address, other))
        });
        let subnet = present.subnets.iter().find_map(|subnet| {
            let (_, other) = subnets.iter().find(|(other, _)| meet(subnet, other))?;
            Some((subnet, other))
        });
        let cause = match (unit, port, subnet) {
            (Some((unit, other)), ..) => Some(Error::UnitTaken {
                unit: unit.clone(),
                other: other.clone(),
            }),
            (_, Some((address, other)), _) => Some(Error::PortTaken {
                address: *address,
                other: other.clone(),
            }),
            (.., Some((subnet, other))) => Some(Error::SubnetTaken {
                subnet: *subnet,
                other: other.clone(),
            }),
            (None, None, None) => None,
        };
        if let Some(cause) = cause {
            *app = App::Broken {
                cause,
                fault: Fault::Conflict,
            };
            continue;
        }
        units.extend(
            present
                .units
                .values()
                .map(|unit| (unit.service.clone(), id.clone())),
        );
        subnets.extend(present.subnets.iter().map(|subnet| (*subnet, id.clone())));
        for (address, transport) in &present.ports {
            let same = ports.entry((address.port(), *transport)).or_default();
            same.push((address.ip(), id.clone()));
        }
    }
}

/// Of two networks that meet, one holds the other.
fn meet(one: &IpNet, other: &IpNet) -> bool {
    one.contains(other) || other.contains(one)
}

fn overlap(one: IpAddr, other: IpAddr) -> bool {
    one == other || one.is_unspecified() || other.is_unspecified()
}

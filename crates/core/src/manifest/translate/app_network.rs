//! The networks of an app, and the names of its services on them.

use std::collections::BTreeMap;
use std::net::IpAddr;

use compose::model::{self, Ipam, Network};
use compose::{Project, Trail};

use super::keys::{NETWORK, left_out};
use crate::manifest::networks::{AppNetwork, OwnNetwork, Pool};
use crate::manifest::report::Report;
use crate::manifest::service::{NetworkMode, Service};
use crate::name::{PREFIX, check_part};

/// The name of the network that every app has.
pub(super) const DEFAULT: &str = "default";
/// Its networks' names with this end belong to the exports of apps (`AppId::exports_network`).
const EXPORTS: &str = "exports";
/// Podman takes these for a kind of network (podman-run(1), `--network`).
const MODES: [&str; 8] = [
    "bridge",
    "container",
    "host",
    "none",
    "ns",
    "pasta",
    "private",
    "slirp4netns",
];

/// Gives a service one more name on the app's networks.
pub(super) fn add_alias(
    report: &mut Report<'_>,
    name: &str,
    service: &mut Service,
    alias: &str,
    at: &Trail,
) {
    if alias == name {
        return;
    }
    match check_part("a container", alias) {
        Ok(()) => {
            service.aliases.insert(alias.to_owned());
        }
        Err(error) => report.error(at, error.to_string()),
    }
}

/// The names by which services link to each other. The reader has checked that the services are
/// there.
pub(super) fn link(
    project: &Project,
    services: &mut BTreeMap<String, Service>,
    report: &mut Report<'_>,
) {
    for (name, source) in &project.services {
        for (index, link) in source.own.links.iter().enumerate() {
            let (target, alias) = link.split_once(':').unwrap_or((link, link));
            let at = Trail::of(["services", name, "links"]).item(index);
            if let Some(service) = services.get_mut(target) {
                add_alias(report, target, service, alias, &at);
            }
        }
    }
}

/// The networks at the top of a file that services join. As in Compose, others are not made.
pub(super) fn declared(
    project: &Project,
    services: &BTreeMap<String, Service>,
    report: &mut Report<'_>,
) -> BTreeMap<String, AppNetwork> {
    let mut networks = BTreeMap::new();
    for (name, source) in &project.networks {
        let joins = services
            .values()
            .filter(|service| service.network == NetworkMode::App)
            .filter_map(|service| service.networks.get(name));
        let addresses: Option<Vec<IpAddr>> = joins
            .map(|join| join.addresses.clone())
            .reduce(|one, other| [one, other].concat());
        // One that nobody joins need not be right.
        if let Some(addresses) = addresses {
            let network = network(project, name, source, !addresses.is_empty(), report);
            networks.extend(network.map(|network| (name.clone(), network)));
        }
    }
    networks
}

fn network(
    project: &Project,
    name: &str,
    source: &Network,
    has_addresses: bool,
    report: &mut Report<'_>,
) -> Option<AppNetwork> {
    let Network {
        name: full,
        driver,
        driver_opts,
        external,
        internal,
        attachable: _,
        labels: _,
        enable_ipv4,
        enable_ipv6,
        ipam,
        extensions: _,
    } = source;
    let at = Trail::of(["networks", name]);
    if *external {
        return self::external(full.as_deref().unwrap_or(name), &at, report);
    }
    if let Err(error) = check_part("a network", name) {
        report.error(&at, error.to_string());
    }
    if name == EXPORTS {
        report.error(
            &at,
            "the network of this name is the one on which an app offers its exports; rename it",
        );
    }
    match driver.as_deref() {
        None | Some("" | "bridge" | "default") => {}
        Some(_) => report.error(
            &at.key("driver"),
            "an app's network is a bridge of Podman; remove this key",
        ),
    }
    let is_own_name = *full == Some(format!("{}_{name}", project.name));
    for (key, is_written) in [
        ("driver_opts", !driver_opts.0.is_empty()),
        ("enable_ipv4", enable_ipv4.is_some()),
        ("name", !is_own_name),
    ] {
        left_out(report, NETWORK, &at, key, is_written);
    }
    if *ipam != Ipam::default() && !has_addresses {
        report.warn(&at.key("ipam"), "left out: Podman chooses the addresses");
    }
    let pools = match has_addresses {
        true => pools(ipam),
        false => Vec::new(),
    };
    if has_addresses && pools.is_empty() {
        report.error(
            &at,
            "a service has an address of its own choice on this network, which needs a `subnet` under `ipam`",
        );
    }
    Some(AppNetwork::Own(OwnNetwork {
        internal: *internal,
        ipv6: *enable_ipv6 == Some(true),
        pools,
    }))
}

/// A network of Podman's that is not the app's.
fn external(name: &str, at: &Trail, report: &mut Report<'_>) -> Option<AppNetwork> {
    let problem = match check_part("a network", name) {
        Err(error) => error.to_string(),
        Ok(()) if MODES.contains(&name) => {
            "this is not the name of a network; write `network_mode` for the service".to_owned()
        }
        // What an app offers to others is in its exports, and needs no consent.
        Ok(()) if name.starts_with(PREFIX) => {
            "this is the network of an app; what that app exports is reached with `x-archipelago.requires`".to_owned()
        }
        Ok(()) => return Some(AppNetwork::External(name.to_owned())),
    };
    report.error(at, problem);
    None
}

fn pools(ipam: &Ipam) -> Vec<Pool> {
    let pool = |pool: &model::Pool| {
        Some(Pool {
            subnet: pool.subnet.clone()?,
            gateway: pool.gateway.clone(),
            range: pool.ip_range.clone(),
        })
    };
    ipam.config.iter().filter_map(pool).collect()
}

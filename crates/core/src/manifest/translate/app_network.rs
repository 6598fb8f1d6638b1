//! The networks of an app, and the names of its services on them.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::str::FromStr;

use compose::model::{Ipam, Network, Pool};
use compose::{Project, Trail};
use ipnet::IpNet;

use super::keys::{NETWORK, left_out};
use crate::manifest::networks::{AppNetwork, OwnNetwork, Subnet};
use crate::manifest::report::Report;
use crate::manifest::service::{NetworkMode, Service};
use crate::name::{PREFIX, check_part};

/// The name of the network that every app has.
pub(super) const DEFAULT: &str = "default";
/// Networks whose names end like this hold the exports of apps (`AppId::exports_network`).
const EXPORTS: &str = "exports";
/// Podman takes these words for a network mode (podman-run(1), `--network`).
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

/// The top-level networks that services join. As in Compose, other networks are not made, and are
/// not checked.
pub(super) fn declared(
    project: &Project,
    services: &BTreeMap<String, Service>,
    report: &mut Report<'_>,
) -> BTreeMap<String, AppNetwork> {
    let mut networks = BTreeMap::new();
    for (name, source) in &project.networks {
        let joins = |service: &Service| {
            service.network == NetworkMode::App && service.networks.contains_key(name)
        };
        if services.values().any(joins) {
            let network = network(project, name, source, report);
            networks.extend(network.map(|network| (name.clone(), network)));
        }
    }
    for (name, service) in services {
        check_addresses(name, service, &networks, report);
    }
    networks
}

/// A static address must be in a subnet of its network, so the file must give that subnet.
fn check_addresses(
    name: &str,
    service: &Service,
    networks: &BTreeMap<String, AppNetwork>,
    report: &mut Report<'_>,
) {
    for (network, join) in &service.networks {
        let subnets: &[Subnet] = match networks.get(network) {
            Some(AppNetwork::Own(own)) => &own.subnets,
            // Only the host knows the subnets of an external network.
            Some(AppNetwork::External(_)) => continue,
            None => &[],
        };
        for address in &join.addresses {
            if subnets.iter().any(|subnet| subnet.net.contains(address)) {
                continue;
            }
            let key = match address {
                IpAddr::V4(_) => "ipv4_address",
                IpAddr::V6(_) => "ipv6_address",
            };
            report.error(
                &Trail::of(["services", name, "networks", network, key]),
                format!(
                    "no subnet of the network holds this address; give it one under `networks.{network}.ipam.config`, or let the others use the service's name"
                ),
            );
        }
    }
}

fn network(
    project: &Project,
    name: &str,
    source: &Network,
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
        ("enable_ipv4", *enable_ipv4 == Some(false)),
        ("name", !is_own_name),
    ] {
        left_out(report, NETWORK, &at, key, is_written);
    }
    Some(AppNetwork::Own(OwnNetwork {
        internal: *internal,
        ipv6: *enable_ipv6 == Some(true),
        subnets: subnets(ipam, report, &at.key("ipam")),
    }))
}

/// An external network.
fn external(name: &str, at: &Trail, report: &mut Report<'_>) -> Option<AppNetwork> {
    let problem = match check_part("a network", name) {
        Err(error) => error.to_string(),
        Ok(()) if MODES.contains(&name) => {
            "this is not the name of a network; write `network_mode` for the service".to_owned()
        }
        // An app's network of exports needs no consent.
        Ok(()) if name.starts_with(PREFIX) => {
            "this is the network of an app; what that app exports is reached with `x-archipelago.requires`".to_owned()
        }
        Ok(()) => return Some(AppNetwork::External(name.to_owned())),
    };
    report.error(at, problem);
    None
}

fn subnets(ipam: &Ipam, report: &mut Report<'_>, at: &Trail) -> Vec<Subnet> {
    let Ipam {
        driver,
        config,
        options,
        extensions: _,
    } = ipam;
    if !matches!(driver.as_deref(), None | Some("" | "default")) {
        report.error(
            &at.key("driver"),
            "Podman gives the addresses of its networks itself; remove this key",
        );
    }
    if !options.0.is_empty() {
        report.warn(&at.key("options"), "left out: Podman has none of these");
    }
    let mut subnets = Vec::new();
    for (index, pool) in config.iter().enumerate() {
        subnets.extend(subnet(pool, report, &at.key("config").item(index)));
    }
    // Quadlet pairs them by their order alone.
    let is_mixed = |has: fn(&Subnet) -> bool| subnets.iter().any(has) && !subnets.iter().all(has);
    if is_mixed(|subnet| subnet.gateway.is_some()) || is_mixed(|subnet| subnet.range.is_some()) {
        report.error(
            &at.key("config"),
            "either all subnets of a network have a `gateway` (or an `ip_range`), or none has",
        );
    }
    subnets
}

fn subnet(pool: &Pool, report: &mut Report<'_>, at: &Trail) -> Option<Subnet> {
    let Pool {
        subnet,
        gateway,
        ip_range,
        aux_addresses,
        extensions: _,
    } = pool;
    if !aux_addresses.0.is_empty() {
        report.warn(
            &at.key("aux_addresses"),
            "left out: no container gets these addresses unless it asks for one",
        );
    }
    let Some(subnet) = subnet else {
        if gateway.is_some() || ip_range.is_some() {
            report.error(at, "a gateway or a range needs a `subnet`");
        }
        return None;
    };
    let net: IpNet = parsed(subnet, report, &at.key("subnet"), "10.89.0.0/24")?;
    let gateway = gateway
        .as_ref()
        .and_then(|gateway| parsed::<IpAddr>(gateway, report, &at.key("gateway"), "10.89.0.1"));
    let range = ip_range
        .as_ref()
        .and_then(|range| parsed::<IpNet>(range, report, &at.key("ip_range"), "10.89.0.128/25"));
    if gateway.is_some_and(|gateway| !net.contains(&gateway)) {
        report.error(&at.key("gateway"), "this address is not in the subnet");
    }
    if range.is_some_and(|range| !net.contains(&range)) {
        report.error(&at.key("ip_range"), "this range is not in the subnet");
    }
    Some(Subnet {
        net: net.trunc(),
        gateway,
        range,
    })
}

fn parsed<T: FromStr>(text: &str, report: &mut Report<'_>, at: &Trail, example: &str) -> Option<T> {
    let found = text.parse().ok();
    if found.is_none() {
        report.error(at, format!("expected something like {example}"));
    }
    found
}

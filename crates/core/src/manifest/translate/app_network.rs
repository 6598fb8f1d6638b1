//! The networks of an app. Each is Podman's, and for this app alone.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use compose::model::{self, Ipam, Pool};
use compose::{Project, Trail};

use super::keys::{NETWORK, left_out};
use crate::manifest::network::{Network, Subnet};
use crate::manifest::report::Report;
use crate::manifest::service::Service;
use crate::name::{DEFAULT_NETWORK, check_part};

/// Adds a name of a service to others.
pub(super) fn add_alias(
    report: &mut Report<'_>,
    name: &str,
    aliases: &mut BTreeSet<String>,
    alias: &str,
    at: &Trail,
) {
    if alias == name {
        return;
    }
    match check_part("a container", alias) {
        Ok(()) => drop(aliases.insert(alias.to_owned())),
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
                add_alias(report, target, &mut service.aliases, alias, &at);
            }
        }
    }
}

/// The networks that services join.
pub(super) fn declared(project: &Project, report: &mut Report<'_>) -> BTreeMap<String, Network> {
    let mut networks = BTreeMap::new();
    for (name, source) in &project.networks {
        let at = Trail::of(["networks", name]);
        if let Err(error) = check_part("a network", name) {
            report.error(&at, error.to_string());
        }
        let network = network(project, name, source, report, &at);
        networks.insert(name.clone(), network);
    }
    let services = project.services.values();
    let joined: BTreeSet<&str> = services.flat_map(joined).collect();
    if joined.contains(DEFAULT_NETWORK) {
        networks.entry(DEFAULT_NETWORK.to_owned()).or_default();
    }
    // As in Compose, one that nobody joins is not made.
    networks.retain(|name, _| joined.contains(name.as_str()));
    networks
}

/// The networks that a service joins. Compose's `bridge` is one of Docker's own, outside of the
/// file; here it is the app's.
fn joined(service: &model::Service) -> impl Iterator<Item = &str> {
    let container = &service.container;
    let is_bridge = is_bridge(container.network_mode.as_deref());
    let named = container.networks.keys().map(String::as_str);
    named.chain(is_bridge.then_some(DEFAULT_NETWORK))
}

pub(super) fn is_bridge(mode: Option<&str>) -> bool {
    matches!(mode, Some("bridge" | "default"))
}

fn network(
    project: &Project,
    name: &str,
    source: &model::Network,
    report: &mut Report<'_>,
    at: &Trail,
) -> Network {
    let model::Network {
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
    match driver.as_deref() {
        None | Some("" | "bridge" | "default") => {}
        Some(_) => report.error(
            &at.key("driver"),
            "an app's network is a bridge of Podman; remove this key",
        ),
    }
    let is_own_name = *external || *full == Some(format!("{}_{name}", project.name));
    for (key, is_written) in [
        ("external", *external),
        ("driver_opts", !driver_opts.0.is_empty()),
        ("enable_ipv4", *enable_ipv4 == Some(false)),
        ("name", !is_own_name),
    ] {
        left_out(report, NETWORK, at, key, is_written);
    }
    Network {
        internal: *internal,
        ipv6: *enable_ipv6 == Some(true),
        subnets: subnets(ipam, report, &at.key("ipam")),
    }
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
    let net: ipnet::IpNet = parsed(subnet, report, &at.key("subnet"), "10.89.0.0/24")?;
    let gateway = gateway.as_ref().and_then(|gateway| {
        parsed::<std::net::IpAddr>(gateway, report, &at.key("gateway"), "10.89.0.1")
    });
    let range = ip_range.as_ref().and_then(|range| {
        parsed::<ipnet::IpNet>(range, report, &at.key("ip_range"), "10.89.0.128/25")
    });
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

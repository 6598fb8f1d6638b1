//! The network of an app. All networks that its file names are that one, so a name on one of them is
//! a name for all services of the app.

use std::collections::BTreeMap;

use compose::model::Network;
use compose::{Project, Trail};

use super::keys::{NETWORK, left_out};
use crate::manifest::report::Report;
use crate::manifest::service::Service;
use crate::name::check_part;

/// Gives a service one more name on the app's network.
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

/// The networks at the top of a file.
pub(super) fn declared(project: &Project, report: &mut Report<'_>) {
    for (name, network) in &project.networks {
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
        } = network;
        let at = Trail::of(["networks", name]);
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
            ("internal", *internal),
            ("driver_opts", !driver_opts.0.is_empty()),
            ("enable_ipv4", enable_ipv4.is_some()),
            ("enable_ipv6", enable_ipv6.is_some()),
            ("ipam", *ipam != compose::model::Ipam::default()),
            ("name", !is_own_name),
        ] {
            left_out(report, NETWORK, &at, key, is_written);
        }
        if name != "default" && !*external && !*internal {
            report.warn(
                &at,
                "each app has one network of its own, and this is that one: services that are kept apart by their networks in Compose reach each other here",
            );
        }
    }
}

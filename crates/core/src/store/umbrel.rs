//! Apps of Umbrel's stores: `umbrel-app.yml`, and a Compose file in which `app_proxy` stands for
//! Umbrel's own proxy.
//!
//! Source: the README of github.com/getumbrel/umbrel-apps, and umbreld's legacy `app` script for
//! the variables.

mod about;
pub(super) mod exports;
mod hooks;
mod neighbours;
mod nodes;

use std::collections::{BTreeMap, BTreeSet};

use compose::{View, interpolate};
use serde_json::json;

use super::compose_file::{ComposeFile, environment, text_at};
use super::error::Error;
use super::notice::Notice;
use super::overlay::Overlay;
use super::secrets::{self, MadeOf, SecretVariable};
use super::translated::{NodeFacts, Scripts, Surroundings, Translated};
use super::variables::{to_settings, used};
use super::volumes;
use super::volumes::Mapped;
use crate::file::Files;
use crate::name::{AppId, check_part};

pub(super) use about::{About, MANIFEST};
use about::{PASSWORD, PROXY, container_name};
use nodes::Nodes;

const SECRETS: [SecretVariable; 2] = [
    SecretVariable {
        variable: "APP_SEED",
        secret: "app_seed",
        made_of: MadeOf::Entropy("seed"),
        description: "A random text that stays the same on this node.",
    },
    SecretVariable {
        variable: "APP_PASSWORD",
        secret: PASSWORD,
        made_of: MadeOf::Entropy("seed-APP_PASSWORD"),
        description: "The app's first password.",
    },
];

pub(super) fn translate(
    app: &AppId,
    source: &ComposeFile<'_>,
    files: &Files,
    surroundings: &Surroundings,
) -> Result<Translated, Error> {
    let Surroundings {
        node,
        neighbours,
        scripts,
    } = surroundings;
    let folder = source.file.trim_end_matches(source.name);
    let about = About::read(folder.trim_end_matches('/'), files)?;
    let mut overlay = Overlay {
        variables: variables(&about, node),
        ..Overlay::default()
    };
    let services = source.services();
    let proxy = services.get(PROXY).copied();
    if proxy.is_some() {
        overlay.removed.insert(PROXY.to_owned());
    }
    let required: BTreeSet<AppId> = about.required().filter(|other| other != app).collect();
    let mut nodes = Nodes::give(&used(source), &required, &mut overlay);
    neighbours::give(&about, neighbours, &mut overlay);
    neighbours::give_own(&about, source, files, &mut overlay);
    let addressed = exports::addresses(source, &overlay.variables);
    name_services(source, &about.id, &addressed, &mut overlay);
    let has_page = proxy.is_some_and(|proxy| page(source, proxy, &about, &mut overlay));
    for (name, service) in source.services() {
        if name != PROXY && service.get("volumes").is_some() {
            volumes::owned(&mut overlay, name);
        }
    }
    map_volumes(source, node, &mut nodes, &mut overlay)?;
    let secrets = [SECRETS.as_slice(), &nodes.secrets].concat();
    secrets::take(source, &secrets, &mut overlay)?;
    if *scripts == Scripts::Run {
        hooks::add(&about.id, source, files, &secrets, &mut overlay);
    }
    settle_variables(source, &secrets, &mut overlay)?;
    let extension = &mut overlay.extension;
    extension.insert("title".to_owned(), json!(about.name));
    extension.insert("version".to_owned(), json!(about.version));
    extension.insert("description".to_owned(), json!(about.tagline));
    if !about.category.is_empty() {
        extension.insert("category".to_owned(), json!(about.category));
    }
    if let Some(exported) = neighbours::exported(&addressed, source) {
        extension.insert("exports".to_owned(), json!({"services": exported}));
    }
    let requirements = nodes.requirements(&required);
    if !requirements.is_empty() {
        extension.insert("requires".to_owned(), json!({"apps": requirements}));
    }
    let mut notices = Vec::new();
    if nodes.commands_lnd() {
        notices.push(Notice::LightningRights);
    }
    if nodes.commands_bitcoin() {
        notices.push(Notice::BitcoinRights);
    }
    if about.is_disabled {
        notices.push(Notice::Disabled);
    }
    notices.extend(hooks::notices(files, *scripts));
    if used(source).keys().any(|name| name.starts_with("TOR_")) {
        notices.push(Notice::Tor);
    }
    if proxy.is_some() && !has_page {
        notices.push(Notice::NoAddress);
    }
    notices.extend(about.login().map(Notice::Login));
    Ok(Translated {
        files: overlay.laid_over(app, source, files)?,
        notices,
        data: BTreeMap::new(),
    })
}

/// The variables that Umbrel sets for every app, as far as they have a meaning here.
fn variables(about: &About, node: &NodeFacts) -> BTreeMap<String, String> {
    let NodeFacts {
        host_name,
        time_zone,
        architecture: _,
        shared_folder: _,
    } = node;
    let domain = format!("{host_name}.local");
    let port = about.port.unwrap_or_default().to_string();
    let pairs = [
        // A mount of `./data` is a folder of the app's data.
        ("APP_DATA_DIR", "."),
        ("APP_ID", &about.id),
        ("APP_VERSION", &about.version),
        ("APP_DOMAIN", &domain),
        ("APP_PROXY_PORT", &port),
        // Umbrel's value while there is no onion service.
        ("APP_HIDDEN_SERVICE", "notyetset.onion"),
        ("DEVICE_HOSTNAME", host_name),
        ("DEVICE_DOMAIN_NAME", &domain),
        ("TZ", time_zone),
        ("TOR_PROXY_IP", "tor-proxy.invalid"),
        ("TOR_PROXY_PORT", "9050"),
        ("NETWORK_IP", "10.21.0.0"),
        ("GATEWAY_IP", "10.21.0.1"),
    ];
    pairs
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
}

/// Umbrel's apps address their services by the names of their containers.
fn name_services(
    source: &ComposeFile<'_>,
    id: &str,
    addressed: &BTreeMap<&str, String>,
    overlay: &mut Overlay,
) {
    for (name, service) in source.services() {
        let alias = container_name(id, name);
        let is_apart = service.get("network_mode").is_some();
        if name == PROXY || is_apart || check_part("a container", &alias).is_err() {
            continue;
        }
        let joined = service.get("networks").map(|entry| entry.value);
        let network = joined.and_then(first_network);
        let network = network.unwrap_or_else(|| "default".to_owned());
        let networks = json!({network: {"aliases": [alias]}});
        let overlay = overlay.service(name);
        let keys = match addressed.contains_key(name) {
            // Umbrel's network, and with it the address, does not exist here.
            true => &mut overlay.instead,
            false => &mut overlay.added,
        };
        keys.insert("networks".to_owned(), networks);
    }
}

fn first_network(networks: View<'_>) -> Option<String> {
    if let Some(mut entries) = networks.entries() {
        return Some(entries.next()?.key.to_owned());
    }
    Some(networks.items()?.next()?.text()?.into_owned())
}

/// Publishes the port to which Umbrel's proxy leads, on this host alone. Says whether there is one.
fn page(source: &ComposeFile<'_>, proxy: View<'_>, about: &About, overlay: &mut Overlay) -> bool {
    let mut host = None;
    let mut port = None;
    for (name, text) in environment(proxy) {
        let lookup = |name: &str| overlay.variables.get(name).cloned();
        let value = interpolate(&text, &lookup).unwrap_or_default();
        match name.as_str() {
            "APP_HOST" => host = Some(value),
            "APP_PORT" => port = value.parse::<u16>().ok().filter(|port| *port > 0),
            _ => {}
        }
    }
    let services = source.services();
    let host = host.unwrap_or_default();
    let of_umbrel = host
        .strip_prefix(&format!("{}_", about.id))
        .and_then(|host| host.strip_suffix("_1"));
    let is_named =
        |service: View<'_>| text_at(service, &["container_name"]).is_some_and(|name| name == host);
    let named = services
        .iter()
        .find(|(name, service)| Some(**name) == of_umbrel || **name == host || is_named(**service));
    let (Some((service, view)), Some(port), Some(published)) = (named, port, about.port) else {
        return false;
    };
    // On the node's own network, the port is one of the node already.
    if view.get("network_mode").is_some() {
        return false;
    }
    let setting = json!({
        "type": "port", "default": published,
        "description": "The port of the app's page on this host.",
    });
    overlay.settings.insert("port".to_owned(), setting);
    overlay.service(service).added.insert(
        "ports".to_owned(),
        json!([format!("127.0.0.1:${{port}}:{port}")]),
    );
    let is_path = about.path.starts_with('/') && about.path.bytes().all(|b| b.is_ascii_graphic());
    overlay.page(service, port, if is_path { &about.path } else { "/" });
    true
}

/// The folders that Umbrel's apps share, and lnd's. Other parts of Umbrel's folder do not exist
/// here.
fn map_volumes(
    source: &ComposeFile<'_>,
    node: &NodeFacts,
    nodes: &mut Nodes,
    overlay: &mut Overlay,
) -> Result<(), Error> {
    let mut is_shared = false;
    let mut mounts = nodes::Mounts::default();
    volumes::map(source, overlay, |written| {
        if let Some(mapped) = nodes.map(&source.file, written, &mut mounts)? {
            return Ok(mapped);
        }
        let inside = ["${UMBREL_ROOT}", "$UMBREL_ROOT"]
            .iter()
            .find_map(|root| written.source.strip_prefix(root));
        let Some(inside) = inside else {
            return Ok(Mapped::Same);
        };
        let Some(shared) = shared_part(inside) else {
            return Err(Error::UmbrelFolder {
                file: source.file.clone(),
                line: written.place.line,
                column: written.place.column,
            });
        };
        is_shared = true;
        Ok(Mapped::Source(format!("${{{}}}{shared}", volumes::SHARED)))
    })?;
    if nodes.has_folder() {
        mounts.add_to(overlay);
    }
    if is_shared {
        volumes::shared(overlay, &node.shared_folder, "Umbrel");
    }
    Ok(())
}

/// The path in Umbrel's shared folder of a path in Umbrel's own folder. Newer versions rename the
/// shared folder, and the downloads in it, in the Compose files of installed apps.
fn shared_part(inside: &str) -> Option<String> {
    let beneath = |folder: &str| {
        let rest = inside.strip_prefix(folder)?;
        (rest.is_empty() || rest.starts_with('/')).then_some(rest)
    };
    if let Some(rest) = beneath("/home/Downloads") {
        return Some(format!("/downloads{rest}"));
    }
    let rest = beneath("/data/storage").or_else(|| beneath("/home"))?;
    Some(rest.to_owned())
}

/// Makes settings of the variables with a default. The others would be set by scripts.
fn settle_variables(
    source: &ComposeFile<'_>,
    secrets: &[SecretVariable],
    overlay: &mut Overlay,
) -> Result<(), Error> {
    let uses = used(source);
    let is_secret = |name: &str| secrets.iter().any(|secret| secret.variable == name);
    let mut open = BTreeMap::new();
    let mut names = BTreeSet::new();
    for (name, uses) in uses {
        let is_given =
            overlay.variables.contains_key(&name) || overlay.followed.contains_key(&name);
        if is_given || is_secret(&name) || name == "UMBREL_ROOT" {
            continue;
        }
        match uses.has_defaults() {
            true => drop(open.insert(name, uses)),
            false => drop(names.insert(name)),
        }
    }
    if let Some(app) = nodes::asked_folder(&names) {
        return Err(Error::DataFolder {
            file: source.file.clone(),
            app,
        });
    }
    if !names.is_empty() {
        return Err(Error::Variables {
            file: source.file.clone(),
            names,
        });
    }
    to_settings(&open, &BTreeMap::new(), overlay);
    // Where these stood, there is something else now. Only the file above still names them.
    for name in secrets.iter().map(|secret| secret.variable) {
        overlay.variables.insert(name.to_owned(), String::new());
    }
    let root = "/umbrel-is-not-there".to_owned();
    overlay.variables.insert("UMBREL_ROOT".to_owned(), root);
    Ok(())
}

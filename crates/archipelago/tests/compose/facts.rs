//! The facts of a container that a person chooses with a Compose file, each under a name of its
//! own.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// A field and its value as text. Fields without a value are left out.
pub(crate) type Facts = BTreeMap<String, String>;

/// Variables and names that differ from one container to the next.
const RANDOM: [&str; 2] = ["HOSTNAME", "container"];

/// Names that differ between the two sides.
#[derive(Clone, Copy)]
pub(crate) struct Names<'a> {
    /// The app's id and the project's name.
    pub(crate) project: &'a str,
    /// The name of the host itself.
    pub(crate) host: &'a str,
}

/// The output of `podman inspect`, and under `oci` the configuration of the OCI runtime.
#[expect(clippy::too_many_lines, reason = "a table of facts")]
pub(crate) fn facts(container: &Value, names: Names<'_>) -> Facts {
    let mut facts = Facts::new();
    let id = text(&container["Id"]);
    let short = id.get(..12).unwrap_or_default();
    let config = &container["Config"];
    let host = &container["HostConfig"];
    let oci = &container["oci"];
    for name in [
        "User",
        "Tty",
        "OpenStdin",
        "WorkingDir",
        "StopSignal",
        "StopTimeout",
        "Entrypoint",
        "Cmd",
        "HealthcheckOnFailureAction",
        "Umask",
        "sdNotifyMode",
    ] {
        put(&mut facts, name, &config[name]);
    }
    let hostname = text(&config["Hostname"]);
    if hostname == names.host {
        facts.insert("Hostname".to_owned(), "the host's".to_owned());
    } else if hostname != short {
        facts.insert("Hostname".to_owned(), hostname);
    }
    for check in ["Healthcheck", "StartupHealthCheck"] {
        for (name, value) in config[check].as_object().into_iter().flatten() {
            facts.insert(format!("{check}/{name}"), value.to_string());
        }
    }
    for entry in list(&host["ExtraHosts"]) {
        facts.insert(format!("host/{entry}"), "yes".to_owned());
    }
    for variable in list(&config["Env"]) {
        let (name, value) = variable.split_once('=').unwrap_or((&variable, ""));
        if !RANDOM.contains(&name) {
            facts.insert(format!("environment/{name}"), format!("={value}"));
        }
    }
    for (kind, pairs) in [
        ("label", &config["Labels"]),
        ("annotation", &oci["annotations"]),
        ("sysctl", &oci["linux"]["sysctl"]),
        ("tmpfs", &host["Tmpfs"]),
    ] {
        for (name, value) in pairs.as_object().into_iter().flatten() {
            facts.insert(format!("{kind}/{name}"), format!("={}", text(value)));
        }
    }
    for name in [
        "AutoRemove",
        "CapAdd",
        "CapDrop",
        "CgroupMode",
        "Dns",
        "DnsOptions",
        "DnsSearch",
        "GroupAdd",
        "Init",
        "IpcMode",
        "OomScoreAdj",
        "PidMode",
        "Privileged",
        "ReadonlyRootfs",
        "SecurityOpt",
        "ShmSize",
        "UTSMode",
        "UsernsMode",
    ] {
        put(&mut facts, name, &host[name]);
    }
    put(&mut facts, "LogDriver", &host["LogConfig"]["Type"]);
    put(&mut facts, "RestartPolicy", &host["RestartPolicy"]["Name"]);
    put(&mut facts, "EffectiveCaps", &container["EffectiveCaps"]);
    put(&mut facts, "BoundingCaps", &container["BoundingCaps"]);
    for limit in host["Ulimits"].as_array().into_iter().flatten() {
        let value = format!("{}:{}", limit["Soft"], limit["Hard"]);
        facts.insert(format!("ulimit/{}", text(&limit["Name"])), value);
    }
    for (port, bindings) in host["PortBindings"].as_object().into_iter().flatten() {
        let bindings = bindings.as_array().into_iter().flatten();
        for (number, binding) in bindings.enumerate() {
            let binding = |name: &str| text(&binding[name]);
            facts.insert(format!("port/{port}/{number}"), binding("HostPort"));
            facts.insert(format!("address/{port}/{number}"), binding("HostIp"));
        }
    }
    for mount in container["Mounts"].as_array().into_iter().flatten() {
        let access = if mount["RW"] == true { "rw" } else { "ro" };
        let options = sorted(&mount["Options"]);
        facts.insert(
            format!("mount/{}", text(&mount["Destination"])),
            format!(
                "{} {access} {} {options}",
                text(&mount["Type"]),
                text(&mount["Propagation"])
            ),
        );
    }
    networks(&mut facts, container, names);
    runtime(&mut facts, oci);
    facts
}

/// The kind of network, the networks, and on each the names that others find the container by.
fn networks(facts: &mut Facts, container: &Value, names: Names<'_>) {
    let mode = text(&container["HostConfig"]["NetworkMode"]);
    facts.insert("NetworkMode".to_owned(), mode);
    let id = text(&container["Id"]);
    let own = [
        text(&container["Name"]),
        id.get(..12).unwrap_or_default().to_owned(),
    ];
    let networks = container["NetworkSettings"]["Networks"].as_object();
    for (network, joined) in networks.into_iter().flatten() {
        let network = network_of(network, names.project);
        facts.insert(format!("network/{network}"), "joined".to_owned());
        for (field, chosen) in [("IPAddress", "10.77.0."), ("MacAddress", "02:00:00:")] {
            let value = text(&joined[field]);
            if value.starts_with(chosen) {
                facts.insert(format!("network/{network}/{field}"), value);
            }
        }
        let aliases = list(&joined["Aliases"]).into_iter();
        for alias in aliases.filter(|alias| !own.contains(alias)) {
            facts.insert(format!("network/{network}/alias/{alias}"), "yes".to_owned());
        }
    }
    for network in container["networks"].as_array().into_iter().flatten() {
        let name = text(&network["name"]);
        let name = network_of(&name, names.project);
        for property in ["internal", "ipv6_enabled", "dns_enabled"] {
            if network[property] == true {
                facts.insert(format!("network/{name}/{property}"), "yes".to_owned());
            }
        }
        for (option, value) in network["options"].as_object().into_iter().flatten() {
            facts.insert(format!("network/{name}/option/{option}"), text(value));
        }
        // The others were chosen by Podman.
        for subnet in network["subnets"].as_array().into_iter().flatten() {
            if text(&subnet["subnet"]).starts_with("10.77.") {
                facts.insert(format!("network/{name}/subnet"), subnet.to_string());
            }
        }
    }
}

/// The name of a network in the Compose file.
fn network_of<'a>(name: &'a str, project: &str) -> &'a str {
    let rest = |prefix: &str| name.strip_prefix(prefix)?.strip_prefix(project);
    match (rest("archy-"), rest("")) {
        (Some(""), _) => "default",
        (Some(rest), _) => rest.trim_start_matches('-'),
        (None, Some(rest)) => rest.trim_start_matches('_'),
        (None, None) => name,
    }
}

/// The configuration that the runtime was given. Limits are compared here alone: `podman inspect`
/// reads them from the configuration without limits (see `RUNTIME` in `sides`).
fn runtime(facts: &mut Facts, oci: &Value) {
    put(facts, "oci/args", &oci["process"]["args"]);
    put(facts, "oci/cwd", &oci["process"]["cwd"]);
    put(facts, "oci/terminal", &oci["process"]["terminal"]);
    put(
        facts,
        "oci/noNewPrivileges",
        &oci["process"]["noNewPrivileges"],
    );
    put(facts, "oci/oomScoreAdj", &oci["process"]["oomScoreAdj"]);
    put(facts, "oci/user/uid", &oci["process"]["user"]["uid"]);
    put(facts, "oci/user/gid", &oci["process"]["user"]["gid"]);
    put(
        facts,
        "oci/user/additionalGids",
        &oci["process"]["user"]["additionalGids"],
    );
    put(facts, "oci/root/readonly", &oci["root"]["readonly"]);
    let seccomp = if oci["linux"]["seccomp"].is_object() {
        "filtered"
    } else {
        "unconfined"
    };
    facts.insert("oci/seccomp".to_owned(), seccomp.to_owned());
    for limit in oci["process"]["rlimits"].as_array().into_iter().flatten() {
        let value = format!("{}:{}", limit["soft"], limit["hard"]);
        facts.insert(format!("oci/rlimit/{}", text(&limit["type"])), value);
    }
    for namespace in oci["linux"]["namespaces"].as_array().into_iter().flatten() {
        facts.insert(
            format!("oci/namespace/{}", text(&namespace["type"])),
            "own".to_owned(),
        );
    }
    let resources = &oci["linux"]["resources"];
    for (name, value) in [
        ("memory/limit", &resources["memory"]["limit"]),
        ("memory/reservation", &resources["memory"]["reservation"]),
        ("memory/swap", &resources["memory"]["swap"]),
        ("cpu/shares", &resources["cpu"]["shares"]),
        ("cpu/quota", &resources["cpu"]["quota"]),
        ("cpu/period", &resources["cpu"]["period"]),
        ("cpu/cpus", &resources["cpu"]["cpus"]),
        ("blockIO/weight", &resources["blockIO"]["weight"]),
        ("pids/limit", &resources["pids"]["limit"]),
    ] {
        put(facts, &format!("oci/{name}"), value);
    }
    for mount in oci["mounts"].as_array().into_iter().flatten() {
        facts.insert(
            format!("oci/mount/{}", text(&mount["destination"])),
            format!("{} {}", text(&mount["type"]), sorted(&mount["options"])),
        );
    }
    for device in oci["linux"]["devices"].as_array().into_iter().flatten() {
        let value = format!(
            "{} {}:{}",
            text(&device["type"]),
            device["major"],
            device["minor"]
        );
        facts.insert(format!("oci/device/{}", text(&device["path"])), value);
    }
}

fn put(facts: &mut Facts, name: &str, value: &Value) {
    let is_nothing = match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::String(text) => text.is_empty(),
        _ => false,
    };
    if is_nothing {
        return;
    }
    // The order of capabilities and groups means nothing; that of a command does.
    let is_ordered = matches!(
        name,
        "Cmd" | "Entrypoint" | "oci/args" | "Dns" | "DnsSearch"
    );
    let value = match value {
        Value::Array(_) if !is_ordered => sorted(value),
        _ => value.to_string(),
    };
    facts.insert(name.to_owned(), value);
}

fn sorted(value: &Value) -> String {
    let items: BTreeSet<String> = list(value).into_iter().collect();
    format!("{items:?}")
}

fn list(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().map(text).collect()
}

/// A text as it stands; anything else as JSON.
fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

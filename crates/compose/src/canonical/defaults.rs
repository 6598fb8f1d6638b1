//! Defaults of keys that a file leaves out, and the combinations that the model's own rules forbid.
//!
//! Source: compose-go's `transform/defaults.go` and `validation` package.

use std::net::IpAddr;

use crate::diagnostic::Report;
use crate::node::{Node, Value, entry};
use crate::problem::Problem;
use crate::syntax::SyntaxError;
use crate::trail::Trail;
use crate::walk::{each_entry, each_item};

/// Fills in what is not written, and reports what may not stand together.
pub(crate) fn defaults(top: &mut Node, report: &mut Report) {
    for section in ["services", "jobs"] {
        each_entry(
            top.get_mut(section),
            &Trail::of([section]),
            |node, trail| {
                service(node, trail, report);
            },
        );
    }
    each_entry(
        top.get_mut("volumes"),
        &Trail::of(["volumes"]),
        |node, trail| external(node, trail, report),
    );
    each_entry(
        top.get_mut("configs"),
        &Trail::of(["configs"]),
        |node, trail| {
            source(node, &["file", "environment", "content"], trail, report);
        },
    );
    each_entry(
        top.get_mut("secrets"),
        &Trail::of(["secrets"]),
        |node, trail| {
            source(node, &["file", "environment"], trail, report);
        },
    );
}

fn service(node: &mut Node, trail: &Trail, report: &mut Report) {
    if let Some(build) = node.get_mut("build") {
        fill(build, "context", |build| Node::text(&build.place, "."));
    }
    each_item(node.get_mut("secrets"), trail, |secret, _| {
        let name = secret
            .get("source")
            .and_then(Node::scalar_text)
            .unwrap_or_default();
        fill(secret, "target", |secret| {
            Node::text(&secret.place, format!("/run/secrets/{name}"))
        });
    });
    each_item(node.get_mut("ports"), &trail.key("ports"), |port, trail| {
        fill(port, "protocol", |port| Node::text(&port.place, "tcp"));
        fill(port, "mode", |port| Node::text(&port.place, "ingress"));
        if let Some(address) = port.get("host_ip")
            && address
                .as_text()
                .is_none_or(|text| text.parse::<IpAddr>().is_err())
        {
            report.error(&address.place, &trail.key("host_ip"), SyntaxError::Address);
        }
        if port.as_map().is_some() && port.get("target").is_none() {
            report.error(&port.place, trail, Problem::KeyMissing { key: "target" });
        }
    });
    each_item(
        node.get_mut("devices"),
        &trail.key("devices"),
        |device, trail| {
            if device.as_map().is_some() && device.get("target").is_none() {
                report.error(&device.place, trail, Problem::KeyMissing { key: "target" });
            }
        },
    );
    each_item(
        node.get_mut("gpus"),
        &trail.key("gpus"),
        |request, trail| device(request, trail, report),
    );
    let reservations = ["deploy", "resources", "reservations", "devices"];
    let devices = reservations
        .iter()
        .try_fold(&mut *node, |node, key| node.get_mut(key));
    each_item(
        devices,
        &trail.key("deploy.resources.reservations.devices"),
        |request, trail| {
            device(request, trail, report);
        },
    );
    each_item(
        node.get_mut("volumes"),
        &trail.key("volumes"),
        |mount, trail| {
            if let Some(bind) = mount.get_mut("bind") {
                fill(bind, "create_host_path", |bind| {
                    Node::bool(&bind.place, true)
                });
            }
            let kind = mount.get("type").and_then(Node::as_text);
            if kind == Some("bind") && mount.get("source").is_none() {
                report.error(&mount.place, trail, Problem::KeyMissing { key: "source" });
            }
            if mount.as_map().is_some() && mount.get("target").is_none() {
                report.error(&mount.place, trail, Problem::KeyMissing { key: "target" });
            }
        },
    );
}

fn device(request: &mut Node, trail: &Trail, report: &mut Report) {
    match (request.get("count"), request.get("device_ids")) {
        (None, None) => fill(request, "count", |request| {
            Node::text(&request.place, "all")
        }),
        (Some(_), Some(ids)) => {
            let problem = Problem::Exclusive {
                one: "count",
                other: "device_ids",
            };
            report.error(&ids.place, trail, problem);
        }
        _ => {}
    }
}

fn fill(node: &mut Node, key: &str, value: impl Fn(&Node) -> Node) {
    let value = value(node);
    let place = node.place.clone();
    if let Value::Map(map) = &mut node.value {
        map.entry(key.to_owned())
            .or_insert_with(|| entry(&place, value));
    }
}

/// A volume that exists already has a name and nothing else.
fn external(node: &Node, trail: &Trail, report: &mut Report) {
    let Some(map) = node.as_map() else { return };
    if !map
        .get("external")
        .is_some_and(|external| is_true(&external.node))
    {
        return;
    }
    for (key, entry) in map {
        if !matches!(key.as_str(), "name" | "external") && !key.starts_with("x-") {
            report.error(
                &entry.key.0,
                &trail.key(key),
                Problem::External { key: key.clone() },
            );
        }
    }
}

pub(crate) fn is_true(node: &Node) -> bool {
    match &node.value {
        Value::Bool(value) => *value,
        Value::Text(text) => crate::syntax::boolean(text) == Ok(true),
        _ => false,
    }
}

fn source(node: &Node, keys: &'static [&'static str], trail: &Trail, report: &mut Report) {
    let Some(map) = node.as_map() else { return };
    let mut given = keys.iter().filter(|key| map.contains_key(**key));
    match (given.next(), given.next()) {
        (Some(one), Some(other)) => {
            report.error(&node.place, trail, Problem::Exclusive { one, other });
        }
        (None, _) if !map.contains_key("driver") && !map.contains_key("external") => {
            report.error(&node.place, trail, Problem::NoSource { keys });
        }
        _ => {}
    }
}

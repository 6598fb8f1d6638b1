//! Any text in any field of a Compose file: core refuses it, or it stands byte-equal in the command
//! line that Podman's generator makes, and nothing else of the service changes.
//!
//! Each case has a twin with a harmless text in the same field. `unquote` reads the command lines
//! as systemd does.

use archipelago_core::desired::{App, Apps, Inputs, assemble};
use archipelago_core::intent::Intent;
use archipelago_core::layout::Layout;
use archipelago_core::manifest::Files;
use archipelago_core::name::AppId;
use serde_json::{Value, json};

use crate::slots::IMAGE;

/// Stands for the text, as it is meant.
const HARMLESS: &str = "harmlessText";

/// Where a text can stand in a Compose file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    /// The service, with the text in it.
    put: fn(&str) -> Value,
    /// Whether Podman reads the text as a part of JSON.
    is_json: bool,
    /// Whether Compose reads `$` in it.
    has_variables: bool,
    /// The text as Podman is to get it, with what stands before it in the same word.
    read: fn(&str) -> String,
    /// Whether an empty text is the same as none.
    is_none_if_empty: bool,
}

const fn field(name: &'static str, put: fn(&str) -> Value) -> Field {
    Field {
        name,
        put,
        is_json: false,
        has_variables: true,
        read: |text| text.to_owned(),
        is_none_if_empty: false,
    }
}

const fn optional(name: &'static str, put: fn(&str) -> Value) -> Field {
    Field {
        is_none_if_empty: true,
        ..field(name, put)
    }
}

const fn read_as(name: &'static str, read: fn(&str) -> String, put: fn(&str) -> Value) -> Field {
    Field {
        read,
        ..field(name, put)
    }
}

/// As Compose reads a path: without needless parts.
fn cleaned(path: &str) -> String {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

const fn key(name: &'static str, put: fn(&str) -> Value) -> Field {
    Field {
        has_variables: false,
        ..field(name, put)
    }
}

const fn in_json(name: &'static str, put: fn(&str) -> Value) -> Field {
    Field {
        is_json: true,
        ..field(name, put)
    }
}

pub(crate) const FIELDS: [Field; 32] = [
    field("environment", |text| json!({"environment": {"NAME": text}})),
    field(
        "environment, a list",
        |text| json!({"environment": [format!("NAME={text}")]}),
    ),
    key(
        "the name of a variable",
        |text| json!({"environment": {text: "value"}}),
    ),
    field("labels", |text| json!({"labels": {"name": text}})),
    key(
        "the name of a label",
        |text| json!({"labels": {text: "value"}}),
    ),
    field("annotations", |text| json!({"annotations": {"name": text}})),
    key(
        "the name of an annotation",
        |text| json!({"annotations": {text: "value"}}),
    ),
    field(
        "command",
        |text| json!({"command": ["first", text, "last"]}),
    ),
    in_json(
        "entrypoint",
        |text| json!({"entrypoint": ["/bin/sh", text]}),
    ),
    in_json(
        "healthcheck, a program",
        |text| json!({"healthcheck": {"test": ["CMD", "true", text]}}),
    ),
    in_json(
        "healthcheck, a shell",
        |text| json!({"healthcheck": {"test": ["CMD-SHELL", text]}}),
    ),
    optional("hostname", |text| json!({"hostname": text})),
    field(
        "working_dir",
        |text| json!({"working_dir": format!("/{text}")}),
    ),
    optional("user", |text| json!({"user": text})),
    field("group_add", |text| json!({"group_add": [text]})),
    optional("stop_signal", |text| json!({"stop_signal": text})),
    field(
        "extra_hosts",
        |text| json!({"extra_hosts": [format!("{text}.example:192.0.2.1")]}),
    ),
    optional("dns", |text| json!({"dns": [text]})),
    field("dns_search", |text| json!({"dns_search": [text]})),
    field("dns_opt", |text| json!({"dns_opt": [text]})),
    field("tmpfs", |text| json!({"tmpfs": [format!("/t{text}")]})),
    read_as(
        "cap_drop",
        // Quadlet writes capabilities in small letters.
        str::to_lowercase,
        |text| json!({"cap_drop": [text]}),
    ),
    field(
        "devices",
        |text| json!({"devices": [format!("/dev/{text}")]}),
    ),
    field(
        "security_opt",
        |text| json!({"security_opt": [format!("seccomp=/{text}")]}),
    ),
    field(
        "userns_mode",
        |text| json!({"userns_mode": format!("keep-id:{text}")}),
    ),
    field("sysctls", |text| json!({"sysctls": {"net.x": text}})),
    key(
        "the name of a sysctl",
        |text| json!({"sysctls": {text: "1"}}),
    ),
    key("the name of a ulimit", |text| json!({"ulimits": {text: 5}})),
    field(
        "the source of a mount",
        |text| json!({"volumes": [{"type": "bind", "source": format!("/srv/{text}"), "target": "/target"}]}),
    ),
    read_as(
        "the target of a mount",
        |text| cleaned(&format!("/t{text}")),
        |text| json!({"volumes": [{"type": "bind", "source": "/srv", "target": format!("/t{text}")}]}),
    ),
    field(
        "networks",
        |text| json!({"networks": {"default": {"aliases": [text]}}}),
    ),
    field("container_name", |text| json!({"container_name": text})),
];

/// The files of the units of an app with a text in a field; `None` when core refuses it, or when it
/// is the same as none.
pub(crate) fn units(id: &str, field: &Field, text: &str) -> Option<Vec<(String, String)>> {
    if text.is_empty() && field.is_none_if_empty {
        return None;
    }
    let written = match field.has_variables {
        true => text.replace('$', "$$"),
        false => text.to_owned(),
    };
    let mut service = (field.put)(&written);
    let map = service.as_object_mut().expect("a mapping");
    map.insert("image".to_owned(), Value::from(IMAGE));
    // JSON is YAML.
    let compose = json!({"name": id, "services": {"web": service}}).to_string();
    let app = AppId::parse(id).expect("an id");
    let mut inputs = Inputs::new(Layout::under("/home/archy"));
    let intent = Intent::parse("", "").expect("an empty intent");
    inputs.intents.insert(app.clone(), Ok(intent));
    let files = Files::from([("compose.yaml".to_owned(), compose.into_bytes().into())]);
    inputs.definitions.insert(app.clone(), files);
    match &assemble(&inputs, &Apps::read(&inputs)).apps[&app] {
        App::Present(present) => Some(
            (present.units.iter())
                .map(|(name, unit)| (name.clone(), unit.file.content.clone()))
                .collect(),
        ),
        _ => None,
    }
}

pub(crate) fn harmless(id: &str, field: &Field) -> Vec<(String, String)> {
    let units = units(id, field, HARMLESS);
    units.unwrap_or_else(|| panic!("{}: the harmless text is refused", field.name))
}

/// The arguments of the twin as those of the case are meant to be.
pub(crate) fn meant(field: &Field, text: &str, twin: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let text = match field.is_json {
        true => {
            let json = Value::from(text).to_string();
            json[1..json.len() - 1].to_owned()
        }
        false => (field.read)(text),
    };
    let harmless = (field.read)(HARMLESS);
    let replaced = |argument: &Vec<u8>| {
        let argument = std::str::from_utf8(argument).expect("a harmless argument");
        argument.replace(&harmless, &text).into_bytes()
    };
    twin.iter().map(replaced).collect()
}

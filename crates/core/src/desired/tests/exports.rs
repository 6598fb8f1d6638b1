//! Exports: apps share the exported networks and values, and nothing else.

use super::*;
use crate::manifest::SettingValue;
use crate::release::ReleaseId;

const BASE: &str = "
services: {base: {image: x}, db: {image: y}, admin: {image: z}}
x-archipelago:
  settings: {port: {type: port, default: 1}, own: {type: port, default: 2}}
  exports: {services: {base: [80]}, settings: [port]}
";

fn top(services: &str, requires: &str) -> String {
    format!("services: {{{services}}}\nx-archipelago: {{requires: {{apps: [{requires}]}}}}\n")
}

/// The networks of a container as its unit names them, and as they are known to the plan.
fn networks(inputs: &Inputs, app: &str, container: &str) -> (Vec<String>, Vec<String>) {
    let desired = assemble(inputs, &Apps::read(inputs));
    let unit = unit(&desired, app, &format!("{container}.container"));
    let lines = unit.file.content.lines();
    let lines = lines.filter_map(|line| line.strip_prefix("Network="));
    let Role::Container(known) = &unit.role else {
        panic!("{container} is no container");
    };
    (
        lines.map(str::to_owned).collect(),
        known.networks.iter().cloned().collect(),
    )
}

fn check_networks(inputs: &Inputs, app: &str, container: &str, units: &[&str], names: &[&str]) {
    let (found_units, found_names) = networks(inputs, app, container);
    assert_eq!(found_units, units, "{container}");
    assert_eq!(found_names, names, "{container}");
}

#[test]
fn only_what_is_exported_meets_only_those_that_use_it() {
    let all = top("top: {image: x}, db: {image: y}", "base");
    let one = top(
        "one: {image: x}, db: {image: y}, host: {image: z, network_mode: host}",
        "{app: base, services: [one]}",
    );
    let inputs = inputs(&[("base", BASE), ("one", &one), ("top", &all), ("web", PLAIN)]);
    let check = |app, container, units: &[&str], names: &[&str]| {
        check_networks(&inputs, app, container, units, names);
    };
    // On the exports network nobody has a name that another app could have as well: `db` is always
    // one's own.
    check(
        "base",
        "archy-base",
        &[
            "archy-base.network:alias=base",
            "archy-base-exports.network",
        ],
        &["archy-base", "archy-base-exports"],
    );
    check(
        "base",
        "archy-base-db",
        &["archy-base.network:alias=db"],
        &["archy-base"],
    );
    check(
        "top",
        "archy-top",
        &["archy-top.network:alias=top", "archy-base-exports.network"],
        &["archy-base-exports", "archy-top"],
    );
    check(
        "top",
        "archy-top-db",
        &["archy-top.network:alias=db", "archy-base-exports.network"],
        &["archy-base-exports", "archy-top"],
    );
    check(
        "one",
        "archy-one",
        &["archy-one.network:alias=one", "archy-base-exports.network"],
        &["archy-base-exports", "archy-one"],
    );
    check(
        "one",
        "archy-one-db",
        &["archy-one.network:alias=db"],
        &["archy-one"],
    );
    check("one", "archy-one-host", &["host"], &[]);
    check(
        "web",
        "archy-web",
        &["archy-web.network:alias=a"],
        &["archy-web"],
    );
}

#[test]
fn every_network_is_kept_from_all_others_and_only_an_app_that_exports_has_two() {
    let inputs = inputs(&[("base", BASE), ("web", PLAIN)]);
    let desired = assemble(&inputs, &Apps::read(&inputs));
    let units = desired
        .present()
        .flat_map(|(_, present)| present.units.values());
    let networks: Vec<&str> = units
        .filter(|unit| matches!(unit.role, Role::Network(_)))
        .map(|unit| {
            let isolated = "\nOptions=isolate=strict\n";
            assert!(unit.file.content.contains(isolated), "{unit:?}");
            unit.service.as_str()
        })
        .collect();
    assert_eq!(
        networks,
        [
            "archy-base-exports-network.service",
            "archy-base-network.service",
            "archy-web-network.service",
        ]
    );
}

#[test]
fn an_app_that_requires_one_without_exports_joins_nothing() {
    let top = top("top: {image: x}", "web");
    let mut inputs = inputs(&[("top", &top), ("web", PLAIN)]);
    let release = ReleaseId::of(&inputs.definitions[&id("web")]);
    let web = inputs.intents.get_mut(&id("web")).unwrap();
    web.as_mut().unwrap().release = Some(release);
    check_networks(
        &inputs,
        "top",
        "archy-top",
        &["archy-top.network:alias=top"],
        &["archy-top"],
    );
    // A definition of version 0.1.0 offered all of the app, on its own network.
    let web = inputs.intents.get_mut(&id("web")).unwrap();
    web.as_mut().unwrap().exports_all = true;
    check_networks(
        &inputs,
        "top",
        "archy-top",
        &["archy-top.network:alias=top", "archy-web.network"],
        &["archy-top", "archy-web"],
    );
}

#[test]
fn a_template_reads_of_another_app_what_that_exports() {
    let top = "services: {top: {image: x}}\nx-archipelago:\n  requires: {apps: [base]}\n  templates: [{source: t, service: top, target: /t}]\n";
    let with = |template: &str| {
        let mut inputs = inputs(&[("base", BASE), ("top", top)]);
        let files = inputs.definitions.get_mut(&id("top")).unwrap();
        files.insert("t".to_owned(), template.as_bytes().into());
        inputs
    };
    let inputs = with("port={{ apps.base.settings.port }}\n");
    let desired = assemble(&inputs, &Apps::read(&inputs));
    let (_, present) = desired.present().last().unwrap();
    let rendered: Vec<&String> = present.files.values().collect();
    assert_eq!(rendered, ["port=1\n"]);
    check(
        &with("\n{{ apps.base.settings.own }}\n"),
        &[
            ("base", "present"),
            (
                "top",
                "/config/apps/top/t:2:1: apps.base.settings.own: base does not export it; the definition of base must list it under `x-archipelago.exports.settings` (archipelago install base renews an app of the catalog) (docs/manifest.md lists what templates can use)",
            ),
        ],
    );
}

#[test]
fn a_host_name_is_heard_by_no_other_app() {
    let refused = "services.top.hostname: other apps on the network archy-base-exports would hear this name too; remove it, write archy-top, or keep the service off that network (docs/manifest.md, Exports)";
    for (hostname, requires, expected) in [
        ("db", "base", refused),
        ("archy-base", "base", refused),
        ("archy-top", "base", "present"),
        ("db", "{app: base, services: []}", "present"),
        ("db", "web", "present"),
    ] {
        let top = top(
            &format!("top: {{image: x, hostname: {hostname}}}"),
            requires,
        );
        check(
            &inputs(&[("base", BASE), ("top", &top), ("web", PLAIN)]),
            &[("base", "present"), ("top", expected), ("web", "present")],
        );
    }
}

const NODE: &str = "
services: {node: {image: x, volumes: ['data:/d']}}
volumes: {data: }
x-archipelago:
  settings: {chain: {type: string, default: main}, own: {type: string, default: x}}
  secrets: {rpc: , hidden: }
  captures: {macaroon: {volume: data, path: m, encoding: hex}, key: {volume: data, path: k}}
  exports: {settings: [chain], secrets: [rpc], files: [macaroon]}
";

/// An app on it, with a joined secret of this part and a variable that follows this setting.
fn above(part: &str, setting: &str) -> String {
    format!(
        "services: {{top: {{image: x, command: ['${{CHAIN}}'], x-environment-secrets: {{LOGIN: login}}, secrets: [macaroon]}}}}
x-archipelago:
  requires: {{apps: [node]}}
  variables: {{CHAIN: {{app: node, setting: {setting}, words: {{main: mainnet}}}}}}
  secrets:
    own: {{description: x}}
    login: {{joined: [{{text: 'u:'}}, {{app: node, secret: {part}}}, {{text: /}}, {{setting: CHAIN}}, {{secret: own}}]}}
    macaroon: {{joined: [{{app: node, file: macaroon}}]}}
"
    )
}

fn with_node(top: &str) -> Inputs {
    let mut inputs = inputs(&[("node", NODE), ("top", top)]);
    for (app, name, text) in [
        ("node", "rpc", "hunter2"),
        ("node", "hidden", "swordfish"),
        ("top", "own", "mine"),
    ] {
        let secrets = inputs.secrets.entry(id(app)).or_default();
        secrets.insert(name.to_owned(), text.to_owned());
    }
    inputs
}

fn macaroon(inputs: &Inputs) -> PathBuf {
    inputs.layout.volumes(&id("node")).join("data/m")
}

#[test]
fn a_secret_is_joined_of_what_other_apps_export() {
    let mut inputs = with_node(&above("rpc", "chain"));
    check(
        &inputs,
        &[("node", "present"), ("top", "waits for macaroon of node")],
    );
    inputs.captured.insert(macaroon(&inputs), vec![0xff, 0]);
    let contents = |inputs: &Inputs| {
        let desired = assemble(inputs, &Apps::read(inputs));
        let (_, present) = desired.present().last().unwrap();
        let secrets = present.secrets.iter();
        let secrets = secrets.map(|(name, secret)| {
            let shown = format!("{secret:?}");
            assert!(!shown.contains("hunter2"), "{shown}");
            (
                name.clone(),
                secret.content.0.clone(),
                secret.revision.clone(),
            )
        });
        let unit = unit(&desired, "top", "archy-top.container");
        (secrets.collect::<Vec<_>>(), unit.file.clone())
    };
    let (before, unit) = contents(&inputs);
    let bytes: Vec<&[u8]> = before
        .iter()
        .map(|(_, content, _)| content.as_slice())
        .collect();
    assert_eq!(bytes, [b"u:hunter2/mainnetmine".as_slice(), &[0xff, 0]]);
    assert!(
        unit.content.contains("Exec=\"mainnet\"\n"),
        "{}",
        unit.content
    );
    assert!(!unit.content.contains("hunter2"), "{}", unit.content);
    // It is made anew, and the service restarts, when a part of it changes.
    let secrets = inputs.secrets.get_mut(&id("node")).unwrap();
    secrets.insert("rpc".to_owned(), "hunter3".to_owned());
    let (after, changed) = contents(&inputs);
    assert_eq!(after[0].1, b"u:hunter3/mainnetmine");
    assert_ne!(after[0].2, before[0].2);
    assert_ne!(changed.revision, unit.revision);
    // The network's name is that of the node's setting.
    let node = inputs.intents.get_mut(&id("node")).unwrap();
    let settings = &mut node.as_mut().unwrap().settings;
    settings.insert("chain".to_owned(), SettingValue::Text("regtest".to_owned()));
    let (_, unit) = contents(&inputs);
    assert!(
        unit.content.contains("Exec=\"regtest\"\n"),
        "{}",
        unit.content
    );
}

#[test]
fn nothing_else_of_another_app_can_be_joined_or_followed() {
    let refused = |list: &str, name: &str| {
        format!(
            "it uses {name} of node, which node does not export; the definition of node must list it under `x-archipelago.exports.{list}` (archipelago install node renews an app of the catalog)"
        )
    };
    for (top, expected) in [
        (above("hidden", "chain"), refused("secrets", "hidden")),
        (above("absent", "chain"), refused("secrets", "absent")),
        (above("rpc", "own"), refused("settings", "own")),
        (
            above("rpc", "chain").replace("file: macaroon", "file: key"),
            refused("files", "key"),
        ),
    ] {
        let mut inputs = with_node(&top);
        let path = inputs.layout.volumes(&id("node")).join("data/k");
        inputs.captured.insert(path, b"key".to_vec());
        inputs.captured.insert(macaroon(&inputs), vec![1]);
        // A definition from before exports would offer all.
        let node = inputs.intents.get_mut(&id("node")).unwrap();
        node.as_mut().unwrap().release = Some(ReleaseId::of(&Files::new()));
        check(&inputs, &[("node", "present"), ("top", &expected)]);
    }
    let alone = inputs(&[("top", &above("rpc", "chain"))]);
    check(
        &alone,
        &[(
            "top",
            "it requires node, which is not installed or cannot be read; archipelago install node",
        )],
    );
}

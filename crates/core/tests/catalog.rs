//! Each app of the catalog can be read, worked out and rendered, with its defaults and with each
//! choice of its settings.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test helper that reads the catalog from the disk"
)]

use std::path::{Path, PathBuf};

use archipelago_core::desired::{App, Apps, Inputs, Present, assemble, read_schema};
use archipelago_core::intent::Intent;
use archipelago_core::layout::Layout;
use archipelago_core::manifest::{Files, Schema, SettingKind, SettingValue};
use archipelago_core::name::AppId;
use archipelago_core::operation::{Definition, Request, propose};
use archipelago_core::quadlet::VERSION;

#[path = "catalog/umbrel.rs"]
mod umbrel;

const APPS: [&str; 4] = ["bitcoin", "electrs", "litecoin", "lnd"];

fn id(text: &str) -> AppId {
    AppId::parse(text).unwrap()
}

fn catalog() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../catalog")
}

fn load(folder: &Path, prefix: &str, files: &mut Files) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = format!("{prefix}{}", path.file_name().unwrap().to_str().unwrap());
        if path.is_dir() {
            load(&path, &format!("{name}/"), files);
        } else {
            files.insert(name, std::fs::read(&path).unwrap().into());
        }
    }
}

/// An app's files, and those of the folders beside it that its builds name.
fn definition(app: &str) -> (Schema, Files) {
    let mut files = Files::new();
    load(&catalog().join(app), "", &mut files);
    let file = format!("catalog/{app}/compose.yaml");
    let schema = read_schema(&file, &files, app).unwrap();
    for sibling in schema.sibling_contexts() {
        load(
            &catalog().join(&sibling),
            &format!("{sibling}/"),
            &mut files,
        );
    }
    (schema, files)
}

/// A node on which the whole catalog is installed.
fn node() -> Inputs {
    let mut inputs = Inputs::new(Layout {
        home: "/home/archy".into(),
        config: "/home/archy/.config/archipelago".into(),
        data: "/var/lib/archipelago".into(),
        units: "/home/archy/.config/containers/systemd".into(),
        systemd: "/home/archy/.config/systemd/user".into(),
        runtime: "/run/user/1000".into(),
    });
    for app in APPS {
        let (schema, files) = definition(app);
        let secret = |name: &String| (name.clone(), "0123456789abcdef".repeat(4));
        let secrets = schema.extension.secrets.keys().map(secret).collect();
        inputs.secrets.insert(id(app), secrets);
        inputs.definitions.insert(id(app), files);
        inputs
            .intents
            .insert(id(app), Ok(Intent::parse("", "").unwrap()));
    }
    inputs
}

fn present(inputs: &Inputs, app: &str) -> Result<Present, String> {
    let apps = Apps::read(inputs);
    let mut desired = assemble(inputs, &apps);
    match desired.apps.remove(&id(app)) {
        Some(App::Present(present)) => Ok(*present),
        Some(App::Broken { cause, .. }) => Err(cause.to_string()),
        other => Err(format!("{app}: {other:?}")),
    }
}

#[test]
fn every_app_is_worked_out_with_its_page() {
    let inputs = node();
    let apps = Apps::read(&inputs);
    let warnings: Vec<String> = apps.warnings().map(ToString::to_string).collect();
    assert!(warnings.is_empty(), "{warnings:#?}");
    for app in APPS {
        let present = present(&inputs, app).unwrap();
        let page = format!("archy-{app}-ui");
        let (_, companion) = present
            .containers()
            .find(|(_, container)| container.name == page)
            .unwrap();
        assert!(companion.companion, "{page} is no companion");
        assert!(
            !present.urls.is_empty() && !present.probes.is_empty(),
            "{app}"
        );
        let config = inputs.layout.rendered(&page).join("nginx.conf");
        assert!(present.files.contains_key(&config), "{}", config.display());
    }
}

/// An app of the catalog asks for nothing that somebody would have to agree to.
#[test]
fn no_app_asks_for_more_of_the_host() {
    for app in APPS {
        let mut inputs = node();
        inputs.intents.remove(&id(app));
        let (schema, files) = definition(app);
        let request = Request::Install {
            definition: Box::new(Definition {
                files,
                schema,
                source: "catalog".to_owned(),
                folder: app.to_owned(),
            }),
            settings: Vec::new(),
        };
        let proposal = propose(request, &inputs, false).unwrap();
        let grants: Vec<_> = proposal.new_grants().collect();
        assert!(grants.is_empty(), "{app}: {grants:?}");
    }
}

/// No two apps have the same port or unit, so all can be installed.
#[test]
fn all_apps_can_be_installed_on_one_node() {
    let inputs = node();
    let desired = assemble(&inputs, &Apps::read(&inputs));
    assert_eq!(desired.present().count(), APPS.len(), "{:#?}", desired.apps);
}

/// Credentials reach a container through 0600 files and Podman's secrets, never through a unit.
#[test]
fn no_unit_holds_a_secret() {
    let inputs = node();
    for app in APPS {
        for unit in present(&inputs, app).unwrap().units.values() {
            assert!(
                !unit.file.content.contains("0123456789abcdef"),
                "{}",
                unit.file.name
            );
        }
    }
}

fn set(inputs: &mut Inputs, app: &str, name: &str, value: SettingValue) {
    let intent = inputs.intents.get_mut(&id(app)).unwrap().as_mut().unwrap();
    intent.settings.insert(name.to_owned(), value);
}

/// The settings of bitcoin must fit those of the apps that require it. A conflict is refused before
/// anything is changed.
#[test]
fn settings_in_conflict_are_refused() {
    let refused = |app: &str, (other, name, value): (&str, &str, SettingValue), reason: &str| {
        let mut inputs = node();
        set(&mut inputs, other, name, value);
        let problem = present(&inputs, app).unwrap_err();
        assert!(problem.contains(reason), "{problem}");
    };
    let text = |text: &str| SettingValue::Text(text.to_owned());
    refused(
        "lnd",
        ("lnd", "network", text("regtest")),
        "network is regtest, but bitcoin follows main",
    );
    refused(
        "electrs",
        ("bitcoin", "prune", SettingValue::Integer(600)),
        "prune",
    );
    // 17 letters of two bytes each.
    refused("lnd", ("lnd", "alias", text(&"ü".repeat(17))), "32 bytes");
    refused("lnd", ("lnd", "alias", text("\"a")), "quotation mark");
    for app in ["bitcoin", "litecoin", "lnd"] {
        for wrong in ["node.lan:port", "a b", "203.0.113.5\\", "x=1", "300.0.0.1"] {
            refused(
                app,
                (app, "external_address", text(wrong)),
                "external_address: this is no IP address and no host name",
            );
        }
    }
    for app in ["bitcoin", "litecoin"] {
        for size in [2, 549] {
            let size = SettingValue::Integer(size);
            refused(app, (app, "prune", size), "at least 550 MiB");
        }
        for size in [3, 1 << 20] {
            let size = SettingValue::Integer(size);
            refused(app, (app, "dbcache", size), "dbcache");
        }
        let mut inputs = node();
        set(&mut inputs, app, "prune", SettingValue::Integer(550));
        set(&mut inputs, app, "txindex", SettingValue::Boolean(true));
        let problem = present(&inputs, app).unwrap_err();
        assert!(problem.contains("exclude each other"), "{problem}");

        let moved = "debug=net\n [main]\nserver=0";
        refused(app, (app, "extra_config", text(moved)), "begins a section");
    }
    let mut inputs = node();
    let off = SettingValue::Boolean(false);
    set(&mut inputs, "bitcoin", "zmq", off);
    set(&mut inputs, "lnd", "bitcoin_events", text("zmq"));
    let problem = present(&inputs, "lnd").unwrap_err();
    assert!(problem.contains("bitcoin has zmq=false"), "{problem}");
    // Without a section of its own, a line belongs to the last one of the template.
    let without_section = "\n; more\n alias=me\n[Bitcoin]";
    refused(
        "lnd",
        ("lnd", "extra_config", text(without_section)),
        "does not begin with a section",
    );
    for app in APPS {
        for wrong in ["node.lan 0; } server {", "\"", "node.lan:8441", "*", "~."] {
            refused(app, (app, "ui_names", text(wrong)), "is no host name");
        }
    }
}

/// Lines of the operator cannot set an option that a checked setting or Archipelago itself sets.
#[test]
fn added_lines_cannot_override_a_setting() {
    let refused = |app: &str, lines: &str, reason: &str| {
        let mut inputs = node();
        let value = SettingValue::Text(lines.to_owned());
        set(&mut inputs, app, "extra_config", value);
        let problem = present(&inputs, app).err();
        let problem = problem.unwrap_or_else(|| panic!("{app} accepts {lines}"));
        let reason = format!("extra_config sets {reason}");
        assert!(problem.contains(&reason), "{problem}");
    };
    for app in ["bitcoin", "litecoin"] {
        for (lines, reason) in [
            ("prune=550", "prune: use --set prune=…"),
            ("noprune=1", "prune: use --set prune=…"),
            ("debug=net\n txindex = 1", "txindex: use --set txindex=…"),
            ("dbcache=4", "dbcache: use --set dbcache=…"),
            ("chain=main", "chain: use --set network=…"),
            ("testnet=1", "testnet: use --set network=…"),
            ("rpcport=1", "rpcport, which Archipelago sets itself"),
            ("norpcauth=1", "rpcauth, which Archipelago"),
            ("server=0", "server, which Archipelago"),
            ("rpcwhitelist=ui:stop", "rpcwhitelist, which Archipelago"),
            ("rpcwhitelistdefault=1", "rpcwhitelistdefault, which"),
            ("includeconf=/data/x", "includeconf, which Archipelago"),
        ] {
            refused(app, lines, reason);
        }
    }
    for (app, lines, reason) in [
        ("bitcoin", "rest=0", "rest, which Archipelago"),
        ("bitcoin", "zmqpubrawtx=x", "zmqpubrawtx: use --set zmq=…"),
        ("electrs", "network = \"x\"", "network, which Archipelago"),
        ("electrs", "\"auth\" = \"x\"", "auth, which Archipelago"),
        (
            "electrs",
            "electrum_rpc_addr=\"x\"",
            "electrum_rpc_addr: use --set electrum_port=…",
        ),
        (
            "lnd",
            "[Application Options]\nalias=me",
            "alias: use --set alias=…",
        ),
        (
            "lnd",
            "[Application Options]\nRawRPCListeners=0.0.0.0:1",
            "rawrpclisteners, which Archipelago",
        ),
        (
            "lnd",
            "[Bitcoin]\nbitcoin.RegTest = true",
            "bitcoin.regtest: use --set network=…",
        ),
        (
            "lnd",
            "[Bitcoind]\nbitcoind.rpcpolling=true",
            "bitcoind.rpcpolling: use --set bitcoin_events=…",
        ),
        (
            "lnd",
            "[Bitcoind]\nbitcoind.rpcuser=ui",
            "bitcoind.rpcuser, which Archipelago",
        ),
    ] {
        refused(app, lines, reason);
    }
    // Other lines are copied unchanged.
    for (app, lines, file) in [
        (
            "bitcoin",
            "maxconnections=20\npeerbloomfilters=1\naddnode=peer:8333\nexternalip=203.0.113.9",
            "bitcoin.conf",
        ),
        ("litecoin", "maxconnections=20", "litecoin.conf"),
        ("electrs", "server_banner = \"mine\"", "config.toml"),
    ] {
        let text = rendered(app, "extra_config", lines, &format!("archy-{app}"), file);
        assert!(text.ends_with(&format!("\n{lines}\n")), "{text}");
    }
}

/// The text of a file that is rendered for `app`, with one of its settings set.
fn rendered(app: &str, name: &str, value: &str, container: &str, file: &str) -> String {
    let mut inputs = node();
    set(&mut inputs, app, name, SettingValue::Text(value.to_owned()));
    let path = inputs.layout.rendered(container).join(file);
    present(&inputs, app).unwrap().files[&path].clone()
}

/// Each option is set once, before the sections: the section of the network would override it.
#[test]
fn settings_of_storage_are_in_the_configuration() {
    for app in ["bitcoin", "litecoin"] {
        for (name, value, line) in [
            ("prune", SettingValue::Integer(0), "prune=0"),
            ("prune", SettingValue::Integer(1), "prune=1"),
            ("prune", SettingValue::Integer(550), "prune=550"),
            ("dbcache", SettingValue::Integer(4), "dbcache=4"),
            ("dbcache", SettingValue::Integer(16384), "dbcache=16384"),
            ("txindex", SettingValue::Boolean(true), "txindex=1"),
            ("txindex", SettingValue::Boolean(false), "txindex=0"),
        ] {
            let mut inputs = node();
            set(&mut inputs, app, name, value);
            let file = inputs.layout.rendered(&format!("archy-{app}"));
            let file = file.join(format!("{app}.conf"));
            let text = &present(&inputs, app).unwrap().files[&file];
            let (common, section) = text.split_once("\n[main]\n").unwrap();
            let set_in = |part: &str| -> Vec<String> {
                let key = format!("{name}=");
                let lines = part.lines().filter(|line| line.starts_with(&key));
                lines.map(str::to_owned).collect()
            };
            assert_eq!(
                (set_in(common), set_in(section)),
                (vec![line.to_owned()], vec![])
            );
        }
    }
}

#[test]
fn lines_for_lnd_with_their_section_are_copied_unchanged() {
    let lines = "# mine\n[Application Options]\nminchansize=50000";
    let text = rendered("lnd", "extra_config", lines, "archy-lnd", "lnd.conf");
    assert!(text.ends_with(&format!("{lines}\n")), "{text}");
}

#[test]
fn the_form_of_an_external_address_decides_lnds_option() {
    for (address, line) in [
        ("203.0.113.5", "externalip=203.0.113.5\n"),
        ("[2001:db8::1]:9736", "externalip=[2001:db8::1]:9736\n"),
        ("cafe.de", "externalhosts=cafe.de\n"),
        ("abcdef.onion:9735", "externalip=abcdef.onion:9735\n"),
    ] {
        let conf = rendered("lnd", "external_address", address, "archy-lnd", "lnd.conf");
        assert!(conf.contains(line), "{conf}");
        let conf = rendered(
            "bitcoin",
            "external_address",
            address,
            "archy-bitcoin",
            "bitcoin.conf",
        );
        assert!(conf.contains(&format!("externalip={address}\n")), "{conf}");
    }
}

#[test]
fn a_page_accepts_the_names_of_its_setting() {
    for app in APPS {
        let page = format!("archy-{app}-ui");
        let conf = rendered(
            app,
            "ui_names",
            "Node.Example.org include b.c",
            &page,
            "nginx.conf",
        );
        let lines: Vec<&str> = conf
            .lines()
            .skip_while(|line| *line != "    map $http_host $unknown_name {")
            .take_while(|line| *line != "    }")
            .skip(2)
            .collect();
        let expected = ["node.example.org", "include", "b.c"]
            .map(|name| format!("        \"~*^\\Q{name}\\E\\.?(:[0-9]{{1,5}})?$\" 0;"));
        assert_eq!(lines, expected, "{conf}");
    }
}

#[test]
fn every_choice_of_every_setting_can_be_rendered() {
    for app in APPS {
        let (schema, _) = definition(app);
        for (name, setting) in &schema.extension.settings {
            let values: Vec<SettingValue> = match &setting.kind {
                SettingKind::Choice(choices) => {
                    choices.iter().cloned().map(SettingValue::Text).collect()
                }
                SettingKind::Boolean => [true, false].map(SettingValue::Boolean).to_vec(),
                _ => continue,
            };
            for value in values {
                let mut inputs = node();
                set(&mut inputs, app, name, value.clone());
                if app == "lnd" && name == "network" {
                    // lnd and bitcoin must use the same chain, and each has its own name for it.
                    let chain = value.to_string().replace("mainnet", "main");
                    set(&mut inputs, "bitcoin", name, SettingValue::Text(chain));
                }
                if let Err(problem) = present(&inputs, app) {
                    panic!("{name}={value}: {problem}");
                }
            }
        }
    }
}

/// The units of each app, without the values that change with every edit of a page or release.
#[test]
fn the_units_of_each_app() {
    for app in APPS {
        let present = present(&node(), app).unwrap();
        let mut text = String::new();
        for unit in present.units.values() {
            text.push_str(&format!("--- {}\n", unit.file.name));
            for line in unit.file.content.lines() {
                let line = match line.split_once('=') {
                    Some(("Revision", _)) => "Revision=…",
                    Some(("Version", VERSION)) => "Version=…",
                    Some(("Image", image)) => {
                        let name = image.rsplit_once(':').map_or(image, |(name, _)| name);
                        &format!("Image={name}:…")
                    }
                    _ => &without_release(line),
                };
                text.push_str(line);
                text.push('\n');
            }
        }
        insta::with_settings!({omit_expression => true}, {
            insta::assert_snapshot!(app, text);
        });
    }
}

/// A mounted part of a definition lies in a folder named by its hash.
fn without_release(line: &str) -> String {
    match line.split_once("/releases/") {
        Some((before, after)) => {
            let rest = after.split_once('/').map_or("", |(_, rest)| rest);
            format!("{before}/releases/…/{rest}")
        }
        None => line.to_owned(),
    }
}

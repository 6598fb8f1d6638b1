//! Apps of Umbrel's that depend on its Bitcoin and Lightning nodes and its Electrum server.

use super::*;
use crate::manifest::{Followed, Joint, Service};

fn about(dependencies: &str) -> String {
    format!("id: ledger\nname: Ledger\nport: 4020\ndependencies: [{dependencies}]\n")
}

fn app(dependencies: &str, service: &str) -> Files {
    let compose = format!("services:\n  web:\n    image: docker.io/library/a:1\n    {service}\n");
    files(&[
        ("umbrel-app.yml", &about(dependencies)),
        ("docker-compose.yml", &compose),
    ])
}

/// The manifest on a node whose bitcoin follows regtest.
fn translated(dependencies: &str, service: &str) -> (Translated, Manifest) {
    let translated = of_folder("ledger", &app(dependencies, service)).unwrap();
    let text = translated.files[COMPOSE_FILE].text().unwrap();
    let schema = Schema::read("compose.yaml", text, "x").unwrap_or_else(|e| panic!("{e}\n{text}"));
    let mut settings = Settings::default();
    for (name, followed) in &schema.extension.variables {
        let word = SettingValue::Text(followed.word("regtest".to_owned()));
        settings.0.insert(name.clone(), word);
    }
    let manifest = schema.manifest(&settings, &translated.files);
    let manifest = manifest.unwrap_or_else(|error| panic!("{error}\n{text}"));
    (translated, manifest)
}

fn required(manifest: &Manifest) -> Vec<(&str, bool)> {
    let requires = &manifest.extension.requires;
    let apps = requires.apps.iter();
    apps.map(|app| (app.as_str(), requires.lets("web", app)))
        .collect()
}

fn of_bitcoin() -> Joint {
    Joint::OtherSecret {
        app: AppId::parse("bitcoin").unwrap(),
        name: "apps_rpc_password".to_owned(),
    }
}

fn joints<'a>(manifest: &'a Manifest, service: &Service, variable: &str) -> &'a [Joint] {
    let name = &service.environment_secrets[variable];
    manifest.extension.secrets[name].joints()
}

#[test]
fn an_app_on_bitcoin_gets_its_address_its_network_and_its_password() {
    let (translated, manifest) = translated(
        "bitcoin",
        "environment:
      HOST: $APP_BITCOIN_NODE_IP:${APP_BITCOIN_RPC_PORT}
      USER: $APP_BITCOIN_RPC_USER
      PASS: $APP_BITCOIN_RPC_PASS
      LOGIN: '$APP_BITCOIN_RPC_USER:$APP_BITCOIN_RPC_PASS@${APP_BITCOIN_NETWORK}'
      BOTH: '$APP_SEED/$APP_BITCOIN_RPC_PASS'
      PEER: '${APP_BITCOIN_P2P_WHITEBIND_PORT-${APP_BITCOIN_P2P_PORT}}'
      BLOCKS: tcp://$APP_BITCOIN_NODE_IP:$APP_BITCOIN_ZMQ_HASHBLOCK_PORT
    command: [run, '--network=${APP_BITCOIN_NETWORK}']",
    );
    let web = &manifest.services["web"];
    let environment = |name: &str| web.environment[name].as_str();
    assert_eq!(environment("HOST"), "archy-bitcoin:8332");
    assert_eq!(environment("USER"), "apps");
    assert_eq!(environment("PEER"), "8335");
    assert_eq!(environment("BLOCKS"), "tcp://archy-bitcoin:28334");
    assert_eq!(web.command[1], "--network=regtest");
    assert_eq!(joints(&manifest, web, "PASS"), [of_bitcoin()]);
    assert_eq!(
        joints(&manifest, web, "LOGIN"),
        [
            Joint::Text("apps:".to_owned()),
            of_bitcoin(),
            Joint::Text("@".to_owned()),
            Joint::Setting("APP_BITCOIN_NETWORK".to_owned()),
        ]
    );
    assert_eq!(
        joints(&manifest, web, "BOTH"),
        [
            Joint::Secret("app_seed".to_owned()),
            Joint::Text("/".to_owned()),
            of_bitcoin(),
        ]
    );
    assert!(manifest.extension.secrets["app_seed"].recipe().is_some());
    for secret in ["PASS", "LOGIN", "BOTH"] {
        assert!(!web.environment.contains_key(secret), "{secret}");
    }
    assert_eq!(required(&manifest), [("bitcoin", true)]);
    assert!(translated.notices.contains(&Notice::BitcoinRights));
}

#[test]
fn the_main_network_has_the_words_of_umbrel() {
    let (_, manifest) = translated(
        "electrs",
        "environment: [A=$APP_BITCOIN_NETWORK, B=$APP_BITCOIN_NETWORK_ELECTRS, 'C=$APP_ELECTRS_NODE_IP:$APP_ELECTRS_NODE_PORT']",
    );
    let word = |name: &str, network: &str| {
        let followed: &Followed = &manifest.extension.variables[name];
        assert_eq!(
            (followed.app.as_str(), &*followed.setting),
            ("bitcoin", "network")
        );
        followed.word(network.to_owned())
    };
    assert_eq!(word("APP_BITCOIN_NETWORK", "main"), "mainnet");
    assert_eq!(word("APP_BITCOIN_NETWORK_ELECTRS", "main"), "bitcoin");
    assert_eq!(word("APP_BITCOIN_NETWORK_ELECTRS", "signet"), "signet");
    assert_eq!(
        manifest.services["web"].environment["C"],
        "archy-electrs:50001"
    );
    // It learns the network's name of bitcoin, and does not reach it.
    assert_eq!(required(&manifest), [("bitcoin", false), ("electrs", true)]);
}

fn mounted(service: &Service) -> Vec<(&str, &str)> {
    let mounts = service.secrets.iter();
    mounts
        .map(|mount| {
            assert_eq!(mount.mode.as_deref(), Some("0444"));
            let target = mount.target.as_deref().unwrap();
            (mount.secret.as_str(), target)
        })
        .collect()
}

#[test]
fn lnds_folder_is_the_files_that_it_exports() {
    let (translated, manifest) = translated(
        "lightning",
        "volumes: ['${APP_LIGHTNING_NODE_DATA_DIR}:/lnd:ro']
    environment: [SOCKET=$APP_LIGHTNING_NODE_IP:$APP_LIGHTNING_NODE_GRPC_PORT, REST=$APP_LIGHTNING_NODE_REST_PORT, DIR=$APP_LIGHTNING_NODE_DATA_DIR]",
    );
    let web = &manifest.services["web"];
    assert_eq!(web.mounts, []);
    let chain = "/lnd/data/chain/bitcoin/regtest";
    assert_eq!(
        mounted(web),
        [
            ("lnd_tls_cert", "/lnd/tls.cert"),
            ("lnd_admin_macaroon", &*format!("{chain}/admin.macaroon")),
            (
                "lnd_invoice_macaroon",
                &*format!("{chain}/invoice.macaroon")
            ),
            (
                "lnd_readonly_macaroon",
                &*format!("{chain}/readonly.macaroon")
            ),
        ]
    );
    let joints = manifest.extension.secrets["lnd_admin_macaroon"].joints();
    let of_lnd = Joint::OtherFile {
        app: AppId::parse("lnd").unwrap(),
        name: "admin_macaroon".to_owned(),
    };
    assert_eq!(joints, [of_lnd]);
    for (name, value) in [
        ("SOCKET", "archy-lnd:10009"),
        ("REST", "8080"),
        ("DIR", "/lnd"),
    ] {
        assert_eq!(web.environment[name], value);
    }
    assert_eq!(required(&manifest), [("bitcoin", false), ("lnd", true)]);
    assert!(translated.notices.contains(&Notice::LightningRights));
}

#[test]
fn of_lnds_folder_an_app_gets_only_what_it_names() {
    let (translated, manifest) = translated(
        "lightning",
        "volumes:
      - $APP_LIGHTNING_NODE_DATA_DIR/tls.cert:/cert.pem:ro
      - type: bind
        source: ${APP_LIGHTNING_NODE_DATA_DIR}/data/chain/bitcoin/$APP_BITCOIN_NETWORK/readonly.macaroon
        target: /at/${APP_BITCOIN_NETWORK}/m
      - ${APP_DATA_DIR}/data:/data",
    );
    let web = &manifest.services["web"];
    assert_eq!(
        mounted(web),
        [
            ("lnd_tls_cert", "/cert.pem"),
            ("lnd_readonly_macaroon", "/at/regtest/m")
        ]
    );
    assert_eq!(
        sources(&web.mounts),
        [&MountSource::Data("data".to_owned())]
    );
    assert!(!translated.notices.contains(&Notice::LightningRights));
}

#[test]
fn what_the_nodes_do_not_offer_is_refused_with_its_reason() {
    let folder = "s/x/docker-compose.yml";
    for (dependencies, service, expected) in [
        (
            "lightning",
            "volumes: ['$APP_LIGHTNING_NODE_DATA_DIR/data/graph:/graph:ro']",
            format!(
                "{folder}:4:15: it mounts a part of lnd's data folder that no app gets; lnd offers its certificate and its macaroons"
            ),
        ),
        (
            "bitcoin",
            "volumes: ['$APP_BITCOIN_DATA_DIR:/bitcoin:ro']",
            format!(
                "{folder}: it needs the data folder of bitcoin, which no app gets: it holds the keys of that app; the app must be changed to use its network interface"
            ),
        ),
        (
            "bitcoin",
            "command: run --password=$APP_BITCOIN_RPC_PASS",
            format!(
                "{folder}:4:14: services.web.command: a password stands outside of `environment`, where other programs of this host could read it; the app must be changed to read it from a variable"
            ),
        ),
        // Umbrel sets the variables of an app only for those that depend on it.
        (
            "bitcoin",
            "environment: [A=$APP_LIGHTNING_NODE_IP]",
            format!(
                "{folder}: it needs APP_LIGHTNING_NODE_IP, which only scripts of Umbrel's apps set; of these, exports.sh is read where it does nothing but set variables"
            ),
        ),
    ] {
        let refused = of_folder("ledger", &app(dependencies, service)).unwrap_err();
        assert_eq!(refused.to_string(), expected);
    }
}

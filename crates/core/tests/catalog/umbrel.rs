//! Umbrel's apps that depend on bitcoin, lnd and electrs find on our nodes all that they are
//! promised.

use std::collections::BTreeMap;

use archipelago_core::desired::Apps;
use archipelago_core::intent::Intent;
use archipelago_core::store::{NodeFacts, Scripts, Surroundings, translate};

use super::{definition, id, node, present};

#[test]
fn apps_of_umbrel_find_the_nodes() {
    let compose = "services:
  web:
    image: docker.io/library/a:1
    environment:
      BITCOIN: $APP_BITCOIN_NODE_IP $APP_BITCOIN_RPC_PORT $APP_BITCOIN_P2P_PORT $APP_BITCOIN_P2P_WHITEBIND_PORT $APP_BITCOIN_ZMQ_RAWBLOCK_PORT $APP_BITCOIN_ZMQ_RAWTX_PORT $APP_BITCOIN_ZMQ_HASHBLOCK_PORT $APP_BITCOIN_ZMQ_SEQUENCE_PORT
      LND: $APP_LIGHTNING_NODE_IP $APP_LIGHTNING_NODE_PORT $APP_LIGHTNING_NODE_GRPC_PORT $APP_LIGHTNING_NODE_REST_PORT
      ELECTRS: $APP_ELECTRS_NODE_IP $APP_ELECTRS_NODE_PORT
      NETWORK: $APP_BITCOIN_NETWORK
      PASS: $APP_BITCOIN_RPC_PASS
    volumes: ['${APP_LIGHTNING_NODE_DATA_DIR}:/lnd:ro']
";
    let about =
        "id: ledger\nname: Ledger\nport: 4020\ndependencies: [bitcoin, lightning, electrs]\n";
    let files = [("umbrel-app.yml", about), ("docker-compose.yml", compose)];
    let files = files.map(|(name, text)| (name.to_owned(), text.as_bytes().into()));
    let node_facts = NodeFacts {
        host_name: "box".to_owned(),
        time_zone: "Etc/UTC".to_owned(),
        architecture: "amd64".to_owned(),
        shared_folder: "/home/archy/shared".to_owned(),
    };
    let facts = Surroundings {
        node: node_facts,
        neighbours: BTreeMap::new(),
        scripts: Scripts::Run,
    };
    let translated = translate("ledger", &id("ledger"), &files.into(), &facts).unwrap();
    let mut inputs = node();
    inputs.definitions.insert(id("ledger"), translated.files);
    inputs
        .intents
        .insert(id("ledger"), Ok(Intent::parse("", "").unwrap()));
    for path in Apps::read(&inputs).captures(&inputs.layout) {
        inputs.captured.insert(path, b"captured".to_vec());
    }
    let present = present(&inputs, "ledger").unwrap();
    let unit = &present.units["archy-ledger.container"].file.content;
    assert!(!unit.contains("0123456789abcdef"), "{unit}");
    assert!(unit.contains("Environment=\"NETWORK=mainnet\"\n"), "{unit}");
    assert!(
        unit.contains("target=/lnd/data/chain/bitcoin/mainnet/admin.macaroon"),
        "{unit}"
    );
    for (app, host) in [
        ("bitcoin", "BITCOIN"),
        ("lnd", "LND"),
        ("electrs", "ELECTRS"),
    ] {
        let exports = definition(app).0.extension.exports;
        let joined = format!("Network=archy-{app}-exports.network\n");
        assert!(unit.contains(&joined), "{unit}");
        let line = unit.lines().find(|line| line.contains(&format!("{host}=")));
        let line = line
            .unwrap_or_else(|| panic!("{unit}"))
            .trim_end_matches('"');
        let mut words = line.split(' ');
        assert!(
            words
                .next()
                .unwrap()
                .ends_with(&format!("{host}=archy-{app}")),
            "{line}"
        );
        let ports: Vec<u16> = words.map(|port| port.parse().unwrap()).collect();
        assert!(!ports.is_empty(), "{line}");
        for port in ports {
            assert!(
                exports.services[app].contains(&port),
                "{app} exports no {port}"
            );
        }
    }
    let password = present
        .secrets
        .values()
        .find(|secret| secret.secret == "bitcoin_rpc_password");
    assert_eq!(
        password.unwrap().content.0,
        "0123456789abcdef".repeat(4).into_bytes()
    );
    let certificate = present
        .secrets
        .values()
        .find(|secret| secret.secret == "lnd_tls_cert");
    assert_eq!(certificate.unwrap().content.0, b"captured");
}

//! Apps in Umbrel's format that depend on its Bitcoin and Lightning nodes and its Electrum server
//! use ours.

use serde_json::Value;

use crate::apps::App;
use crate::heights::bitcoin_height;
use crate::node::{DATA, Node, SOON, UNITS, text, until};
use crate::stack::lncli;

const STORE: &str = "/home/archy/apps/friends";
/// It is stopped with SIGQUIT.
const IMAGE: &str = "docker.io/library/nginx:stable";

/// Calls bitcoind with the two spellings of its password that apps use, and electrs. Passwords
/// stand in files, because others can read command lines.
const LEDGER: &str = r#"
      trap 'exit 0' QUIT
      printf 'user = "%s:%s"\n' "$$RPC_USER" "$$RPC_PASS" >/tmp/login
      printf 'user = "%s"\n' "$$LOGIN" >/tmp/joined
      call() { curl -sS --fail -m 5 -K "$$1" -d "{\"method\":\"$$2\"}" "http://$$RPC_HOST:$$RPC_PORT/"; }
      until call /tmp/login getblockchaininfo >/data/chain; do sleep 1; done
      until call /tmp/joined getblockcount >/data/count; do sleep 1; done
      until timeout 5 bash -c 'exec 3<>/dev/tcp/$$ELECTRS_HOST/$$ELECTRS_PORT
        echo "{\"id\":1,\"method\":\"blockchain.headers.subscribe\",\"params\":[]}" >&3
        head -n 1 <&3 >/data/electrs'; do sleep 1; done
      sleep infinity & wait
"#;

/// Asks lnd over REST, with the folder of lnd that Umbrel mounts.
const TILL: &str = r#"
      trap 'exit 0' QUIT
      macaroon=$$(od -An -v -tx1 /lnd/data/chain/bitcoin/$$NETWORK/admin.macaroon | tr -d ' \n')
      printf 'header = "Grpc-Metadata-macaroon: %s"\n' "$$macaroon" >/tmp/login
      until curl -sS --fail -m 5 --cacert /lnd/tls.cert -K /tmp/login "https://$$LND_HOST:$$LND_PORT/v1/getinfo" >/data/info; do sleep 1; done
      find /lnd -type f | sort >/data/files
      sleep infinity & wait
"#;

fn store() -> App {
    let about = |id: &str, dependencies: &str| {
        format!(
            "id: {id}\nname: {id}\nversion: '1'\ntagline: Calls a node\ncategory: bitcoin\nport: 8490\ndependencies: [{dependencies}]\n"
        )
    };
    let compose = |script: &str, lines: &str| {
        format!(
            "services:\n  web:\n    image: {IMAGE}\n    entrypoint: [sh, -c]\n    command:\n    - |{script}\n    {lines}\n"
        )
    };
    let ledger = compose(
        LEDGER,
        "volumes: ['${APP_DATA_DIR}/data:/data']
    environment:
      RPC_HOST: $APP_BITCOIN_NODE_IP
      RPC_PORT: $APP_BITCOIN_RPC_PORT
      RPC_USER: $APP_BITCOIN_RPC_USER
      RPC_PASS: $APP_BITCOIN_RPC_PASS
      LOGIN: '$APP_BITCOIN_RPC_USER:$APP_BITCOIN_RPC_PASS'
      ELECTRS_HOST: $APP_ELECTRS_NODE_IP
      ELECTRS_PORT: $APP_ELECTRS_NODE_PORT",
    );
    let till = compose(
        TILL,
        "user: '1000:1000'
    volumes: ['${APP_LIGHTNING_NODE_DATA_DIR}:/lnd:ro', '${APP_DATA_DIR}/data:/data']
    environment:
      NETWORK: $APP_BITCOIN_NETWORK
      LND_HOST: $APP_LIGHTNING_NODE_IP
      LND_PORT: $APP_LIGHTNING_NODE_REST_PORT",
    );
    App {
        id: "friends".to_owned(),
        files: vec![
            (
                "ledger/umbrel-app.yml".to_owned(),
                about("ledger", "bitcoin, electrs"),
            ),
            ("ledger/docker-compose.yml".to_owned(), ledger),
            ("till/umbrel-app.yml".to_owned(), about("till", "lightning")),
            ("till/docker-compose.yml".to_owned(), till),
        ],
    }
}

/// The text of a file that an app has written.
fn written(node: &Node, app: &str, file: &str) -> String {
    let what = format!("{app} to write {file}");
    until(&what, SOON, || {
        let path = format!("{DATA}/files/{app}/data/{file}");
        let output = node.try_shell(&format!("podman unshare cat {path}"));
        (output.success() && output.stdout.ends_with('\n')).then_some(output.stdout)
    })
}

fn answer(node: &Node, app: &str, file: &str) -> Value {
    serde_json::from_str(&written(node, app, file)).expect("JSON")
}

/// Installs an app once each of these words has been agreed to.
fn install(node: &Node, app: &str, words: &[&str]) {
    let name = format!("friends/{app}");
    let said = node.exits(3, &["install", &name]);
    for word in words {
        assert!(said.contains(word), "{word}: {said}");
    }
    let mut command = vec!["install", &name];
    for word in words {
        command.extend(["--allow", word]);
    }
    node.exits(0, &command);
    assert_eq!(node.state(app), "ready");
}

pub(crate) fn use_the_nodes(node: &Node) {
    node.put(&store());
    node.user(&["archipelago", "store", "add", STORE]);

    install(node, "ledger", &["secret:bitcoin/apps_rpc_password"]);
    let height = bitcoin_height(node);
    let chain = answer(node, "ledger", "chain");
    assert_eq!(chain["result"]["chain"], "regtest");
    assert_eq!(chain["result"]["blocks"], height);
    assert_eq!(answer(node, "ledger", "count")["result"], height);
    assert_eq!(
        answer(node, "ledger", "electrs")["result"]["height"],
        height
    );

    let words = [
        "tls_cert",
        "admin_macaroon",
        "invoice_macaroon",
        "readonly_macaroon",
    ]
    .map(|name| format!("file:lnd/{name}"));
    install(node, "till", &words.each_ref().map(String::as_str));
    // curl ends the answer without a line end.
    written(node, "till", "files");
    let info: Value = serde_json::from_str(
        &node.shell(&format!("podman unshare cat {DATA}/files/till/data/info")),
    )
    .expect("JSON");
    let own = lncli(node, &["getinfo"]);
    assert_eq!(
        text(&info["identity_pubkey"]),
        text(&own["identity_pubkey"])
    );
    // Of lnd's folder it sees what lnd exports: not its wallet, nor its other macaroons.
    let chain = "/lnd/data/chain/bitcoin/regtest";
    let files = ["admin", "invoice", "readonly"].map(|name| format!("{chain}/{name}.macaroon\n"));
    assert_eq!(
        written(node, "till", "files"),
        format!("{}/lnd/tls.cert\n", files.concat())
    );

    let shown = node.shell(&format!(
        "cat {UNITS}/archy-ledger* {UNITS}/archy-till*; podman inspect archy-ledger archy-till"
    ));
    let secrets = node.shell(&format!(
        "cat {DATA}/secrets/bitcoin/apps_rpc_password; echo; cd {DATA}/volumes/lnd/data/data/chain/bitcoin/regtest; od -An -v -tx1 admin.macaroon | tr -d ' \\n'"
    ));
    for secret in secrets.lines() {
        assert!(secret.len() >= 64 && !shown.contains(secret), "{shown}");
    }
    node.user(&["archipelago", "store", "remove", "friends"]);
    // Traces are looked for by the operator, who cannot read the folder of the user 1000.
    for app in ["ledger", "till"] {
        node.user(&["archipelago", "uninstall", app, "--purge"]);
    }
    for app in ["ledger", "till"] {
        assert_eq!(node.traces(app), Vec::<String>::new());
    }
}

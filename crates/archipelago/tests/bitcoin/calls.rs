//! What can be asked through a page: what it reads, and nothing else. Each refusal leaves a line in a journal.

use serde_json::{Value, json};

use crate::node::{DATA, Node, SOON, until};
use crate::stack::{MEMBERS, curl};

const JSON: [&str; 2] = ["-H", "Content-Type: application/json"];
/// An address on regtest, in the form that Electrum's protocol asks by.
const SCRIPT_HASH: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

pub(crate) fn are_judged(node: &Node) {
    let before = node.containers();
    let [bitcoin, electrs, lnd] = MEMBERS;

    let reads = [
        "getblockchaininfo",
        "getmempoolinfo",
        "getnetworkinfo",
        "getpeerinfo",
        "uptime",
    ];
    // What may be called besides is nginx's own, for /blocks.
    let listed = node.shell(&format!(
        "sed -n 's/^rpcwhitelist=ui://p' {DATA}/archy-bitcoin/bitcoin.conf"
    ));
    assert_eq!(listed.trim(), format!("getblock,{}", reads.join(",")));
    for method in reads {
        let answer = answered(post(node, &bitcoin.page("rpc"), &call(method, json!([]))));
        assert!(answer["error"].is_null(), "{method}: {answer}");
    }
    let batch = json!([call("uptime", json!([])), call("getnetworkinfo", json!([]))]);
    let answer = answered(post(node, &bitcoin.page("rpc"), &batch));
    assert_eq!(answer.as_array().map(Vec::len), Some(2), "{answer}");
    for (method, params) in [
        ("server.banner", json!([])),
        ("server.features", json!([])),
        ("blockchain.headers.subscribe", json!([])),
        ("blockchain.block.header", json!([1])),
        ("blockchain.scripthash.get_balance", json!([SCRIPT_HASH])),
        ("blockchain.scripthash.get_history", json!([SCRIPT_HASH])),
        ("mempool.get_fee_histogram", json!([])),
    ] {
        let answer = answered(post(node, &electrs.page("electrum"), &call(method, params)));
        assert!(!answer["result"].is_null(), "{method}: {answer}");
    }
    for page in [
        bitcoin.page("blocks"),
        bitcoin.page("ready"),
        electrs.page("api/status"),
        electrs.page("ready"),
        lnd.page("api/overview"),
        lnd.page("api/channels"),
        lnd.page("api/peers"),
        lnd.page("api/activity"),
        lnd.page("ready"),
    ] {
        answered(curl(node, &[&page], ""));
    }

    let bad = json!(["00"]);
    for method in [
        "stop",
        "getblock",
        "sendrawtransaction",
        "invalidateblock",
        "submitpackage",
        "getblocktemplate",
        "dumptxoutset",
    ] {
        refused(
            post(node, &bitcoin.page("rpc"), &call(method, bad.clone())),
            method,
        );
        // Among others it is no other.
        let batch = json!([call("uptime", json!([])), call(method, bad.clone())]);
        refused(post(node, &bitcoin.page("rpc"), &batch), method);
        until_said(
            node,
            "archy-bitcoin-ui",
            &format!("refused the method {method}"),
        );
    }
    for method in [
        "blockchain.transaction.broadcast",
        "blockchain.transaction.get",
        "server.add_peer",
    ] {
        refused(
            post(node, &electrs.page("electrum"), &call(method, bad.clone())),
            method,
        );
        let batch = json!([call("server.ping", json!([])), call(method, bad.clone())]);
        refused(post(node, &electrs.page("electrum"), &batch), method);
        until_said(
            node,
            "archy-electrs-ui",
            &format!("refused the method {method}"),
        );
    }
    for (verb, path) in [
        ("POST", "v1/channels"),
        ("POST", "v1/channels/transactions"),
        ("POST", "v1/channels/transactions/route"),
        ("DELETE", "v1/channels/00/0"),
        ("POST", "v2/router/send"),
        ("POST", "v1/transactions"),
        ("POST", "v1/invoices"),
        ("POST", "v1/macaroon"),
        ("POST", "v1/stop"),
        ("POST", "api/overview"),
        ("POST", "ready"),
        // No way round: neither the addresses that only nginx itself may ask, nor another spelling of lnd's own.
        ("GET", "v1/getinfo"),
        ("GET", "api/../v1/channels"),
        ("GET", "api/..%2fv1/channels"),
        ("GET", "ask-lnd/info"),
    ] {
        let answer = curl(node, &["-X", verb, &lnd.page(path)], "");
        refused(answer, path);
        if verb != "GET" {
            until_said(node, "archy-lnd-ui", &format!("{verb} /{path} 40"));
        }
    }
    for path in ["ask-daemon", "ask-daemon-briefly", "rest/chaininfo.json"] {
        refused(curl(node, &[&bitcoin.page(path)], ""), path);
    }
    // A page of somebody else, open in the same browser.
    let elsewhere = [
        JSON.as_slice(),
        &["-H", "Origin: https://example.org", "--data-binary", "@-"],
    ]
    .concat();
    for page in [bitcoin.page("rpc"), electrs.page("electrum")] {
        let arguments = [elsewhere.as_slice(), &[&page]].concat();
        refused(
            curl(node, &arguments, &call("uptime", json!([])).to_string()),
            "another page",
        );
    }

    the_daemons_refuse_as_well(node);
    assert_eq!(node.containers(), before, "nobody was ended by it");
}

/// What nginx refuses, the daemons would refuse too: what a page is given opens nothing else.
fn the_daemons_refuse_as_well(node: &Node) {
    for method in ["stop", "sendrawtransaction 00", "invalidateblock 00"] {
        let output = node.try_shell(&format!(
            "podman exec -i archy-bitcoin bitcoin-cli -rpcuser=ui -stdinrpcpass {method} <{DATA}/secrets/bitcoin/ui_rpc_password"
        ));
        assert!(
            !output.success() && output.stderr.contains("403"),
            "{output:?}"
        );
        let method = method.split(' ').next().expect("a method");
        until_said(
            node,
            "archy-bitcoin",
            &format!("RPC User ui not allowed to call method {method}"),
        );
    }
    for (address, body) in [
        ("v1/invoices", r#"{"value":"1"}"#),
        ("v2/router/send", r#"{"payment_request":"x"}"#),
        ("v1/channels", r#"{"local_funding_amount":"20000"}"#),
        ("v1/stop", "{}"),
    ] {
        // The macaroon comes by standard input: a process argument is for everyone to read.
        let said = node.shell(&format!(
            "macaroon=$(od -An -v -tx1 {DATA}/volumes/lnd/data/data/chain/bitcoin/regtest/readonly.macaroon | tr -d ' \\n')
            printf 'header = \"Grpc-Metadata-macaroon: %s\"\\n' $macaroon |
            podman exec -i archy-lnd-ui curl -s -k -K - -d '{body}' https://archy-lnd:8080/{address}"
        ));
        assert!(said.contains("permission denied"), "{address}: {said}");
    }
    until_said(node, "archy-lnd", "permission denied");
}

fn call(method: &str, params: Value) -> Value {
    json!({"jsonrpc": "1.0", "id": 0, "method": method, "params": params})
}

fn post(node: &Node, page: &str, body: &Value) -> (u16, String) {
    let arguments = [JSON.as_slice(), &["--data-binary", "@-", page]].concat();
    curl(node, &arguments, &body.to_string())
}

fn answered((status, body): (u16, String)) -> Value {
    assert_eq!(status, 200, "{body}");
    serde_json::from_str(&body).expect("JSON")
}

fn refused((status, body): (u16, String), what: &str) {
    assert!([403, 404, 405].contains(&status), "{what}: {status} {body}");
}

/// The journal of a container has a line with this text.
fn until_said(node: &Node, container: &str, text: &str) {
    until(&format!("{container} to say {text:?}"), SOON, || {
        let journal = node.user(&[
            "journalctl",
            "--user",
            "-u",
            container,
            "-o",
            "cat",
            "--no-pager",
        ]);
        journal.contains(text).then_some(())
    });
}

//! A page's server passes on the page's own reads and refuses everything else. Each refusal leaves
//! a line in a journal.

use serde_json::{Value, json};

use crate::node::{DATA, Node, SOON, until};
use crate::stack::{MEMBERS, MINER, curl};

pub(crate) const JSON: [&str; 2] = ["-H", "Content-Type: application/json"];
/// The headers of every answer. They forbid a page everything that it does not need.
const HEADERS: [(&str, &str); 5] = [
    (
        "Content-Security-Policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; \
        form-action 'none'; frame-ancestors 'none'",
    ),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
];
/// The methods that bitcoin's page calls.
const BITCOIN_READS: [&str; 5] = [
    "getblockchaininfo",
    "getmempoolinfo",
    "getnetworkinfo",
    "getpeerinfo",
    "uptime",
];
/// An address on regtest, as the hash that Electrum's protocol uses.
const SCRIPT_HASH: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

#[expect(clippy::too_many_lines, reason = "one story on one host")]
pub(crate) fn are_filtered(node: &Node) {
    let before = node.containers();
    let [bitcoin, electrs, lnd] = MEMBERS;

    // The list may contain one more method, which nginx itself calls for /blocks.
    let listed = node.shell(&format!(
        "sed -n 's/^rpcwhitelist=ui://p' {DATA}/archy-bitcoin/bitcoin.conf"
    ));
    assert_eq!(
        listed.trim(),
        format!("getblock,{}", BITCOIN_READS.join(","))
    );
    for method in BITCOIN_READS {
        let answer = answered(post(node, &bitcoin.page("rpc"), &call(method, json!([]))));
        assert!(answer["error"].is_null(), "{method}: {answer}");
    }
    let answer = answered(post(node, &bitcoin.page("rpc"), &all_reads()));
    assert_eq!(
        answer.as_array().map(Vec::len),
        Some(BITCOIN_READS.len()),
        "{answer}"
    );
    let lookup = lookup();
    let answer = answered(post(node, &electrs.page("electrum"), &lookup));
    let answers = answer.as_array().expect("an answer to each call");
    assert_eq!(answers.len(), 3, "{answer}");
    for one in answers {
        // An address without a history has null for its state.
        assert!(
            one["error"].is_null() && one.get("result").is_some(),
            "{answer}"
        );
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
        let page = bitcoin.page("rpc");
        refused(post(node, &page, &call(method, bad.clone())), 403, method);
        // It is refused in a batch as well.
        let batch = json!([call("uptime", json!([])), call(method, bad.clone())]);
        refused(post(node, &page, &batch), 403, method);
        until_logged(
            node,
            "archy-bitcoin-ui",
            &format!("refused the method {method}"),
        );
    }
    // The page calls none of these. Only its server calls the last three.
    for method in [
        "blockchain.transaction.broadcast",
        "blockchain.transaction.get",
        "server.add_peer",
        "blockchain.block.header",
        "blockchain.headers.subscribe",
        "server.banner",
        "mempool.get_fee_histogram",
    ] {
        let page = electrs.page("electrum");
        refused(post(node, &page, &call(method, bad.clone())), 403, method);
        let batch = json!([lookup[0], call(method, bad.clone())]);
        refused(post(node, &page, &batch), 403, method);
        until_logged(
            node,
            "archy-electrs-ui",
            &format!("refused the method {method}"),
        );
    }
    for (container, line) in [
        ("archy-bitcoin-ui", "POST /rpc 403 "),
        ("archy-electrs-ui", "POST /electrum 403 "),
    ] {
        until_logged(node, container, line);
    }
    for (verb, path, status) in [
        ("POST", "v1/channels", 403),
        ("POST", "v1/channels/transactions", 403),
        ("POST", "v1/channels/transactions/route", 403),
        ("DELETE", "v1/channels/00/0", 403),
        ("POST", "v2/router/send", 403),
        ("POST", "v1/transactions", 403),
        ("POST", "v1/invoices", 403),
        ("POST", "v1/macaroon", 403),
        ("POST", "v1/stop", 403),
        // These addresses can be read, and nothing else.
        ("POST", "api/overview", 405),
        ("POST", "ready", 405),
        // Addresses that only nginx itself may ask, and other spellings of lnd's addresses, are
        // refused too.
        ("GET", "v1/getinfo", 403),
        ("GET", "api/../v1/channels", 403),
        ("GET", "api/..%2fv1/channels", 403),
        ("GET", "api/another", 403),
        ("GET", "ask-lnd/info", 404),
    ] {
        refused(curl(node, &["-X", verb, &lnd.page(path)], ""), status, path);
        // The log has the address as nginx normalised it.
        let path = path
            .trim_start_matches("api/../")
            .trim_start_matches("api/..%2f");
        until_logged(node, "archy-lnd-ui", &format!("{verb} /{path} {status} "));
    }
    for path in ["ask-daemon", "ask-daemon-briefly", "rest/chaininfo.json"] {
        refused(curl(node, &[&bitcoin.page(path)], ""), 404, path);
        until_logged(node, "archy-bitcoin-ui", &format!("GET /{path} 404 "));
    }
    // A request from a page of another site in the same browser: with JSON, and as a plain form,
    // which a browser sends without a preflight.
    let theirs = ["-H", "Origin: https://example.org"];
    for (page, body) in [
        (bitcoin.page("rpc"), call("uptime", json!([]))),
        (electrs.page("electrum"), lookup[0].clone()),
    ] {
        let body = body.to_string();
        let sent = ["--data-binary", "@-", &page];
        let arguments = [JSON.as_slice(), &theirs, &sent].concat();
        refused(curl(node, &arguments, &body), 403, "another page");
        let arguments = ["-H", "Content-Type: text/plain"];
        let arguments = [arguments.as_slice(), &sent].concat();
        refused(curl(node, &arguments, &body), 415, "a plain form");
    }

    all_answers_have_the_headers(node);
    bitcoind_refuses_as_well(node);
    lnd_refuses_as_well(node);
    assert_eq!(node.containers(), before, "no container ended");
}

/// Checks the headers of answers of all kinds.
fn all_answers_have_the_headers(node: &Node) {
    let of_each = ["", "config.json", "ready", "shared/poll.js", "no-such-file"];
    let of_one: [&[&str]; 3] = [
        &["blocks", "rpc"],
        &["api/status", "electrum"],
        &[
            "api/overview",
            "api/channels",
            "api/peers",
            "api/activity",
            "v1/getinfo",
        ],
    ];
    for (member, of_one) in MEMBERS.iter().zip(of_one) {
        for path in of_each.iter().chain(of_one) {
            let (_, answer) = curl(node, &["-i", &member.page(path)], "");
            has_all_headers(&answer, member.app, path);
        }
    }
    let [bitcoin, electrs, _] = MEMBERS;
    for (member, path, method) in [(bitcoin, "rpc", "uptime"), (electrs, "electrum", "stop")] {
        let page = member.page(path);
        let arguments = [JSON.as_slice(), &["-i", "--data-binary", "@-", &page]].concat();
        let (_, answer) = curl(node, &arguments, &call(method, json!([])).to_string());
        has_all_headers(&answer, member.app, path);
    }
}

fn has_all_headers(answer: &str, app: &str, path: &str) {
    let (head, _) = answer.split_once("\r\n\r\n").expect("a head and a body");
    for (name, expected) in HEADERS {
        let said: Vec<_> = head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .filter(|(said, _)| said.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
            .collect();
        assert_eq!(said, [expected], "{name} of {app}'s /{path}: {head}");
    }
}

/// bitcoind refuses these calls too, when they are made with the credential of the page's server.
fn bitcoind_refuses_as_well(node: &Node) {
    for method in BITCOIN_READS {
        answered(ask_bitcoind(node, method));
    }
    // The call for a block is allowed; there is no block with this hash.
    let (status, answer) = ask_bitcoind(node, "getblock");
    assert!(
        status == 500 && answer.contains("Block not found"),
        "{status} {answer}"
    );
    for method in [
        "stop",
        "sendrawtransaction",
        "invalidateblock",
        "getrawtransaction",
    ] {
        refused(ask_bitcoind(node, method), 403, method);
        until_logged(
            node,
            "archy-bitcoin",
            &format!("RPC User ui not allowed to call method {method}"),
        );
    }
}

/// lnd refuses these calls too, when they are made with the credential of the page's server.
fn lnd_refuses_as_well(node: &Node) {
    for address in [
        "v1/getinfo",
        "v1/balance/blockchain",
        "v1/balance/channels",
        "v1/channels",
        "v1/channels/pending",
        "v1/peers",
        "v1/invoices",
        "v1/payments",
    ] {
        answered(ask_lnd(node, "GET", address, ""));
    }
    let closing = format!("v1/channels/{}/0", "00".repeat(32));
    let coins = format!(r#"{{"addr":"{MINER}","amount":"1000","sat_per_vbyte":"2"}}"#);
    for (verb, address, body) in [
        ("POST", "v1/invoices", r#"{"value":"1"}"#),
        ("POST", "v2/router/send", r#"{"payment_request":"x"}"#),
        ("POST", "v1/channels", r#"{"local_funding_amount":"20000"}"#),
        ("DELETE", closing.as_str(), ""),
        ("POST", "v1/transactions", coins.as_str()),
        ("POST", "v1/macaroon", r#"{"permissions":[]}"#),
        ("POST", "v1/stop", "{}"),
    ] {
        let (status, said) = ask_lnd(node, verb, address, body);
        assert!(
            status >= 400 && said.contains("permission denied"),
            "{verb} {address}: {status} {said}"
        );
    }
    until_logged(node, "archy-lnd", "permission denied");
}

/// Calls bitcoind as the server of its page does, without that server's own checks. The arguments
/// name no existing block or transaction.
fn ask_bitcoind(node: &Node, method: &str) -> (u16, String) {
    let params = if BITCOIN_READS.contains(&method) {
        json!([])
    } else {
        json!(["00".repeat(32)])
    };
    let body = call(method, params);
    ask_from(
        node,
        "archy-bitcoin-ui",
        ("authorization", "Authorization"),
        &format!("-d '{body}' http://archy-bitcoin:8332/"),
    )
}

/// Asks lnd as the server of its page does, without that server's own checks.
fn ask_lnd(node: &Node, verb: &str, address: &str, body: &str) -> (u16, String) {
    let body = if body.is_empty() {
        String::new()
    } else {
        format!("-d '{body}'")
    };
    ask_from(
        node,
        "archy-lnd-ui",
        ("macaroon", "Grpc-Metadata-macaroon"),
        &format!(
            "-X {verb} {body} --cacert /etc/nginx/lnd-ca.pem https://archy-lnd:8080/{address}"
        ),
    )
}

/// Runs curl in the container of a page's server, with the value of `variable` in its configuration
/// as a header.
fn ask_from(
    node: &Node,
    page: &str,
    (variable, header): (&str, &str),
    arguments: &str,
) -> (u16, String) {
    // The credential goes through standard input, because everyone can read a process's arguments.
    let said = node.shell(&format!(
        "credential=$(sed -n 's/^ *set ${variable} \"\\(..*\\)\";$/\\1/p' {DATA}/{page}/nginx.conf)
        test -n \"$credential\"
        printf 'header = \"{header}: %s\"\\n' \"$credential\" |
        podman exec -i {page} curl -s --max-time 20 -w '\\n%{{http_code}}' -K - {arguments}"
    ));
    let (body, status) = said.rsplit_once('\n').expect("a status");
    (status.parse().expect("a status"), body.to_owned())
}

/// All calls of bitcoin's page.
pub(crate) fn all_reads() -> Value {
    BITCOIN_READS
        .map(|method| call(method, json!([])))
        .to_vec()
        .into()
}

/// The calls of electrs' page for looking an address up.
pub(crate) fn lookup() -> Value {
    ["subscribe", "get_balance", "get_history"]
        .map(|what| format!("blockchain.scripthash.{what}"))
        .map(|method| call(&method, json!([SCRIPT_HASH])))
        .to_vec()
        .into()
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

fn refused((status, body): (u16, String), expected: u16, what: &str) {
    assert_eq!(status, expected, "{what}: {body}");
}

/// Waits until a container's journal has a line with this text.
fn until_logged(node: &Node, container: &str, text: &str) {
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

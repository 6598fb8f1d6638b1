//! A real node of the catalog: from its installation to the height on its page.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;

use serde_json::{Value, json};
use testhost::{Forward, prerequisites};

use crate::node::{DATA, Node, SOON, UNITS, text, until, until_equal};

/// An address whose key nobody needs, because the mined coins are not spent.
const MINER: &str = "rltc1qyq0052zwswfzn3qm3mdrca8c6wjclkv5qxyjp3";

/// Sends a request of the page's scripts from outside the host. Returns the status and the body.
fn ask(page: SocketAddr, request: &str, body: &str) -> (u16, String) {
    ask_as(page, &page.to_string(), request, body)
}

/// As [`ask`], with another `Host` header.
fn ask_as(page: SocketAddr, host: &str, request: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(page).expect("a connection to the page");
    write!(
        stream,
        "{request} HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
    .expect("a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    (status.expect("a status"), body.to_owned())
}

fn call(page: SocketAddr, method: &str) -> (u16, String) {
    let call = json!({"jsonrpc": "1.0", "id": 0, "method": method, "params": []});
    ask(page, "POST /rpc", &call.to_string())
}

fn height(page: SocketAddr) -> u64 {
    let (status, body) = call(page, "getblockchaininfo");
    assert_eq!(status, 200, "{body}");
    let answer: Value = serde_json::from_str(&body).expect("JSON");
    answer["result"]["blocks"].as_u64().expect("a height")
}

/// The text of the page's element `height` after a real browser has run the page's scripts.
fn height_in_a_browser(node: &Node) -> String {
    let profile = Path::new(env!("CARGO_TARGET_TMPDIR")).join(node.0.name());
    // Virtual time lets the page fetch and draw before its document is printed, without a fixed
    // wait.
    let output = node
        .0
        .network_command("timeout")
        .expect("a command in the host's network")
        .args(["300", "chromium", "--headless", "--no-sandbox"])
        .args(["--disable-gpu", "--virtual-time-budget=8000", "--dump-dom"])
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg("http://127.0.0.1:8442/")
        .output()
        .expect("chromium");
    std::fs::remove_dir_all(&profile).expect("the browser's profile is deleted");
    let document = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    let shown = document
        .split_once(r#"id="height""#)
        .and_then(|(_, rest)| rest.split_once('>')?.1.split_once('<'))
        .map(|(shown, _)| shown.to_owned());
    shown.unwrap_or_else(|| panic!("no height in the page: {document}"))
}

fn height_inside(node: &Node) -> u64 {
    let count = node.user(&[
        "podman",
        "exec",
        "archy-litecoin",
        "litecoin-cli",
        "getblockcount",
    ]);
    count.trim().parse().expect("a height")
}

#[test]
fn the_page_of_a_real_node_shows_its_height_and_gives_no_secret_away() {
    prerequisites::ensure_commands(&[("chromium", "chromium")]).expect("a browser");
    let node = Node::new();
    // Records every command line of the host during the installation.
    node.shell("while [ ! -e /tmp/installed ]; do cat /proc/[0-9]*/cmdline; read -t 0.1 <> <(:) || :; done >/tmp/command-lines 2>/dev/null &");
    let shown = node.archipelago(&[
        "install",
        "litecoin",
        "--set",
        "network=regtest",
        "--set",
        "ui_names=Node.example.org my-node node.example.org",
    ]);
    assert!(shown.success(), "{shown:?}");
    node.shell("touch /tmp/installed");

    let services = node.shell(
        "cd ~/.config/containers/systemd && ls
        /usr/lib/systemd/user-generators/podman-user-generator -dryrun -user | grep -- ---archy",
    );
    let expected = "archy-litecoin-data.volume archy-litecoin-ui.container archy-litecoin.container archy-litecoin.network \
        ---archy-litecoin-data-volume.service--- ---archy-litecoin-network.service--- ---archy-litecoin-ui.service--- \
        ---archy-litecoin.service---";
    let mut services: Vec<&str> = services.split_whitespace().collect();
    services.sort_unstable_by_key(|line| (line.starts_with('-'), *line));
    assert_eq!(services.join(" "), expected);
    node.user(&[
        "systemctl",
        "--user",
        "is-active",
        "archy-litecoin",
        "archy-litecoin-ui",
    ]);

    let forward: Forward = node.0.forward(8442).expect("a forwarded port");
    let page = forward.address();
    // The whole table is in catalog/node-ui/test/nginx.test.js. These rows show that the real nginx
    // follows its configuration.
    for (host, status) in [
        ("192.168.1.5:8442", 200),
        ("[fd00::5]:8442", 200),
        ("LocalHost", 200),
        ("node.example.org:8442", 200),
        ("my-node", 200),
        ("node.lan", 421),
        ("node.local", 421),
        ("node", 421),
        ("node.localhost", 421),
        ("localhost.example.org", 421),
        ("node-example.org", 421),
        ("my-node.lan", 421),
        ("[::1].example.org", 421),
    ] {
        let (answered, body) = ask_as(page, host, "GET /config.json", "");
        assert_eq!(answered, status, "{host}: {body}");
    }
    assert_eq!((height(page), height_inside(&node)), (0, 0));
    assert_eq!(height_in_a_browser(&node), "0");
    node.user(&[
        "podman",
        "exec",
        "archy-litecoin",
        "litecoin-cli",
        "generatetoaddress",
        "5",
        MINER,
    ]);
    assert_eq!((height(page), height_inside(&node)), (5, 5));
    assert_eq!(height_in_a_browser(&node), "5");

    let before = node.containers();
    assert_eq!(call(page, "stop").0, 403);
    assert_eq!(height(page), 5, "the node must not stop");
    assert_eq!(node.containers(), before);

    // The daemon also writes the page's configuration, and logs that to the journal.
    let written = format!("{DATA}/archy-litecoin-ui/nginx.conf");
    node.shell(&format!("rm {written}; touch ~/.config/archipelago/look"));
    until("the daemon to write the page's configuration", SOON, || {
        node.try_shell(&format!(
            "journalctl --user -u archipelago -o cat | grep -F 'write {written}'"
        ))
        .success()
        .then_some(())
    });
    gives_no_secret_away(&node, page, &format!("{}{}", shown.stdout, shown.stderr));

    // The mined blocks are kept by a restart.
    node.user(&["archipelago", "restart", "litecoin"]);
    assert_ne!(
        node.containers()["archy-litecoin"],
        before["archy-litecoin"]
    );
    until_equal("the page to show the height again", SOON, &5, || {
        height(page)
    });
}

fn gives_no_secret_away(node: &Node, page: SocketAddr, shown: &str) {
    let secret = node.shell(&format!("cat {DATA}/secrets/litecoin/*"));
    let secret = secret.trim();
    assert_eq!(secret.len(), 64);
    let header = node.shell(&format!("printf ui:%s {secret} | base64 -w0"));
    let rendered = node.shell(&format!("cat {DATA}/archy-litecoin-ui/nginx.conf"));
    assert!(
        rendered.contains(&header),
        "the search must look for the header as the page's configuration has it: {rendered}"
    );

    let places = [
        ("the output of install", shown.to_owned()),
        ("unit files and Quadlet's output", node.shell(&format!("cat {UNITS}/* $XDG_RUNTIME_DIR/systemd/generator/archy-*"))),
        ("intents and definitions", node.shell("cat $(find ~/.config/archipelago -type f)")),
        ("podman inspect", node.shell("podman inspect archy-litecoin archy-litecoin-ui; podman network inspect archy-litecoin; podman volume inspect archy-litecoin-data; podman secret ls")),
        ("the journal", node.root(&["journalctl", "--no-pager", "-o", "verbose"])),
        ("command lines and the daemon's environment", node.root(&["bash", "-c", "cat /tmp/command-lines /proc/[0-9]*/cmdline 2>/dev/null; cat /proc/$(pgrep -xo archipelago)/environ"])),
        ("status", node.json(&["status"]).to_string()),
        ("health", node.user(&["curl", "-fsS", "http://127.0.0.1:5678/health"])),
        ("the page", ["/", "/config.json", "/main.js", "/rpc.js", "/node.js", "/shared/answer.js", "/nginx.conf", "/ready"].map(|path| ask(page, &format!("GET {path}"), "").1).concat()),
    ];
    for (place, found) in places {
        assert!(
            found.len() > 20,
            "{place}: there is hardly any text to search"
        );
        assert!(
            !found.contains(secret) && !found.contains(&header),
            "the page's password is in {place}"
        );
    }
    let open = node.shell(&format!(
        "find {DATA}/secrets {DATA}/archy-* -type f ! -perm 600"
    ));
    assert_eq!(open, "", "files with secrets that others may read");
    assert!(text(&node.status("litecoin")["urls"][0]["url"]).ends_with(":8442/"));
}

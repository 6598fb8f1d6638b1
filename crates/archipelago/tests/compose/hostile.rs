//! Hostile texts in a Compose file, in a running container: byte-equal, or refused before anything
//! is written. `crates/host/tests/escape_properties` has ten thousand cases without a container.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use testhost::{Account, Host};

use crate::support;

const PARTS: [&str; 24] = [
    "\nExecStartPre=/bin/touch /tmp/pwned",
    "\n\n[Install]\nWantedBy=default.target",
    "\n[Service]\nExecStart=/bin/false\n",
    "%h",
    "100%",
    "$HOME",
    "${HOME}",
    "$$",
    "\"",
    "'",
    "\\",
    "\\n",
    "\\x41",
    " ; ",
    "`id`",
    "$(id)",
    "#no comment",
    "\t",
    "\r",
    "\u{1b}[31m",
    "\u{7f}",
    "ünï 字 🦀",
    "\u{202e}",
    "  ",
];

/// Some hundred: each part alone with letters around it, and each pair of neighbours.
fn texts() -> Vec<String> {
    let neighbours = PARTS.iter().zip(PARTS.iter().cycle().skip(1));
    let pairs = neighbours.map(|(one, other)| format!("{one}{other}"));
    let alone = PARTS.iter().map(|part| format!("a{part}b"));
    let ends = PARTS.iter().map(|part| format!("{part}b{part}"));
    let long = ["x", "%", "字"].map(|part| part.repeat(3_000));
    (alone.chain(ends).chain(pairs).chain(long))
        .filter(|text| !text.contains("\r\n"))
        .collect()
}

fn install(host: &Host, service: &Value) -> testhost::Output {
    let compose = json!({"name": "hostile", "services": {"hostile": service}}).to_string();
    let folder = "/home/archy/hostile";
    let file = format!("{folder}/compose.yaml");
    host.write_file(Account::User, &file, compose.as_bytes())
        .expect("a file in the host");
    let install = ["archipelago", "install", "--yes", "--allow", "all", folder];
    host.run_user(&install).expect("a run in the host")
}

fn said(host: &Host, command: &[&str]) -> String {
    let output = host.run_user(command).expect("a run in the host");
    output.checked().expect("the command succeeds")
}

#[test]
fn hostile_texts_reach_the_container_or_are_refused() {
    let host = support::host();
    let texts = texts();
    let named: BTreeMap<String, &String> = (texts.iter().enumerate())
        .map(|(index, text)| (format!("T{index}"), text))
        .collect();
    // Compose reads `$`.
    let written: BTreeMap<&String, String> = (named.iter())
        .map(|(name, text)| (name, text.replace('$', "$$")))
        .collect();
    let sleeps = ["sh", "-c", "trap 'exit 0' TERM; sleep 1d & wait", "sh"];
    let words = sleeps.iter().map(|word| (*word).to_owned());
    let command: Vec<String> = words.clone().chain(written.values().cloned()).collect();
    let service = json!({
        "image": "docker.io/library/busybox:stable",
        "command": command,
        "environment": written,
        "labels": written,
    });
    install(&host, &service)
        .checked()
        .expect("the app installs");

    let shown = said(&host, &["podman", "inspect", "archy-hostile"]);
    let shown: Value = serde_json::from_str(&shown).expect("JSON");
    let config = &shown[0]["Config"];
    let meant: Vec<String> = words
        .chain(named.values().map(|text| (*text).clone()))
        .collect();
    assert_eq!(config["Cmd"], json!(meant));
    let inside = said(
        &host,
        &["podman", "exec", "archy-hostile", "cat", "/proc/1/environ"],
    );
    let variables: Vec<&str> = inside.split('\0').collect();
    for (name, text) in &named {
        assert_eq!(config["Labels"][name], **text, "the label {name}");
        let variable = format!("{name}={text}");
        assert!(variables.contains(&variable.as_str()), "{variable:?}");
    }
    let pwned = host.run_root(&["test", "-e", "/tmp/pwned"]);
    assert_eq!(
        pwned.expect("a run in the host").status,
        1,
        "a text was run"
    );

    said(&host, &["archipelago", "uninstall", "hostile", "--purge"]);
    let files = [
        "bash",
        "-c",
        "find .config -type f | sort | xargs sha256sum",
    ];
    let before = said(&host, &files);
    for text in ["a\0b", "a\r\nb", "\u{80}", "\u{ffff}", &"x".repeat(60_001)] {
        let service = json!({
            "image": "docker.io/library/busybox:stable",
            "environment": {"NAME": text},
        });
        let output = install(&host, &service);
        assert_ne!(output.status, 0, "{text:?}");
        assert!(!output.stderr.contains('\0'), "{:?}", output.stderr);
        assert_eq!(said(&host, &files), before, "{text:?}");
    }
}

//! No secret can be read by others: nothing that the node shows contains one, in any of the usual
//! encodings.

use crate::calls;
use crate::node::{CONFIG, DATA, Node, SOON, UNITS, until_equal};
use crate::stack::{MEMBERS, curl};

const CHAIN: &str = "volumes/lnd/data/data/chain/bitcoin/regtest";
/// The file with the recorded command lines, in a folder that a reboot keeps.
const COMMAND_LINES: &str = "/var/tmp/command-lines";
/// The search looks for this many words of the wallet in a row: fewer may occur by accident.
const ROW: usize = 3;

/// Starts to record all command lines of the host, over and over. A reboot ends the recording.
pub(crate) fn watch(node: &Node) {
    let script = format!(
        "while :; do LC_ALL=C grep -ah '' /proc/[0-9]*/cmdline; read -t 0.05 <> <(:) || :; done >>{COMMAND_LINES} 2>/dev/null"
    );
    node.root(&["systemd-run", "--quiet", "bash", "-c", &script]);
}

/// The name of a secret in one encoding, and its text.
type Secret = (String, String);
/// The name of something that can be read, and its text.
type Place = (&'static str, String);

/// `printed` is the output of the installations.
pub(crate) fn stay_secret(node: &Node, printed: &str) {
    let secrets = secrets(node);
    println!(
        "the search looks for {} spellings of secrets",
        secrets.len()
    );
    let mut places = places(node);
    places.push(("the output of install", printed.to_owned()));
    for (place, text) in &places {
        assert!(
            text.len() > 20,
            "{place}: there is hardly any text to search"
        );
    }
    let (_, command_lines) = places
        .iter()
        .find(|(place, _)| *place == "command lines")
        .expect("one of the places");
    // The recording covers the commands before the reboots and the starts of containers.
    for command in ["archipelago install", "podman run"] {
        assert!(
            command_lines.contains(command),
            "the recording has no `{command}`"
        );
    }
    assert_eq!(found(&secrets, &places), Vec::<String>::new());
    let open = node.shell(&format!(
        "find {DATA}/secrets {DATA}/archy-* {DATA}/volumes/lnd -type f \\( -name 'lnd-ca.pem' -prune -o ! -perm 600 -path '*/secrets/*' -print -o ! -perm 600 -path '*/archy-*' -print -o ! -perm 600 -name 'wallet-words*' -print \\)"
    ));
    assert_eq!(open, "", "files with secrets that others may read");
    other_users_read_none(node);
    the_search_finds_planted_secrets(node, &secrets);
}

/// The modes of lnd's macaroons let others read them; a folder above keeps others out. So another
/// user tries to read each file.
fn other_users_read_none(node: &Node) {
    let looked_at = node.root(&[
        "bash",
        "-euo",
        "pipefail",
        "-c",
        &format!(
            "find {DATA} -type f \\( -name '*.macaroon' -o -name '*.key' -o -name '*.db' -o -name 'wallet-words*' -o -name .cookie \\
                -o -path '*/secrets/*' -o -path '{DATA}/archy-*' \\) |
            setpriv --reuid=65534 --regid=65534 --clear-groups bash -c \\
                'while read -r file; do if test -r \"$file\"; then echo \"open $file\"; else echo \"shut $file\"; fi; done'"
        ),
    ]);
    for kind in [
        "/admin.macaroon\n",
        "/readonly.macaroon\n",
        "/tls.key\n",
        "/wallet.db\n",
        "/wallet-words.regtest\n",
        "/.cookie\n",
        "/secrets/lnd/wallet_password\n",
        "/archy-lnd-ui/nginx.conf\n",
    ] {
        assert!(looked_at.contains(kind), "{kind:?}: {looked_at}");
    }
    let open: Vec<_> = looked_at
        .lines()
        .filter(|line| !line.starts_with("shut "))
        .collect();
    assert_eq!(
        open,
        Vec::<&str>::new(),
        "files with secrets that another user may read"
    );
}

/// Checks that the search finds the secrets in their own files, and secrets that are planted in
/// other places.
fn the_search_finds_planted_secrets(node: &Node, secrets: &[Secret]) {
    let kept = node.shell(&format!(
        "cat {DATA}/secrets/*/* {DATA}/archy-*/* {DATA}/volumes/lnd/data/wallet-words.regtest {DATA}/volumes/lnd/data/tls.key {DATA}/volumes/bitcoin/data/regtest/.cookie
        for file in {DATA}/{CHAIN}/*.macaroon; do base64 -w0 $file; od -An -v -tx1 $file | tr -d ' \\n'; echo; done
        cat {DATA}/secrets/lnd/wallet_password | tr -d '\\n' | base64 -w0"
    ));
    let known = found(secrets, &[("", kept)]);
    for kind in [
        "password",
        "macaroon in hexadecimal",
        "macaroon in base64",
        "words",
        "key",
        "cookie",
        "header",
    ] {
        assert!(
            known.iter().any(|found| found.contains(kind)),
            "{kind}: {known:?}"
        );
    }

    let planted = node.shell(&format!(
        "secret=$(cat {DATA}/secrets/bitcoin/ui_rpc_password)
        mkdir -p {UNITS}/archy-lnd.container.d
        printf '[Unit]\\nDocumentation=file:%s\\n' $secret >{UNITS}/archy-lnd.container.d/planted.conf
        printf 'slip: %s\\n' $secret | systemd-cat --identifier=planted
        # Written to a file, because a command line would be a second place.
        (umask 077; printf 'slip=%s\\n' $secret >~/planted)
        podman create --quiet --name planted --label-file ~/planted $(podman inspect --format '{{{{.Image}}}}' archy-bitcoin-ui) >/dev/null
        (exec -a $secret sleep 600) >/dev/null 2>&1 & echo $!"
    ));
    // The page of lnd shows the memo of an invoice. This secret is also on a command line, so it is
    // another one.
    node.shell(&format!(
        "podman exec archy-lnd lncli addinvoice --memo $(cat {DATA}/secrets/bitcoin/electrs_rpc_password) --amt 1"
    ));
    let expected = [
        ("ui", "unit files"),
        ("ui", "the journal"),
        ("ui", "command lines"),
        ("ui", "podman inspect"),
        ("electrs", "the pages"),
    ]
    .map(|(user, place)| format!("the password bitcoin/{user}_rpc_password in {place}"));
    until_equal("all planted secrets to be found", SOON, &Vec::new(), || {
        let found = found(secrets, &places(node));
        expected
            .iter()
            .filter(|expected| !found.contains(expected))
            .collect::<Vec<_>>()
    });
    node.shell(&format!(
        "kill {}; podman rm planted >/dev/null; rm -r ~/planted {UNITS}/archy-lnd.container.d",
        planted.trim()
    ));
}

/// Each secret of this node, in its own and in the usual encodings.
fn secrets(node: &Node) -> Vec<Secret> {
    let mut secrets = Vec::new();
    let mut add = |name: String, text: &str| {
        assert!(
            text.trim().len() >= 12,
            "{name} is too short for a search: {text:?}"
        );
        secrets.push((name, text.trim().to_owned()));
    };
    let files = node.shell(&format!(
        "cd {DATA}/secrets; for file in */*; do echo $file $(cat $file) $(tr -d '\\n' <$file | base64 -w0); done"
    ));
    for line in files.lines() {
        let [name, plain, base64] = words(line);
        add(format!("the password {name}"), plain);
        add(format!("the password {name} in base64"), base64);
    }
    let headers = node.shell(&format!(
        "for user in ui electrs lnd; do echo $user $(printf $user:%s $(cat {DATA}/secrets/bitcoin/${{user}}_rpc_password) | base64 -w0); done"
    ));
    for line in headers.lines() {
        let (user, header) = line.split_once(' ').expect("a user and a header");
        add(format!("the header of {user}"), header);
    }
    let macaroons = node.shell(&format!(
        "cd {DATA}/{CHAIN}; for file in *.macaroon; do echo $file $(od -An -v -tx1 $file | tr -d ' \\n') $(base64 -w0 $file); done"
    ));
    for line in macaroons.lines() {
        let [name, hexadecimal, base64] = words(line);
        add(format!("{name}: macaroon in hexadecimal"), hexadecimal);
        // The end of a macaroon is its signature. Without the signature, the other parts are
        // useless.
        add(
            format!("{name}: signature of the macaroon in hexadecimal"),
            &hexadecimal[hexadecimal.len() - 64..],
        );
        add(format!("{name}: macaroon in base64"), base64);
    }
    let key = node.shell(&format!("grep -v -- --- {DATA}/volumes/lnd/data/tls.key"));
    for line in key.lines().filter(|line| line.len() > 30) {
        add("lnd's TLS key".to_owned(), line);
    }
    let preimages = node.shell(
        "podman exec archy-lnd lncli listinvoices | jq -r '.invoices[].r_preimage' |
        while read -r preimage; do echo $preimage $(printf %s $preimage | tr a-f A-F | basenc --base16 -d | base64 -w0); done",
    );
    for line in preimages.lines() {
        let [hexadecimal, base64] = words(line);
        add("an invoice's preimage".to_owned(), hexadecimal);
        add("an invoice's preimage in base64".to_owned(), base64);
    }
    let cookie = node.shell(&format!(
        "cut -d: -f2 {DATA}/volumes/bitcoin/data/regtest/.cookie"
    ));
    add("bitcoind's cookie".to_owned(), &cookie);
    let seed = node.shell(&format!("cat {DATA}/volumes/lnd/data/wallet-words.regtest"));
    let seed = letters(&seed);
    let seed: Vec<&str> = seed.split(' ').filter(|word| !word.is_empty()).collect();
    assert_eq!(seed.len(), 24, "the wallet's words");
    for row in seed.windows(ROW) {
        add("words of the wallet".to_owned(), &row.join(" "));
    }
    secrets
}

/// Everything that other users can read, or that others are shown.
fn places(node: &Node) -> Vec<Place> {
    vec![
        ("unit files", node.shell(&format!("cat {UNITS}/* {UNITS}/*.d/* $XDG_RUNTIME_DIR/systemd/generator/archy-* 2>/dev/null || :"))),
        ("systemctl", node.shell("systemctl --user --no-pager cat 'archy-*' archipelago; systemctl --user --no-pager show 'archy-*' archipelago; systemctl --user show-environment")),
        ("intents and definitions", node.shell(&format!("cat $(find {CONFIG} -type f)"))),
        ("podman inspect", node.shell(
            "podman inspect $(podman ps --all --quiet); podman network inspect $(podman network ls -q); podman volume inspect $(podman volume ls -q)
            podman image inspect $(podman image ls -q); podman secret ls; podman ps --all --no-trunc"
        )),
        ("the journal", node.root(&["journalctl", "--no-pager", "--all", "-o", "verbose"])),
        ("command lines", node.root(&["bash", "-c", &format!("LC_ALL=C grep -ah '' {COMMAND_LINES} /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' ' | LC_ALL=C sort -u")])),
        ("the environment of every process", node.root(&["bash", "-c", "cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n'"])),
        ("archipelago", node.shell("for what in status catalog doctor plan setup; do archipelago --output json $what || :; archipelago $what || :; done; for app in bitcoin electrs lnd; do archipelago logs $app || :; archipelago plan uninstall $app || :; done")),
        ("health", node.user(&["curl", "-fsS", "http://127.0.0.1:5678/health"])),
        ("the pages", pages(node)),
    ]
}

/// Everything that the pages' servers answer, with the headers.
fn pages(node: &Node) -> String {
    let mut all = String::new();
    let mut ask = |arguments: &[&str], body: &str, expected: u16| {
        let (status, answer) = curl(node, &[&["-i"], arguments].concat(), body);
        assert_eq!(status, expected, "{arguments:?}: {answer}");
        all += &answer;
    };
    let of_each = ["", "config.json", "ready"];
    let of_one: [(&str, &[&str]); 3] = [
        ("node", &["blocks"]),
        ("electrum", &["api/status"]),
        (
            "lightning",
            &["api/overview", "api/channels", "api/peers", "api/activity"],
        ),
    ];
    let html = "/usr/share/archipelago/catalog/node-ui/html";
    for (member, (folder, of_one)) in MEMBERS.iter().zip(of_one) {
        let files = node.shell(&format!(
            "cd {html}/{folder} && find * -type f; cd .. && find shared -type f"
        ));
        for kind in ["main.js\n", "shared/copy.js\n"] {
            assert!(files.contains(kind), "{kind:?}: {files}");
        }
        for path in of_each.iter().chain(of_one).copied().chain(files.lines()) {
            ask(&[&member.page(path)], "", 200);
        }
        ask(&[&member.page("nginx.conf")], "", 404);
    }
    let [bitcoin, electrs, _] = MEMBERS;
    for (member, path, body) in [
        (bitcoin, "rpc", calls::all_reads()),
        (electrs, "electrum", calls::lookup()),
    ] {
        let page = member.page(path);
        let arguments = [calls::JSON.as_slice(), &["--data-binary", "@-", &page]].concat();
        ask(&arguments, &body.to_string(), 200);
    }
    all
}

/// The secrets that were found, each with its place.
fn found(secrets: &[Secret], places: &[Place]) -> Vec<String> {
    let mut all = Vec::new();
    for (place, text) in places {
        let letters = letters(text);
        for (secret, spelling) in secrets {
            let text = if spelling.contains(' ') {
                &letters
            } else {
                text
            };
            if text.contains(spelling) {
                all.push(format!("{secret} in {place}"));
            }
        }
    }
    all
}

/// The words of a text, without numbers, quotation marks and line ends.
fn letters(text: &str) -> String {
    let spaced: String = text
        .chars()
        .map(|letter| {
            if letter.is_ascii_lowercase() {
                letter
            } else {
                ' '
            }
        })
        .collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn words<const N: usize>(line: &str) -> [&str; N] {
    let words: Vec<&str> = line.split(' ').collect();
    words
        .try_into()
        .unwrap_or_else(|_| panic!("not {N} words: {line}"))
}

//! A secret, and a setting that only a template uses, are in files of mode 0600 and nowhere else on
//! the host.

use std::collections::BTreeSet;

use crate::apps::{self, App};
use crate::node::{CONFIG, DATA, Node, SOON, UNITS, until, until_equal};

const SEALED: &str = "planted-sealed-4b7d";
const BROKEN: &str = "planted-broken-91c2";
/// An argument of a container. Every user can read it, so the search must find it.
const DECOY: &str = "planted-decoy-0e5f";

/// An app that uses its secret in every possible way, and exports it.
fn vault() -> App {
    let compose = format!(
        r#"services:
  vault:
    image: docker.io/library/busybox:stable
    command: [sh, -c, "trap 'exit 0' TERM; sleep infinity & wait", "{DECOY}"]
    secrets: [token]
    x-environment-secrets: {{TOKEN: token}}
secrets: {{token: }}
x-archipelago:
  settings:
    sealed: {{type: string, default: "", description: A password.}}
  secrets: {{token: {{description: A token.}}}}
  exports: {{secrets: [token], settings: [sealed]}}
  templates: [{{source: vault.conf, service: vault, target: /etc/vault.conf}}]
"#
    );
    apps::app("vault", &compose).with(
        "vault.conf",
        "{{ settings.sealed }}\n{{ secrets.token }}\n{{ rpcauth('a', secrets.token) }}\n",
    )
}

fn reader() -> App {
    apps::app(
        "reader",
        r#"services:
  reader:
    image: docker.io/library/busybox:stable
    command: [sh, -c, "trap 'exit 0' TERM; sleep infinity & wait"]
x-archipelago:
  requires: {apps: [vault]}
  templates: [{source: reader.conf, service: reader, target: /etc/reader.conf}]
"#,
    )
    .with(
        "reader.conf",
        "{{ apps.vault.secrets.token }}\n{{ apps.vault.settings.sealed }}\n",
    )
}

/// Searches the arguments of all processes until the file `watched` exists. grep reads the values
/// from a file, because it would find them among its own arguments.
const WATCH: &str = "
cd /home/archy
: >watching
until [ -e watched ]; do
    grep -aohF -f planted /proc/[0-9]*/cmdline 2>/dev/null >>seen || :
done
sort -u seen >arguments
";

/// Prints everything that Podman shows of its objects.
const PODMAN: &str = "
podman ps -aq | xargs -r podman container inspect
podman network ls -q | xargs -r podman network inspect
podman volume ls -q | xargs -r podman volume inspect
podman secret ls -q | xargs -r podman secret inspect
podman image ls -q | xargs -r podman image inspect
podman image ls -q | xargs -r -n 1 podman history --no-trunc
podman ps -a --no-trunc
";

/// Removes, ends and restarts everything that holds the values, so that it is made again.
fn disturb(node: &Node) {
    for disturbance in [
        &format!("rm {UNITS}/archy-vault.container {UNITS}/archy-reader.container") as &str,
        &format!("rm {DATA}/archy-vault/vault.conf {DATA}/archy-reader/reader.conf"),
        "podman kill archy-vault",
        "systemctl --user stop archy-vault; podman secret rm $(podman secret ls -q)",
        "systemctl --user restart archipelago",
    ] {
        node.shell(disturbance);
        for app in ["vault", "reader"] {
            until_equal(disturbance, SOON, &"ready".to_owned(), || node.state(app));
        }
        let files = format!(
            "test -e {UNITS}/archy-vault.container -a -e {UNITS}/archy-reader.container -a -e {DATA}/archy-vault/vault.conf \
             -a -e {DATA}/archy-reader/reader.conf"
        );
        until(disturbance, SOON, || {
            node.try_shell(&files).success().then_some(())
        });
    }
    for command in [
        &["restart", "vault"][..],
        &["stop", "vault"],
        &["start", "vault"],
    ] {
        node.archipelago(command);
    }
    for app in ["vault", "reader"] {
        until_equal("both apps to be ready", SOON, &"ready".to_owned(), || {
            node.state(app)
        });
    }
}

/// The planted values that a text contains.
fn found<'a>(text: &str, planted: &[&'a str]) -> BTreeSet<&'a str> {
    let planted = planted.iter().copied();
    planted.filter(|value| text.contains(value)).collect()
}

#[test]
fn a_secret_and_a_sealed_setting_are_only_in_private_files() {
    let node = Node::new();
    node.install(&vault());
    // The setting is written into the intent, because everyone can read the arguments of a command.
    let intent = format!("{CONFIG}/apps/vault.toml");
    let kept = node.shell(&format!("cat {intent}"));
    let sealed = format!("{kept}\n[settings]\nsealed = \"{SEALED}\"\n");
    assert!(!kept.contains("[settings]"), "{kept}");
    node.write(&intent, &sealed);
    let page = format!("{DATA}/archy-vault/vault.conf");
    until("the setting to be rendered", SOON, || {
        node.shell(&format!("cat {page}"))
            .contains(SEALED)
            .then_some(())
    });
    node.install(&reader());

    let token = node.shell(&format!("cat {DATA}/secrets/vault/token"));
    let planted = [SEALED, BROKEN, token.trim()];
    let with_decoy = [&planted[..], &[DECOY]].concat();
    node.write("/home/archy/planted", &with_decoy.join("\n"));
    node.shell("chmod 600 ~/planted");
    let mut watch = node
        .0
        .spawn_user(&["bash", "-euc", WATCH])
        .expect("a process in the host");
    until("the search to begin", SOON, || {
        node.try_shell("test -e ~/watching").success().then_some(())
    });
    disturb(&node);

    let mut said = Vec::new();
    let mut note = |name: &str, text: String| said.push((name.to_owned(), text));
    // The intent is broken for a while. The daemon and the commands report the error.
    node.write(&intent, &format!("{sealed}more = \"{BROKEN}\n"));
    until("the daemon to report the broken intent", SOON, || {
        let app = node.try_details_of("vault")?;
        app.to_string().contains("vault.toml").then_some(())
    });
    for (name, arguments) in [
        ("status", &["status"][..]),
        ("status", &["--output", "json", "status"]),
        ("list", &["--output", "json", "list"]),
        ("set", &["set", "vault", "other=x"]),
        ("doctor", &["--output", "json", "doctor"]),
        ("setup", &["setup"]),
        ("plan", &["--output", "json", "plan"]),
        ("plan", &["plan", "uninstall", "vault"]),
        ("rebuild", &["rebuild", "vault"]),
    ] {
        let output = node.archipelago(arguments);
        note(name, format!("{}{}", output.stdout, output.stderr));
    }
    note("health", format!("{:?}", node.try_health()));
    note("details", format!("{:?}", node.try_details()));
    node.write(&intent, &sealed);
    until_equal(
        "the app to be ready again",
        SOON,
        &"ready".to_owned(),
        || node.state("vault"),
    );

    for arguments in [
        &["status", "vault"][..],
        &["list"],
        &["doctor"],
        &["catalog", "/home/archy/apps/vault"],
        &["logs", "vault"],
        &["setup"],
        &["plan"],
        &["plan", "install", "/home/archy/apps/vault"],
        &["plan", "uninstall", "reader"],
        &["rebuild", "vault"],
    ] {
        let output = node.archipelago(arguments);
        note(arguments[0], format!("{}{}", output.stdout, output.stderr));
    }
    note("health", format!("{:?}", node.try_health()));
    note("details", format!("{:?}", node.try_details()));
    note("podman", node.shell(PODMAN));
    note(
        "units",
        node.shell(&format!(
            "cat {UNITS}/*; find $XDG_RUNTIME_DIR/systemd ~/.config/systemd -name inaccessible -prune -o -type f -exec cat {{}} +; systemctl --user show 'archy-*'"
        )),
    );
    // In the folders of Archipelago and systemd, only files of mode 600 hold the values, and no
    // unit does.
    let files = node.shell(&format!(
        "sed -i /{DECOY}/d ~/planted
        grep -rlF --exclude-dir=inaccessible -f ~/planted {CONFIG} {DATA} {UNITS} $XDG_RUNTIME_DIR/archipelago $XDG_RUNTIME_DIR/systemd | xargs stat -c '%a %n' | sort"
    ));
    let others: Vec<&str> = files
        .lines()
        .filter(|line| !line.starts_with("600 "))
        .collect();
    assert_eq!(others, Vec::<&str>::new(), "{files}");
    for path in [
        "apps/vault.toml",
        "secrets/vault/token",
        "vault.conf",
        "reader.conf",
    ] {
        assert!(files.contains(path), "{path} is missing in {files}");
    }
    assert!(!files.contains(UNITS), "{files}");

    for arguments in [
        &["uninstall", "reader"][..],
        &["--output", "json", "uninstall", "vault", "--purge"],
    ] {
        let output = node.archipelago(arguments);
        assert!(output.success(), "{output:?}");
        note("uninstall", format!("{}{}", output.stdout, output.stderr));
    }
    note(
        "journal",
        node.root(&["journalctl", "-o", "json", "--all", "--no-pager"]),
    );
    node.shell("touch ~/watched");
    assert!(watch.wait().expect("the search to end").success());
    let arguments = node.shell("cat ~/arguments");
    assert_eq!(
        found(&arguments, &with_decoy),
        [DECOY].into(),
        "{arguments}"
    );
    let all: usize = said.iter().map(|(_, text)| text.len()).sum();
    assert!(all > 50_000, "there is hardly any output: {said:?}");
    for (name, text) in &said {
        assert_eq!(found(text, &planted), [].into(), "in the output of {name}");
    }
    let of_podman = said.iter().find(|(name, _)| name == "podman");
    assert!(of_podman.is_some_and(|(_, text)| text.contains(DECOY)));
}

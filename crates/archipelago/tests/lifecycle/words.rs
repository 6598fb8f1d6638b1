//! No output holds a value of a setting, an intent or a secret, nor a character that a terminal
//! acts on.

use testhost::Output;

use crate::apps::{self, App};
use crate::node::{CONFIG, DATA, Node, SOON, UNITS, until, until_equal};

/// Values that nothing else on a host holds, one for each kind of place.
const SETTING: &str = "planted-setting-7c1f";
const LINES: &str = "planted-lines-2b9e";
const WRONG: &str = "planted-wrong-5d30";
const INTENT: &str = "planted-intent-8e44";
const CONFIGURED: &str = "planted-config-0a61";
const INLINE: &str = "planted-inline-91bd";
const ENV_FILE: &str = "planted-envfile-c7f2";
const ARGUMENT: &str = "planted-argument-3e8a";
const TEMPLATE: &str = "planted-template-6620";
const UNIT: &str = "planted-unit-e15c";

const PLANTED: [&str; 10] = [
    SETTING, LINES, WRONG, INTENT, CONFIGURED, INLINE, ENV_FILE, ARGUMENT, TEMPLATE, UNIT,
];

/// An app with a value in every place that takes one.
fn vault() -> App {
    let compose = format!(
        r#"services:
  vault:
    build: {{context: image, args: {{TOKEN: "{ARGUMENT}"}}}}
    command: [sh, -c, "trap 'exit 0' TERM; sleep infinity & wait", "{INLINE}"]
    environment:
      PASSWORD: "{INLINE}"
      CHOSEN: "${{password}}"
    env_file: vault.env
    secrets: [token]
secrets: {{token: }}
x-archipelago:
  settings:
    password: {{type: string, description: A password.}}
    lines: {{type: text, default: "", description: More lines.}}
    port: {{type: port, default: 8481, description: A port.}}
    address: {{type: string, default: localhost, description: An address.}}
  secrets: {{token: {{description: A token.}}}}
  templates: [{{source: vault.conf, service: vault, target: /etc/vault.conf}}]
"#
    );
    apps::app("vault", &compose)
        .with(
            "image/Containerfile",
            "FROM docker.io/library/busybox:stable\nARG TOKEN\nRUN echo \"$TOKEN\"\n",
        )
        .with("vault.env", &format!("FROM_FILE={ENV_FILE}\n"))
        .with(
            "vault.conf",
            &format!(
                "key = {TEMPLATE}\npassword = {{{{ settings.password }}}}\n{{{{ secrets.token }}}}\n\
                 {{{{ added_lines(settings.lines, {{'sealed': 'password'}}) }}}}\n{{{{ host_address(settings.address).host }}}}\n"
            ),
        )
}

/// All output so far.
struct Said<'a> {
    node: &'a Node,
    all: Vec<String>,
}

impl Said<'_> {
    /// Runs a command and records its output.
    fn by(&mut self, arguments: &[&str]) -> Output {
        let output = self.node.archipelago(arguments);
        // The arguments, which a person types, are not part of the output.
        let said = format!("{}\n{}", output.stdout, output.stderr);
        self.all
            .push(format!("archipelago {}:\n{said}", arguments[0]));
        output
    }

    /// Waits until the daemon shows these words about the app. Then records the output of all
    /// commands and the answers of the daemon.
    fn everywhere(&mut self, words: &str) {
        let node = self.node;
        let daemon = || node.try_details_of("vault").unwrap_or_default().to_string();
        until_holds(&format!("the daemon to say {words:?}"), daemon, |said| {
            said.contains(words)
        });
        for arguments in [
            &["status"][..],
            &["status", "vault"],
            &["--output", "json", "status"],
            &["list"],
            &["--output", "json", "list"],
            &["doctor"],
            &["catalog"],
            &["setup"],
            &["plan"],
            &["--output", "json", "plan"],
            &["plan", "uninstall", "vault"],
            &["start", "vault"],
            &["stop", "vault"],
            &["restart", "vault"],
            &["rebuild", "vault"],
        ] {
            self.by(arguments);
        }
        let answers = [node.try_health(), node.try_details()];
        self.all
            .extend(answers.iter().map(|answer| format!("{answer:?}")));
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story on one host")]
fn no_output_holds_a_planted_value() {
    let node = Node::new();
    let folder = node.put(&vault());
    let mut said = Said {
        node: &node,
        all: Vec::new(),
    };
    let (password, lines) = (format!("password={SETTING}"), format!("lines=key={LINES}"));
    let installed = said.by(&["install", &folder, "--set", &password, "--set", &lines]);
    assert!(installed.success(), "{installed:?}");
    for wrong in [
        &format!("port={WRONG}"),
        &format!("lines=sealed={WRONG}"),
        &format!("address={WRONG}/x"),
        &format!("{WRONG} without an equals sign"),
    ] {
        for command in [
            &["install", &folder, "--set", wrong][..],
            &["set", "vault", wrong],
            &["plan", "install", &folder, "--set", wrong],
            &["plan", "set", "vault", wrong],
        ] {
            let refused = said.by(command);
            assert_eq!(refused.status, 3, "{refused:?}");
        }
    }

    let intent = format!("{CONFIG}/apps/vault.toml");
    let kept = node.shell(&format!("cat {intent}"));
    let with = |line: &str| format!("{kept}\n{line}\n");
    let first = |line: &str| format!("{line}\n{kept}");
    let base = "docker.io/library/busybox:stable";
    let runtime = "/run/user/1000/archipelago";
    let definition = &folder;
    let compose = vault().files[0].1.clone();
    let template = vault().files[3].1.clone();
    let broken = [
        (
            intent.clone(),
            with(&format!("more = \"{INTENT}")),
            "vault.toml:",
        ),
        (
            intent.clone(),
            with(&format!("more = {INTENT}")),
            "vault.toml:",
        ),
        (
            intent.clone(),
            with(&format!("more = [\"{INTENT}\"]")),
            "settings.more: ",
        ),
        (
            intent.clone(),
            with(&format!("more = \"{INTENT}\"")),
            "vault has no setting",
        ),
        (
            intent.clone(),
            format!("state = \"{INTENT}\"\n"),
            "vault.toml:1:1: state: ",
        ),
        (
            intent.clone(),
            with(&format!("port = \"{INTENT}\"")),
            "the setting port does not fit",
        ),
        (
            intent.clone(),
            first(&format!("allow = \"{INTENT}\"")),
            "vault.toml:1:1: allow: ",
        ),
        (
            intent.clone(),
            first(&format!("images = {{\"{base}\" = \"{INTENT} X\"}}")),
            "IMAGE@sha256:DIGEST",
        ),
        (
            intent.clone(),
            first(&format!("bases = {{\"{base}\" = \"{INTENT}\"}}")),
            "sha256:DIGEST",
        ),
        (intent.clone(), with_release(&kept, INTENT), ": release: "),
        (
            format!("{CONFIG}/node.toml"),
            format!("id = \"{CONFIGURED}\n"),
            "node.toml",
        ),
        (
            format!("{CONFIG}/node.toml"),
            format!("id = \"{CONFIGURED}\"\ndata = \"{CONFIGURED}\"\n"),
            "node.toml",
        ),
        // Of these two no message tells: they are written anew.
        (
            format!("{runtime}/progress.json"),
            format!("{{\"{INTENT}"),
            "ready",
        ),
        (
            format!("{runtime}/pending.json"),
            format!("{{\"{INTENT}"),
            "ready",
        ),
        (
            format!("{CONFIG}/config.toml"),
            format!("publish_address = \"{CONFIGURED}\"\n"),
            "config.toml:1:1: ",
        ),
        (
            format!("{CONFIG}/config.toml"),
            format!("images = \"{CONFIGURED}\n"),
            "config.toml:1:",
        ),
        (
            format!("{definition}/compose.yaml"),
            compose.replace(
                &format!("PASSWORD: \"{INLINE}\""),
                &format!("PASSWORD: \"{INLINE}"),
            ),
            "compose.yaml:",
        ),
        (
            format!("{definition}/compose.yaml"),
            compose.replace("secrets: [token]", &format!("secrets: [{INLINE}]")),
            "a secret here is not declared",
        ),
        (
            format!("{definition}/compose.yaml"),
            compose.replace("secrets: [token]", &format!("init: {INLINE}")),
            "neither `true` nor `false`",
        ),
        (
            format!("{definition}/compose.yaml"),
            compose.replace("secrets: [token]", &format!("ports: [\"{INLINE}:80\"]")),
            "this is no port",
        ),
        (
            format!("{definition}/compose.yaml"),
            compose.replace("secrets: [token]", &format!("working_dir: \"{INLINE}\\n\"")),
            "cannot be passed through a unit file",
        ),
        (
            format!("{definition}/compose.yaml"),
            compose.replace("${password}", &format!("a${INLINE}")),
            "dollar sign is written",
        ),
        (
            format!("{definition}/compose.yaml"),
            compose.replace(&format!("\"{ARGUMENT}\""), &format!("[{ARGUMENT}]")),
            "this must be text",
        ),
        (
            format!("{definition}/vault.env"),
            format!("TOKEN {ENV_FILE}\n"),
            "write NAME=value",
        ),
        (
            format!("{definition}/vault.conf"),
            format!("{{{{ '{TEMPLATE}' / 2 }}}}"),
            "vault.conf:1:1: ",
        ),
        (
            format!("{definition}/vault.conf"),
            format!("{template}{{{{ settings.password / 2 }}}}"),
            "vault.conf:6:1: ",
        ),
        (
            format!("{definition}/vault.conf"),
            format!("{{{{ {TEMPLATE}"),
            "vault.conf:1:1: ",
        ),
    ];
    for (path, content, words) in broken {
        let before = node.try_shell(&format!("cat {path}"));
        node.write(&path, &content);
        if path.starts_with(&format!("{folder}/")) {
            // Only the command reads this folder. The installed definition stays as it is.
            let refused = said.by(&["install", &folder]);
            assert_eq!(refused.status, 3, "{refused:?}");
            assert!(refused.stderr.contains(words), "{words}: {refused:?}");
        } else {
            said.everywhere(words);
        }
        if before.success() {
            node.write(&path, &before.stdout);
        } else {
            node.shell(&format!("rm {path}"));
        }
        node.write(&intent, &kept);
        until_equal(
            &format!("the app to be ready again after {words:?}"),
            SOON,
            &"ready".to_owned(),
            || node.state("vault"),
        );
    }

    // The container keeps running while its next image cannot be built. Only the log shows the
    // output of the build.
    node.write(
        &format!("{definition}/image/Containerfile"),
        "FROM docker.io/library/busybox:stable\nARG TOKEN\nRUN echo \"says $TOKEN\" && exit 3\n",
    );
    let failed = said.by(&["install", &folder]);
    assert_eq!(failed.status, 1, "{failed:?}");
    let log = || node.shell("journalctl --user -u archipelago -o cat --no-pager");
    until_holds("the build to fail", log, |log| log.contains("\n  | says …"));
    said.everywhere("ready");

    // A unit file of the operator's own that Quadlet cannot read.
    node.write(
        &format!("{UNITS}/mine.container"),
        &format!("[Container]\nImage=x\n{UNIT}\n"),
    );
    node.shell(&format!("rm {UNITS}/archy-vault.container"));
    said.everywhere("mine.container");
    node.shell(&format!("rm {UNITS}/mine.container"));

    let secret = node.shell(&format!("cat {DATA}/secrets/vault/token"));
    node.write(&intent, &with(&format!("more = \"{INTENT}")));
    said.by(&["uninstall", "vault"]);
    node.write(&intent, &kept);
    let purged = said.by(&["uninstall", "vault", "--purge"]);
    assert!(purged.success(), "{purged:?}");
    said.all
        .push(node.shell("journalctl --user -u archipelago -o json --no-pager"));
    let all = said.all.join("\n");
    assert!(all.len() > 20_000, "there is hardly any output: {all}");
    for planted in PLANTED.into_iter().chain([secret.trim()]) {
        let at = all.find(planted);
        let around = at.map(|at| {
            let begin = all[..at].rfind('\n').unwrap_or(0);
            &all[begin..(at + planted.len())]
        });
        assert_eq!(around, None, "{planted} is in the output");
    }
}

/// An intent with another text as its release.
fn with_release(intent: &str, release: &str) -> String {
    let line = |line: &str| match line.starts_with("release = ") {
        true => format!("release = \"{release}\"\n"),
        false => format!("{line}\n"),
    };
    assert!(intent.contains("\nrelease = "), "{intent}");
    intent.lines().map(line).collect()
}

/// Whether a terminal acts on a character. A line break is allowed.
fn acts(character: char) -> bool {
    (character.is_control() && character != '\n') || matches!(character, '\u{202e}' | '\u{2066}')
}

/// Sets the title of the window, clears the screen, colours the following text, and reverses its
/// direction.
const HOSTILE: &str = r"\033]0;owned\007\033[2J\302\23331m\342\200\256evil";

#[test]
fn no_output_holds_a_character_that_a_terminal_acts_on() {
    let node = Node::new();
    let ends = apps::app(
        "ends",
        "services:\n  ends:\n    image: docker.io/library/busybox:stable\n    command: [sh, /say.sh]\n    volumes: [\"./say.sh:/say.sh:ro\"]\n\
         x-archipelago:\n  title: \"The \\u202eend\"\n  settings:\n    note: {type: text, default: \"\\u202ex\", description: \"one\\ntwo\\e[31m\"}\n",
    )
    .with("say.sh", &format!("printf 'out of coffee {HOSTILE}\\n'; exit 3\n"));
    let builds = apps::app("builds", "services:\n  builds:\n    build: image\n").with(
        "image/Containerfile",
        &format!(
            "FROM docker.io/library/busybox:stable\nRUN printf 'no beans {HOSTILE}\\n'; exit 4\n"
        ),
    );
    let folders = [node.put(&ends), node.put(&builds)];
    let [ends, builds] = folders.each_ref().map(String::as_str);
    for (arguments, words) in [
        (
            &["install", ends][..],
            "out of coffee �]0;owned��[2J�31m�evil",
        ),
        (&["install", builds], "no beans �]0;owned"),
        (&["status"], "no beans �]0;owned"),
        (&["--output", "json", "status"], "no beans �]0;owned"),
        (&["catalog", ends], "The �end"),
        (&["--output", "json", "catalog", ends], "The \\u202eend"),
        (&["list"], "The �end"),
    ] {
        let say = || {
            let output = node.archipelago(arguments);
            let said = format!("{}{}", output.stdout, output.stderr);
            assert!(!said.contains(acts), "{said:?}");
            said
        };
        // A retry shows another message meanwhile.
        until_holds(&format!("{arguments:?} to say {words:?}"), say, |said| {
            said.contains(words)
        });
    }
    // journalctl shows no message that holds control characters, unless it is asked to.
    let logs = node.user(&["archipelago", "logs", "ends"]);
    let is_control = |character: char| character.is_control() && character != '\n';
    assert!(
        logs.contains("archy-ends") && !logs.contains(is_control),
        "{logs:?}"
    );
    // The daemon's log has the output of the build without control characters, so journalctl shows
    // it.
    let log = node.shell("journalctl --user -u archipelago --no-pager");
    assert!(
        log.contains("no beans") && !log.contains("blob data"),
        "{log:?}"
    );
}

/// Asks until `holds` accepts the answer. Panics with the last answer when the bound is reached.
fn until_holds(what: &str, ask: impl Fn() -> String, holds: impl Fn(&str) -> bool) {
    let begun = std::time::Instant::now();
    until(what, SOON * 2, || {
        let answer = ask();
        assert!(begun.elapsed() < SOON, "waited for {what}: {answer}");
        holds(&answer).then_some(())
    });
}

//! The grants that an app asks for, and the words that agree to them.

mod of_podman;
mod paths;
mod table;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::desired::Inputs;
use crate::intent::{Intent, WantedState};
use crate::layout::Layout;
use crate::manifest::{COMPOSE_FILE, Files};
use crate::name::AppId;
use crate::operation::{ALL, Definition, Grant, Proposal, Refusal, Request, propose};

const SOCKET: &str = "/run/user/1000/podman/podman.sock";

fn inputs() -> Inputs {
    let path = PathBuf::from;
    Inputs::new(Layout {
        home: path("/home/op"),
        config: path("/home/op/.config/archipelago"),
        data: path("/var/lib/archipelago"),
        units: path("/home/op/.config/containers/systemd"),
        systemd: path("/home/op/.config/systemd/user"),
        runtime: path("/run/user/1000"),
    })
}

fn id() -> AppId {
    AppId::parse("a").unwrap()
}

/// The app `a`, whose service has these lines.
fn files(lines: &str) -> Files {
    let text = format!(
        "services:\n  a:\n    {lines}\nx-archipelago:\n  settings:\n    \
         place: {{type: path, default: /srv/a, description: Place.}}\n    \
         word: {{type: string, default: hunter2, description: Word.}}\n"
    );
    Files::from([(COMPOSE_FILE.to_owned(), text.as_bytes().into())])
}

fn with_image(lines: &str) -> Files {
    files(&format!("image: docker.io/library/a:1\n    {lines}"))
}

fn try_install(inputs: &Inputs, files: Files) -> Result<Proposal, Refusal> {
    let there = || "there".to_owned();
    let request = Request::Install {
        definition: Box::new(Definition::of(files, "a", there(), there()).unwrap()),
        settings: Vec::new(),
    };
    propose(request, inputs, false)
}

fn install(inputs: &Inputs, lines: &str) -> Proposal {
    try_install(inputs, with_image(lines)).unwrap_or_else(|refusal| panic!("{lines}: {refusal}"))
}

/// A node on which the app is installed with these lines.
fn installed(lines: &str) -> Inputs {
    let mut inputs = inputs();
    inputs.intents.insert(id(), Ok(Intent::default()));
    inputs.definitions.insert(id(), with_image(lines));
    inputs
}

fn words(proposal: &Proposal) -> Vec<String> {
    proposal.new_grants().map(Grant::word).collect()
}

fn set_of(words: &[&str]) -> BTreeSet<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn check(lines: &str, expected: &[&str]) {
    check_on(&inputs(), lines, expected);
}

/// Checks that a new app with these lines needs these words, the worst first, and is refused when
/// one of them is missing.
fn check_on(inputs: &Inputs, lines: &str, expected: &[&str]) {
    let proposal = install(inputs, lines);
    assert_eq!(words(&proposal), expected, "{lines}");
    let allowed = |words: &[&str]| proposal.check_allowed(&set_of(words));
    for left in expected {
        let others: Vec<&str> = expected
            .iter()
            .copied()
            .filter(|word| word != left)
            .collect();
        let refusal = allowed(&others).unwrap_err();
        let Refusal::NotAllowed { app, grants } = &refusal else {
            panic!("{lines}: {refusal}");
        };
        let refused: Vec<String> = grants.iter().map(Grant::word).collect();
        assert_eq!((app, refused), (&id(), vec![(*left).to_owned()]), "{lines}");
    }
    assert_eq!(allowed(expected), Ok(()));
    assert_eq!(allowed(&[ALL]), Ok(()));
    let kept = &proposal.intent.as_ref().unwrap().allow;
    assert_eq!(*kept, set_of(expected), "{lines}");
}

#[test]
fn each_kind_needs_its_word() {
    check("command: [a]", &[]);
    check("network_mode: host", &["host-network"]);
    check("network_mode: none", &[]);
    check(
        "cap_add: [SYS_ADMIN, cap_net_admin, all]",
        &[
            "capability:ALL",
            "capability:NET_ADMIN",
            "capability:SYS_ADMIN",
        ],
    );
    check("cap_add: [CHOWN, CAP_SETUID, net_bind_service]", &[]);
    check("cap_drop: [ALL]", &[]);
    check("privileged: true", &["privileged"]);
    check("privileged: false", &[]);
    check(
        "post_start: [{command: [a], privileged: true}]",
        &["privileged"],
    );
    check(
        "pre_stop: [{command: [a], privileged: true}]",
        &["privileged"],
    );
    check("pre_stop: [{command: [a], user: root}]", &[]);
    check("pid: host", &["host-pid"]);
    check("ipc: host", &["host-ipc"]);
    check("uts: host", &["host-uts"]);
    check("ipc: shareable", &[]);
    check(
        "mem_limit: 64m\n    cpus: 2\n    oom_score_adj: 100\n    tty: true\n    stdin_open: true",
        &[],
    );
    check(
        "devices: [/dev/kvm, '/dev/dri:/dev/gpu:rw', 'nvidia.com/gpu=all']",
        &[
            "device:/dev/dri",
            "device:/dev/kvm",
            "device:nvidia.com/gpu=all",
        ],
    );
    check(
        "security_opt: [no-new-privileges, label=disable, seccomp=unconfined, 'apparmor:unconfined']",
        &["security:label=disable", "security:seccomp=unconfined"],
    );
    check(
        "security_opt: ['seccomp:/srv/own.json']",
        &["security:seccomp=/srv/own.json"],
    );
    check("group_add: [video, keep-groups]", &["host-groups"]);
    check(
        "annotations: {run.oci.keep_original_groups: hunter2, run.oci.handler: wasm, org.example: x}",
        &[
            "annotation:run.oci.handler",
            "annotation:run.oci.keep_original_groups",
        ],
    );
    check(
        "annotations: {org.systemd.property.CollectMode: \"'inactive'\", run.oci.seccomp_fail_unknown_syscall: '1'}",
        &[],
    );
    for mode in [
        "keep-id",
        "'keep-id:uid=0'",
        "auto",
        "nomap",
        "host",
        "private",
    ] {
        check(&format!("userns_mode: {mode}"), &[]);
    }
}

#[test]
fn the_worst_comes_first() {
    check(
        &format!(
            "network_mode: host\n    privileged: true\n    pid: host\n    uts: host\n    cap_add: [SYS_ADMIN]\n    devices: [/dev/kvm]\n    \
             security_opt: [seccomp=unconfined]\n    \
             volumes: ['/srv/b:/b:ro', '/srv/c:/c', '/home/op/.ssh:/d', '/:/e', '{SOCKET}:/f']"
        ),
        &[
            "podman-socket",
            "path:/",
            "privileged",
            "path:/home/op/.ssh",
            "host-network",
            "host-pid",
            "security:seccomp=unconfined",
            "capability:SYS_ADMIN",
            "device:/dev/kvm",
            "path:/srv/c",
            "path:/srv/b:ro",
            "host-uts",
        ],
    );
}

#[test]
fn unknown_values_are_refused_and_not_quoted() {
    for (lines, says) in [
        (
            "cap_add: ['${word}']",
            "cap_add[0]: Linux has no such capability",
        ),
        (
            "devices: ['${word}']",
            "devices[0]: expected the path of a device",
        ),
        (
            "userns_mode: 'container:archy-b'",
            "userns_mode: this mode is not supported",
        ),
        (
            "userns_mode: 'ns:/proc/1/ns/user'",
            "userns_mode: this mode is not supported",
        ),
        (
            "userns_mode: '${word}'",
            "userns_mode: this mode is not supported",
        ),
        (
            "annotations: {run.oci.hooks.stdout: '${word}'}",
            "annotations.run.oci.hooks.stdout: the OCI runtime may obey this annotation",
        ),
        (
            "annotations: ['org.systemd.property.X=${word}']",
            "annotations.org.systemd.property.X: the OCI runtime may obey this annotation",
        ),
        (
            "annotations: {org.systemd: x, run.oci.: '${word}'}",
            "annotations.run.oci.: the OCI runtime may obey this annotation",
        ),
        (
            "volumes: [{type: bind, source: '/srv:ro', target: /x}]",
            "a path with a colon cannot be mounted",
        ),
    ] {
        let refusal = try_install(&inputs(), with_image(lines))
            .unwrap_err()
            .to_string();
        assert!(
            refusal.contains(says) && !refusal.contains("hunter2"),
            "{lines}: {refusal}"
        );
    }
    let build = "build: {context: ui, dockerfile: Containerfile.in}";
    let refusal = try_install(&inputs(), files(build))
        .unwrap_err()
        .to_string();
    assert!(
        refusal.contains("build.dockerfile: a Containerfile whose name ends with .in"),
        "{refusal}"
    );
}

#[test]
fn rights_of_a_build_need_their_words() {
    let install = |build: &str, file: &str, text: &str| {
        let mut files = files(build);
        files.insert(file.to_owned(), text.as_bytes().into());
        words(&try_install(&inputs(), files).unwrap_or_else(|refusal| panic!("{refusal}")))
    };
    let text = "FROM x\nRUN --network=host --security=insecure a\nRUN --mount=type=cache,target=/c b\n\
                RUN --device=/dev/kvm c\nADD https://a /b\n";
    let all = [
        "build-host-network",
        "build-insecure",
        "build-option:device",
        "build-cache",
        "build-fetch",
    ];
    assert_eq!(install("build: ./ui", "ui/Containerfile", text), all);
    assert_eq!(install("build: .", "Dockerfile", text), all);
    let inline = text.replace('\n', "\\n");
    let inline = format!("build: {{context: ., dockerfile_inline: \"{inline}\"}}");
    assert_eq!(install(&inline, "other", ""), all);
    let named = "build: {context: ui, dockerfile: page/x}";
    assert_eq!(install(named, "ui/page/x", text), all);
    assert_eq!(
        install(
            "build: ./ui",
            "ui/Containerfile",
            "FROM x\nRUN a --network=host\n"
        ),
        [""; 0]
    );
}

#[test]
fn only_what_is_new_is_asked_for() {
    let one = "cap_add: [SYS_ADMIN]";
    let both = "cap_add: [SYS_ADMIN, SYS_PTRACE]";
    // Version 0.1.0 installed apps without asking. They keep the rights that they use.
    let mut inputs = installed(one);
    for lines in [one, "command: [b]"] {
        assert_eq!(words(&install(&inputs, lines)), [""; 0], "{lines}");
    }
    assert_eq!(words(&install(&inputs, both)), ["capability:SYS_PTRACE"]);
    // The intent keeps the rights that the new definition asks for, and no others.
    let allowed = |lines| install(&inputs, lines).intent.unwrap().allow;
    assert_eq!(
        allowed(both),
        set_of(&["capability:SYS_ADMIN", "capability:SYS_PTRACE"])
    );
    assert_eq!(allowed("command: [b]"), set_of(&[]));
    // An app that is being removed has no rights.
    let removed = Intent {
        state: WantedState::Removed,
        allow: set_of(&["capability:SYS_ADMIN"]),
        ..Intent::default()
    };
    inputs.intents.insert(id(), Ok(removed));
    assert_eq!(words(&install(&inputs, one)), ["capability:SYS_ADMIN"]);
    // An app with a damaged definition has the rights of its intent alone.
    inputs.definitions.remove(&id());
    inputs.intents.insert(id(), Ok(Intent::default()));
    assert_eq!(words(&install(&inputs, one)), ["capability:SYS_ADMIN"]);
    let known = Intent {
        allow: set_of(&["capability:SYS_ADMIN"]),
        ..Intent::default()
    };
    inputs.intents.insert(id(), Ok(known));
    assert_eq!(words(&install(&inputs, both)), ["capability:SYS_PTRACE"]);
}

#[test]
fn a_setting_that_opens_a_path_needs_its_word() {
    let inputs = installed("volumes: ['${place}:/x']");
    let set = |place: &str| {
        let settings = vec![("place".to_owned(), place.to_owned())];
        let request = Request::Set {
            app: id(),
            settings,
        };
        propose(request, &inputs, false)
    };
    assert_eq!(words(&set("/srv/a").unwrap()), [""; 0]);
    assert_eq!(words(&set("/srv/b").unwrap()), ["path:/srv/b"]);
    let refusal = set("/run/user/1000/bus").unwrap_err().to_string();
    let file = inputs.layout.definition(&id());
    assert!(
        refusal.starts_with(&format!("{}/compose.yaml:4:", Path::new(&file).display())),
        "{refusal}"
    );
}

#[test]
fn the_refusal_names_the_grants_and_their_words() {
    let proposal = install(
        &inputs(),
        "network_mode: host\n    cap_add: [SYS_ADMIN]\n    volumes: ['/srv/a b:/x']",
    );
    let told = proposal
        .check_allowed(&set_of(&["host-network"]))
        .unwrap_err()
        .to_string();
    assert_eq!(
        told,
        "a asks for more than other apps, and nobody has agreed to it:\
         \n  it may use the capability SYS_ADMIN, which containers do not have by default\
         \n  it may read and change /srv/a b\
         \nTo agree, add to the command: --allow capability:SYS_ADMIN --allow 'path:/srv/a b'"
    );
}

#[test]
fn a_word_that_the_app_does_not_ask_for_is_an_error_that_names_the_others() {
    let check = |lines: &str, word: &str| {
        let proposal = install(&inputs(), lines);
        let checked = proposal.check_words(&set_of(&[word]));
        checked.map_err(|refusal| refusal.to_string())
    };
    let lines = "network_mode: host\n    volumes: ['/srv/b:/b:ro']";
    for word in [ALL, "host-network", "path:/srv/b:ro"] {
        assert_eq!(check(lines, word), Ok(()), "{word}");
    }
    for word in [
        "host",
        "host-netwrk",
        "path:/srv/b",
        "capability:SYS_ADMIN",
        "",
    ] {
        let told = check(lines, word).unwrap_err();
        assert!(
            told.ends_with(": a does not ask for that; it asks for host-network, path:/srv/b:ro"),
            "{told}"
        );
    }
    assert_eq!(
        check("command: [a]", "host-network").unwrap_err(),
        "--allow host-network: a asks for nothing that needs this option; leave it out"
    );
    assert_eq!(check("command: [a]", ALL), Ok(()));
    // A word may be repeated later.
    let proposal = install(&installed(lines), lines);
    assert_eq!(proposal.check_words(&set_of(&["host-network"])), Ok(()));
}

#[test]
fn secrets_and_files_of_other_apps_need_their_words() {
    let node = "services: {node: {image: 'docker.io/library/a:1', volumes: ['data:/d']}}\nvolumes: {data: }\n\
                x-archipelago: {secrets: {rpc: }, captures: {m: {volume: data, path: m}}, exports: {secrets: [rpc], files: [m]}}\n";
    let other = AppId::parse("node").unwrap();
    let mut inputs = inputs();
    inputs.intents.insert(other.clone(), Ok(Intent::default()));
    let files = Files::from([(COMPOSE_FILE.to_owned(), node.as_bytes().into())]);
    inputs.definitions.insert(other.clone(), files);
    let text = "services: {a: {image: 'docker.io/library/a:1', secrets: [m], x-environment-secrets: {P: p}}}\n\
                x-archipelago: {requires: {apps: [node]}, secrets: {own: , p: {joined: [{secret: own}, {app: node, secret: rpc}]}, m: {joined: [{app: node, file: m}]}}}\n";
    let files = Files::from([(COMPOSE_FILE.to_owned(), text.as_bytes().into())]);
    // Until the file is there, the app could not start.
    let refusal = try_install(&inputs, files.clone()).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "a uses the file m of node, which node has not written yet; wait until archipelago status shows node as ready"
    );
    let path = inputs.layout.volumes(&other).join("data/m");
    inputs.captured.insert(path, b"m".to_vec());
    let proposal = try_install(&inputs, files).unwrap();
    assert_eq!(words(&proposal), ["secret:node/rpc", "file:node/m"]);
    let said: Vec<String> = proposal.new_grants().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            "use the secret rpc of node, and there all rights that go with it",
            "read the file m of node, and use there all rights that go with it"
        ]
    );
    assert!(
        proposal
            .check_allowed(&set_of(&["secret:node/rpc"]))
            .is_err()
    );
    assert_eq!(
        proposal.check_allowed(&set_of(&["secret:node/rpc", "file:node/m"])),
        Ok(())
    );
}

//! What has to be agreed to, and by which words.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::config::Config;
use crate::desired::{Found, Inputs, read_schema};
use crate::intent::{Goal, Intent};
use crate::layout::Layout;
use crate::manifest::{COMPOSE_FILE, Files};
use crate::name::AppId;
use crate::operation::{Definition, Proposal, Request, propose};
use crate::releases::Releases;

fn inputs() -> Inputs {
    let path = PathBuf::from;
    Inputs {
        layout: Layout {
            config: path("/home/op/.config/archipelago"),
            data: path("/var/lib/archipelago"),
            units: path("/home/op/.config/containers/systemd"),
            systemd: path("/home/op/.config/systemd/user"),
            runtime: path("/run/user/1000"),
        },
        config: Ok(Config::default()),
        intents: BTreeMap::new(),
        definitions: BTreeMap::new(),
        secrets: BTreeMap::new(),
        captured: BTreeMap::new(),
        found: Found::default(),
        releases: Releases::default(),
    }
}

fn id() -> AppId {
    AppId::parse("a").unwrap()
}

/// The app `a`, whose service has these lines.
fn files(lines: &str) -> Files {
    let text = format!(
        "services:\n  a:\n    image: docker.io/library/a:1\n    {lines}\nx-archipelago:\n  settings:\n    \
         place: {{type: path, default: /srv/a, description: Place.}}\n"
    );
    Files::from([(COMPOSE_FILE.to_owned(), text.as_bytes().into())])
}

fn install(inputs: &Inputs, lines: &str) -> Proposal {
    let files = files(lines);
    let definition = Definition {
        schema: read_schema(COMPOSE_FILE, &files, "a").unwrap(),
        files,
        source: "a".to_owned(),
        folder: "a".to_owned(),
    };
    let request = Request::Install {
        definition: Box::new(definition),
        settings: Vec::new(),
    };
    propose(request, inputs, false).unwrap_or_else(|refusal| panic!("{lines}: {refusal}"))
}

fn words(proposal: &Proposal) -> Vec<String> {
    let grants = proposal.grants();
    grants.map(crate::operation::Grant::word).collect()
}

fn check(lines: &str, expected: &[&str]) {
    assert_eq!(words(&install(&inputs(), lines)), expected, "{lines}");
}

#[test]
fn what_goes_beyond_every_app_needs_a_word_each() {
    check("command: [a]", &[]);
    check("network_mode: host", &["network=host"]);
    check("network_mode: none", &[]);
    check(
        "cap_add: [SYS_ADMIN, cap_net_admin]",
        &["capability=NET_ADMIN", "capability=SYS_ADMIN"],
    );
    check("cap_add: [ALL]", &["capability=ALL"]);
    check("cap_add: [CHOWN, CAP_SETUID, net_bind_service]", &[]);
    check("cap_drop: [ALL]", &[]);
    check(
        "devices: ['/dev/kvm', '/dev/dri:/dev/dri:rw', 'nvidia.com/gpu=all']",
        &[
            "device=/dev/dri",
            "device=/dev/kvm",
            "device=nvidia.com/gpu=all",
        ],
    );
    check(
        "security_opt: [no-new-privileges, label=disable, seccomp=unconfined]",
        &[
            "security_opt=label=disable",
            "security_opt=seccomp=unconfined",
        ],
    );
    check(
        "group_add: [video, keep-groups]",
        &["group_add=keep-groups"],
    );
    check(
        "annotations: {run.oci.keep_original_groups: '1', org.example: x}",
        &["annotations=run.oci.keep_original_groups"],
    );
    check("userns_mode: keep-id", &[]);
    check(
        "userns_mode: 'container:archy-b'",
        &["userns_mode=container:archy-b"],
    );
    // The same twice is one thing to agree to, and what only one may change is another than what it may read.
    check(
        "volumes: ['/:/a:ro', '/:/b:ro', '/:/c', '//./:/d']",
        &["mount=/", "mount=/:ro"],
    );
}

#[test]
fn mounts_of_what_is_not_the_apps_own_need_a_word() {
    let mount = |source: &str, read_only: bool, expected: bool| {
        let end = if read_only { ":ro" } else { "" };
        let word = format!("mount={source}{end}");
        let expected = if expected {
            vec![word.as_str()]
        } else {
            vec![]
        };
        check(&format!("volumes: ['{source}:/x{end}']"), &expected);
    };
    for (source, expected) in [
        ("/", true),
        ("/home", true),
        ("/home/op", true),
        ("/home/op/.ssh", true),
        ("/home/op/.bashrc", true),
        ("/home/op/code/.git", true),
        ("/home/op/.config", true),
        ("/home/op/films", false),
        ("/home/other", false),
        ("/home/other/.ssh", false),
        ("/home/open", false),
        ("/run", true),
        ("/run/user/1000/podman/podman.sock", true),
        ("/run/docker.sock", true),
        ("/var/run/docker.sock", true),
        ("/srv/docker.sock", true),
        ("/runner", false),
        ("/var", true),
        ("/var/lib/archipelago", true),
        ("/var/lib/archipelago/secrets/b", true),
        ("/var/lib/archipelago/volumes/b/data", true),
        ("/dev/dri", true),
        ("/proc", true),
        ("/sys/class", true),
        ("/etc/localtime", false),
        ("/mnt/disk", false),
    ] {
        mount(source, true, expected);
    }
    for (source, expected) in [("/home/op", true), ("/run", true), ("/srv/films", false)] {
        mount(source, false, expected);
    }
    check("volumes: ['./d:/d']", &[]);
}

#[test]
fn a_link_counts_as_what_it_leads_to() {
    let mut inputs = inputs();
    let trail = ["/srv/films", "/home/op/.ssh"].map(PathBuf::from);
    inputs.found.trails.insert(trail[0].clone(), trail.to_vec());
    let lines = "volumes: ['/srv/films:/x:ro']";
    assert_eq!(words(&install(&inputs, lines)), ["mount=/srv/films:ro"]);
}

#[test]
fn only_what_is_new_is_asked_for() {
    let mut inputs = inputs();
    let one = "cap_add: [SYS_ADMIN]";
    let files = files(one);
    inputs.intents.insert(id(), Ok(Intent::default()));
    inputs.definitions.insert(id(), files.clone());
    assert_eq!(words(&install(&inputs, one)), [""; 0]);
    assert_eq!(words(&install(&inputs, "command: [b]")), [""; 0]);
    let both = "cap_add: [SYS_ADMIN, SYS_PTRACE]";
    assert_eq!(words(&install(&inputs, both)), ["capability=SYS_PTRACE"]);
    // What goes has nothing that was agreed to.
    let removed = Intent {
        state: Goal::Removed,
        ..Intent::default()
    };
    inputs.intents.insert(id(), Ok(removed));
    assert_eq!(words(&install(&inputs, one)), ["capability=SYS_ADMIN"]);
    // Neither has an app that cannot be read.
    inputs.intents.insert(id(), Ok(Intent::default()));
    inputs.definitions.remove(&id());
    assert_eq!(words(&install(&inputs, one)), ["capability=SYS_ADMIN"]);
}

#[test]
fn a_setting_that_opens_a_place_is_asked_for_as_well() {
    let mut inputs = inputs();
    inputs.intents.insert(id(), Ok(Intent::default()));
    let lines = "volumes: ['${place}:/x']";
    inputs.definitions.insert(id(), files(lines));
    let set = |place: &str| Request::Set {
        app: id(),
        settings: vec![("place".to_owned(), place.to_owned())],
    };
    let proposed = |place| words(&propose(set(place), &inputs, false).unwrap());
    assert_eq!(proposed("/srv/b"), [""; 0]);
    assert_eq!(proposed("/home/op"), ["mount=/home/op"]);
}

#[test]
fn without_all_words_it_is_refused_and_the_words_are_named() {
    let proposal = install(
        &inputs(),
        "network_mode: host\n    cap_add: [SYS_ADMIN]\n    volumes: ['/home/op/.a b:/x']",
    );
    let with = |words: &[&str]| {
        let words: BTreeSet<String> = words.iter().map(|word| (*word).to_owned()).collect();
        proposal
            .agree(&words)
            .map_err(|refusal| refusal.to_string())
    };
    let all = [
        "network=host",
        "capability=SYS_ADMIN",
        "mount=/home/op/.a b",
    ];
    assert_eq!(with(&all), Ok(()));
    assert_eq!(
        with(&all[..1]),
        Err("a may do more than other apps, and nobody has agreed to that:\
             \n  it may use the capability SYS_ADMIN, which containers do not have\
             \n  it may read and change /home/op/.a b, where this user's own files, or data and secrets of other apps, are\
             \nTo agree, add to the command: --allow 'capability=SYS_ADMIN' --allow 'mount=/home/op/.a b'"
            .to_owned())
    );
    // A word for less, or for another thing, agrees to nothing.
    for wrong in ["network", "capability=ALL", "mount=/", "host", ""] {
        assert!(with(&[wrong]).is_err(), "{wrong}");
    }
    assert_eq!(
        install(&inputs(), "command: [a]").agree(&BTreeSet::new()),
        Ok(())
    );
}

//! Every kind of ask: shown before the installation, refused without its word, granted with it,
//! kept in the intent, and asked for again when an update of an installed app brings it.

use std::fmt::Write;

use super::*;

/// Something that a service asks for beyond its app's own network and folders.
struct Ask {
    /// A line of the service, or of its Containerfile.
    line: &'static str,
    is_of_build: bool,
    word: &'static str,
    /// Completes "it may …".
    may: &'static str,
}

const fn ask(line: &'static str, word: &'static str, may: &'static str) -> Ask {
    Ask {
        line,
        is_of_build: false,
        word,
        may,
    }
}

const fn build(line: &'static str, word: &'static str, may: &'static str) -> Ask {
    Ask {
        is_of_build: true,
        ..ask(line, word, may)
    }
}

const ASKS: [Ask; 36] = [
    ask(
        "volumes: ['/run/user/1000/podman/podman.sock:/sock']",
        "podman-socket",
        "control all containers of this user through Podman's socket, so it may do all that this user may",
    ),
    ask(
        "volumes: ['/:/host']",
        "path:/",
        "read and change /: the files that start this user's programs are in it, so it may do all that this user may",
    ),
    ask(
        "privileged: true",
        "privileged",
        "use all capabilities and devices of this user, without the usual protection",
    ),
    ask(
        "volumes: ['/home:/home:ro']",
        "path:/home:ro",
        "read /home: this user's own files or the secrets of apps are in it",
    ),
    ask(
        "volumes: ['~/.ssh:/keys:ro']",
        "path:/home/op/.ssh:ro",
        "read /home/op/.ssh: this user's own keys and settings are there",
    ),
    ask(
        "volumes: ['/home/op/.gnupg:/keys']",
        "path:/home/op/.gnupg",
        "read and change /home/op/.gnupg: this user's own keys and settings are there",
    ),
    ask(
        "volumes: ['/run/dbus:/dbus']",
        "path:/run/dbus",
        "read and change /run/dbus: it can control programs through the sockets there",
    ),
    ask(
        "volumes: ['/srv/control.sock:/sock']",
        "path:/srv/control.sock",
        "read and change /srv/control.sock: it can control programs through the sockets there",
    ),
    ask(
        "network_mode: none\n    x-script: hooks/pre-start",
        "script:hooks/pre-start",
        "run its script hooks/pre-start at each start, in a container without network that sees only the app's own files",
    ),
    ask(
        "network_mode: host",
        "host-network",
        "use this host's network as its own: it can reach every program that listens on 127.0.0.1, and use any free port",
    ),
    ask(
        "networks: [outer]",
        "network:outer",
        "join Podman's network outer: it and every container there can reach each other",
    ),
    ask(
        "pid: host",
        "host-pid",
        "see all programs of this host, end those of this user, and read the variables and files of other apps",
    ),
    ask(
        "ipc: host",
        "host-ipc",
        "read and change the memory that programs of this user share with each other",
    ),
    ask("uts: host", "host-uts", "use this host's name as its own"),
    ask(
        "cgroup: host",
        "host-cgroup",
        "see which services of this host use how much",
    ),
    ask(
        "volumes: ['/proc:/host/proc:ro']",
        "path:/proc:ro",
        "read /proc: devices and running programs are visible there",
    ),
    ask(
        "volumes: ['/sys/class:/class']",
        "path:/sys/class",
        "read and change /sys/class: devices and running programs are visible there",
    ),
    ask(
        "security_opt: [label=disable]",
        "security:label=disable",
        "run with less protection: label=disable",
    ),
    ask(
        "security_opt: ['seccomp:unconfined']",
        "security:seccomp=unconfined",
        "run with less protection: seccomp=unconfined",
    ),
    ask(
        "security_opt: ['seccomp=/srv/own.json']",
        "security:seccomp=/srv/own.json",
        "run with less protection: seccomp=/srv/own.json",
    ),
    ask(
        "cap_add: [CAP_SYS_ADMIN]",
        "capability:SYS_ADMIN",
        "use the capability SYS_ADMIN, which containers do not have by default",
    ),
    ask(
        "cap_add: [net_raw]",
        "capability:NET_RAW",
        "use the capability NET_RAW, which containers do not have by default",
    ),
    ask("cap_add: [ALL]", "capability:ALL", "use all capabilities"),
    ask(
        "group_add: [keep-groups]",
        "host-groups",
        "use this user's groups, and the devices and files that these can open",
    ),
    ask(
        "annotations: {run.oci.keep_original_groups: '1'}",
        "annotation:run.oci.keep_original_groups",
        "change how its containers are set up: annotation run.oci.keep_original_groups",
    ),
    ask(
        "annotations: {run.oci.handler: wasm}",
        "annotation:run.oci.handler",
        "change how its containers are set up: annotation run.oci.handler",
    ),
    ask(
        "annotations: {io.podman.annotations.x: '1'}",
        "annotation:io.podman.annotations.x",
        "change how its containers are set up: annotation io.podman.annotations.x",
    ),
    build(
        "RUN --network=host make",
        "build-host-network",
        "use this host's network while its image is built: it can reach every program that listens on 127.0.0.1",
    ),
    build(
        "RUN --security=insecure make",
        "build-insecure",
        "use all capabilities while its image is built",
    ),
    build(
        "RUN --device=/dev/fuse make",
        "build-option:device",
        "build its image with RUN --device",
    ),
    build(
        "RUN --mount=type=cache,target=/cache make",
        "build-cache",
        "use a cache that the builds of all apps share, and change the files of other apps in it",
    ),
    build(
        "ADD https://example.org/file /file",
        "build-fetch",
        "fetch files over this host's network while its image is built, also from 127.0.0.1 (ADD of a URL)",
    ),
    ask(
        "devices: ['/dev/dri:/dev/gpu:rw']",
        "device:/dev/dri",
        "use the device /dev/dri",
    ),
    ask(
        "devices: ['nvidia.com/gpu=all']",
        "device:nvidia.com/gpu=all",
        "use the device nvidia.com/gpu=all",
    ),
    ask(
        "volumes: ['/srv/films:/films']",
        "path:/srv/films",
        "read and change /srv/films",
    ),
    ask(
        "volumes: ['/srv/books:/books:ro']",
        "path:/srv/books:ro",
        "read /srv/books",
    ),
];

/// The app `a`: a service that asks for nothing, and one for each of these asks.
fn asking(asks: &[&Ask]) -> Files {
    let mut text = "services:\n  a:\n    image: docker.io/library/a:1\n".to_owned();
    let mut files = Files::new();
    for (index, ask) in asks.iter().enumerate() {
        let (image, line) = match ask.is_of_build {
            true => {
                let containerfile = format!("FROM docker.io/library/a:1\n{}\n", ask.line);
                files.insert(
                    format!("s{index}/Containerfile"),
                    containerfile.as_bytes().into(),
                );
                (format!("build: ./s{index}"), "")
            }
            false => ("image: docker.io/library/a:1".to_owned(), ask.line),
        };
        write!(text, "  s{index}:\n    {image}\n    {line}\n").unwrap();
    }
    if asks.iter().any(|ask| ask.word == "network:outer") {
        text.push_str("networks: {outer: {external: true}}\n");
    }
    files.insert(COMPOSE_FILE.to_owned(), text.as_bytes().into());
    files
}

/// A node on which the app runs with these rights.
fn running(asks: &[&Ask]) -> Inputs {
    let mut inputs = inputs();
    let intent = Intent {
        allow: asks.iter().map(|ask| ask.word.to_owned()).collect(),
        ..Intent::default()
    };
    inputs.intents.insert(id(), Ok(intent));
    inputs.definitions.insert(id(), asking(asks));
    inputs
}

/// The installation of the app with these asks is shown with `new` alone, which nothing but its own
/// word allows. The intent keeps the words of all asks then.
fn check_asked(inputs: &Inputs, asks: &[&Ask], new: &Ask) {
    let proposal = try_install(inputs, asking(asks))
        .unwrap_or_else(|refusal| panic!("{}: {refusal}", new.line));
    let shown: Vec<String> = proposal.new_grants().map(ToString::to_string).collect();
    assert_eq!(shown, [new.may], "{}", new.line);

    let others = ASKS
        .iter()
        .map(|ask| ask.word)
        .filter(|word| *word != new.word);
    let others: Vec<&str> = others.collect();
    for words in [&[][..], &others] {
        let refusal = proposal.check_allowed(&set_of(words)).unwrap_err();
        let told = refusal.to_string();
        let quoted = shlex::try_quote(new.word).unwrap();
        assert!(
            told.contains(&format!("\n  it may {}\n", new.may))
                && told.ends_with(&format!("add to the command: --allow {quoted}")),
            "{told}"
        );
    }
    for word in [new.word, ALL] {
        assert_eq!(proposal.check_words(&set_of(&[word])), Ok(()), "{word}");
        assert_eq!(proposal.check_allowed(&set_of(&[word])), Ok(()), "{word}");
    }
    let kept = &proposal.intent.as_ref().unwrap().allow;
    let all: Vec<&str> = asks.iter().map(|ask| ask.word).collect();
    assert_eq!(*kept, set_of(&all), "{}", new.line);
}

#[test]
fn each_ask_is_shown_refused_granted_and_asked_for_again_by_an_update() {
    for (index, ask) in ASKS.iter().enumerate() {
        let other = &ASKS[(index + 7) % ASKS.len()];
        check_asked(&inputs(), &[ask], ask);
        check_asked(&running(&[]), &[ask], ask);
        check_asked(&running(&[other]), &[other, ask], ask);
        // Nothing is asked twice, and a right that an update gives up is asked for anew.
        let had = running(&[other, ask]);
        let kept = try_install(&had, asking(&[ask, other])).unwrap();
        assert_eq!(words(&kept), [""; 0], "{}", ask.line);
        let given_up = try_install(&had, asking(&[other])).unwrap();
        assert_eq!(words(&given_up), [""; 0], "{}", ask.line);
        let allow = given_up.intent.unwrap().allow;
        assert_eq!(allow, set_of(&[other.word]), "{}", ask.line);
    }
}

#[test]
fn all_asks_at_once_are_shown_each_once_the_worst_first() {
    let all: Vec<&Ask> = ASKS.iter().collect();
    let proposal = try_install(&inputs(), asking(&all)).unwrap();
    let shown = words(&proposal);
    assert_eq!(shown.len(), ASKS.len());
    assert_eq!(shown[..3], ["podman-socket", "path:/", "privileged"]);
    let wanted: BTreeSet<String> = shown.into_iter().collect();
    assert_eq!(wanted, ASKS.iter().map(|ask| ask.word.to_owned()).collect());
}

//! What a manifest may say, and the very words that a person reads when it says something else.

mod exports;

use std::collections::BTreeMap;

use super::*;

/// Reads a manifest with the settings at their defaults; the folder has `page/index.html` and some files of variables.
fn read(text: &str) -> Result<Manifest, ManifestError> {
    let files: [(&str, &[u8]); 4] = [
        ("page/index.html", b""),
        ("web.env", b"# of the page\n\nA=1\n  B='two words'\n"),
        ("bare.env", b"A=1\nB\n"),
        ("binary.env", b"A=\xff\n"),
    ];
    let files: Files = files
        .iter()
        .map(|(path, content)| ((*path).to_owned(), content.to_vec().into()))
        .collect();
    let schema = Schema::read("compose.yaml", text, "web")?;
    let settings = Settings::settle("web", &schema.extension.settings, &BTreeMap::new()).unwrap();
    schema.manifest(&settings, &files)
}

/// A whole file and the whole message.
fn check(text: &str, expected: &str) {
    match read(text) {
        Ok(_) => panic!("accepted, although {expected:?}, in:\n{text}"),
        Err(error) => assert_eq!(
            error.to_string(),
            format!("compose.yaml:{expected}"),
            "in:\n{text}"
        ),
    }
}

/// One more line, the third, in a service that is fine without it.
fn check_service(line: &str, expected: &str) {
    check(
        &format!("services:\n  web: {{image: x,\n    {line}}}\n"),
        expected,
    );
}

/// The extension, in a file that is fine without it: its keys begin in line 5.
fn check_extension(lines: &str, expected: &str) {
    check(&with_extension(lines), expected);
}

fn with_extension(lines: &str) -> String {
    let lines: String = lines.lines().map(|line| format!("  {line}\n")).collect();
    format!(
        "services:\n  web: {{image: x, ports: ['80:8080', '53:53/udp']}}\n  ui: {{image: y}}\nx-archipelago:\n{lines}"
    )
}

fn good(text: &str) -> Manifest {
    read(text).unwrap_or_else(|error| panic!("{error} in:\n{text}"))
}

fn good_service(lines: &str) -> Service {
    good(&format!("services:\n  web:\n    image: x\n    {lines}\nvolumes: {{data: }}\nx-archipelago: {{secrets: {{token: }}}}\n")).services["web"].clone()
}

const UNKNOWN: &str = "unknown key; docs/manifest.md lists those that exist";
const UNSUPPORTED: &str =
    "this key is not supported; remove it, or see docs/manifest.md for what is";

#[test]
fn the_file_as_a_whole() {
    check("", "1:1: the file is empty");
    check("- a\n", "1:1: expected a mapping (key: value)");
    check(
        "services: {}\n",
        "1:1: no services: an app has at least one",
    );
    check(
        "x-archipelago: {}\n",
        "1:1: no services: an app has at least one",
    );
    check(
        "services: [a]\n",
        "1:1: services: expected a mapping (key: value)",
    );
    check(
        "services:\n  web: {image: x}\nservice: {}\n",
        "3:1: service: no key of a Compose file; remove it",
    );
    check(
        "configs: {}\nservices: {web: {image: x}}\n",
        "1:1: configs: no key of a Compose file; remove it",
    );
    check(
        "services:\n  web: {image: x}\n  -bad: {image: x}\n",
        "3:3: services.-bad: this cannot be the name of a service: use 1 to 64 letters, digits, dots, underscores and hyphens, starting with a letter or digit",
    );
    check(
        "name: My App\nservices: {web: {image: x}}\n",
        "1:1: name: this cannot be the name of an app: use 1 to 40 lower-case letters, digits and hyphens, starting and ending with a letter or digit",
    );
}

#[test]
fn keys_of_a_service() {
    check(
        "services:\n  web: {}\n",
        "2:3: services.web: needs `image` or `build`",
    );
    for key in [
        "privileged",
        "profiles",
        "links",
        "pid",
        "ipc",
        "deploy",
        "imagee",
    ] {
        check_service(
            &format!("{key}: true"),
            &format!("3:5: services.web.{key}: {UNSUPPORTED}"),
        );
    }
    check_service(
        "healthcheck: {tets: x}",
        &format!("3:19: services.web.healthcheck.tets: {UNKNOWN}"),
    );
    check_service(
        "healthcheck: {test: [curl, x]}",
        "3:19: services.web.healthcheck.test: expected [\"CMD\", …], [\"CMD-SHELL\", \"…\"] or [\"NONE\"]",
    );
    check_service(
        "healthcheck: {test: [CMD]}",
        "3:19: services.web.healthcheck.test: expected [\"CMD\", …], [\"CMD-SHELL\", \"…\"] or [\"NONE\"]",
    );
    check_service(
        "healthcheck: {interval: 30s}",
        "3:5: services.web.healthcheck: `test` is missing; an image's own check cannot be adjusted",
    );
    check_service(
        "healthcheck: {test: x, interval: 30}",
        "3:28: services.web.healthcheck.interval: expected a duration such as 1m30s",
    );
    check_service(
        "tty: true",
        "3:5: services.web.tty: a unit has no terminal; set it to false or remove it",
    );
    check_service(
        "hostname: [a]",
        "3:5: services.web.hostname: expected a text",
    );
    check_service("ports: '80:80'", "3:5: services.web.ports: expected a list");
    check_service(
        "depends_on: {web: {condition: service_completed_successfully}}",
        "3:24: services.web.depends_on.web.condition: one-shot services are not supported; there are service_started and service_healthy",
    );
    check_service(
        "depends_on: {web: {conditions: x}}",
        &format!("3:24: services.web.depends_on.web.conditions: {UNKNOWN}"),
    );
    check_service(
        "depends_on: {web: {required: maybe}}",
        "3:24: services.web.depends_on.web.required: expected true or false",
    );
    check_service(
        "ulimits: {nofile: {soft: 1}}",
        "3:15: services.web.ulimits.nofile: `hard` is missing",
    );
    check_service(
        "ulimits: {nofile: many}",
        "3:15: services.web.ulimits.nofile: expected a whole number",
    );
    check_service(
        "build: {dockerfile: x}",
        "3:5: services.web.build: `context` is missing",
    );
    check_service(
        "build: {context: ., cache_from: x}",
        &format!("3:25: services.web.build.cache_from: {UNKNOWN}"),
    );
    check_service(
        "build: ../../other",
        "3:5: services.web.build: this path leads out of the app's folder",
    );
    check_service(
        "command: \"a 'b\"",
        "3:5: services.web.command: a quote in this command is not closed",
    );
    check_service(
        "init: yes",
        "3:5: services.web.init: expected true or false",
    );
    check_service(
        "shm_size: big",
        "3:5: services.web.shm_size: expected a size such as 64m",
    );
    check_service(
        "environment: [A]",
        "3:19: services.web.environment[0]: a name without a value takes it from the shell in Compose; here there is none: write NAME=value",
    );
    check_service(
        "environment: {A: , B: ''}",
        "3:19: services.web.environment.A: a variable without a value takes it from the shell in Compose; here there is none: write \"\" for an empty one",
    );
    check_service(
        "environment: [A=1, A=2]",
        "3:24: services.web.environment[1]: this name is set twice",
    );
    check_service(
        "env_file: other.env",
        "3:5: services.web.env_file: there is no such file in the app's folder",
    );
    check_service(
        "env_file: bare.env",
        "3:5: services.web.env_file: bare.env:2: expected NAME=value",
    );
    check_service(
        "env_file: binary.env",
        "3:5: services.web.env_file: \"binary.env\" is not UTF-8 text",
    );
    check_service(
        "env_file: ../web.env",
        "3:5: services.web.env_file: this path leads out of the app's folder",
    );
    check_service(
        "network_mode: bridge",
        "3:5: services.web.network_mode: this mode is not supported; there are host and none, and without this key the app's own network",
    );
    check_service(
        "networks: [db]",
        "3:5: services.web.networks: each app has one network of its own; remove all but `default`",
    );
    check_service(
        "network_mode: host, ports: ['80:80']",
        "3:25: services.web.ports: ports are published only from the app's network; remove `ports` or `network_mode`",
    );
    check_service(
        "security_opt: [apparmor=x]",
        "3:20: services.web.security_opt[0]: this option is not supported; there are no-new-privileges, label=disable and seccomp=unconfined or =/path",
    );
    check_service(
        "depends_on: [db]",
        "3:5: services.web.depends_on: there is no service of that name; the services are web",
    );
    check_service(
        "secrets: [token]",
        "2:3: services.web: a secret here is not declared; add its name, not its text, under `x-archipelago.secrets`",
    );
    check_service(
        "x-environment-secrets: {PASSWORD: token}",
        "2:3: services.web: a secret here is not declared; add its name, not its text, under `x-archipelago.secrets`",
    );
    check_service(
        "secrets: [{source: t, target: 'a,b'}]",
        "3:27: services.web.secrets[0].target: a secret's target holds neither commas nor control characters",
    );
    for mode in ["440x", "0o44", "04400", "0889"] {
        check_service(
            &format!("secrets: [{{source: t, mode: {mode}}}]"),
            "3:27: services.web.secrets[0].mode: expected a mode in octal digits such as 0440",
        );
    }
    for target in ["''", "\"a\\tb\""] {
        check_service(
            &format!("secrets: [{{source: t, target: {target}}}]"),
            "3:27: services.web.secrets[0].target: a secret's target holds neither commas nor control characters",
        );
    }
    check_service(
        "secrets: [{source: t, uid: 4294967296}]",
        "3:27: services.web.secrets[0].uid: user and group ids end at 4294967295",
    );
    check_service(
        "secrets: [{source: t, gid: -1}]",
        "3:27: services.web.secrets[0].gid: expected a whole number from 0",
    );
    check_service(
        "secrets: [{source: t, owner: 1}]",
        &format!("3:27: services.web.secrets[0].owner: {UNKNOWN}"),
    );
}

/// What a service says, key by key, beyond what the tests of its own forms compare.
#[test]
fn what_a_service_says_is_taken_over() {
    let service = good_service(
        "sysctls: {net.core.somaxconn: 1024}
    ulimits: {nproc: 64, nofile: {soft: 1, hard: 2}}
    security_opt: ['no-new-privileges:true', 'label=disable', 'seccomp=/profile.json']
    labels: {empty: , full: x}
    tty: false
    stdin_open: false
    expose: [80]
    x-note: anything
    secrets: [{source: token, target: /run/token, uid: 4294967295, gid: 0, mode: 440}]
    ports: [{target: 80, published: 8080, mode: ingress, name: page}]",
    );
    assert_eq!(service.sysctls, ["net.core.somaxconn=1024"]);
    assert_eq!(service.ulimits, ["nproc=64", "nofile=1:2"]);
    assert!(service.no_new_privileges && service.label_disable);
    assert_eq!(service.seccomp.as_deref(), Some("/profile.json"));
    let label = |name: &str| service.labels[name].as_str();
    assert_eq!((label("empty"), label("full")), ("", "x"));
    assert_eq!(
        service.secrets,
        [SecretMount {
            secret: "token".to_owned(),
            target: Some("/run/token".to_owned()),
            uid: Some(u32::MAX),
            gid: Some(0),
            mode: Some("0440".to_owned()),
        }]
    );
    let port = service.published(80).expect("the port in the container");
    assert_eq!(port.host, 8080);
    assert!(service.published(8080).is_none(), "that is the node's side");
    // The last word counts, and Compose's default may be said.
    let open = good_service(
        "security_opt: [no-new-privileges, 'no-new-privileges:false', seccomp=unconfined]",
    );
    assert!(!open.no_new_privileges);
    assert_eq!(open.seccomp.as_deref(), Some("unconfined"));
    check_service(
        "security_opt: [seccomp=profile.json]",
        "3:20: services.web.security_opt[0]: this option is not supported; there are no-new-privileges, label=disable and seccomp=unconfined or =/path",
    );
}

#[test]
fn only_a_service_of_the_apps_own_network_publishes_ports() {
    for mode in ["host", "none"] {
        assert!(
            good_service(&format!("network_mode: {mode}"))
                .ports
                .is_empty()
        );
    }
    check_service(
        "network_mode: none, ports: ['80:80']",
        "3:25: services.web.ports: ports are published only from the app's network; remove `ports` or `network_mode`",
    );
}

#[test]
fn what_an_image_is_built_from() {
    let source = |text: &str| good_service(text).image;
    let build = Build {
        context: "ui".to_owned(),
        containerfile: Some("page/Containerfile".to_owned()),
        args: BTreeMap::from([("VERSION".to_owned(), "1".to_owned())]),
        target: Some("small".to_owned()),
        otherwise: Some("x".to_owned()),
    };
    let long = "build: {context: ./ui, dockerfile: ./page/Containerfile, args: {VERSION: 1}, target: small}";
    assert_eq!(source(long), ImageSource::Build(build));
    let folder = |context: &str| match source(&format!("build: {context}")) {
        ImageSource::Build(build) => build.context,
        ImageSource::Reference(image) => panic!("{image} would be pulled"),
    };
    assert_eq!(
        [
            folder("."),
            folder("./"),
            folder("./ui"),
            folder("../shared")
        ],
        ["", "", "ui", "shared"]
    );
}

#[test]
fn ports() {
    let port = |text: &str, problem: &str| {
        check_service(
            &format!("ports: [{text}]"),
            &format!("3:13: services.web.ports[0]: {problem}"),
        )
    };
    port(
        "'80'",
        "this names only the container's port; write HOST:CONTAINER, or the node's port changes at each start",
    );
    port("'0:80'", "expected a port from 1 to 65535");
    port("'80:65536'", "expected a port from 1 to 65535");
    port("'80:http'", "expected a port from 1 to 65535");
    port("'80:80/sctp'", "expected tcp or udp");
    port("'localhost:80:80'", "expected an IP address of this node");
    port("'80-82:80-81'", "the two ranges differ in length");
    port("'82-80:80-82'", "the range runs backwards");
    port(
        "{target: 80}",
        "`published` is missing: a port of the node must be chosen, or it changes at each start",
    );
    check_service(
        "ports: [{target: 80, published: 80, hostip: x}]",
        &format!("3:41: services.web.ports[0].hostip: {UNKNOWN}"),
    );

    let published = |lines: &str| {
        good_service(lines)
            .ports
            .iter()
            .map(|port| format!("{port:?}"))
            .collect::<Vec<_>>()
    };
    let short = published("ports: ['127.0.0.1:80-81:8080-8081/udp', '[::1]:90:90']");
    let long = published(
        "ports: [{target: 8080, published: 80, protocol: udp, host_ip: 127.0.0.1}, {target: 8081, published: 81, protocol: udp, host_ip: 127.0.0.1}, {target: 90, published: 90, host_ip: '::1'}]",
    );
    assert_eq!(short, long);
}

#[test]
fn volumes() {
    let volume = |text: &str, problem: &str| {
        check_service(
            &format!("volumes: [{text}]"),
            &format!("3:15: services.web.volumes[0]: {problem}"),
        )
    };
    volume(
        "'/data'",
        "an anonymous volume is lost with its container; name it: `data:/path`, and declare `data` under `volumes`",
    );
    volume("'./new:data'", "the path in the container must be absolute");
    volume(
        "'./page:/page'",
        "this file comes with the app, so mount it read-only (`:ro`): what the container writes belongs into a volume",
    );
    volume(
        "'../other:/x:ro'",
        "this path leads out of the app's folder",
    );
    volume(
        "'./a/../../b:/x'",
        "this path leads out of the app's folder",
    );
    volume(
        "'.:/x:ro'",
        "this is the app's folder itself; name a file or folder in it",
    );
    volume(
        "'~/x:/x'",
        "`~` means another place for every user; write the absolute path",
    );
    volume(
        "'a:b:c:d'",
        "there are too many colons; use SOURCE:TARGET[:ro]",
    );
    volume(
        "'./new:/x:nocopy'",
        "this mount option is not supported; there are ro and rw",
    );
    check_service(
        "volumes: ['data:/data']",
        "3:5: services.web.volumes: a volume here is not declared; add it under the top-level `volumes`",
    );
    check_service(
        "volumes: [{type: bind, source: data, target: /x}]",
        "3:28: services.web.volumes[0].source: a bind mount's source is a path: start it with `/` or `./`",
    );
    check_service(
        "volumes: [{type: bind, source: /x, target: /x, bind: {create_host_path: true}}]",
        &format!("3:52: services.web.volumes[0].bind: {UNKNOWN}"),
    );
    check_service(
        "volumes: [{type: tmpfs, source: x, target: /x}]",
        "3:16: services.web.volumes[0].type: expected volume or bind; for a tmpfs use the service's `tmpfs`",
    );
    check(
        "services:\n  web: {image: x}\nvolumes:\n  data: {driver: nfs}\n",
        "4:10: volumes.data.driver: volumes take no options here: their data lie in the node's data folder (docs/manifest.md)",
    );

    volume(
        "'/srv/../etc:/x'",
        "\"/srv/../etc\" has `..` in it; write the path without",
    );

    let mounts = |lines: &str| -> Vec<Mount> {
        let mounts = good_service(lines).mounts.into_iter();
        // Where each stands is as different as they are written.
        let place = Place { line: 1, column: 1 };
        mounts.map(|mount| Mount { place, ..mount }).collect()
    };
    assert_eq!(
        mounts("volumes: ['data:/data', './page:/page:ro', './new:/new:z', '/srv:/srv:ro']"),
        mounts(
            "volumes: [{type: volume, source: data, target: /data}, {type: bind, source: ./page, target: /page, read_only: true}, {type: bind, source: ./new, target: /new}, {type: bind, source: /srv, target: /srv, read_only: true}]"
        ),
    );
    let sources: Vec<MountSource> =
        mounts("volumes: ['data:/a', './page:/b:ro', './new:/c', '/srv:/d']")
            .into_iter()
            .map(|mount| mount.source)
            .collect();
    let text = str::to_owned;
    assert_eq!(
        sources,
        [
            MountSource::Volume(text("data")),
            MountSource::Definition(text("page")),
            MountSource::Data(text("new")),
            MountSource::Host(text("/srv"))
        ]
    );
}

#[test]
fn networks_and_secrets_at_the_top() {
    check(
        "services: {web: {image: x}}\nnetworks:\n  db: {}\n",
        "3:3: networks.db: each app has one network of its own; remove this one",
    );
    check(
        "services: {web: {image: x}}\nnetworks:\n  default: {driver: host}\n",
        "3:13: networks.default.driver: the app's network takes no options; remove this key",
    );
    check(
        "services: {web: {image: x}}\nsecrets:\n  token: {file: ./token}\n",
        "3:3: secrets.token: declare it under `x-archipelago.secrets` instead: secrets are generated per node, not kept in the app's folder",
    );
    check(
        "services: {web: {image: x}}\nsecrets:\n  token: {file: ./token}\nx-archipelago: {secrets: {token: }}\n",
        "3:11: secrets.token.file: secrets are generated per node, from no source; remove this key",
    );
    good(
        "services: {web: {image: x}}\nnetworks: {default: }\nsecrets: {token: }\nx-archipelago: {secrets: {token: }}\n",
    );
}

#[test]
fn what_others_read_is_left_alone() {
    let manifest =
        good("name: shop\nx-other: {image: y}\nservices: {web: {image: x, x-note: y}}\n");
    assert_eq!(manifest.id().as_str(), "shop");
    assert!(manifest.warnings.is_empty(), "{:?}", manifest.warnings);
}

#[test]
fn the_main_service_is_the_one_named_like_the_app_or_the_only_one() {
    let main = |services: &str, companions: &str| {
        good(&format!(
            "services: {{{services}}}\nx-archipelago: {{companions: [{companions}]}}\n"
        ))
        .main
    };
    assert_eq!(
        main("web: {image: x}, db: {image: y}", "").as_deref(),
        Some("web")
    );
    assert_eq!(
        main("app: {image: x}, ui: {image: y}", "ui").as_deref(),
        Some("app")
    );
    assert_eq!(main("app: {image: x}, db: {image: y}", ""), None);
    assert_eq!(main("ui: {image: y}", "ui"), None);
}

#[test]
fn variables() {
    check_service(
        "hostname: '${nmae}'",
        "3:5: services.web.hostname: there is no variable \"nmae\"; those of this app are its settings: none. Declare it under `x-archipelago.settings`, or write `${nmae:-default}`",
    );
    check_service(
        "command: ['5 $']",
        "3:15: services.web.command[0]: a lone `$`; a dollar sign is written `$$`",
    );
    let manifest = good(
        "services: {web: {image: 'x:${tag}', hostname: '${none:-h}$$'}}\nx-archipelago: {settings: {tag: {type: string, default: '1'}}}\n",
    );
    let web = &manifest.services["web"];
    assert_eq!(
        (web.image.clone(), web.hostname.as_deref()),
        (ImageSource::Reference("x:1".to_owned()), Some("h$"))
    );
}

#[test]
fn the_extension() {
    check_extension("titel: x", &format!("5:3: x-archipelago.titel: {UNKNOWN}"));
    check_extension(
        "id: Web",
        "5:3: x-archipelago.id: this cannot be the name of an app: use 1 to 40 lower-case letters, digits and hyphens, starting and ending with a letter or digit",
    );
    check_extension(
        "title: \"a\\nb\"",
        "5:3: x-archipelago.title: expected one line of text, without control characters",
    );
    check_extension(
        "settings: {Port: {type: port}}",
        "5:14: x-archipelago.settings.Port: the setting \"Port\" is not usable in templates: use lower-case letters, digits and underscores, starting with a letter",
    );
    check_extension(
        "settings: {a: {type: number}}",
        "5:18: x-archipelago.settings.a.type: this is no type of a setting; there are string, text, integer, boolean, choice, port and path",
    );
    check_extension(
        "settings: {a: {type: choice}}",
        "5:14: x-archipelago.settings.a: a choice needs `choices`, a list of at least one",
    );
    check_extension(
        "settings: {a: {type: port, default: 0}}",
        "5:30: x-archipelago.settings.a.default: the setting a does not fit: it takes a port from 1 to 65535",
    );
    check_extension(
        "settings: {a: {type: port, minimum: 1}}",
        &format!("5:30: x-archipelago.settings.a.minimum: {UNKNOWN}"),
    );
    check_extension(
        &format!("settings: {{{}: {{type: port}}}}", "a".repeat(65)),
        &format!(
            "5:14: x-archipelago.settings.{0}: the setting \"{0}\" is not usable in templates: use lower-case letters, digits and underscores, starting with a letter",
            "a".repeat(65)
        ),
    );
    check_extension(
        "secrets: {a: {length: 3}}",
        &format!("5:17: x-archipelago.secrets.a.length: {UNKNOWN}"),
    );
    check_extension(
        "companions: [gui]",
        "5:3: x-archipelago.companions: there is no service of that name; the services are ui, web",
    );
    check_extension(
        "requires: {app: [x]}",
        &format!("5:14: x-archipelago.requires.app: {UNKNOWN}"),
    );
    check_extension(
        "requires: {apps: [web]}",
        "5:3: x-archipelago.requires: an app cannot require itself",
    );
    check_extension(
        "captures: {a: {volume: data, path: x}}",
        "5:14: x-archipelago.captures.a: there is no such volume; declare it under the top-level `volumes`",
    );
    check_extension(
        "captures: {a: {volume: data, path: ../x}}",
        "5:32: x-archipelago.captures.a.path: this path leads out of the app's folder",
    );
    check_extension(
        "captures: {a: {volume: data, path: x, encoding: base64}}",
        "5:41: x-archipelago.captures.a.encoding: expected text or hex",
    );
    check_extension(
        "captures: {a: {volume: data, path: x, trim: true}}",
        &format!("5:41: x-archipelago.captures.a.trim: {UNKNOWN}"),
    );
}

#[test]
fn a_companion_depends_on_its_app_and_never_the_other_way_round() {
    check(
        "services:\n  web: {image: x, depends_on: [ui]}\n  ui: {image: y}\nx-archipelago: {companions: [ui]}\n",
        "2:19: services.web.depends_on: ui is a companion; a companion depends on its app, never the other way round",
    );
    good(
        "services:\n  web: {image: x}\n  ui: {image: y, depends_on: [web, tor]}\n  tor: {image: z}\nx-archipelago: {companions: [ui, tor]}\n",
    );
}

#[test]
fn templates() {
    let template =
        |text: &str, expected: &str| check_extension(&format!("templates:\n  - {text}"), expected);
    template(
        "{source: a, service: db, target: /a}",
        "5:3: x-archipelago.templates: there is no service of that name; the services are ui, web",
    );
    template(
        "{source: a, service: web}",
        "6:7: x-archipelago.templates[0]: `target` is missing",
    );
    template(
        "{source: ../a, service: web, target: /a}",
        "6:8: x-archipelago.templates[0].source: this path leads out of the app's folder",
    );
    template(
        "{source: a, service: web, target: a}",
        "6:33: x-archipelago.templates[0].target: the path in the container must be absolute",
    );
    template(
        "{source: a, service: web, target: /a, mode: 1}",
        &format!("6:45: x-archipelago.templates[0].mode: {UNKNOWN}"),
    );
    template(
        "{source: a, service: web, target: /etc/..}",
        "6:33: x-archipelago.templates[0].target: this cannot be the name of a file: use 1 to 64 letters, digits, dots, underscores and hyphens, starting with a letter or digit",
    );
    template(
        "{source: a, service: web, target: /a/x.conf}\n  - {source: b, service: web, target: /b/x.conf}",
        "5:3: x-archipelago.templates: two templates of web have targets of one name; give them different file names",
    );
    good(&with_extension(
        "templates:\n  - {source: a, service: web, target: /x.conf}\n  - {source: a, service: ui, target: /x.conf}",
    ));
}

#[test]
fn pages_and_probes_need_a_published_tcp_port() {
    let missing = "the service web publishes no such port; add it to its `ports`";
    check_extension(
        "urls: [{title: a, service: web, port: 80}]",
        &format!("5:3: x-archipelago.urls: {}", missing),
    );
    check_extension(
        "urls: [{title: a, service: web, port: 53}]",
        &format!("5:3: x-archipelago.urls: {}", missing),
    );
    check_extension(
        "readiness: [{service: web, port: 53}]",
        &format!("5:3: x-archipelago.readiness: {}", missing),
    );
    check_extension(
        "readiness: [{service: web, port: 8080, http: ready}]",
        "5:42: x-archipelago.readiness[0].http: expected a path that starts with `/`, with special characters percent-encoded",
    );
    for path in ["ui", "/a b", "/ü"] {
        check_extension(
            &format!("urls: [{{service: web, port: 8080, path: {path}}}]"),
            "5:37: x-archipelago.urls[0].path: expected a path that starts with `/`, with special characters percent-encoded",
        );
    }
    check_extension(
        "urls: [{service: web, port: 8080, icon: x}]",
        &format!("5:37: x-archipelago.urls[0].icon: {UNKNOWN}"),
    );
    check_extension(
        "readiness: [{service: web, port: 8080, tcp: true}]",
        &format!("5:42: x-archipelago.readiness[0].tcp: {UNKNOWN}"),
    );
    for port in ["0", "65536", "http"] {
        check_extension(
            &format!("urls: [{{service: web, port: {port}}}]"),
            "5:25: x-archipelago.urls[0].port: expected a port from 1 to 65535",
        );
    }
    check_extension(
        "urls: [{service: db, port: 80}]",
        "5:3: x-archipelago.urls: there is no service of that name; the services are ui, web",
    );
    let opened = good(&with_extension(
        "urls: [{title: Wallet, service: web, port: 8080, path: /wallet}, {service: web, port: 8080}]",
    ));
    let pages: Vec<(&str, &str)> = opened
        .extension
        .urls
        .iter()
        .map(|url| (url.title.as_str(), url.path.as_str()))
        .collect();
    assert_eq!(pages, [("Wallet", "/wallet"), ("", "/")]);
    good(&with_extension(
        "urls: [{title: a, service: web, port: 8080}]\nreadiness: [{service: web, port: 8080, http: /ready}]",
    ));
}

#[test]
fn short_and_long_forms_say_the_same() {
    let same = |one: &str, other: &str| {
        assert_eq!(good_service(one), good_service(other), "{one} and {other}")
    };
    same(
        "environment: {A: '1', B: two words}",
        "environment: [A=1, B=two words]",
    );
    same("environment: {A: '1', B: two words}", "env_file: web.env");
    same(
        "environment: {A: '1', B: two words}",
        "env_file: [./web.env]",
    );
    same(
        "command: serve --name 'two words'",
        "command: [serve, --name, two words]",
    );
    same("secrets: [token]", "secrets: [{source: token}]");
    same("tmpfs: /run", "tmpfs: [/run]");
    same("extra_hosts: ['a:1.2.3.4']", "extra_hosts: {a: 1.2.3.4}");
    same("extra_hosts: ['a=1.2.3.4']", "extra_hosts: {a: 1.2.3.4}");
    same(
        "healthcheck: {test: curl x}",
        "healthcheck: {test: [CMD-SHELL, curl x]}",
    );
    same(
        "healthcheck: {disable: true}",
        "healthcheck: {test: [NONE]}",
    );
    same(
        "ulimits: {nofile: {soft: 1, hard: 2}}\n    labels: {a: b}",
        "labels: [a=b]\n    ulimits: {nofile: {soft: 1, hard: 2}}",
    );
    same(
        "security_opt: ['no-new-privileges:true']",
        "security_opt: [no-new-privileges]",
    );
    same("networks: [default]", "networks: {default: }");
    same(
        "sysctls: {net.core.somaxconn: 1}",
        "sysctls: [net.core.somaxconn=1]",
    );
    same(
        "ulimits: {nproc: 3}",
        "ulimits: {nproc: 3}\n    healthcheck: {}",
    );
    // What the environment says wins over a file, wherever it stands.
    same(
        "env_file: web.env\n    environment: {A: '2'}",
        "environment: {A: '2', B: two words}",
    );
}

#[test]
fn a_service_whose_health_is_waited_for_is_asked_often_until_it_is_well() {
    let services = |check: &str| {
        format!(
            "services:\n  db: {{image: x{check}}}\n  web:\n    image: y\n    depends_on: {{db: {{condition: service_healthy}}}}\n"
        )
    };
    let interval = |check: &str| {
        let manifest = good(&services(check));
        assert!(manifest.warnings.is_empty());
        let db = &manifest.services["db"];
        assert!(db.starts_healthy());
        db.health.as_ref().and_then(|health| health.start_interval)
    };
    let seconds = |count| Some(std::time::Duration::from_secs(count));
    assert_eq!(interval(", healthcheck: {test: [CMD, ask]}"), seconds(5));
    let own = ", healthcheck: {test: [CMD, ask], start_interval: 1s}";
    assert_eq!(interval(own), seconds(1));
    // Only whoever waits for its health makes a service be asked often.
    let plain = good(
        "services:\n  db: {image: x, healthcheck: {test: ask}}\n  web: {image: y, depends_on: {db: {condition: service_started, restart: true, required: false}}}\n",
    );
    assert!(!plain.services["db"].starts_healthy());
    assert!(!plain.services["web"].depends_on["db"]);
    for without in ["", ", healthcheck: {disable: true, test: [CMD, ask]}"] {
        check(
            &services(without),
            "5:23: services.web.depends_on.db.condition: db has no `healthcheck`, so its health cannot be waited for",
        );
    }
}

#[test]
fn what_is_left_out_is_said() {
    let manifest = good(
        "version: '3'\nservices:\n  web:\n    image: x\n    restart: on-failure\n    container_name: w\n    pull_policy: always\n    platform: linux/amd64\n    logging: {driver: json-file}\n  ui:\n    image: y\n    restart: always\n    depends_on: {web: {condition: service_started}}\n",
    );
    let warnings: Vec<String> = manifest
        .warnings
        .iter()
        .map(|warning| format!("{}:{}", warning.place.line, warning.key))
        .collect();
    assert_eq!(
        warnings,
        [
            "1:version",
            "5:services.web.restart",
            "6:services.web.container_name",
            "7:services.web.pull_policy",
            "8:services.web.platform",
            "9:services.web.logging",
        ]
    );
}

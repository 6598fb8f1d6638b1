//! What a manifest may say, and the very words that a person reads when it says something else.

mod exports;
mod extension;
mod mounts;
mod ports;

use std::collections::BTreeMap;

use super::*;

/// Reads a manifest with the settings at their defaults; the folder has `page/index.html` and some
/// files of variables.
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
fn what_others_read_is_left_alone() {
    let manifest =
        good("name: shop\nx-other: {image: y}\nservices: {web: {image: x, x-note: y}}\n");
    assert_eq!(manifest.id().as_str(), "shop");
    assert!(manifest.warnings.is_empty(), "{:?}", manifest.warnings);
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

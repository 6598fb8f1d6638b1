//! Keys of a service.

use std::collections::BTreeSet;

use super::*;

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn keys_of_a_service() {
    check(
        "services:\n  web: {}\n",
        "2:3: services.web: the service has neither `image` nor `build`; add `image`",
    );
    check_service(
        "imagee: y",
        &format!("3:5: services.web.imagee: {}", unknown_to_compose("image")),
    );
    for (key, reason) in [
        (
            "x-data-owner: 1000",
            "expected the numbers of a user and a group, such as \"1000:1000\"",
        ),
        (
            "cgroup_parent: a.slice",
            "systemd gives each container its control group; remove it",
        ),
        (
            "pid: 'container:x'",
            "this mode is not supported; there is `host`, and without this key the container's own",
        ),
        (
            "scale: 2",
            "each service has exactly one container; remove this key or write 1",
        ),
    ] {
        let name = key.split(':').next().unwrap();
        check_service(key, &format!("3:5: services.web.{name}: {reason}"));
    }
    check_service(
        "healthcheck: {tets: x}",
        &format!(
            "3:19: services.web.healthcheck.tets: {}",
            unknown_to_compose("test")
        ),
    );
    check_service(
        "healthcheck: {test: [curl, x]}",
        "3:26: services.web.healthcheck.test[0]: this must be one of CMD, CMD-SHELL, NONE; write one of these",
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
        "3:38: services.web.healthcheck.interval: this must be a duration like 90s and is a number; write a duration like 90s",
    );
    check_service(
        "stop_grace_period: -5s",
        "3:5: services.web.stop_grace_period: this time is below zero; write a duration like 90s",
    );
    check_service(
        "hostname: [a]",
        "3:15: services.web.hostname: this must be text (in quotes) and is a list; write text (in quotes)",
    );
    check_service(
        "ports: '80:80'",
        "3:12: services.web.ports: this must be a list and is text; write a list",
    );
    check_service(
        "volumes_from: ['container:x']",
        "3:20: services.web.volumes_from[0]: the mounts of a container of another program cannot be taken over; name its folders under `volumes`",
    );
    check_service(
        "depends_on: {web: {condition: service_started}}",
        "3:18: services.web.depends_on.web: a circle: web → web; remove one link",
    );
    check_service(
        "ulimits: {nofile: {soft: 1}}",
        "3:23: services.web.ulimits.nofile: the key `hard` is missing; add `hard`",
    );
    check_service(
        "ulimits: {nofile: many}",
        "3:23: services.web.ulimits.nofile: this is no whole number; write digits",
    );
    check_service(
        "platform: windows/amd64",
        "3:5: services.web.platform: expected a platform of Linux, such as linux/arm64",
    );
    for host in [
        "\"a\\nb\": 1.2.3.4",
        "a: \"1.2.3.4\\n5.6.7.8 b\"",
        "'a b': ::1",
        "a: '1.2.3.4#'",
        "a: b.example",
    ] {
        check_service(
            &format!("extra_hosts: {{{host}}}"),
            "3:5: services.web.extra_hosts: write NAME=ADDRESS: a name without white space, `#` or control characters, and an IP address or `host-gateway`",
        );
    }
    check_service(
        "build: ../../other",
        "3:5: services.web.build: this path leads out of the app's folder",
    );
    check_service(
        "build: {context: /other}",
        "3:13: services.web.build.context: this path leads out of the app's folder",
    );
    check_service(
        "build: https://example.org/x.git",
        "3:5: services.web.build: a folder from elsewhere is not fetched; copy it into the app's folder",
    );
    check_service(
        "build: {context: ., dockerfile: ../x}",
        "3:25: services.web.build.dockerfile: this path leads out of the folder that the image is built from",
    );
    check_service(
        "command: \"a 'b\"",
        "3:14: services.web.command: a command line with an open quote, parenthesis or backslash at its end; close it, or write a list of words",
    );
    check_service(
        "init: maybe",
        "3:11: services.web.init: this is neither `true` nor `false`; write `true` or `false`",
    );
    check_service(
        "shm_size: big",
        "3:15: services.web.shm_size: this is no size; write it like 512m or 1g",
    );
    let left_out = "left out: a variable without a value takes it from the shell in Compose, and here is none; write NAME=value";
    check_warning(
        "environment: [A]",
        &format!("3:5: services.web.environment.A: {left_out}"),
    );
    check_warning(
        "environment: {A: , B: ''}",
        &format!("3:19: services.web.environment.A: {left_out}"),
    );
    check_service(
        "env_file: other.env",
        "3:15: services.web.env_file[0]: the file other.env does not exist; create it or correct the path",
    );
    check_service(
        "env_file: wrong.env",
        "3:15: services.web.env_file[0]: the file wrong.env, line 2: a name has no spaces; write NAME=value; correct that line",
    );
    check(
        "services:\n  web: {image: x, env_file: ../web.env}\n",
        "2:29: services.web.env_file[0]: the file ../web.env cannot be read: it is not in the app's folder; copy it into the app's folder",
    );
    check_service(
        "network_mode: 'container:x'",
        "3:5: services.web.network_mode: a container of another program cannot be joined; there are host, none, bridge and service:NAME, and without this key the app's own network",
    );
    check_service(
        "networks: [db]",
        "3:16: services.web.networks.db: there is no network `db`; declare the network `db` or correct the name",
    );
    check_warning(
        "network_mode: host, ports: ['80:80']",
        "3:25: services.web.ports: left out: on the node's own network every port of the container is one of the node",
    );
    check_service(
        "security_opt: [apparmor=x]",
        "3:20: services.web.security_opt[0]: this option is not supported; there are no-new-privileges, label=disable, apparmor=unconfined and seccomp=unconfined or =/path",
    );
    check_service(
        "depends_on: [db]",
        "3:18: services.web.depends_on.db: there is no service `db`; declare the service `db` or correct the name",
    );
    let undeclared =
        "a secret here is not declared; add its name, not its text, under `x-archipelago.secrets`";
    check_service(
        "secrets: [token]",
        &format!("3:15: services.web.secrets[0]: {undeclared}"),
    );
    check_service(
        "x-environment-secrets: {PASSWORD: token}",
        &format!("3:5: services.web.x-environment-secrets: {undeclared}"),
    );
}

/// A file of variables that is no text is named itself.
#[test]
fn a_file_of_variables_is_text() {
    let error = read("services: {web: {image: x, env_file: binary.env}}\n").unwrap_err();
    assert_eq!(
        error.to_string(),
        "binary.env:1:1: the file is not UTF-8 text; save it as UTF-8"
    );
}

#[test]
fn secrets_of_a_service() {
    for target in ["'a,b'", "\"a\\tb\""] {
        check_secret(
            &format!("target: {target}"),
            "3:27: services.web.secrets[0].target: a secret's target holds neither commas nor control characters",
        );
    }
    check_secret(
        "mode: 440x",
        "3:33: services.web.secrets[0].mode: these are no permission bits; write octal digits like \"0440\"",
    );
    for mode in ["'10000'", "-1"] {
        check_secret(
            &format!("mode: {mode}"),
            "3:27: services.web.secrets[0].mode: expected a mode in octal digits such as \"0440\"",
        );
    }
    for (key, id) in [("uid", "'4294967296'"), ("gid", "'-1'")] {
        check_secret(
            &format!("{key}: {id}"),
            &format!(
                "3:27: services.web.secrets[0].{key}: expected a number of a user or group, from 0 to 4294967295"
            ),
        );
    }
    check_secret(
        "owner: x",
        "3:27: services.web.secrets[0].owner: Compose has no such key here; correct or remove it, or begin an extension with `x-`",
    );
}

#[test]
fn the_platform_of_an_image_that_is_pulled() {
    let platform = |text: &str| good_service(&format!("platform: {text}")).platform;
    for (text, expected) in [
        ("linux/arm64", "linux/arm64"),
        ("linux/arm/v7", "linux/arm/v7"),
        ("linux/x86_64", "linux/amd64"),
        ("linux/aarch64", "linux/arm64"),
    ] {
        let found = platform(text).map(|platform| platform.to_string());
        assert_eq!(found.as_deref(), Some(expected));
    }
    check_warning(
        "build: ., platform: linux/arm64",
        "3:15: services.web.platform: left out: images are built for this machine",
    );
}

/// Every key of a service that no other test compares.
#[test]
fn every_key_of_a_service_is_translated() {
    let service = good_service(
        "sysctls: {net.core.somaxconn: 1024}
    ulimits: {nproc: 64, nofile: {soft: 1, hard: 2}}
    user: 1000
    devices: ['/dev/a', '/dev/b:/dev/b', '/dev/c:/dev/d:rwm', '/dev/e:/dev/e:r']
    command: [sleep, 10]
    security_opt: ['no-new-privileges:true', 'label=disable', 'seccomp=/profile.json']
    labels: {empty: , full: x}
    tty: true
    stdin_open: false
    privileged: true
    pid: host
    ipc: private
    mem_limit: 1g
    cpus: 0.5
    deploy: {resources: {reservations: {memory: 512m}}}
    expose: [80]
    x-note: anything
    secrets: [{source: token, target: /run/token, uid: 4294967295, gid: 0, mode: \"440\"}]
    ports: [{target: 80, published: 8080, mode: ingress, name: page}]",
    );
    assert_eq!(service.sysctls, ["net.core.somaxconn=1024"]);
    assert_eq!(service.ulimits, ["nofile=1:2", "nproc=64"]);
    assert_eq!(service.user.as_deref(), Some("1000"));
    assert_eq!(service.command, ["sleep", "10"]);
    assert_eq!(
        service.devices,
        ["/dev/a", "/dev/b", "/dev/c:/dev/d", "/dev/e:/dev/e:r"]
    );
    assert!(service.tty && !service.stdin_open && service.privileged);
    assert_eq!(service.host_namespaces, BTreeSet::from([Namespace::Pid]));
    let limits = Limits {
        memory_bytes: Some(1 << 30),
        reserved_memory_bytes: Some(512 << 20),
        cpus: Some("0.5".to_owned()),
        ..Limits::default()
    };
    assert_eq!(service.limits, limits);
    let deployed =
        good_service("deploy: {resources: {limits: {memory: 1g, cpus: '0.5', pids: 20}}}");
    let limits = Limits {
        reserved_memory_bytes: None,
        ..limits
    };
    assert_eq!((deployed.limits, deployed.pids_limit), (limits, Some(20)));
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
        "3:20: services.web.security_opt[0]: this option is not supported; there are no-new-privileges, label=disable, apparmor=unconfined and seccomp=unconfined or =/path",
    );
    good_service("security_opt: ['apparmor:unconfined']");
}

#[test]
fn what_an_image_is_built_from() {
    let source = |text: &str| good_service(text).image;
    let build = Build {
        context: "ui".to_owned(),
        containerfile: Some("page/Containerfile".to_owned()),
        inline: None,
        args: BTreeMap::from([("VERSION".to_owned(), "1".to_owned())]),
        target: Some("small".to_owned()),
        fallback: Some("x".to_owned()),
    };
    let long = "build: {context: ./ui, dockerfile: ./page/Containerfile, args: {VERSION: 1}, target: small}";
    assert_eq!(source(long), ImageSource::Build(build));
    let inline = "build: {context: ./ui, dockerfile_inline: 'FROM x'}";
    let ImageSource::Build(build) = source(inline) else {
        panic!("{inline}");
    };
    let (path, file) = build.containerfile(&Files::new()).unwrap();
    assert_eq!(
        (path.as_str(), file.text()),
        (".dockerfile_inline", Some("FROM x"))
    );
    // A file of either name is looked for, unless the key says one.
    let file = |keys: &str| match source(&format!("build: {{{keys}}}")) {
        ImageSource::Build(build) => build.containerfile,
        ImageSource::Reference(image) => panic!("{image} would be pulled"),
    };
    assert_eq!(file("context: ui"), None);
    assert_eq!(
        file("dockerfile: Dockerfile, args: {A: b}").as_deref(),
        Some("Dockerfile")
    );
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
    // `environment` overrides `env_file`, whichever stands first.
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
    assert_eq!(plain.services["web"].depends_on["db"], Awaited::Started);
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
        "version: '3'\nservices:\n  web:\n    image: x\n    restart: on-failure\n    container_name: wa\n    pull_policy: always\n    logging: {driver: json-file}\n  ui:\n    image: y\n    restart: always\n    depends_on: {web: {condition: service_started}}\n",
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
            "7:services.web.pull_policy",
            "8:services.web.logging",
        ]
    );
}

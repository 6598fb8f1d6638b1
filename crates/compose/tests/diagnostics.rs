//! Diagnostics of wrong files: all at once, each with its place, its keys and the way out.

mod support;

use compose::{Loaded, Variables};
use support::Files;

fn load(files: &[(&str, &str)], profiles: &[&str]) -> Loaded {
    let files: Files = files
        .iter()
        .map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec()))
        .collect();
    support::read(&files, &Variables::new(), profiles)
}

fn said(loaded: &Loaded) -> Vec<String> {
    loaded.diagnostics.iter().map(ToString::to_string).collect()
}

/// Errors and warnings of one file, without the file's name.
fn check(text: &str, expected: &[&str]) {
    let loaded = load(&[("compose.yaml", text)], &[]);
    let said: Vec<String> = said(&loaded)
        .iter()
        .map(|line| line.replace("/app/compose.yaml:", ""))
        .collect();
    assert_eq!(said, expected, "for {text}");
    let errors = loaded.diagnostics.iter().any(compose::Diagnostic::is_error);
    assert_eq!(loaded.project.is_none(), errors, "for {text}");
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    check(
        "services:
  web:
    image: 5
    comand: x
    ports: [\"99999:1\", 80, \"1-2:3-5\"]
    restart: always
    volumes: [\"aa:bb:cc:dd\", \"none:/n\"]
    mem_limit: lots
    environment:
      A: ${MISSING:?say which}
      B: ${open
    depends_on: [db]
    stop_grace_period: 90
  two words: {image: x}
networks: [front]
",
        &[
            "3:12: services.web.image: this must be text (in quotes) and is a number; write text (in quotes)",
            "4:5: services.web.comand: Compose has no such key here; did you mean `command`?; correct or remove it, or begin an extension with `x-`",
            "5:13: services.web.ports[0]: this is no port; write HOST:CONTAINER, CONTAINER or ADDRESS:HOST:CONTAINER, with ports from 0 to 65535",
            "5:28: services.web.ports[2]: the ranges of host and container ports differ in length; make them equally long",
            "7:15: services.web.volumes[0]: a mount with too many colons; write SOURCE:TARGET:OPTIONS, or the long form",
            "7:30: services.web.volumes[0]: there is no volume `none`; declare the volume `none` or correct the name",
            "8:16: services.web.mem_limit: this is no size; write it like 512m or 1g",
            "10:10: services.web.environment.A: the variable MISSING needs a value: say which; set MISSING",
            "11:10: services.web.environment.B: a `${` without its `}`; write a dollar sign as `$$`; correct the variable, or write a plain dollar sign as `$$`",
            "12:18: services.web.depends_on.db: there is no service `db`; declare the service `db` or correct the name",
            "13:24: services.web.stop_grace_period: this must be a duration like 90s and is a number; write a duration like 90s",
            "14:3: services.two words: a name has only letters, digits and `._-`; rename it",
            "15:11: networks: this must be a mapping and is a list; write a mapping",
        ],
    );
}

#[test]
fn what_is_read_otherwise_than_written_is_warned_about() {
    check(
        "version: '3'
services:
  web:
    image: web
    tty: yes
    command: run a && run b
    environment: {UMASK: 022, V: 1.10, N: $NONE, M: \"${NONE}\"}
    volumes: [\"vol:/v:what\"]
volumes: {vol: }
",
        &[
            "1:1: version: Compose ignores `version`; remove it",
            "5:10: services.web.tty: YAML 1.2 knows only `true` and `false`; write `true` or `false`",
            "6:14: services.web.command: Compose drops a command line from `&` on, because no shell reads it; write [\"sh\", \"-c\", \"…\"] if a shell is meant",
            "7:26: services.web.environment.UMASK: Compose makes another text of this number, such as 1.1 of 1.10 and 18 of 022; write it in quotes if every character counts",
            "7:34: services.web.environment.V: Compose makes another text of this number, such as 1.1 of 1.10 and 18 of 022; write it in quotes if every character counts",
            "7:43: services.web.environment.N: a `$` begins a variable that is not set and becomes empty; write a plain dollar sign as `$$`, and a variable in braces with a default",
            "7:53: services.web.environment.M: the variable NONE is not set and becomes empty; set NONE, or write a default: ${NONE:-…}",
            "8:15: services.web.volumes[0]: Compose ignores an option that it does not know; correct or remove it",
        ],
    );
}

#[test]
fn yaml_that_cannot_be_read_is_refused_with_its_place() {
    check(
        "",
        &[
            "1:1: the file has no mapping with `services`; write `services:` with at least one service",
        ],
    );
    check(
        "- a\n",
        &[
            "1:1: the file has no mapping with `services`; write `services:` with at least one service",
        ],
    );
    check(
        "services:\n  a: {image: a, <<: 1}\n",
        &[
            "2:21: `<<` merges a mapping, and this is none; let it name a mapping or a list of mappings",
        ],
    );
    check(
        "services:\n  a: {image: a, image: b}\n  a: {image: a}\n",
        &[
            "2:17: services.a.image: this key stands twice in the same mapping; remove one of them",
            "3:3: services.a: this key stands twice in the same mapping; remove one of them",
        ],
    );
    check(
        "x-a: &a [*a]\n",
        &["1:10: an alias inside its own anchor; let the alias name an anchor that ends before it"],
    );
    check(
        "services: {a: {image: a, environment: {1: x}}}\n",
        &["1:40: services.a.environment.1: a key must be text; write it in quotes"],
    );
}

#[test]
fn what_does_not_fit_together_is_refused() {
    check(
        "services:
  a: {image: a, depends_on: [b], network_mode: host, networks: [n], volumes: [/x, /x/], tmpfs: /x}
  b: {image: b, depends_on: [a], secrets: [s], configs: [c], healthcheck: {test: [run]}}
  c: {container_name: cc, scale: 2, image: c, mem_limit: 1g, deploy: {resources: {limits: {memory: 2g}}}}
  d: {environment: {A: b}}
volumes: {v: {external: true, driver: local}}
networks: {n: }
secrets: {t: {}, u: {file: a, environment: B}}
",
        &[
            "2:30: services.a.depends_on.b: a circle: a → b → a; remove one link",
            "2:34: services.a.network_mode: `network_mode` and `networks` exclude each other; keep exactly one",
            "2:83: services.a.volumes[0]: the path is mounted already, at services.a.tmpfs[0]; remove one of the two",
            "3:44: services.b.secrets[0]: there is no secret `s`; declare the secret `s` or correct the name",
            "3:58: services.b.configs[0]: there is no config `c`; declare the config `c` or correct the name",
            "3:83: services.b.healthcheck.test[0]: this must be one of CMD, CMD-SHELL, NONE; write one of these",
            "4:7: services.c.container_name: `container_name` and `scale` exclude each other; keep exactly one",
            "4:47: services.c.mem_limit: `mem_limit` and `deploy.resources.limits.memory` say different things; keep one of them",
            "5:3: services.d: the service has neither `image` nor `build`; add `image`",
            "6:31: volumes.v.driver: an external resource cannot have `driver`; remove this key or `external`",
            "8:14: secrets.t: this needs one of file, environment; keep exactly one",
            "8:21: secrets.u: `file` and `environment` exclude each other; keep exactly one",
        ],
    );
}

#[test]
fn files_that_files_name_are_followed_into_their_own_places() {
    let loaded = load(
        &[
            (
                "compose.yaml",
                "include: [one.yaml, none.yaml, https://example.org/x.yaml]
services:
  a: {extends: {service: x, file: base.yaml}}
  b: {extends: {service: nobody, file: base.yaml}}
  c: {extends: d}
  d: {extends: c}
  e: {image: e, env_file: [absent.env, bad.env]}
",
            ),
            (
                "one.yaml",
                "include: [compose.yaml]\nservices: {in: {image: x, restrat: no}}\n",
            ),
            ("base.yaml", "services:\n  x: {image: x, ports: [y]}\n"),
            ("bad.env", "A=1\nB C=2\n"),
        ],
        &[],
    );
    assert_eq!(
        said(&loaded),
        [
            "/app/base.yaml:2:25: services.x.ports[0]: this is no port; write HOST:CONTAINER, CONTAINER or ADDRESS:HOST:CONTAINER, with ports from 0 to 65535",
            "/app/compose.yaml:1:21: include[1]: the file /app/none.yaml does not exist; create it or correct the path",
            "/app/compose.yaml:1:32: include[2]: a file from elsewhere (Git, OCI) is not fetched; copy the file beside this one and name its path",
            "/app/compose.yaml:4:16: services.b.extends: there is no service `nobody`; declare the service `nobody` or correct the name",
            "/app/compose.yaml:5:16: services.c.extends: a circle: c → d → c; remove one link",
            "/app/compose.yaml:7:28: services.e.env_file[0]: the file /app/absent.env does not exist; create it or correct the path",
            "/app/compose.yaml:7:40: services.e.env_file[1]: the file /app/bad.env, line 2: a name has no spaces; write NAME=value; correct that line",
            "/app/one.yaml:1:11: include[0]: a circle: /app/compose.yaml → /app/one.yaml → /app/compose.yaml; remove one link",
            "/app/one.yaml:2:27: services.in.restrat: Compose has no such key here; did you mean `restart`?; correct or remove it, or begin an extension with `x-`",
        ]
        .iter()
        .map(|line| (*line).to_owned())
        .collect::<Vec<_>>()
    );
}

#[test]
fn profiles_choose_services() {
    let text = "services:
  always: {image: a, depends_on: {extra: {condition: service_started, required: false}}}
  extra: {image: b, profiles: [x]}
  more: {image: c, profiles: [y]}
";
    let names = |profiles: &[&str]| {
        let project = load(&[("compose.yaml", text)], profiles).project.unwrap();
        let on: Vec<String> = project.services.keys().cloned().collect();
        let off: Vec<String> = project.disabled_services.keys().cloned().collect();
        (on.join(" "), off.join(" "))
    };
    assert_eq!(names(&[]), ("always".to_owned(), "extra more".to_owned()));
    assert_eq!(
        names(&["x"]),
        ("always extra".to_owned(), "more".to_owned())
    );
    assert_eq!(
        names(&["*"]),
        ("always extra more".to_owned(), String::new())
    );

    let needed = "services:
  a: {image: a, depends_on: [b]}
  b: {image: b, profiles: [x]}
";
    check(
        needed,
        &[
            "2:30: services.a.depends_on.b: the service `b` is off, because none of its profiles is on; switch its profile on, or write `required: false`",
        ],
    );
}

#[test]
fn no_finding_quotes_a_value() {
    let secret = "hunter2";
    let text = format!(
        "services: {{a: {{image: [{secret}], ports: [{secret}], mem_limit: {secret}, tty: {secret}, restart: {{x: {secret}}},
  volumes: ['{secret}::'], stop_grace_period: {secret}, cgroup: {secret}, extra_hosts: [{secret}], environment: {{A: '${{{secret}'}}}}}}"
    );
    let loaded = load(&[("compose.yaml", &text)], &[]);
    assert!(loaded.diagnostics.len() >= 9, "{:?}", said(&loaded));
    for line in said(&loaded) {
        assert!(!line.contains(secret), "{line}");
    }
}

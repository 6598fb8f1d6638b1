//! No error about a broken file of an app shows a part of a value, because any value may be a
//! password.
#![allow(
    clippy::unwrap_used,
    reason = "a failure of a test helper fails the test"
)]

use std::collections::BTreeMap;
use std::path::PathBuf;

use archipelago_core::config::Config;
use archipelago_core::desired::{App, Apps, Inputs, assemble};
use archipelago_core::intent::Intent;
use archipelago_core::layout::Layout;
use archipelago_core::name::AppId;

/// The beginning of each value here. No word of ours begins like this.
const MARK: &str = "zqx";

const COMPOSE: &str = r#"services:
  web:
    build: {context: ui, args: {TOKEN: zqxa1vw, OTHER: "zqxa2vw"}}
    environment:
      PASSWORD: zqxb1vw
      QUOTED: "zqxb2vw$$zqxb3vw"
      CHOSEN: "${password}-${empty:-zqxb4vw}"
    env_file: web.env
    command: ["run", "--key=zqxc1vw", 'zqxc2vw']
    ports: ["${port}:80"]
    volumes: ["data:/data", "./ui:/ui:ro"]
    labels: ["note=zqxd1vw"]
  db:
    image: docker.io/library/busybox:stable
    environment: ["A=zqxe1vw", 'B=zqxe2vw']
    depends_on: [web]
volumes: {data: }
x-archipelago:
  settings:
    password: {type: string, description: A password.}
    empty: {type: string, default: "", description: May be empty.}
    port: {type: port, default: 8080, description: Port.}
    address: {type: string, default: "", description: Address.}
  secrets: {token: }
  templates: [{source: web.conf, service: web, target: /etc/web.conf}]
"#;

const ENV: &str = "# zqxf0vw\nFIRST=zqxf1vw\nSECOND=\"zqxf2vw\"\n";

const TEMPLATE: &str = "key = zqxg1vw\n{% if settings.password %}\npassword = {{ settings.password }}{{ secrets.token }}\n{% endif %}\n\
    {{ 'zqxg2vw' ~ settings.empty }}{{ added_lines(settings.password, {'a': ''}) }}\n{{ host_address(settings.address ~ 'a').host }}\n";

const INTENT: &str = "state = \"running\"\nsource = \"zqxh1vw\"\n[settings]\npassword = \"zqxh2vw\"\naddress = \"zqxh3vw\"\n";

const CONFIG: &str = "insecure_registries = [\"zqxi1vw\"]\n[images]\n\"docker.io/library/busybox:stable\" = \"registry.lan/zqxi2vw:1\"\n";

/// The texts of an app's files by their names.
type Texts = BTreeMap<&'static str, String>;

fn texts() -> Texts {
    Texts::from([
        ("compose.yaml", COMPOSE.to_owned()),
        ("web.env", ENV.to_owned()),
        ("web.conf", TEMPLATE.to_owned()),
        (
            "ui/Containerfile",
            "FROM scratch\nENV A=zqxj1vw\n".to_owned(),
        ),
        ("web.toml", INTENT.to_owned()),
        ("config.toml", CONFIG.to_owned()),
    ])
}

/// The error about the app's files; `None` when they are accepted.
fn cause(texts: &Texts) -> Option<String> {
    let id = AppId::parse("web").unwrap();
    let files = texts.iter().filter(|(name, _)| !name.ends_with(".toml"));
    let files = files.map(|(name, text)| ((*name).to_owned(), text.clone().into_bytes().into()));
    let intent = Intent::parse("web.toml", &texts["web.toml"]);
    let config = Config::parse("config.toml", &texts["config.toml"]);
    let folder = |name: &str| PathBuf::from("/srv").join(name);
    let secrets = BTreeMap::from([("token".to_owned(), "zqxk1vw".to_owned())]);
    let inputs = Inputs {
        config: config.map_err(|error| error.into()),
        intents: BTreeMap::from([(id.clone(), intent.map_err(|error| error.into()))]),
        definitions: BTreeMap::from([(id.clone(), files.collect())]),
        secrets: BTreeMap::from([(id.clone(), secrets)]),
        ..Inputs::new(Layout {
            home: folder("home"),
            config: folder("config"),
            data: folder("data"),
            units: folder("units"),
            systemd: folder("systemd"),
            runtime: folder("runtime"),
        })
    };
    match &assemble(&inputs, &Apps::read(&inputs)).apps[&id] {
        App::Broken { cause, .. } => Some(cause.to_string()),
        _ => None,
    }
}

#[test]
fn no_error_about_a_file_broken_at_any_place_shows_a_value() {
    let whole = texts();
    assert_eq!(cause(&whole), None);
    let mut refused = BTreeMap::new();
    for (name, text) in &whole {
        for at in 0..text.len() {
            let (before, after) = text.split_at(at);
            let inserted = [
                "\"", "'", ":", ": ", "=", "\n", "[", "{", "}", "$", "${", "%", "*", "&", "\\",
                "#", "\t", "\u{7}", "\"\"\"",
            ];
            let mut all: Vec<String> = inserted.map(|word| format!("{before}{word}{after}")).into();
            all.extend([before.to_owned(), format!("{before}{}", &after[1..])]);
            for broken in all {
                let mut texts = whole.clone();
                texts.insert(name, broken.clone());
                let Some(cause) = cause(&texts) else { continue };
                *refused.entry(*name).or_insert(0) += 1;
                assert!(!cause.contains(MARK), "{cause}\nfor {name}:\n{broken}");
            }
        }
    }
    println!("{refused:?}");
    for name in [
        "compose.yaml",
        "web.env",
        "web.conf",
        "web.toml",
        "config.toml",
    ] {
        assert!(refused[name] > 20, "{name}: {refused:?}");
    }
}

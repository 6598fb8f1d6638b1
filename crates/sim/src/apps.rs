//! The simulated apps: a shop of three containers, one of them a companion, the app that it
//! requires, and a tool with a job. They run on a real host as well, where their commands do the
//! same as the simulated containers: at its first start, a container makes its data with its
//! secret.

use archipelago_core::file::Files;
use archipelago_core::image::ImageDigest;
use archipelago_core::image_facts::Bases;
use archipelago_core::manifest::COMPOSE_FILE;

/// The id of the app that the shop requires.
pub const BASE: &str = "base";
pub const SHOP: &str = "shop";
/// The id of the app with a job.
pub const TOOL: &str = "tool";
/// The service of that job.
pub const JOB: &str = "archy-tool-fill.service";

const BASE_COMPOSE: &str = r#"
services:
  base:
    image: docker.io/library/base:1
    command: ["sh", "-c", "[ -e /data/data ] || cat /run/secrets/seed >/data/data; trap 'exit 0' TERM; sleep infinity & wait"]
    volumes: [data:/data]
    secrets: [seed]
volumes:
  data:
x-archipelago:
  secrets:
    seed:
  exports: {services: {base: }, secrets: [seed]}
"#;

const TOOL_COMPOSE: &str = r#"
services:
  tool:
    image: docker.io/library/tool:1
    command: ["sh", "-c", "trap 'exit 0' TERM; sleep infinity & wait"]
    volumes: [data:/data]
    depends_on: {fill: {condition: service_completed_successfully}}
  fill:
    image: docker.io/library/fill:1
    command: ["sh", "-c", "date >>/data/runs"]
    restart: "no"
    volumes: [data:/data]
volumes:
  data:
"#;

const SHOP_COMPOSE: &str = r#"
services:
  shop:
    image: docker.io/library/shop:1
    command: ["sh", "-c", "[ -e /data/data ] || cat /run/secrets/token >/data/data; trap 'exit 0' TERM; sleep infinity & wait"]
    volumes: [data:/data]
    secrets: [token]
    depends_on: [db]
    ports: ['${port}:80']
  db:
    image: docker.io/library/db:1
    command: ["sh", "-c", "[ -e /tables/data ] || touch /tables/data; trap 'exit 0' TERM; sleep infinity & wait"]
    volumes: [tables:/tables]
  ui:
    build: ./ui
    command: ["sh", "-c", "trap 'exit 0' TERM; sleep infinity & wait"]
    ports: ['8081:80']
volumes:
  data:
  tables:
x-archipelago:
  companions: [ui]
  requires: {apps: [base]}
  settings:
    port:
      type: port
      default: 8080
      description: Where the shop answers.
  secrets:
    token:
  templates:
    - {source: ui.conf, service: ui, target: /etc/ui.conf}
"#;

/// The version of the shop that mounts a folder inside one that its container writes. It must not
/// be accepted.
pub const NESTED_VERSION: u8 = 4;
const NESTED_MOUNTS: &str = "[data:/data, './pics:/pics', './pics/thumbs:/thumbs']";

/// The version of the shop that asks for a capability.
pub const ASKING_VERSION: u8 = 5;
/// The word that agrees to it.
pub const ASKED: &str = "capability:SYS_ADMIN";
const ASKING_LINE: &str = "    cap_add: [SYS_ADMIN]\n    depends_on: [db]\n";

/// The files of an app's definition in one of its versions: path and content.
pub fn definition(app: &str, version: u8) -> Vec<(&'static str, String)> {
    let versioned = |text: &str| {
        let text = text.replace(":1\n", &format!(":{version}\n"));
        match version {
            NESTED_VERSION => text.replace("[data:/data]", NESTED_MOUNTS),
            ASKING_VERSION => text.replace("    depends_on: [db]\n", ASKING_LINE),
            _ => text,
        }
    };
    if app == BASE {
        let version = version.min(NESTED_VERSION - 1);
        let text = BASE_COMPOSE.replace(":1\n", &format!(":{version}\n"));
        return vec![(COMPOSE_FILE, text)];
    }
    if app == TOOL {
        let text = TOOL_COMPOSE.replace(":1\n", &format!(":{version}\n"));
        return vec![(COMPOSE_FILE, text)];
    }
    vec![
        (COMPOSE_FILE, versioned(SHOP_COMPOSE)),
        ("ui/Containerfile", format!("FROM {UI_BASE}\nLABEL version={version}\n")),
        (
            "ui.conf",
            "token={{ secrets.token }}\nseed={{ apps.base.secrets.seed }}\nport={{ settings.port }}\n".to_owned(),
        ),
    ]
}

/// The base of the image that the shop builds.
const UI_BASE: &str = "docker.io/library/busybox:stable";

/// That base once it is another image.
pub(crate) fn newer_bases() -> Bases {
    let digest = ImageDigest::parse(&format!("sha256:{}", "a".repeat(64)));
    let digests = digest.into_iter();
    digests.map(|digest| (UI_BASE.to_owned(), digest)).collect()
}

/// The files of an app's definition, as a release has them.
#[must_use]
pub fn files_of(app: &str, version: u8) -> Files {
    let files = definition(app, version).into_iter();
    let files = files.map(|(path, text)| (path.to_owned(), text.into_bytes().into()));
    files.collect()
}

/// The unit files of the shop and of the app that it requires.
pub const UNITS: [&str; 10] = [
    "archy-base-data.volume",
    "archy-base-exports.network",
    "archy-base.container",
    "archy-base.network",
    "archy-shop-data.volume",
    "archy-shop-db.container",
    "archy-shop-tables.volume",
    "archy-shop-ui.container",
    "archy-shop.container",
    "archy-shop.network",
];

/// The containers of the shop and of the app that it requires.
pub const CONTAINERS: [&str; 4] = ["archy-base", "archy-shop", "archy-shop-db", "archy-shop-ui"];

/// Those of the tool.
pub const TOOL_CONTAINERS: [&str; 2] = ["archy-tool", "archy-tool-fill"];

/// The networks of the shop and of the app that it requires.
pub const NETWORKS: [&str; 3] = ["archy-base", "archy-base-exports", "archy-shop"];

/// Whether a container may be on a network: on that of its app, and on that of the exports that its
/// app offers or uses.
#[must_use]
pub fn may_join(container: &str, network: &str) -> bool {
    match network {
        "archy-base" => container == "archy-base",
        "archy-shop" => container.starts_with("archy-shop"),
        "archy-tool" => TOOL_CONTAINERS.contains(&container),
        "archy-base-exports" => CONTAINERS.contains(&container),
        _ => false,
    }
}

/// The images that both apps pull in this version. One more is built.
#[must_use]
pub fn images(version: u8) -> [String; 3] {
    ["base", "shop", "db"].map(|name| format!("docker.io/library/{name}:{version}"))
}

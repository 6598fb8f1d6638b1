//! Small apps for tests. They use images that every host has, start within a second, and stop at
//! once.

/// An app's folder.
#[derive(Clone, Debug)]
pub(crate) struct App {
    pub(crate) id: String,
    /// The path in the folder, and the text.
    pub(crate) files: Vec<(String, String)>,
}

/// Serves a folder over HTTP. It traps SIGTERM, because the kernel ignores that signal for process
/// 1 of a container otherwise.
macro_rules! serve {
    ($folder:literal) => {
        concat!(
            r#"["sh", "-c", "trap 'exit 0' TERM; httpd -f -p 80 -h "#,
            $folder,
            r#" & wait"]"#
        )
    };
}

/// One of everything: a container of an image built here, with a volume, a Podman secret and a
/// rendered file; a container with nothing; a companion whose rendered file holds a secret; a
/// network.
const SHOP: &str = concat!(
    r#"services:
  shop:
    build: ./server
    command: "#,
    serve!("/data"),
    r#"
    volumes: [data:/data]
    secrets: [token]
  db:
    image: docker.io/library/busybox:stable
    command: "#,
    serve!("/etc"),
    r#"
  ui:
    image: docker.io/library/nginx:stable
    ports: ["${ui_port}:80"]
volumes:
  data:
secrets:
  token:
x-archipelago:
  id: shop
  title: Shop
  version: "1"
  category: test
  description: One of everything.
  companions: [ui]
  settings:
    ui_port: {type: port, default: 8480, description: Port of the page.}
    greeting: {type: string, default: hello, description: What the page says.}
  secrets:
    token: {description: A token.}
  templates:
    - {source: shop.conf, service: shop, target: /etc/shop.conf}
    - {source: default.conf, service: ui, target: /etc/nginx/conf.d/default.conf}
  urls:
    - {title: Shop, service: ui, port: 80}
  readiness:
    - {service: ui, port: 80, http: /}
"#
);

const SHOP_PAGE: &str = r#"server {
    listen 80;
    location / { return 200 "{{ settings.greeting }}\n"; }
    location /token { return 200 "{{ secrets.token }}\n"; }
}
"#;

/// An app with one of everything: see [`SHOP`].
pub(crate) fn shop() -> App {
    app("shop", SHOP)
        .with(
            "server/Containerfile",
            "FROM docker.io/library/busybox:stable\nRUN mkdir /data\n",
        )
        .with(
            "shop.conf",
            "token = {{ secrets.token }}\ngreeting = {{ settings.greeting }}\n",
        )
        .with("default.conf", SHOP_PAGE)
}

/// An app of one container. Its setting `port` has this default.
pub(crate) fn lone(id: &str, port: u16) -> App {
    of_image(id, port, "docker.io/library/busybox:stable")
}

/// As [`lone`], with another image, which must hold a busybox.
pub(crate) fn of_image(id: &str, port: u16, image: &str) -> App {
    let compose = format!(
        "services:\n  {id}:\n    image: {image}\n    command: {}\n    ports: [\"${{port}}:80\"]\n\
         x-archipelago:\n  settings:\n    port: {{type: port, default: {port}, description: Port.}}\n",
        serve!("/etc")
    );
    app(id, &compose)
}

/// An app with this Compose file.
pub(crate) fn app(id: &str, compose: &str) -> App {
    App {
        id: id.to_owned(),
        files: vec![("compose.yaml".to_owned(), compose.to_owned())],
    }
}

impl App {
    /// Adds a file.
    pub(crate) fn with(mut self, path: &str, text: &str) -> Self {
        self.files.push((path.to_owned(), text.to_owned()));
        self
    }
}

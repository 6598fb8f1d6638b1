//! Stores of apps in the formats of Umbrel and CasaOS.

use crate::apps;
use crate::node::{DATA, Node, text};

const STORE: &str = "/home/archy/apps/friends";
const SERVE: &str = r#"["sh", "-c", "trap 'exit 0' TERM; echo start >>/data/starts; httpd -f -p 80 -h /data & wait"]"#;

/// A store with an app of each format.
fn store(version: &str) -> apps::App {
    let notes = format!(
        "version: '3.7'
services:
  app_proxy:
    environment: {{APP_HOST: notes_web_1, APP_PORT: 80}}
  web:
    image: docker.io/library/busybox:stable
    command: {SERVE}
    environment: {{SEED: $APP_SEED, DATABASE: 'db://u:${{APP_PASSWORD}}@notes_db_1/x'}}
    volumes: ['${{APP_DATA_DIR}}/data:/data']
"
    );
    let album = format!(
        "name: big-album
services:
  app:
    image: docker.io/library/busybox:stable
    command: {SERVE}
    ports: ['8481:80']
    environment: ['OWNER=[CHANGE_TO_YOUR_NAME]']
    volumes: ['/DATA/AppData/$AppID/data:/data']
x-casaos: {{main: app, port_map: '8481', title: {{en_us: Album}}}}
"
    );
    let about = format!(
        "id: notes\nname: Notes\nversion: '{version}'\ntagline: Keeps notes\ncategory: files\nport: 8480\ndeterministicPassword: true\n"
    );
    apps::App {
        id: "friends".to_owned(),
        files: vec![
            ("notes/umbrel-app.yml".to_owned(), about),
            ("notes/docker-compose.yml".to_owned(), notes),
            (
                "notes/exports.sh".to_owned(),
                "touch /tmp/ran; true\n".to_owned(),
            ),
            ("album/docker-compose.yml".to_owned(), album),
        ],
    }
}

fn page(node: &Node, port: u16) -> String {
    node.shell(&format!("curl -fsS http://127.0.0.1:{port}/starts"))
}

#[test]
fn apps_of_a_store_are_found_installed_kept_and_removed() {
    let node = Node::new();
    node.put(&store("1.0"));
    node.user(&["archipelago", "store", "add", STORE]);
    let found = node.json(&["search", "notes"]);
    assert_eq!(found["apps"][0]["store"], "friends");
    assert_eq!(found["apps"][0]["version"], "1.0");
    let shown = node.user(&["archipelago", "show", "friends/notes"]);
    assert!(shown.contains("exports.sh"), "{shown}");

    let said = node.exits(0, &["install", "friends/notes"]);
    assert!(said.contains("exports.sh"), "{said}");
    assert_eq!(node.state("notes"), "ready");
    assert_eq!(page(&node, 8480), "start\n");
    assert!(!node.try_shell("test -e /tmp/ran").success());
    let environment = node.shell("podman exec archy-notes env");
    let secret = |name: &str| node.shell(&format!("cat {DATA}/secrets/notes/{name}"));
    let (seed, password) = (secret("app_seed"), secret("text_database_*"));
    for line in [format!("SEED={seed}"), format!("DATABASE={password}")] {
        assert!(environment.contains(&line), "{environment}");
    }
    let inspected =
        node.shell("podman inspect archy-notes; cat .config/containers/systemd/archy-notes*");
    assert!(!inspected.contains(seed.trim()), "{inspected}");
    assert_eq!(
        node.shell(&format!("stat -c %a {DATA}/node-seed")).trim(),
        "600"
    );

    let said = node.exits(3, &["install", "friends/album"]);
    assert!(said.contains("--set CHANGE_TO_YOUR_NAME="), "{said}");
    node.exits(
        0,
        &[
            "install",
            "friends/album",
            "--set",
            "CHANGE_TO_YOUR_NAME=Ada",
        ],
    );
    assert_eq!(page(&node, 8481), "start\n");

    // Data and secrets outlive an uninstallation.
    node.user(&["archipelago", "uninstall", "notes"]);
    node.exits(0, &["install", "friends/notes"]);
    assert_eq!(page(&node, 8480), "start\nstart\n");
    assert_eq!(secret("app_seed"), seed);
    node.user(&["archipelago", "store", "remove", "friends"]);
    assert_eq!(node.state("notes"), "ready");
    for app in ["notes", "album"] {
        node.user(&["archipelago", "uninstall", app, "--purge"]);
        assert_eq!(node.traces(app), Vec::<String>::new());
    }
}

#[test]
fn a_store_takes_no_id_of_another_source() {
    let node = Node::new();
    node.put(&store("1.0"));
    let compose = format!(
        "services: {{notes: {{image: 'docker.io/library/busybox:stable', command: {SERVE}, volumes: ['./data:/data']}}}}\n"
    );
    node.install(&apps::app("notes", &compose));
    node.user(&["archipelago", "store", "add", STORE]);
    let said = node.exits(5, &["install", "friends/notes"]);
    assert!(said.contains("--as"), "{said}");
    let said = node.exits(5, &["install", "friends/notes", "--as", "lnd"]);
    assert!(said.contains("catalog"), "{said}");
    // The data of an app that was removed do not get into the hands of a stranger either.
    node.user(&["archipelago", "uninstall", "notes"]);
    let said = node.exits(5, &["install", "friends/notes"]);
    assert!(said.contains("--purge"), "{said}");
    node.exits(0, &["install", "friends/notes", "--as", "our-notes"]);
    assert_eq!(page(&node, 8480), "start\n");
}

#[test]
fn a_repository_is_a_store_and_an_update_tells_what_changed() {
    let node = Node::new();
    node.put(&store("1.0"));
    let commit = "git add -A; git -c user.name=a -c user.email=a@b commit -qm x";
    node.shell(&format!("cd {STORE}; git init -q; {commit}"));
    let url = format!("file://{STORE}");
    let added = node.json(&["store", "add", &url, "--name", "git"]);
    assert_eq!(added["apps"], 2);
    let head = node.shell(&format!("git -C {STORE} rev-parse HEAD"));
    assert_eq!(text(&added["pin"]), head.trim());
    node.exits(0, &["install", "git/notes"]);

    node.put(&store("1.1"));
    node.shell(&format!("cd {STORE}; rm -r album; {commit}"));
    let updated = node.json(&["store", "update", "git"]);
    let changes = &updated["stores"][0]["changes"];
    assert_eq!(changes[0]["change"], "gone");
    assert_eq!(changes[1]["from"], "1.0");
    assert_eq!(changes[1]["to"], "1.1");
    let version = |node: &Node| text(&node.json(&["list"])["apps"][0]["version"]);
    assert_eq!(version(&node), "1.0");
    node.exits(0, &["install", "git/notes"]);
    assert_eq!(version(&node), "1.1");
}

#[test]
fn a_folder_that_went_missing_later_is_not_made_again() {
    let node = Node::new();
    let compose = "services:
  web:
    image: docker.io/library/busybox:stable
    command: [sh, -c, \"trap 'exit 0' TERM; echo start >>/media/starts; httpd -f -p 8080 -h /media & wait\"]
    user: '1000:1000'
    ports: ['8590:8080']
    volumes: ['~/media/films:/media', '${list}:/list']
x-archipelago:
  settings:
    list: {type: path, default: /home/archy/list.txt, description: A file.}
";
    let folder = node.put(&apps::app("films", compose));
    let media = "path:/home/archy/media/films";
    let list = "path:/home/archy/list.txt";
    let install = [
        "install", "--yes", &folder, "--allow", media, "--allow", list,
    ];
    let said = node.exits(3, &install);
    assert!(
        said.contains("/home/archy/list.txt, which is not there and looks like a file"),
        "{said}"
    );
    assert!(!node.try_shell("test -e media").success());
    node.shell("touch list.txt");
    let said = node.exits(3, &install[..3]);
    let told = "it may read and change /home/archy/media/films (a folder that is made now)";
    assert!(said.contains(told), "{said}");
    node.exits(0, &install);
    assert_eq!(node.shell("cat media/films/starts"), "start\n");
    assert_eq!(node.shell("stat -c '%a %G' media/films"), "2775 archy\n");

    // As when its disk is not mounted.
    node.shell("mv media elsewhere");
    assert!(!node.archipelago(&["restart", "films"]).success());
    assert!(!node.archipelago(&install).success());
    assert!(!node.try_shell("test -e media").success());
    node.shell("mv elsewhere media");
    node.exits(0, &["restart", "films"]);
    assert_eq!(node.state("films"), "ready");
}

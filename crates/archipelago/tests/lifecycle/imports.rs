//! Apps and their data from Umbrel, CasaOS and Compose.

use std::time::{Duration, Instant};

use crate::cut_short::cut_short;
use crate::instants::Instants;
use crate::node::{CONFIG, DATA, Node, ONE_TICK, until_equal};

/// Umbrel's seed: the text itself is the key.
const SEED: &str = "9d1fb5d1e2a04a0e8f5f1e6a0b7c3d2e9d1fb5d1e2a04a0e8f5f1e6a0b7c3d2e";

/// A server of what the app wrote; each start adds a line.
const SERVE: &str = r#"["sh", "-c", "trap 'exit 0' TERM; echo start >>/page/starts; httpd -f -p 80 -h /page & wait"]"#;

/// Runs a script as root; each of its commands must succeed.
fn as_root(node: &Node, script: &str) -> String {
    node.root(&["bash", "-euo", "pipefail", "-c", script])
}

/// Umbrel's folder as it is after Docker has run an app there as root: files of the users 0, 999
/// and 1000, a link that leads out, a file with a hole.
fn make_umbrel(node: &Node) {
    let compose = format!(
        "version: '3.7'
services:
  app_proxy:
    environment: {{APP_HOST: notes_web_1, APP_PORT: 80}}
    container_name: notes_app_proxy_1
  web:
    image: docker.io/library/busybox:stable
    container_name: notes_web_1
    command: {SERVE}
    environment: {{SEED: $APP_SEED, PASSWORD: $APP_PASSWORD}}
    volumes: ['${{APP_DATA_DIR}}/data/page:/page', '${{APP_DATA_DIR}}/data/db:/db']
"
    );
    as_root(
        node,
        &format!(
            r#"mkdir -p /srv/umbrel/db/umbrel-seed /srv/umbrel/app-data/notes/data/{{page,db/inner}}
            printf '%s' {seed} >/srv/umbrel/db/umbrel-seed/seed
            cd /srv/umbrel/app-data/notes
            cat >umbrel-app.yml <<'END'
id: notes
name: Notes
version: '1.0'
port: 8480
deterministicPassword: true
END
            cat >docker-compose.yml <<'END'
{compose}
END
            echo start >data/page/starts
            echo rows >data/db/inner/table
            touch -d @1000000000 data/db/inner/table
            chmod 755 data/db/inner
            truncate -s 64M data/db/hole
            ln -s /etc/passwd data/db/out
            echo root >data/db/of-root
            chown -R 1000:1000 data/page
            chown -R -h 999:995 data/db
            chmod 4755 data/db/inner/table
            chown 0:0 data/db/of-root"#,
            seed = SEED
        ),
    );
}

/// Owner, mode, time and size of the files of the imported app, as its container sees them.
fn seen_inside(node: &Node) -> String {
    node.shell(
        "podman exec archy-notes sh -c 'cd /; stat -c \"%n %u:%g %a %Y\" page page/starts | head -1
        stat -c \"%n %u:%g %a\" db db/inner db/of-root
        stat -c \"%n %u:%g %a %Y\" db/inner/table; stat -c \"%n %u:%g %s\" db/hole; readlink db/out; cat db/inner/table page/starts'",
    )
}

const INSIDE: &str = "page 1000:1000 755 TIME
db 999:995 755
db/inner 999:995 755
db/of-root 0:0 644
db/inner/table 999:995 4755 1000000000
db/hole 999:995 67108864
/etc/passwd
rows
start
start
";

fn check_inside(node: &Node) {
    let seen = seen_inside(node);
    let (first, rest) = seen.split_once('\n').expect("lines");
    let first = first.rsplit_once(' ').expect("a time").0;
    assert_eq!(format!("{first} TIME\n{rest}"), INSIDE);
    let blocks = node.shell(&format!(
        "podman unshare stat -c %b {DATA}/files/notes/data/db/hole"
    ));
    let blocks: u64 = blocks.trim().parse().expect("a number");
    assert!(blocks < 1_000, "the hole was filled: {blocks} blocks");
    // Umbrel derives these for the app.
    let derived = |name: &str| {
        let script = format!("printf {name} | openssl dgst -sha256 -hmac {SEED} | sed 's/.* //'");
        std::process::Command::new("sh")
            .args(["-c", &script])
            .output()
            .map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
            .expect("openssl")
    };
    let environment = node.shell("podman exec archy-notes env");
    for (variable, name) in [
        ("SEED", "app-notes-seed"),
        ("PASSWORD", "app-notes-seed-APP_PASSWORD"),
    ] {
        let line = format!("{variable}={}\n", derived(name));
        assert!(environment.contains(&line), "{environment}");
    }
}

/// All files in a folder with what a copy must not change.
fn listing(node: &Node, folder: &str) -> String {
    as_root(
        node,
        &format!("find {folder} -printf '%p %y %U:%G %m %s %T@ %l\\n' | sort"),
    )
}

#[test]
fn an_app_of_umbrel_comes_with_its_data_owners_and_passwords() {
    let node = Node::new();
    make_umbrel(&node);
    let umbrel = listing(&node, "/srv/umbrel");
    let before = listing(&node, DATA);

    let said = node.exits(3, &["import", "--from", "umbrel", "/srv/umbrel"]);
    assert!(said.contains("notes"), "{said}");
    let plan = node.json(&["plan", "import", "--from", "umbrel", "/srv/umbrel", "notes"]);
    let folders = plan["import"]["folders"].as_array().expect("a list");
    assert_eq!(folders.len(), 2, "{plan}");
    assert_eq!(folders[0]["owners"], serde_json::json!(["0:0", "999:995"]));
    assert_eq!(plan["import"]["engine"], "docker");
    assert_eq!(listing(&node, DATA), before, "a plan changes nothing");

    // Files that only their owner can read.
    as_root(&node, "chmod 700 /srv/umbrel/app-data/notes/data/db/inner");
    let said = node.exits(4, &["import", "--from", "umbrel", "/srv/umbrel", "notes"]);
    for words in [
        "cannot read /srv/umbrel/app-data/notes/data/db/inner, which belongs to user 999",
        "sudo tar -C / -cS --numeric-owner srv/umbrel/app-data/notes srv/umbrel/db/umbrel-seed/seed",
        "archipelago import --from umbrel $HOME/import-notes/srv/umbrel/app-data/notes --move",
    ] {
        assert!(said.contains(words), "{said}");
    }
    // The commands of its advice, with the two halves of the pipe one after the other.
    as_root(
        &node,
        "tar -C / -cS --numeric-owner -f /srv/copy.tar srv/umbrel/app-data/notes srv/umbrel/db/umbrel-seed/seed; chmod 644 /srv/copy.tar",
    );
    node.shell("mkdir import-notes; podman unshare tar -C import-notes -xp --numeric-owner -f /srv/copy.tar");
    let copy = "/home/archy/import-notes/srv/umbrel/app-data/notes";
    node.user(&[
        "archipelago",
        "import",
        "--from",
        "umbrel",
        copy,
        "--move",
        "--yes",
    ]);
    assert_eq!(node.state("notes"), "ready");
    let inside = seen_inside(&node);
    assert!(inside.contains("db/inner 999:995 700"), "{inside}");
    assert_eq!(
        node.shell(&format!("ls {copy}/data")),
        "",
        "they were moved"
    );
    node.user(&["archipelago", "uninstall", "notes", "--purge"]);

    as_root(&node, "chmod 755 /srv/umbrel/app-data/notes/data/db/inner");
    node.user(&[
        "archipelago",
        "import",
        "--from",
        "umbrel",
        "/srv/umbrel",
        "notes",
    ]);
    assert_eq!(node.state("notes"), "ready");
    check_inside(&node);
    assert_eq!(
        listing(&node, "/srv/umbrel"),
        umbrel,
        "the source stays as it was"
    );
    assert!(!node.try_shell(&format!("test -e {DATA}/imports")).success());

    let said = node.exits(5, &["import", "--from", "umbrel", "/srv/umbrel", "notes"]);
    assert!(said.contains("installed already"), "{said}");
    node.user(&["archipelago", "uninstall", "notes"]);
    let said = node.exits(5, &["import", "--from", "umbrel", "/srv/umbrel", "notes"]);
    assert!(said.contains("data of notes are there already"), "{said}");
}

/// A Compose project that this user's Podman ran, with a volume and a folder.
fn make_blog(node: &Node) {
    node.write(
        "/home/archy/blog/compose.yaml",
        &format!(
            "services:
  web:
    image: docker.io/library/busybox:stable
    command: {SERVE}
    ports: ['${{PORT:-8490}}:80']
    volumes: [pages:/page, './media:/media', './motd.txt:/etc/motd:ro', '/old']
volumes:
  pages:
"
        ),
    );
    node.write("/home/archy/blog/.env", "PORT=8491\n");
    node.write("/home/archy/blog/motd.txt", "welcome\n");
    node.shell(
        "mkdir blog/media; podman volume create blog_pages
        podman run --rm -v blog_pages:/page -v ./blog/media:/media docker.io/library/busybox:stable sh -c '
            echo start >/page/starts; chown -R 70:70 /page; chmod 700 /page
            echo film >/media/film; chown 33:33 /media/film; chmod 600 /media/film'",
    );
}

#[test]
fn a_compose_project_comes_with_its_volume() {
    let node = Node::new();
    make_blog(&node);
    let folder = "/home/archy/blog";
    let import = ["import", "--from", "compose", folder];
    let said = node.exits(3, &import);
    assert!(said.contains("--empty web-old-"), "{said}");
    let volume = said
        .split("--empty ")
        .nth(1)
        .expect("the volume")
        .trim()
        .to_owned();
    let import = [&import[..], &["--empty", &volume]].concat();

    node.shell("podman run -d --name blog-web-1 -v blog_pages:/page docker.io/library/busybox:stable sleep 1000");
    let said = node.exits(4, &import);
    assert!(said.contains("podman stop blog-web-1"), "{said}");
    node.shell("podman rm -f -t 0 blog-web-1");

    node.shell("podman unshare mkfifo blog/media/pipe");
    let said = node.exits(3, &import);
    assert!(said.contains("blog/media/pipe is a pipe"), "{said}");
    node.shell("rm blog/media/pipe");

    node.user(&[&["archipelago"], &import[..]].concat());
    assert_eq!(
        node.shell("curl -fsS http://127.0.0.1:8491/starts"),
        "start\nstart\n"
    );
    let seen = node.shell(
        "podman exec archy-blog sh -c 'stat -c \"%n %u:%g %a\" /page /page/starts /media/film; cat /media/film /etc/motd; ls /old'",
    );
    assert_eq!(
        seen,
        "/page 70:70 700\n/page/starts 70:70 644\n/media/film 33:33 600\nfilm\nwelcome\n"
    );
    let left = node.shell("podman unshare sh -c 'cat ~/.local/share/containers/storage/volumes/blog_pages/_data/starts blog/media/film'");
    assert_eq!(left, "start\nfilm\n", "the source stays as it was");
}

/// The sum of the imported file, and where it is: installed, or with the other system.
fn sums(node: &Node) -> String {
    let script = format!(
        "podman unshare sh -c 'for file in {DATA}/files/heavy/data/big blog/data/big; do
            if [ -e $file ]; then sha256sum <$file; fi
        done'"
    );
    node.shell(&script)
}

#[test]
fn an_import_that_is_killed_leaves_all_or_nothing() {
    let node = Node::new();
    node.write(
        "/home/archy/blog/compose.yaml",
        &format!(
            "name: heavy\nservices:\n  web:\n    image: docker.io/library/busybox:stable\n    command: {SERVE}\n    volumes: ['./page:/page', './data:/data']\n"
        ),
    );
    node.shell("mkdir blog/page blog/data; head -c 200M /dev/urandom >blog/data/big; podman unshare chown 999:999 blog/data/big");
    let sum = sums(&node);
    let copy = [
        "import", "--from", "compose", "blog", "--engine", "podman", "--yes",
    ];
    let began = Instant::now();
    node.user(&[&["archipelago"], &copy[..]].concat());
    let takes = began.elapsed();
    assert_eq!(sums(&node), format!("{sum}{sum}"));
    node.user(&["archipelago", "uninstall", "heavy", "--purge"]);

    let mut instants = Instants::new();
    let mut cut = 0;
    for round in 0..6 {
        let is_move = round % 2 == 1;
        let command = [&copy[..], if is_move { &["--move"] } else { &[] }].concat();
        let bound = if is_move {
            takes.min(Duration::from_secs(3))
        } else {
            takes
        };
        cut += u32::from(cut_short(&node, instants.next(bound), &command));
        // The daemon ends what was begun.
        until_equal("the remains to be removed", ONE_TICK, &false, || {
            node.try_shell(&format!("test -e {DATA}/imports/heavy"))
                .success()
        });
        let is_installed = node
            .try_shell(&format!("test -e {CONFIG}/apps/heavy.toml"))
            .success();
        if is_installed {
            until_equal("the app to be ready", ONE_TICK, &"ready".to_owned(), || {
                node.state("heavy")
            });
        } else {
            assert!(
                !node
                    .try_shell(&format!("test -e {DATA}/files/heavy"))
                    .success()
            );
        }
        let expected = if is_installed && !is_move {
            format!("{sum}{sum}")
        } else {
            sum.clone()
        };
        assert_eq!(sums(&node), expected, "round {round}");
        if is_installed {
            if is_move {
                node.shell(&format!(
                    "archipelago stop heavy; rm -rf blog/data; podman unshare mv {DATA}/files/heavy/data blog/data
                    rm -rf blog/page; podman unshare mv {DATA}/files/heavy/page blog/page"
                ));
            }
            node.user(&["archipelago", "uninstall", "heavy", "--purge"]);
        }
    }
    assert!(cut > 0, "no import was cut short");

    // A full disk: this one has room for a part.
    as_root(
        &node,
        &format!("mkdir {DATA}/imports; mount -t tmpfs -o size=32m,uid=1000 tmpfs {DATA}/imports"),
    );
    let said = node.exits(1, &copy);
    assert!(
        said.contains("the disk of /var/lib/archipelago/imports/heavy/files/data is full"),
        "{said}"
    );
    assert_eq!(
        node.shell(&format!("ls {DATA}/imports; ls {CONFIG}/apps")),
        ""
    );
    assert_eq!(sums(&node), sum);
}

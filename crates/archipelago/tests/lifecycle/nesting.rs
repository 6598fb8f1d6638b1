//! No source of a mount is beneath a folder that a container can write, because the container could
//! replace it by a link.

use crate::apps::{self, App};
use crate::node::{DATA, Node, SOON, until_equal};

/// An app with one container that runs `script` and sleeps, and these mounts.
fn mounting(id: &str, mounts: &str, script: &str) -> App {
    apps::app(
        id,
        &format!(
            "services:\n  {id}:\n    image: docker.io/library/busybox:stable\n    volumes: [{mounts}]\n    \
             command: [sh, -c, \"trap 'exit 0' TERM; {script}; sleep infinity & wait\"]\n"
        ),
    )
}

/// Installs an app, and agrees to the paths of the host that it mounts.
fn install(node: &Node, app: &App) {
    let folder = node.put(app);
    node.user(&["archipelago", "install", &folder, "--allow", "all"]);
    assert_eq!(node.state(&app.id), "ready");
}

/// Checks that a refused app has left nothing behind.
fn leaves_nothing(node: &Node, id: &str) {
    let traces = node.traces(id);
    let traces: Vec<&String> = traces
        .iter()
        .filter(|trace| !trace.contains("/home/archy/apps"))
        .collect();
    assert!(traces.is_empty(), "{traces:?}");
}

const NESTED_IN_ANOTHER_SERVICE: &str = "services:
  outer:
    image: docker.io/library/busybox:stable
    volumes: ['./d:/d']
    command: [sh, -c, \"trap 'exit 0' TERM; SWAPS; sleep infinity & wait\"]
  inner:
    image: docker.io/library/busybox:stable
    volumes: ['./d/s:/s']
    command: [sh, -c, \"trap 'exit 0' TERM; sleep infinity & wait\"]
";

#[test]
fn a_container_that_swaps_a_folder_for_a_link_gets_nothing() {
    let node = Node::new();
    let swaps = "rm -rf /d/s; ln -s /home/archy /d/s";
    let nested = mounting("nested", r#""./d:/d", "./d/s:/s""#, swaps);
    let said = node.exits(3, &["install", &node.put(&nested)]);
    assert!(
        said.contains("/home/archy/apps/nested/compose.yaml:4:")
            && said.contains("services.nested.volumes[1]: ./d/s lies in ./d")
            && said.contains("services.nested.volumes[0]")
            && said.contains(":ro"),
        "{said}"
    );
    leaves_nothing(&node, "nested");
    // The same when two services mount the folders.
    let two = NESTED_IN_ANOTHER_SERVICE.replace("SWAPS", swaps);
    let said = node.exits(3, &["install", &node.put(&apps::app("split", &two))]);
    assert!(
        said.contains("services.inner.volumes[0]: ./d/s lies in ./d")
            && said.contains("services.outer.volumes[0]"),
        "{said}"
    );
    leaves_nothing(&node, "split");

    // The same for a link that an earlier version of the app has left and a later one mounts.
    let first = mounting("later", r#""./d:/d""#, swaps);
    node.install(&first);
    let link = node.shell(&format!("readlink {DATA}/files/later/d/s"));
    assert_eq!(link.trim(), "/home/archy");
    let before = node.containers();
    let second = mounting("later", r#""./d/s:/s""#, "true");
    let said = node.exits(3, &["install", &node.put(&second)]);
    assert!(
        said.contains(&format!("leads over the link {DATA}/files/later/d/s")),
        "{said}"
    );
    assert_eq!(node.containers(), before);
}

#[test]
fn nested_mounts_are_refused_over_links_and_between_apps() {
    let node = Node::new();
    node.shell("mkdir -p srv/w/y other; ln -s w/k srv/l; ln -s ../other srv/w/k; ln -s srv beside");
    let pairs = [
        ("/home/archy/srv/w:/w", "/home/archy/srv/w/y:/y:ro"),
        ("/home/archy/srv/w:/w", "/home/archy/beside/w/y:/y"),
        ("/home/archy/beside/w/:/w", "/home/archy/srv/w/y:/y"),
        ("/home/archy/srv/w:/w", "/home/archy/srv/l:/y"),
    ];
    for (outer, inner) in pairs {
        let both = mounting("both", &format!("{outer:?}, {inner:?}"), "true");
        let said = node.exits(3, &["install", &node.put(&both)]);
        assert!(said.contains(" lets a container write"), "{said}");
        leaves_nothing(&node, "both");
    }
    let (outer, inner) = pairs[0];
    for (first, second) in [(outer, inner), (inner, outer)] {
        install(&node, &mounting("first", &format!("{first:?}"), "true"));
        let before = node.containers();
        let second = mounting("second", &format!("{second:?}"), "true");
        let said = node.exits(3, &["install", &node.put(&second)]);
        assert!(
            said.contains("/home/archy/srv/w/y lies in /home/archy/srv/w")
                && said.contains("first"),
            "{said}"
        );
        leaves_nothing(&node, "second");
        assert_eq!(node.containers(), before);
        node.user(&["archipelago", "uninstall", "first", "--purge"]);
    }
    // Two apps may share a folder.
    for app in ["first", "second"] {
        install(&node, &mounting(app, r#""/home/archy/srv/w:/w""#, "true"));
    }
    // A container may read everything that it cannot write.
    let reads = mounting("reads", r#""/:/host:ro", "./own:/own""#, "true");
    install(&node, &reads);
}

#[test]
fn no_folder_is_made_behind_a_link() {
    let node = Node::new();
    node.shell(&format!(
        "mkdir -p other {DATA}/files; ln -s /home/archy/other {DATA}/files/linked"
    ));
    let linked = mounting("linked", r#""./d:/d""#, "true");
    let said = node.exits(1, &["install", &node.put(&linked)]);
    assert!(
        said.contains(&format!("{DATA}/files/linked is a link or a file")),
        "{said}"
    );
    assert_eq!(node.shell("ls other"), "");
    // Without the link the app starts.
    node.shell(&format!("rm {DATA}/files/linked"));
    node.user(&["archipelago", "start", "linked"]);
    assert_eq!(node.state("linked"), "ready");
}

/// A volume inside a volume, a rendered file inside a folder that the container writes, and a file
/// of a volume that is read. The container puts a link to the operator's home in place of each.
const EVERYWHERE: &str = "services:
  nest:
    image: docker.io/library/busybox:stable
    command: [sh, -c, \"trap 'exit 0' TERM; sleep infinity & wait\"]
    volumes: ['outer:/outer', 'inner:/outer/a/inner', './d:/d']
volumes:
  outer:
  inner:
x-archipelago:
  captures:
    cert: {volume: outer, path: sub/cert}
  templates:
    - {source: page, service: nest, target: /d/sub/page}
";

#[test]
fn no_link_of_a_container_leads_a_volume_a_template_or_a_capture_to_the_operators_home() {
    let node = Node::new();
    let app = apps::app("nest", EVERYWHERE).with("page", "captured: {{ captures.cert }}\n");
    node.shell("echo private >cert; mkdir inner");
    node.install(&app);
    let rendered = || node.shell(&format!("cat {DATA}/archy-nest/page"));
    let inside = |script: &str| node.user(&["podman", "exec", "archy-nest", "sh", "-euc", script]);
    inside("mkdir /outer/sub; echo own >/outer/sub/cert");
    // The app is restarted with the captured file.
    let shown = "podman exec archy-nest grep -q own /d/sub/page";
    until_equal("the captured file to be rendered", SOON, &true, || {
        node.try_shell(shown).success()
    });
    let home = || node.shell("find cert inner -printf '%p %i %s %C@\\n'; ls");
    let before = home();
    inside(
        "for at in /outer/sub /outer/a /d/sub; do mv $at $at.old; ln -s /home/archy $at; done
        echo kept >/outer/a.old/inner/kept",
    );
    until_equal(
        "the file behind the link to be absent",
        SOON,
        &false,
        || rendered().contains("own"),
    );
    assert!(!rendered().contains("private"));

    // The runtime looks for the target of a link inside the container, where it is not: the app
    // harms itself alone.
    node.exits(1, &["restart", "nest"]);
    assert!(!rendered().contains("private"));
    assert_eq!(home(), before);
    node.shell(&format!(
        "for at in {DATA}/volumes/nest/outer/sub {DATA}/volumes/nest/outer/a {DATA}/files/nest/d/sub; do
            test $(readlink $at) = /home/archy; rm $at; mv $at.old $at; done"
    ));
    node.user(&["archipelago", "start", "nest"]);
    assert_eq!(node.state("nest"), "ready");
    assert_eq!(inside("cat /outer/a/inner/kept"), "kept\n");
    assert_eq!(home(), before);
}

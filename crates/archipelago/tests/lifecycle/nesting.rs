//! No source of a mount is beneath a folder that a container can write, because the container could
//! replace it by a link.

use crate::apps::{self, App};
use crate::node::{DATA, Node};

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

#[test]
fn a_container_that_swaps_a_folder_for_a_link_gets_nothing() {
    let node = Node::new();
    let swaps = "rm -rf /d/s; ln -s /home/archy /d/s";
    let nested = mounting("nested", r#""./d:/d", "./d/s:/s""#, swaps);
    let said = node.refused(3, &["install", &node.put(&nested)]);
    assert!(
        said.contains("/home/archy/apps/nested/compose.yaml:4:")
            && said.contains("services.nested.volumes[1]: ./d/s lies in ./d")
            && said.contains("services.nested.volumes[0]")
            && said.contains(":ro"),
        "{said}"
    );
    leaves_nothing(&node, "nested");

    // The same for a link that an earlier version of the app has left and a later one mounts.
    let first = mounting("later", r#""./d:/d""#, swaps);
    node.install(&first);
    let link = node.shell(&format!("readlink {DATA}/files/later/d/s"));
    assert_eq!(link.trim(), "/home/archy");
    let before = node.containers();
    let second = mounting("later", r#""./d/s:/s""#, "true");
    let said = node.refused(3, &["install", &node.put(&second)]);
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
        let said = node.refused(3, &["install", &node.put(&both)]);
        assert!(said.contains(" lets a container write"), "{said}");
        leaves_nothing(&node, "both");
    }
    let (outer, inner) = pairs[0];
    for (first, second) in [(outer, inner), (inner, outer)] {
        install(&node, &mounting("first", &format!("{first:?}"), "true"));
        let before = node.containers();
        let second = mounting("second", &format!("{second:?}"), "true");
        let said = node.refused(3, &["install", &node.put(&second)]);
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
    let said = node.refused(1, &["install", &node.put(&linked)]);
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

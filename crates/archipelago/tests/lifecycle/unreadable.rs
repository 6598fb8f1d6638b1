//! A file that exists and cannot be read is not taken for absent: nothing is rendered or generated
//! without it.

use crate::apps::{self, App};
use crate::node::{DATA, Node, SOON, UNITS, text, until, until_equal};

/// An app that writes a file into its volume and shows it on a page.
fn shows() -> App {
    apps::app(
        "shows",
        "services:
  shows:
    image: docker.io/library/busybox:stable
    volumes: [data:/data]
    command: [sh, -c, \"trap 'exit 0' TERM; test -e /data/cert || echo certificate >/data/cert; httpd -f -p 80 -h /page & wait\"]
    ports: [\"8481:80\"]
volumes:
  data:
x-archipelago:
  secrets:
    token: {description: A token.}
  captures:
    cert: {volume: data, path: cert}
  templates:
    - {source: index.html, service: shows, target: /page/index.html}
",
    )
    .with(
        "index.html",
        "{{ captures.cert }} {{ secrets.token }}\n",
    )
}

fn page(node: &Node) -> String {
    node.shell(&format!("cat {DATA}/archy-shows/index.html"))
}

/// Breaks something, waits until the app reports it, and checks that nothing is changed. Then
/// repairs it.
fn changes_nothing(node: &Node, breaks: &str, words: &str, repairs: &str) {
    let before = written(node);
    let runs = node.containers();
    node.shell(breaks);
    until(&format!("the app to say {words:?}"), SOON, || {
        let status = node.status("shows");
        let has_words = text(&status["message"]).contains(words);
        (has_words && status["state"] == "failed").then_some(())
    });
    // A daemon that starts now decides the same.
    node.shell("systemctl --user restart archipelago");
    until("a pass", SOON, || {
        let health = node.try_health()?;
        (!health["last_pass"].is_null()).then_some(())
    });
    assert_eq!(written(node), before);
    assert_eq!(node.containers(), runs);
    node.shell(repairs);
    until_equal("the app to be ready", SOON, &"ready".to_owned(), || {
        node.state("shows")
    });
    assert_eq!(node.containers(), runs);
}

/// The page and the unit, each with the inode and time that change when it is written again.
fn written(node: &Node) -> String {
    let files = format!("{DATA}/archy-shows/index.html {UNITS}/archy-shows.container");
    node.shell(&format!("stat -c '%n %i %y' {files}; cat {files}"))
}

#[test]
fn a_page_keeps_its_content_while_its_sources_cannot_be_read() {
    let node = Node::new();
    node.install(&shows());
    until("the page to show the certificate", SOON, || {
        page(&node).starts_with("certificate ").then_some(())
    });
    until_equal("the app to be ready", SOON, &"ready".to_owned(), || {
        node.state("shows")
    });
    let token = node.shell(&format!("cat {DATA}/secrets/shows/token"));
    let cert = format!("{DATA}/volumes/shows/data/cert");
    changes_nothing(
        &node,
        &format!("chmod 000 {cert}"),
        "cannot be read",
        &format!("chmod 644 {cert}"),
    );
    for path in ["secrets/shows/token", "secrets/shows", "secrets"] {
        let mode = node.shell(&format!("stat -c %a {DATA}/{path}"));
        changes_nothing(
            &node,
            &format!("chmod 000 {DATA}/{path}"),
            "a secret of shows cannot be read",
            &format!("chmod {} {DATA}/{path}", mode.trim()),
        );
    }
    assert_eq!(
        node.shell(&format!("cat {DATA}/secrets/shows/token")),
        token
    );
}

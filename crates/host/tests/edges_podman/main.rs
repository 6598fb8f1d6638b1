//! `host::podman` against a real rootless Podman: its reports and its calls.

#[path = "../edges_inside/mod.rs"]
mod edges_inside;
mod images;
mod imports;

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::time::Duration;

use archipelago_host::podman::{BuildRequest, ContextFile, Error, Layer, Podman};
use edges_inside::{on_a_host, write};
use testhost::Account::User;
use testhost::Host;

const BUSYBOX: &str = "docker.io/library/busybox:stable";

/// A program's standard output; it must succeed.
fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .output()
        .expect("a program");
    assert!(
        output.status.success(),
        "{program} {arguments:?}: {output:?}"
    );
    String::from_utf8(output.stdout)
        .expect("text")
        .trim()
        .to_owned()
}

fn listening() -> Podman {
    run("systemctl", &["--user", "start", "podman.socket"]);
    Podman::for_this_user()
}

fn labels(labels: &[(&str, &str)]) -> BTreeMap<String, String> {
    labels
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

#[test]
fn without_the_socket_the_error_says_how_to_get_it() {
    on_a_host(
        "without_the_socket_the_error_says_how_to_get_it",
        User,
        |_| {},
        async {
            let podman = Podman::for_this_user();
            let error = podman.version().await.expect_err("nobody listens");
            assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
            assert!(
                error
                    .to_string()
                    .contains("systemctl --user start podman.socket"),
                "{error}"
            );
        },
    );
}

#[test]
fn what_podman_is_and_holds() {
    on_a_host("what_podman_is_and_holds", User, |_| {}, async {
        let podman = listening();
        let version = podman.version().await.expect("a version");
        let info = podman.info().await.expect("info");
        assert_eq!(
            (info.version.as_str(), info.rootless),
            (version.as_str(), true)
        );
        assert_eq!(
            (info.network_backend.as_str(), info.cgroup_version.as_str()),
            ("netavark", "v2")
        );
        assert!(
            info.graph_root
                .starts_with(std::env::var("HOME").expect("HOME")),
            "{info:?}"
        );

        let images = podman.images().await.expect("images");
        let busybox = images
            .iter()
            .find(|image| image.names == [BUSYBOX])
            .expect("busybox");
        assert!(
            busybox.read_only && busybox.id.len() == 64 && !busybox.repo_digests.is_empty(),
            "{busybox:?}"
        );
        for here in [
            BUSYBOX,
            "busybox:stable",
            &busybox.id,
            &busybox.repo_digests[0],
        ] {
            assert!(
                podman
                    .inspect_image(here)
                    .await
                    .expect("an answer")
                    .is_some(),
                "{here}"
            );
        }
        for absent in [
            "docker.io/library/absent:1",
            "docker.io/library/busybox:absent",
            "../../info",
            "a b?c#d",
        ] {
            assert!(
                podman
                    .inspect_image(absent)
                    .await
                    .expect("an answer")
                    .is_none(),
                "{absent}"
            );
        }
        podman
            .remove_image("docker.io/library/absent:1")
            .await
            .expect("it is gone");
    });
}

#[test]
fn labelled_things_are_listed_and_kept_while_in_use_and_removed_once() {
    on_a_host(
        "labelled_things_are_listed_and_kept_while_in_use_and_removed_once",
        User,
        |_| {},
        async {
            let label = "app=a&b=\"c\" d";
            run("podman", &["volume", "create", "--label", label, "v"]);
            run("podman", &["network", "create", "--label", label, "n"]);
            let sleep = [
                "--stop-timeout=1",
                "--network=n",
                "--volume=v:/v",
                BUSYBOX,
                "sleep",
                "infinity",
            ];
            let id = run(
                "podman",
                &[
                    &["run", "--detach", "--name=c", "--label", label][..],
                    &sleep[..],
                ]
                .concat(),
            );
            let podman = listening();

            let containers = podman.containers().await.expect("containers");
            assert_eq!(containers.len(), 1);
            let container = &containers[0];
            assert_eq!(
                (
                    container.name.as_str(),
                    &container.id,
                    container.image.as_str()
                ),
                ("c", &id, BUSYBOX)
            );
            assert_eq!(container.labels["app"], "a&b=\"c\" d");
            let volumes = podman.volumes().await.expect("volumes");
            assert_eq!(
                Vec::from_iter(volumes.iter().map(|volume| &volume.name)),
                ["v"]
            );
            let networks = podman.networks().await.expect("networks");
            assert_eq!(
                BTreeSet::from_iter(networks.iter().map(|network| network.name.as_str())),
                BTreeSet::from(["n", "podman"])
            );

            for refused in [
                podman.remove_container("c", false).await,
                podman.remove_volume("v").await,
                podman.remove_network("n").await,
            ] {
                let error = refused.expect_err("it is in use");
                assert!(matches!(error, Error::Api { .. }), "{error:?}");
            }
            assert!(podman.volume_exists("v").await.expect("an answer"));
            assert!(podman.network_exists("n").await.expect("an answer"));
            for _ in ["there", "gone"] {
                podman
                    .remove_container("c", true)
                    .await
                    .expect("no container");
                podman.remove_volume("v").await.expect("no volume");
                podman.remove_network("n").await.expect("no network");
            }
            assert!(!podman.volume_exists("v").await.expect("an answer"));
            assert!(!podman.network_exists("n").await.expect("an answer"));
        },
    );
}

#[test]
fn a_secret_reaches_a_container_and_no_log() {
    on_a_host(
        "a_secret_reaches_a_container_and_no_log",
        User,
        |_| {},
        async {
            let podman = listening();
            let app = labels(&[("app", "a&b=\"c\" é")]);
            let store = async |bytes: &[u8], replace| {
                podman
                    .create_secret("s", bytes.to_vec(), &app, replace)
                    .await
            };
            store(b"first", false).await.expect("stored");
            let error = store(b"hunter2\n&=%", false)
                .await
                .expect_err("the name is taken");
            assert!(
                !error.to_string().contains("hunter2") && !format!("{error:?}").contains("hunter2")
            );
            store(b"hunter2\n&=%", true).await.expect("replaced");

            let secrets = podman.secrets().await.expect("secrets");
            assert_eq!(
                (secrets.len(), secrets[0].name.as_str(), &secrets[0].labels),
                (1, "s", &app)
            );
            let cat = [
                "run",
                "--rm",
                "--network=none",
                "--secret=s",
                BUSYBOX,
                "cat",
                "/run/secrets/s",
            ];
            assert_eq!(run("podman", &cat), "hunter2\n&=%");
            let journal = run(
                "journalctl",
                &["--user", "--unit=podman.service", "--output=cat"],
            );
            assert!(journal.contains("/secrets/create?name=s&"), "{journal}");
            assert!(!journal.contains("hunter2"));

            assert!(
                store(b"", true).await.is_err(),
                "Podman wants at least a byte"
            );
            podman.remove_secret("s").await.expect("removed");
            podman.remove_secret("s").await.expect("it is gone");
            assert_eq!(podman.secrets().await.expect("secrets"), []);
        },
    );
}

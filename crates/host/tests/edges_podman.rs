//! What `host::podman` reports of a real rootless Podman, and what it can make it do.

mod edges_inside;

use std::collections::BTreeMap;
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
            busybox.created > 0 && busybox.id.len() == 64 && !busybox.repo_digests.is_empty(),
            "{busybox:?}"
        );
        for here in [
            BUSYBOX,
            "busybox:stable",
            &busybox.id,
            &busybox.repo_digests[0],
        ] {
            assert!(
                podman.image_exists(here).await.expect("an answer"),
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
                !podman.image_exists(absent).await.expect("an answer"),
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
            assert_eq!((container.name.as_str(), &container.id), ("c", &id));
            assert_eq!(container.labels["app"], "a&b=\"c\" d");
            let volumes = podman.volumes().await.expect("volumes");
            assert_eq!(
                Vec::from_iter(volumes.iter().map(|volume| &volume.name)),
                ["v"]
            );
            let networks = podman.networks().await.expect("networks");
            assert_eq!(
                Vec::from_iter(networks.iter().map(|network| &network.name)),
                ["n", "podman"]
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

/// A registry without TLS on port 5000 that has the image `scratch:1` of this many random bytes.
fn registry(host: &Host, bytes: usize) {
    host.registry(5000).expect("a registry");
    let script = format!(
        "cd $(mktemp -d) && head -c {bytes} /dev/urandom > random && printf 'FROM scratch\\nCOPY random /\\n' > Containerfile \
         && podman build --quiet --tag=localhost/scratch:1 . && podman push --quiet --tls-verify=false localhost/scratch:1 \
         127.0.0.1:5000/scratch:1 && podman rmi --force localhost/scratch:1 && podman image prune --force"
    );
    host.run_user(&["sh", "-c", &script])
        .expect("a shell")
        .checked()
        .expect("an image in the registry");
}

#[test]
fn a_registry_without_tls_is_refused_unless_permitted() {
    on_a_host(
        "a_registry_without_tls_is_refused_unless_permitted",
        User,
        |host| registry(host, 1000),
        async {
            let podman = listening();
            let image = "127.0.0.1:5000/scratch:1";
            let pull =
                async |reference, tls_verify| podman.pull(reference, tls_verify, |_| {}).await;
            let fails = async |reference, tls_verify| match pull(reference, tls_verify).await {
                Err(Error::Pull { message, .. }) => message,
                other => panic!("{reference}: {other:?}"),
            };

            assert_eq!(
                fails(image, true).await,
                "http: server gave HTTP response to HTTPS client"
            );
            assert!(!podman.image_exists(image).await.expect("an answer"));
            pull(image, false).await.expect("pulled");
            assert!(podman.image_exists(image).await.expect("an answer"));
            assert_eq!(
                fails("127.0.0.1:5000/scratch:2", false).await,
                "manifest unknown: manifest unknown"
            );

            let images = podman.images().await.expect("images");
            let pulled = images
                .iter()
                .find(|pulled| pulled.names == [image])
                .expect("the image");
            let (_, digest) = pulled.repo_digests[0].split_once('@').expect("a digest");
            let pinned = format!("127.0.0.1:5000/scratch:other@{digest}");
            podman.remove_image(image).await.expect("removed");
            pull(pinned.as_str(), false)
                .await
                .expect("pulled by digest, whatever the tag");
            assert!(podman.image_exists(&pinned).await.expect("an answer"));
            assert!(
                !podman.image_exists(image).await.expect("an answer"),
                "a digest gives no tag"
            );

            let operators_word = "[[registry]]\nlocation = \"127.0.0.1:5000\"\ninsecure = true\n";
            write(".config/containers/registries.conf", operators_word);
            // A running service has read the old one.
            run("systemctl", &["--user", "stop", "podman.service"]);
            pull(image, true).await.expect("the operator permitted it");
        },
    );
}

#[test]
fn a_pull_that_podman_does_not_survive_is_an_error() {
    on_a_host(
        "a_pull_that_podman_does_not_survive_is_an_error",
        User,
        |host| registry(host, 4_000_000),
        async {
            slow_registry().await;
            let podman = listening();
            let mut killed = false;
            let pull = podman.pull("127.0.0.1:5001/scratch:1", false, |progress| {
                let Layer::Downloading { done, total } = progress.state else {
                    return;
                };
                assert!(
                    done > 0 && total.is_some_and(|total| total > done),
                    "{progress:?}"
                );
                if !std::mem::replace(&mut killed, true) {
                    run(
                        "systemctl",
                        &["--user", "kill", "--signal=KILL", "podman.service"],
                    );
                }
            });
            let error = pull.await.expect_err("Podman was killed");
            assert!(matches!(error, Error::Broken { .. }), "{error:?}");
            assert!(
                error
                    .to_string()
                    .starts_with("pull 127.0.0.1:5001/scratch:1: "),
                "{error}"
            );
            assert!(
                !podman
                    .image_exists("127.0.0.1:5001/scratch:1")
                    .await
                    .expect("an answer")
            );
        },
    );
}

/// Passes port 5001 on to the registry, with its answers at 320 kB a second.
async fn slow_registry() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
    use tokio::net::{TcpListener, TcpStream};
    let listener = TcpListener::bind("127.0.0.1:5001").await.expect("a port");
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut registry = TcpStream::connect("127.0.0.1:5000")
                    .await
                    .expect("the registry");
                let (mut from_registry, mut to_registry) = registry.split();
                let (mut from_client, mut to_client) = client.split();
                let answers = async {
                    let mut piece = vec![0; 16_000];
                    let mut pace = tokio::time::interval(Duration::from_millis(50));
                    while let Ok(length @ 1..) = from_registry.read(&mut piece).await {
                        pace.tick().await;
                        to_client.write_all(&piece[..length]).await?;
                    }
                    to_client.shutdown().await
                };
                // Both sides hang up when Podman dies.
                let _ = tokio::join!(answers, copy(&mut from_client, &mut to_registry));
            });
        }
    });
}

fn request(containerfile: &str) -> BuildRequest {
    let file = |path: &str, bytes: &str, mode| ContextFile {
        path: path.to_owned(),
        bytes: bytes.as_bytes().into(),
        mode,
    };
    BuildRequest {
        tag: "localhost/archy-test:1".to_owned(),
        context: vec![
            file("Containerfile", containerfile, 0o644),
            file("www/index.html", "a page", 0o640),
            file("www/run.sh", "#!/bin/sh\necho ran in $1\n", 0o755),
        ],
        containerfile: "Containerfile".to_owned(),
        args: labels(&[("WHERE", "a b&\"c\"")]),
        target: None,
        labels: labels(&[("app", "d e&f")]),
    }
}

#[test]
fn a_build_uses_what_is_here_and_an_equal_one_the_cache() {
    on_a_host(
        "a_build_uses_what_is_here_and_an_equal_one_the_cache",
        User,
        |_| {},
        async {
            let podman = listening();
            let request = request(&format!(
                "FROM {BUSYBOX}\nARG WHERE\nCOPY www /www\nRUN [ \"$WHERE\" = 'a b&\"c\"' ] && /www/run.sh \"$WHERE\"; stat -c '%a %u' /www/index.html\n"
            ));
            let mut printed = Vec::new();
            let id = podman
                .build(&request, |line| printed.push(line.to_owned()))
                .await
                .expect("built");
            // The argument reaches the build, and is not shown: it may come from a setting.
            for line in ["ran in …", "640 0"] {
                assert!(
                    printed.iter().any(|printed| printed == line),
                    "{line}: {printed:?}"
                );
            }
            let images = podman.images().await.expect("images");
            let built = images
                .iter()
                .find(|image| image.id == id)
                .expect("the image");
            assert_eq!(
                (&built.names[..], built.labels["app"].as_str()),
                (&[request.tag.clone()][..], "d e&f")
            );

            printed.clear();
            let again = podman
                .build(&request, |line| printed.push(line.to_owned()))
                .await
                .expect("built");
            assert_eq!(again, id);
            assert!(
                !printed.iter().any(|line| line.starts_with("ran in")),
                "{printed:?}"
            );

            let mut changed = request.clone();
            changed.context[1].bytes = b"a Page".as_slice().into();
            let other = podman.build(&changed, |_| {}).await.expect("built");
            assert_ne!(other, id);

            printed.clear();
            let mut stage = request.clone();
            let stages =
                format!("FROM {BUSYBOX} AS first\nRUN echo one\nFROM first\nRUN echo two\n");
            stage.context[0].bytes = stages.into_bytes().into();
            stage.target = Some("first".to_owned());
            let built = podman.build(&stage, |line| printed.push(line.to_owned()));
            built.await.expect("built");
            assert!(printed.iter().any(|line| line == "one"), "{printed:?}");
            assert!(!printed.iter().any(|line| line == "two"), "{printed:?}");
        },
    );
}

#[test]
fn a_build_that_fails_says_so_with_its_last_lines() {
    on_a_host(
        "a_build_that_fails_says_so_with_its_last_lines",
        User,
        |_| {},
        async {
            let podman = listening();
            let fails = async |request: &BuildRequest| match podman.build(request, |_| {}).await {
                Err(Error::Build { message, lines, .. }) => (message, lines),
                other => panic!("{other:?}"),
            };
            let (message, lines) = fails(&request(&format!(
                "FROM {BUSYBOX}\nARG WHERE\nRUN echo \"$WHERE\"; exit 3\n"
            )))
            .await;
            let said = format!("{message}\n{}", lines.join("\n"));
            assert!(said.contains('…') && !said.contains("a b&"), "{said}");
            let (message, lines) = fails(&request(&format!(
                "FROM {BUSYBOX}\nRUN seq 1 100; exit 3\n"
            )))
            .await;
            assert!(message.ends_with("exit status 3"), "{message}");
            assert_eq!(
                (lines.len(), lines.last().map(String::as_str)),
                (20, Some("100"))
            );

            let (message, _) = fails(&request("FROM docker.io/library/absent:1\n")).await;
            assert!(
                message.contains("docker.io") || message.contains("absent:1"),
                "{message}"
            );
            let (message, _) = fails(&request(&format!("FROM {BUSYBOX}\nCOPY absent /\n"))).await;
            assert!(message.contains("no such file or directory"), "{message}");
            assert!(
                !podman
                    .image_exists("localhost/archy-test:1")
                    .await
                    .expect("an answer")
            );

            let mut outside = request(&format!("FROM {BUSYBOX}\n"));
            outside.context[1].path = "../index.html".to_owned();
            let refused = podman.build(&outside, |_| {}).await;
            assert!(matches!(refused, Err(Error::Context { .. })), "{refused:?}");
        },
    );
}

#[test]
fn a_build_step_cannot_reach_the_hosts_loopback() {
    on_a_host(
        "a_build_step_cannot_reach_the_hosts_loopback",
        User,
        |host| registry(host, 1),
        async {
            run("curl", &["--fail", "--silent", "http://127.0.0.1:5000/v2/"]);
            let podman = listening();
            let step = "wget -T 5 -O- http://127.0.0.1:5000/v2/ && exit 9 || echo refused";
            let mut printed = Vec::new();
            let request = request(&format!("FROM {BUSYBOX}\nRUN {step}\n"));
            let built = podman.build(&request, |line| printed.push(line.to_owned()));
            built.await.expect("built");
            assert!(printed.iter().any(|line| line == "refused"), "{printed:?}");
        },
    );
}

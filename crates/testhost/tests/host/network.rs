//! Reaching a host's ports, other hosts and a registry.

use testhost::{Host, link};

use crate::{BUSYBOX, boot, eventually, get, root, start_container, user};

#[test]
fn the_nginx_image_serves_as_the_official_one_does_through_a_forwarded_port() {
    let host = boot();
    start_container(
        &host,
        "web",
        "[Container]\nImage=docker.io/library/nginx:stable\nPublishPort=127.0.0.1:8080:80\nStopTimeout=1\n",
    );
    let forward = host.forward(8080).expect("a forwarder");
    eventually("nginx to answer", || {
        get(&forward).contains("Welcome to nginx!")
    });
    assert!(
        user(&host, &["podman", "logs", "systemd-web"]).contains("\"GET / HTTP/1.1\" 200"),
        "the log is on standard output"
    );

    let ask = "exec 3<>/dev/tcp/127.0.0.1/8080; printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3; cat <&3";
    let inside = host
        .network_command("bash")
        .expect("a shell")
        .args(["-c", ask])
        .output()
        .expect("a shell");
    assert!(
        String::from_utf8_lossy(&inside.stdout).contains("Welcome to nginx!"),
        "{inside:?}"
    );
}

#[test]
fn two_hosts_reach_each_other_only_once_a_cable_joins_them() {
    let [first, second] = [boot(), boot()];
    let ping = |from: &Host, to: &str| {
        from.run_root(&["ping", "-c1", "-W2", to])
            .expect("ping")
            .success()
    };
    assert!(!ping(&first, "10.213.0.2"), "no network but its own");
    let link = link(&first, &second).expect("a cable");
    assert!(ping(&first, &link.second.to_string()));
    assert!(ping(&second, &link.first.to_string()));
    assert_ne!(
        root(&first, &["cat", "/etc/machine-id"]),
        root(&second, &["cat", "/etc/machine-id"])
    );
    // Each systemd manages its own processes only, though this process started both hosts.
    assert_eq!(
        root(&first, &["systemctl", "is-system-running", "--wait"]).trim(),
        "running"
    );
    drop(second);
    assert_eq!(
        root(&first, &["systemctl", "is-system-running"]).trim(),
        "running"
    );
    assert_eq!(
        user(&first, &["systemctl", "--user", "is-system-running"]).trim(),
        "running"
    );
}

#[test]
fn an_image_is_pushed_to_a_registry_and_pulled_again() {
    let host = boot();
    let registry = host.registry(5000).expect("a registry");
    let reference = registry.push(BUSYBOX, "web:1").expect("a push");
    assert_eq!(reference, "127.0.0.1:5000/web:1");
    assert!(
        !host
            .run_user(&["podman", "pull", &reference])
            .expect("podman")
            .success(),
        "it speaks no TLS"
    );
    user(
        &host,
        &[
            "podman",
            "pull",
            "--quiet",
            "--tls-verify=false",
            &reference,
        ],
    );
    assert_eq!(
        user(
            &host,
            &["podman", "run", "--rm", &reference, "echo", "back"]
        )
        .trim(),
        "back"
    );
}

//! Snapshots of every kind of unit and of every key that the renderer can write.
//!
//! The snapshots are a consistent set of units: `crates/host/tests/golden_units.rs` passes all of
//! them through the real generator. `cargo insta review` accepts an intended change.
#![allow(
    clippy::unwrap_used,
    reason = "a failure of a test helper fails the test"
)]

#[path = "golden/keys.rs"]
mod keys;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use archipelago_core::name::AppId;
use archipelago_core::quadlet::{
    Command, Container, Health, Kind, Log, Network, NetworkJoin, PodmanOption, PublishedPort,
    Secret, SecretDelivery, ServiceSection, Stamp, Subnet, Unit, UnitSection, VERSION, Volume,
    VolumeMount,
};

const IMAGE: &str = "docker.io/library/busybox:stable";

/// The file of a unit without the version of this build, so that a release changes no snapshot.
fn render(unit: &Unit) -> String {
    let app = AppId::parse("golden").unwrap();
    let stamp = Stamp {
        app: &app,
        companion: false,
        inputs: &[],
    };
    let file = unit.render(stamp).unwrap();
    file.content
        .replace(&format!("Version={VERSION}"), "Version=0.0.0")
}

fn check(unit: &Unit) {
    insta::with_settings!({omit_expression => true, prepend_module_to_snapshot => true}, {
        insta::assert_snapshot!(unit.file_name(), render(unit));
    });
}

fn unit(stem: &str, kind: Kind) -> Unit {
    Unit {
        stem: stem.to_owned(),
        unit: UnitSection {
            description: format!("Golden {stem}"),
            ..UnitSection::default()
        },
        kind,
        service: ServiceSection::default(),
        starts_at_boot: false,
    }
}

fn container(stem: &str, container: Container) -> Unit {
    let container = Container {
        image: IMAGE.to_owned(),
        name: stem.to_owned(),
        ..container
    };
    unit(stem, Kind::Container(Box::new(container)))
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn pairs(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn mount(source: &str, target: &str, read_only: bool, relabel: bool) -> VolumeMount {
    VolumeMount {
        source: source.to_owned(),
        target: target.to_owned(),
        read_only,
        no_copy: false,
        relabel,
    }
}

fn secret(name: &str, delivery: SecretDelivery) -> Secret {
    Secret {
        name: name.to_owned(),
        delivery,
    }
}

fn port(address: IpAddr, host: u16, container: u16, udp: bool) -> PublishedPort {
    PublishedPort {
        address,
        host,
        container,
        udp,
    }
}

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

fn own_network() -> NetworkJoin {
    NetworkJoin::Named {
        network: "archy-golden.network".to_owned(),
        aliases: texts(&["every", "also-every"]),
        addresses: vec![
            Ipv4Addr::new(10, 89, 7, 3).into(),
            Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 3).into(),
        ],
        hardware_address: Some("02:42:ac:11:00:02".to_owned()),
    }
}

fn joined_network() -> NetworkJoin {
    NetworkJoin::Named {
        network: "archy-other.network".to_owned(),
        aliases: Vec::new(),
        addresses: Vec::new(),
        hardware_address: None,
    }
}

fn external_network() -> NetworkJoin {
    NetworkJoin::Named {
        network: "podman".to_owned(),
        aliases: texts(&["every"]),
        addresses: Vec::new(),
        hardware_address: None,
    }
}

/// A unit with every key that a `.container` unit of ours can have. It is written without `..`, so
/// that a new field does not compile until it is added here.
#[expect(clippy::too_many_lines, reason = "every field once")]
fn every() -> Unit {
    let container = Container {
        image: IMAGE.to_owned(),
        name: "archy-golden-every".to_owned(),
        never_pulls: true,
        exec: texts(&["serve", "--name", "two words", "100%", "$HOME"]),
        entrypoint: Some(texts(&["/bin/sh", "-c", "exec \"$0\" \"$@\""])),
        environment: pairs(&[
            ("EMPTY", ""),
            ("PLAIN", "value"),
            ("TRICKY", "a \"b\" \\ %h $X\nRestart=no"),
        ]),
        secrets: vec![
            secret(
                "archy-golden-password",
                SecretDelivery::Environment("PASSWORD".to_owned()),
            ),
            secret(
                "archy-golden-key",
                SecretDelivery::File {
                    target: Some("/etc/key".to_owned()),
                    uid: Some(101),
                    gid: Some(102),
                    mode: Some("0440".to_owned()),
                },
            ),
        ],
        ports: vec![
            port(LOOPBACK, 8442, 80, false),
            port(IpAddr::V6(Ipv6Addr::LOCALHOST), 8053, 53, true),
        ],
        volumes: vec![
            mount("archy-golden-data.volume", "/data", false, true),
            mount("/srv/my media", "/media", true, false),
        ],
        networks: vec![own_network(), joined_network()],
        labels: pairs(&[("archipelago.app", "golden"), ("note", "50% off")]),
        annotations: pairs(&[("org.example.note", "a b")]),
        user: Some("1000:1000".to_owned()),
        groups: texts(&["44"]),
        user_namespace: Some("keep-id:uid=1000,gid=1000".to_owned()),
        working_dir: Some("/my data".to_owned()),
        hostname: Some("golden".to_owned()),
        stop_signal: Some("SIGINT".to_owned()),
        stop_timeout: Some(Duration::from_secs(600)),
        init: true,
        read_only: true,
        tmpfs: texts(&["/run", "/tmp:size=64m,mode=1777"]),
        capabilities: texts(&["CHOWN", "NET_BIND_SERVICE"]),
        dropped_capabilities: texts(&["ALL"]),
        devices: texts(&["/dev/fuse"]),
        hosts: texts(&["node.internal:10.0.0.2"]),
        dns: texts(&["10.0.0.1"]),
        dns_search: texts(&["internal"]),
        dns_options: texts(&["ndots:1"]),
        ulimits: texts(&["nofile=1024:2048"]),
        sysctls: texts(&["net.ipv4.ip_unprivileged_port_start=80"]),
        shm_bytes: Some(64 << 20),
        pids_limit: Some(200),
        no_new_privileges: true,
        label_disable: true,
        seccomp: Some("unconfined".to_owned()),
        health: Some(Health {
            test: texts(&["CMD-SHELL", "wget -q -O- \"http://127.0.0.1/\" || exit 1"]),
            interval: Some(Duration::from_secs(30)),
            timeout: Some(Duration::from_millis(2500)),
            retries: Some(3),
            start_period: Some(Duration::from_secs(60)),
            startup_interval: Some(Duration::from_secs(2)),
        }),
        options: PodmanOption::ALL
            .into_iter()
            .map(|option| (option, texts(&["1"])))
            .collect(),
        log: Some(Log::Journal),
    };
    Unit {
        stem: "archy-golden-every".to_owned(),
        unit: UnitSection {
            description: "Golden 100% of the keys".to_owned(),
            wants: texts(&["archy-golden-host.service"]),
            requires: texts(&["archy-golden-host.service"]),
            after: texts(&["archy-golden-host.service"]),
        },
        kind: Kind::Container(Box::new(container)),
        service: ServiceSection {
            restart_delay: Some(Duration::from_secs(10)),
            one_shot: true,
            start_limit: Some(Duration::from_secs(300)),
            stop_limit: Some(Duration::from_secs(630)),
            after_start: vec![Command {
                words: texts(&["podman", "exec", "archy-golden-every", "echo", "100% $A"]),
                limit: Duration::from_secs(240),
            }],
            before_stop: vec![Command {
                words: texts(&["podman", "exec", "archy-golden-every", "", ";"]),
                limit: Duration::from_secs(60),
            }],
            volumes: vec!["archy-golden-plain".to_owned()],
        },
        starts_at_boot: true,
    }
}

fn volume_with_folder() -> Unit {
    let volume = Volume {
        name: "archy-golden-data".to_owned(),
        folder: Some("/var/lib/archipelago/volumes/golden/my data".to_owned()),
        labels: pairs(&[("archipelago.app", "golden")]),
    };
    unit("archy-golden-data", Kind::Volume(volume))
}

fn network() -> Unit {
    let network = Network {
        name: "archy-golden".to_owned(),
        isolated: true,
        internal: true,
        ipv6: true,
        subnets: vec![
            Subnet {
                subnet: "10.89.7.0/24".to_owned(),
                gateway: Some("10.89.7.1".to_owned()),
                range: Some("10.89.7.128/25".to_owned()),
            },
            Subnet {
                subnet: "fd00::/64".to_owned(),
                ..Subnet::default()
            },
        ],
        labels: pairs(&[("archipelago.app", "golden")]),
    };
    unit("archy-golden", Kind::Network(network))
}

#[test]
fn container_on_the_nodes_network() {
    check(&container(
        "archy-golden-host",
        Container {
            networks: vec![NetworkJoin::Host],
            ..Container::default()
        },
    ));
}

#[test]
fn container_on_no_network() {
    check(&container(
        "archy-golden-alone",
        Container {
            networks: vec![NetworkJoin::None],
            never_pulls: true,
            ..Container::default()
        },
    ));
}

#[test]
fn container_on_its_own_network_and_on_that_of_another_app() {
    check(&container(
        "archy-golden-bridge",
        Container {
            networks: vec![own_network(), joined_network()],
            ports: vec![port(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 9735, 9735, false)],
            ..Container::default()
        },
    ));
}

#[test]
fn container_with_capabilities() {
    check(&container(
        "archy-golden-capabilities",
        Container {
            dropped_capabilities: texts(&["ALL"]),
            capabilities: texts(&["CHOWN", "NET_BIND_SERVICE", "SETGID", "SETUID"]),
            no_new_privileges: true,
            read_only: true,
            ..Container::default()
        },
    ));
}

#[test]
fn container_with_secrets() {
    let file = |target: Option<&str>, uid, gid, mode: Option<&str>| SecretDelivery::File {
        target: target.map(str::to_owned),
        uid,
        gid,
        mode: mode.map(str::to_owned),
    };
    check(&container(
        "archy-golden-secrets",
        Container {
            secrets: vec![
                secret(
                    "archy-golden-one",
                    SecretDelivery::Environment("DB_PASSWORD".to_owned()),
                ),
                secret("archy-golden-two", file(None, None, None, None)),
                secret(
                    "archy-golden-three",
                    file(Some("three"), None, None, Some("0400")),
                ),
                secret(
                    "archy-golden-four",
                    file(Some("/etc/my app/four"), Some(101), Some(102), Some("0440")),
                ),
            ],
            ..Container::default()
        },
    ));
}

#[test]
fn container_with_volumes() {
    check(&container(
        "archy-golden-volumes",
        Container {
            volumes: vec![
                mount("archy-golden-data.volume", "/data", false, true),
                mount("archy-golden-plain.volume", "/plain", false, false),
                mount(
                    "/var/lib/archipelago/archy-golden/my.conf",
                    "/etc/my.conf",
                    true,
                    true,
                ),
                mount("/srv/my media/100%", "/media", true, false),
                mount("/srv/out", "/out", false, false),
            ],
            ..Container::default()
        },
    ));
}

#[test]
fn container_with_a_health_check() {
    check(&container(
        "archy-golden-health",
        Container {
            health: Some(Health {
                test: texts(&["CMD", "curl", "--fail", "http://127.0.0.1/my page?a=1%2C2"]),
                interval: Some(Duration::from_secs(30)),
                timeout: Some(Duration::from_millis(1500)),
                retries: Some(5),
                start_period: Some(Duration::from_secs(90)),
                startup_interval: Some(Duration::from_secs(1)),
            }),
            ..Container::default()
        },
    ));
}

#[test]
fn container_without_the_images_health_check() {
    check(&container(
        "archy-golden-healthless",
        Container {
            health: Some(Health {
                test: texts(&["NONE"]),
                interval: Some(Duration::from_secs(30)),
                ..Health::default()
            }),
            ..Container::default()
        },
    ));
}

#[test]
fn volumes() {
    check(&volume_with_folder());
    let plain = Volume {
        name: "archy-golden-plain".to_owned(),
        ..Volume::default()
    };
    check(&unit("archy-golden-plain", Kind::Volume(plain)));
}

#[test]
fn networks() {
    check(&network());
    let other = Network {
        name: "archy-other".to_owned(),
        ..Network::default()
    };
    check(&unit("archy-other", Kind::Network(other)));
}

#[test]
fn a_key_without_a_value_is_not_written() {
    let container = Unit {
        service: ServiceSection {
            start_limit: Some(Duration::from_secs(300)),
            ..ServiceSection::default()
        },
        ..container("archy-golden-once", Container::default())
    };
    let container = render(&container);
    assert!(
        container.contains("TimeoutStartSec=300") && !container.contains("Restart"),
        "{container}"
    );
}

#[test]
fn container_with_every_key() {
    check(&every());
}

/// A job that is tried again until it succeeds, and a service that awaits it and shares its
/// network.
#[test]
fn containers_that_run_to_their_end() {
    let job = Unit {
        service: ServiceSection {
            restart_delay: Some(Duration::from_secs(10)),
            one_shot: true,
            ..ServiceSection::default()
        },
        ..container(
            "archy-golden-job",
            Container {
                networks: vec![external_network()],
                log: Some(Log::Foreground),
                ..Container::default()
            },
        )
    };
    check(&job);
    let mut awaiting = container(
        "archy-golden-awaiting",
        Container {
            networks: vec![NetworkJoin::Container("archy-golden-host".to_owned())],
            health: Some(Health {
                test: texts(&["CMD", "/healthcheck"]),
                ..Health::default()
            }),
            ..Container::default()
        },
    );
    awaiting.service.restart_delay = Some(Duration::from_secs(10));
    awaiting.unit.requires = texts(&["archy-golden-job.service", "archy-golden-host.service"]);
    awaiting.unit.after.clone_from(&awaiting.unit.requires);
    check(&awaiting);
}

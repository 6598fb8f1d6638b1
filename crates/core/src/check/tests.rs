//! Each fact judged by itself, changed from a host on which all is right.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use super::*;
use crate::cause::{Cause, UnitsBlocked};
use crate::name::AppId;
use crate::needs::Controller;
use crate::observed::{Helper, Unreachable};

/// A host on which nothing is wrong.
fn right() -> Facts {
    let folder = |purpose| Folder {
        purpose,
        path: PathBuf::from("/folder"),
        state: FolderState::Writable,
    };
    Facts {
        built: None,
        user: "ann".to_owned(),
        version: "1.2.3".to_owned(),
        systemd: Some(Ok(())),
        linger: Some(true),
        manager: Some(UserManager {
            returns: true,
            stop_limit: Some(STOP_LIMIT),
        }),
        subordinate_ids: Some((65_536, 65_536)),
        id_mappers_missing: Some(Vec::new()),
        podman: Some(Ok("podman version 5.4.2".to_owned())),
        generator: Some(true),
        socket: Some(Socket {
            listening: true,
            enabled: Some(true),
            masked: false,
        }),
        api: Some(Ok(Api {
            rootless: true,
            version: "5.4.2".to_owned(),
        })),
        images: Some(Ok(())),
        free_locks: Some(2048),
        cgroup_v2: Some(true),
        controllers: Some(Controllers {
            delegated: BTreeSet::from(Controller::ALL),
            asked: BTreeMap::new(),
        }),
        network: Some(Network {
            awaited: true,
            reached: true,
            wanted: true,
        }),
        data: Some(DataFolder::Ours(PathBuf::from("/data"))),
        helpers_gone: Some(BTreeSet::new()),
        folders: vec![
            folder("config"),
            folder("units"),
            folder("data"),
            folder("runtime"),
        ],
        disks: vec![Disk {
            purpose: "images",
            path: PathBuf::from("/storage"),
            free_mib: 100_000,
        }],
        service: Some(running("1.2.3")),
        port: Some(Port::Answers),
        orphans: Some(Vec::new()),
        units: Some(Ok(())),
        unisolated: Some(BTreeSet::new()),
    }
}

fn running(version: &str) -> Service {
    Service {
        file: ServiceFile::Enabled,
        active: true,
        running_version: Some(version.to_owned()),
    }
}

/// After `change`, the check `name` is in this state with a cure that says `cure`, and all others
/// are right.
fn check(name: &str, change: impl FnOnce(&mut Facts), state: State, cure: &str) {
    let mut facts = right();
    change(&mut facts);
    let checks = judge(&facts);
    let wrong: Vec<&Check> = checks
        .iter()
        .filter(|check| check.state != State::Ok)
        .collect();
    assert_eq!(
        wrong.iter().map(|check| check.name).collect::<Vec<_>>(),
        [name],
        "{wrong:?}"
    );
    assert_eq!(wrong[0].state, state, "{wrong:?}");
    let told = wrong[0].cure.as_deref().unwrap_or_default();
    assert!(
        told.contains(cure),
        "the cure {told:?} does not say {cure:?}"
    );
}

#[test]
fn nothing_is_wrong_with_a_right_host_and_nothing_unknown_is_judged() {
    let checks = judge(&right());
    assert!(
        checks
            .iter()
            .all(|check| check.state == State::Ok && check.cure.is_none()),
        "{checks:?}"
    );
    assert_eq!(judge(&Facts::default()), []);
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn each_fault_is_found_with_its_cure() {
    use State::{Failed, Warning};
    check(
        "user-services",
        |facts| facts.systemd = Some(Err(Cause::Systemd("no bus".to_owned()))),
        Failed,
        "enable-linger ann",
    );
    check(
        "user-manager",
        |facts| facts.manager.as_mut().unwrap().returns = false,
        Warning,
        "sudo archipelago setup --for ann",
    );
    check(
        "user-manager",
        |facts| facts.manager.as_mut().unwrap().stop_limit = Some(Duration::from_secs(120)),
        Warning,
        "sudo archipelago setup --for ann",
    );
    let damaged = |found: &[(&str, &[&str])]| {
        let owned = |(id, names): &(&str, &[&str])| {
            let names = names.iter().map(|name| (*name).to_owned()).collect();
            ((*id).to_owned(), names)
        };
        DamagedImages {
            cause: "no manifest".to_owned(),
            found: found.iter().map(owned).collect(),
        }
    };
    for (found, cure) in [
        (damaged(&[]), "podman rmi --force ID"),
        (
            damaged(&[("ab12", &["x:1"]), ("cd34", &[])]),
            "podman rmi --force ab12 cd34 ",
        ),
    ] {
        check(
            "images",
            |facts| facts.images = Some(Err(found)),
            Failed,
            cure,
        );
    }
    check(
        "data",
        |facts| {
            facts.data = Some(DataFolder::Refused {
                finding: "no marker".to_owned(),
                cure: "mount the disk".to_owned(),
            });
        },
        Failed,
        "mount the disk",
    );
    check(
        "networks",
        |facts| facts.helpers_gone = Some(BTreeSet::from([Helper::Resolver])),
        Failed,
        "podman network reload --all",
    );
    check(
        "linger",
        |facts| facts.linger = Some(false),
        Failed,
        "sudo loginctl enable-linger ann",
    );
    check(
        "subordinate-ids",
        |facts| facts.subordinate_ids = Some((65_535, 65_536)),
        Failed,
        "setup --for ann",
    );
    check(
        "subordinate-ids",
        |facts| facts.subordinate_ids = Some((65_536, 0)),
        Failed,
        "setup --for ann",
    );
    check(
        "newuidmap",
        |facts| facts.id_mappers_missing = Some(vec!["newuidmap".to_owned()]),
        Failed,
        "apt install uidmap",
    );
    check(
        "podman",
        |facts| facts.podman = Some(Err(ProgramError::NoProgram)),
        Failed,
        "apt install podman",
    );
    check(
        "podman",
        |facts| facts.podman = Some(Ok("podman version 4.8.9".to_owned())),
        Failed,
        "4.9 or newer",
    );
    check(
        "podman",
        |facts| facts.podman = Some(Ok("podman version 4.9.3".to_owned())),
        Warning,
        "upgrade",
    );
    check(
        "podman",
        |facts| facts.podman = Some(Ok("docker".to_owned())),
        Failed,
        "4.9 or newer",
    );
    check(
        "quadlet",
        |facts| facts.generator = Some(false),
        Failed,
        "apt install podman",
    );
    let socket = |listening, enabled, masked| {
        move |facts: &mut Facts| {
            facts.socket = Some(Socket {
                listening,
                enabled,
                masked,
            })
        }
    };
    check(
        "podman-socket",
        socket(false, Some(true), false),
        Failed,
        "enable --now podman.socket",
    );
    check(
        "podman-socket",
        socket(true, Some(false), false),
        Failed,
        "enable --now podman.socket",
    );
    check(
        "podman-socket",
        socket(false, Some(false), true),
        Failed,
        "unmask podman.socket",
    );
    check(
        "podman-api",
        |facts| facts.api = Some(Err(Unreachable::Refused("refused".to_owned()))),
        Failed,
        "status podman.service",
    );
    let root = Api {
        rootless: false,
        version: "5".to_owned(),
    };
    check(
        "podman-api",
        |facts| facts.api = Some(Ok(root)),
        Failed,
        "CONTAINER_HOST",
    );
    for (free, state) in [(0, Failed), (1, Warning), (199, Warning)] {
        let taken = |facts: &mut Facts| facts.free_locks = Some(free);
        check("locks", taken, state, "set num_locks");
    }
    check(
        "cgroups",
        |facts| facts.cgroup_v2 = Some(false),
        Failed,
        "unified_cgroup_hierarchy",
    );
    let network = |reached, wanted| {
        move |facts: &mut Facts| {
            facts.network = Some(Network {
                awaited: true,
                reached,
                wanted,
            });
        }
    };
    check(
        "network-online",
        network(false, true),
        Failed,
        "start network-online.target",
    );
    check(
        "network-online",
        network(false, false),
        Failed,
        "add-wants multi-user.target",
    );
    check(
        "network-online",
        network(true, false),
        Warning,
        "add-wants multi-user.target",
    );
    check(
        "folder-units",
        |facts| facts.folders[1].state = FolderState::Refused,
        Failed,
        "sudo chown ann: /folder",
    );
    check(
        "folder-data",
        |facts| facts.folders[2].state = FolderState::ReadOnly,
        Failed,
        "sudo mount -o remount,rw",
    );
    check(
        "folder-data",
        |facts| facts.folders[2].state = FolderState::Missing,
        Warning,
        "setup",
    );
    check(
        "disk",
        |facts| facts.disks[0].free_mib = 100,
        Failed,
        "image prune",
    );
    check(
        "disk",
        |facts| facts.disks[0].free_mib = 1000,
        Warning,
        "image prune",
    );
    let file = |file| {
        move |facts: &mut Facts| {
            facts.service = Some(Service {
                file,
                ..running("1.2.3")
            })
        }
    };
    check(
        "service",
        file(ServiceFile::Missing),
        Failed,
        "archipelago setup",
    );
    check(
        "service",
        file(ServiceFile::Disabled),
        Failed,
        "archipelago setup",
    );
    check(
        "service",
        file(ServiceFile::Masked),
        Warning,
        "unmask archipelago.service",
    );
    check(
        "service",
        |facts| facts.service = Some(running("1.2.2")),
        Failed,
        "archipelago setup",
    );
    check(
        "port",
        |facts| facts.port = Some(Port::Taken),
        Warning,
        "ss -ltnp",
    );
    check(
        "units",
        |facts| {
            facts.units = Some(Err(UnitsBlocked {
                path: "/units/mine.container".into(),
                words: "it is a folder".to_owned(),
            }))
        },
        Failed,
        "move it away",
    );
    check(
        "orphans",
        |facts| facts.orphans = Some(vec!["archy-old.container".to_owned()]),
        Warning,
        "daemon-reload",
    );
}

#[test]
fn an_app_on_a_network_without_isolation_is_named_with_the_command_that_makes_it_anew() {
    let open = |names: &[&str]| {
        let ids = names.iter().map(|name| AppId::parse(name).unwrap());
        let ids: BTreeSet<AppId> = ids.collect();
        move |facts: &mut Facts| facts.unisolated = Some(ids)
    };
    let restart = "archipelago restart bitcoin";
    check("isolation", open(&["bitcoin"]), State::Warning, restart);
    check(
        "isolation",
        open(&["bitcoin", "electrs", "lnd"]),
        State::Warning,
        "archipelago restart bitcoin; then the same with electrs, lnd",
    );
}

#[test]
fn a_podman_that_does_not_wait_for_the_network_is_right_without_it() {
    let mut facts = right();
    facts.network = Some(Network {
        awaited: false,
        reached: false,
        wanted: false,
    });
    assert!(judge(&facts).iter().all(|check| check.state == State::Ok));
}

#[test]
fn an_answer_on_the_port_is_only_ours_when_our_service_runs() {
    let mut facts = right();
    facts.service = Some(Service {
        active: false,
        running_version: None,
        ..running("")
    });
    let names: Vec<&str> = judge(&facts)
        .iter()
        .filter(|check| check.state == State::Failed)
        .map(|check| check.name)
        .collect();
    assert_eq!(names, ["service", "port"]);
}

#[test]
fn a_port_is_free_before_the_first_start() {
    let mut facts = right();
    facts.port = Some(Port::Free);
    assert!(judge(&facts).iter().all(|check| check.state == State::Ok));
}

#[test]
fn root_is_sent_to_the_user_that_the_apps_belong_to() {
    let Check {
        state,
        cure,
        remedy,
        ..
    } = judge_root();
    assert_eq!((state, remedy), (State::Failed, Some(Remedy::Person)));
    assert!(cure.unwrap().contains("machinectl shell USER@"));
}

#[test]
fn a_version_is_read_out_of_what_podman_says() {
    for (text, version) in [
        ("podman version 5.4.2\n", Some((5, 4))),
        ("podman version 4.9.3-dev", Some((4, 9))),
        ("5.0+ds1", Some((5, 0))),
        ("podman version 10.12.0", Some((10, 12))),
        ("podman version five", None),
        ("5", None),
        ("", None),
    ] {
        assert_eq!(podman_version(text), version, "{text:?}");
    }
}

#[test]
fn ranges_are_counted_by_name_and_number_and_new_ones_take_no_one_elses() {
    let text = "bob:100000:65536\nann:165536:1000\n# a comment\n1000:300000:64536\nbroken:x:1\n";
    assert_eq!(subordinate_ids(text, "ann", 1000), 65_536);
    assert_eq!(subordinate_ids(text, "eve", 1001), 0);
    assert_eq!(
        free_subordinate_range(&[text, "bob:500000:65536\n"]),
        565_536
    );
    assert_eq!(free_subordinate_range(&["", "low:1000:5\n"]), 100_000);
}

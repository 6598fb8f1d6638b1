use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::*;
use crate::layout::Layout;
use crate::name::AppId;

const USERS: &str = "         0       1000          1\n         1     100000      65536\n";

/// The user of these tests.
const USER: u32 = 1000;

fn users() -> IdMap {
    IdMap::parse(USERS)
}

/// One file as `find` prints it.
fn entry(folder: &str, path: &str, kind: &str, owner: (u32, u32), readable: bool) -> Vec<u8> {
    let sign = if readable { '+' } else { '-' };
    let (user, group) = owner;
    format!("{sign}\t{kind}\t{user}\t{group}\t8\t1\t2049:1\t{folder}\t{path}\0").into_bytes()
}

/// A folder `/a` with one file.
fn scan_of(kind: &str, owner: u32, readable: bool) -> Scan {
    let mut scan = Scan::default();
    scan.add(&entry("/a", "/a", "d", (USER, USER), true));
    scan.add(&entry("/a", "/a/x", kind, (owner, owner), readable));
    scan
}

#[test]
fn ids_are_those_of_the_namespace() {
    let map = users();
    for (outside, inside) in [
        (1000, Some(0)),
        (100_000, Some(1)),
        (100_998, Some(999)),
        (165_535, Some(65_536)),
        (165_536, None),
        (999, None),
        (0, None),
    ] {
        assert_eq!(map.inside(outside), inside, "{outside}");
    }
    for (inside, is_there) in [(0, true), (65_536, true), (65_537, false)] {
        assert_eq!(map.has_inside(inside), is_there, "{inside}");
    }
    assert_eq!(IdMap::parse("nonsense\n1 2\n"), IdMap::default());
}

#[test]
fn the_files_are_counted_as_find_lists_them() {
    let mut scan = Scan::default();
    let mut bytes = entry("/a", "/a", "d", (0, 0), true);
    bytes.extend(entry("/a", "/a/tab\there\nline", "f", (999, 995), true));
    // A second name of one file takes no further room.
    for name in ["/a/one", "/a/two"] {
        let text = format!("+\tf\t0\t0\t100\t2\t2049:7\t/a\t{name}\0");
        bytes.extend(text.into_bytes());
    }
    // The list comes in parts.
    let (first, second) = bytes.split_at(40);
    let used = scan.add(first);
    let rest = [&first[used..], second].concat();
    assert_eq!(scan.add(&rest), rest.len());
    let found = &scan.folders[Path::new("/a")];
    assert_eq!(found.files, 4);
    assert_eq!(scan.bytes(), (8 + 8 + 100) * 512);
    let owners: Vec<(u32, u32)> = found.owners.keys().copied().collect();
    assert_eq!(owners, [(0, 0), (999, 995)]);
    assert_eq!(
        found.owners[&(999, 995)],
        PathBuf::from("/a/tab\there\nline")
    );
}

#[test]
fn the_engine_shows_by_the_owners() {
    use Engine::{Docker, Podman};
    use System::{CasaOs, Compose, Umbrel};
    let check = |given, system, volumes_of: &[Engine], owner, expected: Option<Engine>| {
        let users = users();
        let evidence = Evidence {
            given,
            system,
            user: USER,
            users: &users,
            volumes_of,
        };
        let found = engine(&scan_of("f", owner, true), &evidence).ok();
        assert_eq!(found, expected, "{given:?} {system:?} {owner}");
    };
    check(None, Umbrel, &[], 1000, Some(Docker));
    check(None, CasaOs, &[], 0, Some(Docker));
    // A copy that was received in this user's containers.
    check(None, Umbrel, &[], 100_998, Some(Podman));
    check(None, Compose, &[], 100_998, Some(Podman));
    check(None, Compose, &[], 999, Some(Docker));
    check(None, Compose, &[Podman], 1000, Some(Podman));
    check(None, Compose, &[Docker], 1000, Some(Docker));
    check(None, Compose, &[], 1000, None);
    check(Some(Docker), Compose, &[], 1000, Some(Docker));
    check(Some(Podman), Umbrel, &[], 1000, Some(Podman));
}

#[test]
fn what_cannot_be_copied_is_named() {
    let check = |engine, scan: &Scan, outside: &Scan, expected: &str| {
        let error = judge(engine, scan, outside, &users(), &users());
        let text = error.err().map(|error| error.to_string());
        let text = text.unwrap_or_default();
        assert!(text.starts_with(expected), "{text}");
        assert_eq!(text.is_empty(), expected.is_empty(), "{text}");
    };
    let docker = |scan: &Scan, expected| check(Engine::Docker, scan, scan, expected);
    docker(&scan_of("f", 999, true), "");
    docker(&scan_of("l", 0, true), "");
    docker(&scan_of("s", 0, true), "/a/x is a socket");
    docker(&scan_of("p", 0, true), "/a/x is a pipe");
    docker(&scan_of("b", 0, true), "/a/x is a device");
    docker(
        &scan_of("f", 999, false),
        "this user cannot read /a/x, which belongs to user 999",
    );
    docker(
        &scan_of("f", 100_998, true),
        "/a/x belongs to the id 100998, which this user's containers do not have",
    );
    let podman = |outside, expected| {
        let inside = scan_of("f", 998, true);
        check(
            Engine::Podman,
            &inside,
            &scan_of("f", outside, true),
            expected,
        );
    };
    podman(100_997, "");
    podman(
        0,
        "/a/x belongs to the id 0, which is none of this user's containers",
    );
    let mut link = Scan::default();
    link.add(&entry("/a", "/a", "l", (USER, USER), true));
    docker(&link, "/a is a link");
}

#[test]
fn a_move_needs_the_same_owners_and_file_system() {
    let folder = Path::new("/a");
    assert_eq!(judge_move(Engine::Podman, &[(folder, true)]), Ok(()));
    assert_eq!(
        judge_move(Engine::Podman, &[(folder, false)]),
        Err(Error::OtherFileSystem(folder.to_owned()))
    );
    assert_eq!(
        judge_move(Engine::Docker, &[(folder, true)]),
        Err(Error::MoveOfDocker)
    );
    assert_eq!(judge_room(1 << 20, Some(1), folder), Ok(()));
    assert!(judge_room((1 << 20) + 1, Some(1), folder).is_err());
    assert_eq!(judge_room(u64::MAX, None, folder), Ok(()));
}

#[test]
fn a_running_container_that_uses_the_data_stops_the_import() {
    let container = |mount: &str| RunningContainer {
        name: "web-1".to_owned(),
        program: "docker",
        mounts: vec![PathBuf::from(mount)],
    };
    for (mount, is_used) in [
        ("/a/data", true),
        ("/a/data/inner", true),
        ("/a/data2", false),
        // A program that looks at the whole disk.
        ("/", false),
    ] {
        let judged = judge_running(&[container(mount)], &[Path::new("/a/data")]);
        assert_eq!(judged.is_err(), is_used, "{mount}");
    }
}

fn app() -> AppId {
    AppId::parse("notes").expect("an id")
}

#[test]
fn each_folder_of_the_app_has_one_place() {
    let layout = Layout::under("/n");
    let (files, volumes) = (layout.files(&app()), layout.volumes(&app()));
    let folders = BTreeSet::from([
        files.join("data"),
        files.join("data/inner"),
        files.join("media"),
        volumes.join("db"),
    ]);
    let found = places(&layout, &app(), &folders);
    let folder = |path: &str| Place::Folder(path.to_owned());
    let volume = Place::Volume("db".to_owned());
    assert_eq!(
        found,
        BTreeSet::from([folder("data"), folder("media"), volume.clone()])
    );
    for place in &found {
        assert!(
            folders.contains(&place.target(&layout, &app())),
            "{place:?}"
        );
    }
    assert_eq!(
        volume.beneath(Path::new("/i")),
        PathBuf::from("/i/volumes/db")
    );
    assert_eq!(
        folder("a/b").beneath(Path::new("/i")),
        PathBuf::from("/i/files/a/b")
    );
}

/// An app with the folders `data` and `apps`, the latter elsewhere, and the volume `db`.
fn sources() -> Sources {
    Sources {
        folder: PathBuf::from("/old"),
        elsewhere: BTreeMap::from([("apps".to_owned(), PathBuf::from("/DATA/apps"))]),
        volumes: BTreeMap::from([(
            "db".to_owned(),
            vec![
                PathBuf::from("/podman/old_db"),
                PathBuf::from("/docker/old_db"),
            ],
        )]),
        ..Sources::default()
    }
}

/// The folders from which they are filled, when these exist, or the error.
fn planned(sources: &Sources, there: &[&str]) -> Result<Vec<String>, Error> {
    let places = BTreeSet::from([
        Place::Folder("apps".to_owned()),
        Place::Folder("data".to_owned()),
        Place::Volume("db".to_owned()),
    ]);
    let there: BTreeSet<PathBuf> = there.iter().map(PathBuf::from).collect();
    let planned = sources.plan(&places, &there)?;
    let from = |one: Planned| {
        one.from
            .map_or("-".to_owned(), |path| path.display().to_string())
    };
    Ok(planned.into_iter().map(from).collect())
}

#[test]
fn folders_are_filled_from_where_the_other_system_has_them() {
    let all = ["/DATA/apps", "/old/data", "/podman/old_db"];
    let found = planned(&sources(), &all);
    assert_eq!(
        found.as_deref(),
        Ok(&["/DATA/apps", "/old/data", "/podman/old_db"].map(str::to_owned)[..])
    );
    // A folder that was never made starts empty; a volume that is not found may be data lost.
    let found = planned(&sources(), &["/docker/old_db"]);
    assert_eq!(
        found.as_deref(),
        Ok(&["-", "-", "/docker/old_db"].map(str::to_owned)[..])
    );
    let error = planned(&sources(), &[]).unwrap_err().to_string();
    assert!(
        error.starts_with(
            "the volume db of the app was not found (/podman/old_db, /docker/old_db are not there"
        ),
        "{error}"
    );
    let error = planned(&sources(), &["/podman/old_db", "/docker/old_db"])
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("both /podman/old_db and /docker/old_db"),
        "{error}"
    );

    let mut given = sources();
    given.given.insert("db".to_owned(), PathBuf::from("/mine"));
    let found = planned(&given, &["/mine", "/podman/old_db"]);
    assert_eq!(
        found.as_deref(),
        Ok(&["-", "-", "/mine"].map(str::to_owned)[..])
    );
    let mut empty = sources();
    empty.empty.insert("db".to_owned());
    assert_eq!(
        planned(&empty, &[]).as_deref(),
        Ok(&["-", "-", "-"].map(str::to_owned)[..])
    );
    empty.empty.insert("cache".to_owned());
    assert_eq!(
        planned(&empty, &[]),
        Err(Error::UnknownVolume {
            name: "cache".to_owned(),
            known: BTreeSet::from(["db".to_owned()]),
        })
    );
}

#[test]
fn the_advice_is_a_pipe_that_keeps_the_owners() {
    let advice = readable_copy(
        System::CasaOs,
        "notes",
        Path::new("/var/lib/casaos/apps/notes"),
        Some(Path::new("/DATA")),
        &[(
            "db".to_owned(),
            PathBuf::from("/var/lib/docker/volumes/notes_db/_data"),
        )],
        &[
            PathBuf::from("/DATA/AppData/my notes"),
            PathBuf::from("/var/lib/casaos/apps/notes"),
        ],
    );
    insta::assert_snapshot!(advice);
}

#[test]
fn a_journal_survives_its_file() {
    let journal = Journal {
        moved: vec![Moved {
            from: PathBuf::from("/old/data"),
            to: PathBuf::from("files/data"),
        }],
        put: BTreeSet::from(["files".to_owned()]),
    };
    let bytes = journal.to_bytes().expect("paths are UTF-8");
    assert_eq!(Journal::parse(&bytes), Some(journal));
    assert_eq!(Journal::parse(b"{\"mov"), None);
}

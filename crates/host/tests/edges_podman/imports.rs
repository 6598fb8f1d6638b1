//! `host::imports` on files of other users, as Docker leaves them.

use std::path::{Path, PathBuf};

use archipelago_core::import::{Engine, Moved, Scan};
use archipelago_core::layout::Layout;
use archipelago_core::name::AppId;
use archipelago_host::imports::{self, Error, Staging};
use archipelago_host::{data_folder, disk};
use testhost::Account::User;
use testhost::Host;

use super::edges_inside::on_a_host;
use super::run;

const SOURCE: &str = "/srv/old";

fn make_source(host: &Host) {
    let script = "mkdir -p /srv/old/in; cd /srv/old
        echo text >in/file; ln in/file in/second; ln -s /etc/passwd out; truncate -s 32M hole
        touch -d @1000000000.25 in/file; chmod 2775 in; chmod 4711 in/file; chmod a+r in/file
        chown -R -h 999:995 in; chown 1000:1000 . hole; chmod 2775 in; chmod 4755 in/file
        mkdir /srv/closed; echo secret >/srv/closed/file; chmod 700 /srv/closed
        mkdir /srv/odd; mkfifo /srv/odd/pipe";
    let output = host
        .run_root(&["bash", "-euc", script])
        .expect("a run in the host");
    output.checked().expect("the files are made");
}

fn layout() -> Layout {
    let home = std::env::var_os("HOME").expect("HOME");
    let layout = Layout::under(PathBuf::from(home).join("node"));
    disk::make_folder(&layout.data, 0o700).expect("a folder");
    data_folder::take(&layout, None).expect("a data folder");
    layout
}

/// Owner, mode, number of names and time of a path, as containers see it.
fn stat(path: &Path) -> String {
    let path = path.display().to_string();
    run(
        "podman",
        &["unshare", "stat", "-c", "%u:%g %a %h %.2Y", &path],
    )
}

fn owners(scan: &Scan, folder: &str) -> Vec<(u32, u32)> {
    scan.folders[Path::new(folder)]
        .owners
        .keys()
        .copied()
        .collect()
}

#[test]
fn files_of_other_users_are_copied_with_their_owners() {
    on_a_host(
        "imports::files_of_other_users_are_copied_with_their_owners",
        User,
        make_source,
        async {
            let (layout, app) = (layout(), AppId::parse("notes").expect("an id"));
            let source = Path::new(SOURCE);
            let scan = imports::scan(&[source], Engine::Docker)
                .await
                .expect("a list");
            assert_eq!(owners(&scan, SOURCE), [(0, 0), (999, 995), (1000, 1000)]);
            assert_eq!(scan.folders[source].files, 6);
            assert!(scan.bytes() < 1 << 20, "the hole takes no room");
            let (users, _) = imports::ids().await.expect("ids");
            assert_eq!(users.inside(1000), Some(0));

            let staging = Staging::begin(&layout, &app)
                .expect("a folder")
                .expect("a lock");
            assert!(Staging::begin(&layout, &app).expect("no error").is_none());
            let to = staging.root().join("files/data");
            let mut bytes = 0;
            imports::copy(&staging, Engine::Docker, source, &to, |count| {
                bytes += count
            })
            .await
            .expect("a copy");
            assert!((1..1 << 20).contains(&bytes), "{bytes}");
            staging.write_secret("token", "x").expect("a secret");
            staging.sync().expect("a sync");
            assert!(stat(&to).starts_with("1000:1000 755 "), "{}", stat(&to));
            assert!(stat(&to.join("in")).starts_with("999:995 2775 "));
            assert_eq!(stat(&to.join("in/file")), "999:995 4755 2 1000000000.25");
            let linked = std::fs::read_link(to.join("out")).expect("a link");
            assert_eq!(linked, Path::new("/etc/passwd"));

            // As root in containers sees the copy.
            let inside = imports::scan(&[&to], Engine::Podman).await.expect("a list");
            let to_text = to.display().to_string();
            assert_eq!(
                owners(&inside, &to_text),
                [(0, 0), (999, 995), (1000, 1000)]
            );

            staging.put().expect("the data in their place");
            drop(staging);
            assert!(disk::may_exist(&layout.files(&app).join("data/in/file")));
            // There is no intent, so it is taken back and removed.
            assert_eq!(
                imports::abandoned(&layout).expect("a list"),
                std::slice::from_ref(&app)
            );
            imports::take_back(&layout, &app).expect("taken back");
            assert!(!disk::may_exist(&layout.files(&app)));
            assert!(!disk::may_exist(&layout.secrets(&app)));
            imports::remove_abandoned(&layout).await.expect("removed");
            assert!(!disk::may_exist(&layout.imports()));
        },
    );
}

#[test]
fn what_cannot_be_copied_is_told() {
    on_a_host(
        "imports::what_cannot_be_copied_is_told",
        User,
        make_source,
        async {
            let (closed, odd) = (Path::new("/srv/closed"), Path::new("/srv/odd"));
            let scan = imports::scan(&[closed, odd], Engine::Docker)
                .await
                .expect("a list");
            let (path, owner) = scan.folders[closed]
                .unreadable
                .clone()
                .expect("it is closed");
            assert_eq!((path.as_path(), owner.user), (closed, 0));
            let special = scan.folders[odd].special.clone();
            assert_eq!(special, Some((odd.join("pipe"), "a pipe")));

            let (layout, app) = (layout(), AppId::parse("notes").expect("an id"));
            let staging = Staging::begin(&layout, &app)
                .expect("a folder")
                .expect("a lock");
            let to = staging.root().join("files/data");
            let error = imports::copy(&staging, Engine::Docker, closed, &to, |_| ()).await;
            let error = error.expect_err("nobody may read it");
            assert!(matches!(error, Error::Read { .. }), "{error}");
        },
    );
}

#[test]
fn a_move_that_was_interrupted_is_undone() {
    on_a_host(
        "imports::a_move_that_was_interrupted_is_undone",
        User,
        |_| {},
        async {
            let (layout, app) = (layout(), AppId::parse("notes").expect("an id"));
            let old = layout.home.join("old");
            disk::make_folder(&old.join("data"), 0o755).expect("a folder");
            std::fs::write(old.join("data/file"), "text").expect("a file");
            run(
                "podman",
                &[
                    "unshare",
                    "chown",
                    "-R",
                    "999:999",
                    &old.join("data").display().to_string(),
                ],
            );
            let moved = || Moved {
                from: old.join("data"),
                to: PathBuf::from("files/data"),
            };
            for is_put in [false, true] {
                let staging = Staging::begin(&layout, &app)
                    .expect("a folder")
                    .expect("a lock");
                staging.note_moves(vec![moved()]).expect("a note");
                assert!(imports::is_movable(&layout, &old.join("data")));
                let to = staging.root().join("files/data");
                imports::move_folder(&old.join("data"), &to)
                    .await
                    .expect("moved");
                assert!(!disk::may_exist(&old.join("data")));
                if is_put {
                    staging.put().expect("the data in their place");
                }
                drop(staging);
                imports::take_back(&layout, &app).expect("taken back");
                imports::remove_abandoned(&layout).await.expect("removed");
                let file = old.join("data/file").display().to_string();
                assert_eq!(run("podman", &["unshare", "cat", &file]), "text");
                assert_eq!(
                    run("podman", &["unshare", "stat", "-c", "%u", &file]),
                    "999"
                );
                assert!(!disk::may_exist(&layout.files(&app)));
            }
            // With an intent, the import had come to its end.
            let staging = Staging::begin(&layout, &app)
                .expect("a folder")
                .expect("a lock");
            staging.note_moves(vec![moved()]).expect("a note");
            imports::move_folder(&old.join("data"), &staging.root().join("files/data"))
                .await
                .expect("moved");
            staging.put().expect("the data in their place");
            drop(staging);
            disk::make_folder(&layout.apps(), 0o755).expect("a folder");
            std::fs::write(layout.intent(&app), "").expect("an intent");
            imports::take_back(&layout, &app).expect("nothing to take back");
            imports::remove_abandoned(&layout).await.expect("removed");
            assert!(disk::may_exist(&layout.files(&app).join("data")));
            assert!(!disk::may_exist(&layout.imports()));
        },
    );
}

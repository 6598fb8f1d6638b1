//! No mount source lies beneath a folder that a container can write.

use super::*;
use crate::file_error::FileError;
use crate::intent::Intent;

/// The app `a` with two services, each with these mounts.
fn two(first: &str, second: &str) -> String {
    format!(
        "services:\n  a:\n    image: x\n    volumes: [{first}]\n  b:\n    image: x\n    volumes: [{second}]\nvolumes: {{data: }}\n"
    )
}

fn one(mounts: &str) -> String {
    two(mounts, "")
}

/// Whether the app `a` with these lines is refused, and why.
fn cause_of(inputs: &Inputs, app: &str) -> Option<String> {
    let desired = assemble(inputs, &Apps::read(inputs));
    match &desired.apps[&id(app)] {
        App::Present(_) => None,
        other => Some(said(other)),
    }
}

fn refused(text: &str, expected: &[&str]) {
    let cause = cause_of(&inputs(&[("a", text)]), "a").unwrap_or_else(|| panic!("{text}"));
    for words in expected {
        assert!(cause.contains(words), "{words:?} is missing in: {cause}");
    }
}

fn accepted(text: &str) {
    assert_eq!(cause_of(&inputs(&[("a", text)]), "a"), None, "{text}");
}

#[test]
fn the_refusal_names_both_mounts_and_the_way_out() {
    let text = one("\"./d:/d\", \"./d/s:/s\"");
    assert_eq!(
        cause_of(&inputs(&[("a", &text)]), "a").as_deref(),
        Some(
            "/config/apps/a/compose.yaml:4:25: services.a.volumes[1]: ./d/s lies in ./d, which services.a.volumes[0] (line 4) lets \
             a container write: the container could replace it by a link to any place, and Podman would follow the link. Mount ./d \
             read-only (`:ro`), or move one of the two out of the other"
        )
    );
}

/// Only root can replace these files, even if a container mounts the folder above.
#[test]
fn what_lies_in_a_folder_of_the_system_cannot_be_replaced() {
    accepted(&one(r#""/var/run:/var/run", "/var/run/docker.sock:/s""#));
    refused(
        &one(r#""/var/run:/run", "/var/run/user/1000/bus:/s""#),
        &["lies in /var/run"],
    );
}

#[test]
fn a_source_beneath_what_a_container_writes_is_refused_however_it_is_written() {
    for mounts in [
        r#""./d:/d", "./d/s:/s""#,
        r#""./d/s:/s", "./d:/d""#,
        r#""./d:/d", "./d/s:/s:ro""#,
        r#""./d:/d", "./d/a/b/c:/s""#,
        r#""./d/.:/d", ".//d/./s:/s""#,
        r#""/srv/x:/x", "/srv/x/y:/y""#,
        r#""/srv/x/:/x", "/srv//x/./y/:/y""#,
        r#"{type: bind, source: /srv/x, target: /x}, {type: bind, source: /srv/x/y, target: /y, read_only: true}"#,
        r#"data:/data, "/data/volumes/a/data/inside:/y""#,
        r#""./d:/d", "/data/files/a/d/s:/s""#,
    ] {
        refused(&one(mounts), &["lies in", "services.a.volumes", ":ro"]);
    }
    for (first, second) in [
        (r#""./d:/d""#, r#""./d/s:/s""#),
        (r#""./d/s:/s""#, r#""./d:/d""#),
        (r#""/srv/x:/x""#, r#""/srv/x/y:/y:ro""#),
        ("data:/data", r#""/data/volumes/a/data/x:/x""#),
    ] {
        refused(
            &two(first, second),
            &["services.a.volumes[0]", "services.b.volumes[0]"],
        );
    }
}

#[test]
fn what_nothing_can_replace_is_accepted() {
    for mounts in [
        // Two names of one folder.
        r#""./d:/d", "./d:/e""#,
        r#"data:/data, data:/again"#,
        r#""/srv/x:/x", "/srv/x/:/y""#,
        // Read-only, nothing in it can be replaced.
        r#""./d:/d:ro", "./d/s:/s""#,
        r#""/srv/x:/x:ro", "/srv/x/y:/y""#,
        // Beside each other.
        r#""./d:/d", "./ds:/s", "./e/d:/e""#,
        // Nested in the container only.
        r#"data:/data, "./d:/data/d""#,
        // A container that can write this already has all the operator's rights.
        r#""/:/host", "/srv/x:/x", data:/data"#,
        r#""/run:/run", "/run/podman/podman.sock:/sock""#,
    ] {
        accepted(&one(mounts));
    }
    accepted(&two(r#""./d:/d""#, r#""./d:/d", "./e:/e""#));
    // A read-only one beside one that may write still is one that a container writes.
    refused(
        &two(r#""./d:/d:ro", "./d/s:/s""#, r#""./d:/d""#),
        &["services.a.volumes[1]", "services.b.volumes[0]"],
    );
}

#[test]
fn two_dots_are_refused_where_they_may_lead_elsewhere() {
    refused(&one(r#""/srv/x/../y:/y""#), &[":4:15", "`..`"]);
}

#[test]
fn archipelagos_own_folders_are_not_written_by_containers() {
    for source in [
        "/data",
        "/config",
        "/config/apps",
        "/config/apps/b",
        "/data/secrets/a",
        "/data/archy-a",
        "/data/volumes",
        "/data/volumes/b",
    ] {
        refused(
            &one(&format!("\"{source}:/x\"")),
            &[
                if source.starts_with("/data") {
                    " /data,"
                } else {
                    " /config,"
                },
                ":ro",
            ],
        );
        accepted(&one(&format!("\"{source}:/x:ro\"")));
    }
    accepted(&one(r#""/data/volumes/b/data:/x""#));
}

#[test]
fn another_apps_mount_is_kept_safe_as_well() {
    let inner = one(r#""/srv/x/y:/y""#);
    let outer = one(r#""/srv/x:/x""#).replace("a:\n", "z:\n");
    for (inner_id, outer_id) in [("a", "z"), ("z", "a")] {
        let all = inputs(&[(inner_id, &inner), (outer_id, &outer)]);
        let cause = cause_of(&all, inner_id).unwrap();
        assert!(
            cause.contains("/srv/x/y lies in /srv/x, which ")
                && cause.contains(&format!(" of the app {outer_id} lets a container write"))
                && cause.contains(&format!("/config/apps/{outer_id}/compose.yaml:4:15")),
            "{cause}"
        );
        assert_eq!(cause_of(&all, outer_id), None);
    }
    // The containers of an app that is being removed may still run.
    let mut all = inputs(&[("a", &inner), ("z", &outer)]);
    all.intents.insert(
        id("z"),
        Intent::parse("", "state = \"removed\"\n").map_err(FileError::from),
    );
    assert!(cause_of(&all, "a").is_some());
    all.intents.insert(
        id("a"),
        Intent::parse("", "state = \"removed\"\n").map_err(FileError::from),
    );
    assert!(cause_of(&all, "a").unwrap().starts_with("removed"));
}

#[test]
fn links_on_the_way_count_as_the_places_they_are_at_and_lead_to() {
    let paths = |all: &[&str]| all.iter().map(PathBuf::from).collect::<Vec<_>>();
    let with = |mounts: &str, trails: &[(&str, &[&str])]| {
        let mut all = inputs(&[("a", &one(mounts))]);
        for (path, trail) in trails {
            all.found.trails.insert(PathBuf::from(path), paths(trail));
        }
        cause_of(&all, "a")
    };
    let mounts = r#""/srv/w:/w", "/srv/l:/l""#;
    assert_eq!(with(mounts, &[("/srv/l", &["/srv/l", "/other"])]), None);
    for trail in [
        &["/srv/l", "/srv/w/x"][..],
        &["/srv/l", "/srv/w/x", "/home/op"],
    ] {
        let cause = with(mounts, &[("/srv/l", trail)]).unwrap();
        assert!(
            cause.contains("/srv/l leads through /srv/w/x, which lies in /srv/w, which services.a.volumes[0] (line 4)"),
            "{cause}"
        );
    }
    // The writer's own folder may be what is behind a link.
    let mounts = r#""/srv/w:/w", "/mnt/disk/y:/l""#;
    assert!(with(mounts, &[("/srv/w", &["/srv/w", "/mnt/disk"])]).is_some());
    // So may the folder of all data.
    let mounts = r#""/mnt:/w""#;
    assert_eq!(with(mounts, &[]), None);
    let cause = with(mounts, &[("/data", &["/data", "/mnt/disk"])]).unwrap();
    assert!(cause.contains("must not write /data"), "{cause}");
}

#[test]
fn a_link_that_a_container_may_have_left_is_not_followed() {
    let paths = |all: &[&str]| all.iter().map(PathBuf::from).collect::<Vec<_>>();
    let with = |mount: &str, trails: &[&[&str]]| {
        let mut all = inputs(&[("a", &one(mount))]);
        for trail in trails {
            let trail = paths(trail);
            all.found.trails.insert(trail[0].clone(), trail);
        }
        cause_of(&all, "a")
    };
    let link = "/data/files/a/d/s";
    let cause = with("\"./d/s:/s\"", &[&[link, "/home/op"]]).unwrap();
    assert!(
        cause
            .contains(":4:15: services.a.volumes[0]: ./d/s leads over the link /data/files/a/d/s,"),
        "{cause}"
    );
    // No container can write above these paths, so only the operator can have made the links.
    assert_eq!(
        with("\"./d:/d\"", &[&["/data/files/a/d", "/mnt/disk"]]),
        None
    );
    assert_eq!(
        with("data:/d", &[&["/data/volumes/a/data", "/mnt/disk"]]),
        None
    );
    let all = inputs(&[("a", &one("\"./d/s:/s\""))]);
    let wanted = Apps::read(&all).mounted(&all.layout);
    assert!(
        wanted.contains(&PathBuf::from("/data/files/a/d")),
        "{wanted:?}"
    );
    let mut all = all;
    for (path, trail) in [
        ("/data/files/a/d", &["/data/files/a/d", "/mnt/disk"][..]),
        (link, &["/data/files/a/d", "/mnt/disk/s", "/home/op"]),
    ] {
        all.found.trails.insert(PathBuf::from(path), paths(trail));
    }
    let cause = cause_of(&all, "a").unwrap();
    assert!(cause.contains("the link /mnt/disk/s,"), "{cause}");
}

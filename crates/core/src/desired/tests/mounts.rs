//! The mounts of containers.

use super::compose::*;
use super::*;
use crate::check::needs::unmet_by;
use crate::image_facts::ImageFacts;
use crate::needs::Offers;
use crate::release::ReleaseId;

#[test]
fn a_folder_that_does_not_come_with_the_app_is_made_among_its_data() {
    let inputs = app(
        &service(
            "volumes: ['./new/inner:/new', '/srv/media:/media:ro', 'data:/data', './page:/page:ro']",
        ),
        &[("page/index.html", b"")],
    );
    let content = content(&inputs);
    let volumes: Vec<&str> = content
        .lines()
        .filter_map(|line| line.strip_prefix("Volume="))
        .collect();
    // The operator's own folders keep their SELinux labels.
    // Files of the definition are mounted from a release of their own.
    let mounted: Vec<ReleaseId> = present(&inputs).mounted.into_keys().collect();
    let [page] = mounted.as_slice() else {
        panic!("{mounted:?}");
    };
    assert_eq!(
        volumes,
        [
            "/data/files/a/new/inner:/new:z",
            "/srv/media:/media:ro",
            "archy-a-data.volume:/data:z",
            format!("/config/releases/{page}/page:/page:ro,z").as_str(),
        ]
    );
    let folders: Vec<String> = present(&inputs)
        .folders
        .iter()
        .map(|folder| folder.display().to_string())
        .collect();
    assert_eq!(folders, ["/data/files/a/new/inner", "/data/volumes/a/data"]);
}

#[test]
fn a_container_is_started_anew_when_a_file_changes_that_it_has_mounted() {
    let text = service("volumes: ['./page:/page:ro', './one.conf:/one.conf:ro']");
    let files: [(&str, &[u8]); 4] = [
        ("page/index.html", b"1"),
        ("page/deep/style.css", b"1"),
        ("one.conf", b"1"),
        ("page.md", b"1"),
    ];
    let revision = |files: &[(&str, &[u8])]| {
        let present = present(&app(&text, files));
        present.units["archy-a.container"].file.revision.clone()
    };
    let first = revision(&files);
    for (changed, matters) in [(0, true), (1, true), (2, true), (3, false)] {
        let mut others = files;
        others[changed].1 = b"2";
        assert_eq!(revision(&others) != first, matters, "{}", files[changed].0);
    }
}

#[test]
fn the_text_of_a_config_is_a_file_that_is_stored_for_its_container() {
    let text = |content: &str| {
        let lines = "configs: [{source: page, target: /etc/page, mode: 0440}]";
        let top = format!("configs: {{page: {{content: {content}}}}}\n");
        service(lines) + &top
    };
    let inputs = app(&text("one"), &[]);
    let present = present(&inputs);
    let stored: Vec<_> = present.mounted.iter().collect();
    let [(release, files)] = stored.as_slice() else {
        panic!("{stored:?}");
    };
    assert_eq!(files["configs/page"].text(), Some("one"));
    assert_eq!(files["configs/page"].mode.bits(), 0o600);
    let line = format!("Volume=/config/releases/{release}/configs/page:/etc/page:ro,z");
    let content = content(&inputs);
    assert!(content.lines().any(|other| other == line), "{content}");
    // Another text is another file, and starts the container anew.
    let other = compose::present(&app(&text("two"), &[]));
    let revision = |present: &Present| present.units["archy-a.container"].file.revision.clone();
    assert_ne!(revision(&present), revision(&other));
}

#[test]
fn a_volume_that_is_no_apps_is_mounted_by_its_name_and_must_be_there() {
    let text = "services:\n  a: {image: x, volumes: ['films:/films', {type: volume, source: data, target: /data, volume: {nocopy: true}}]}\nvolumes: {films: {external: true}, data: }\n";
    let inputs = app(text, &[]);
    let present = present(&inputs);
    let content = content(&inputs);
    for line in [
        "Volume=films:/films",
        "Volume=archy-a-data.volume:/data:nocopy,z",
        "ExecStartPre=podman volume exists films",
    ] {
        assert!(
            content.lines().any(|other| other == line),
            "{line} in\n{content}"
        );
    }
    assert!(!present.units.contains_key("archy-a-films.volume"));
    let (_, container) = present.containers().next().unwrap();
    assert_eq!(
        container.needs.volumes,
        BTreeSet::from(["films".to_owned()])
    );
    let offers = |missing: &[&str]| Offers {
        missing_volumes: missing.iter().map(|name| (*name).to_owned()).collect(),
        ..Offers::default()
    };
    let needs = |missing: &[&str]| unmet_by(container, &offers(missing));
    assert_eq!(needs(&["other"]), []);
    let [need] = &needs(&["films"])[..] else {
        panic!("the volume is missing");
    };
    assert!(need.is_certain() && need.keeps_from_starting());
    assert_eq!(
        need.to_string(),
        "it mounts the volume films, which Podman does not have; make it (podman volume create films), or remove `external` from \
         compose.yaml: the app gets a volume of its own"
    );
}

#[test]
fn dockers_socket_is_mounted_from_the_users_podman() {
    for (lines, target) in [
        ("volumes: ['/var/run/docker.sock:/sock:ro']", "/sock:ro"),
        (
            "volumes: ['${XDG_RUNTIME_DIR:-}/docker.sock:/sock']",
            "/sock",
        ),
        ("use_api_socket: true", "/var/run/docker.sock"),
    ] {
        check_lines(
            lines,
            &[
                &format!("Volume=/run/podman/podman.sock:{target}"),
                "Wants=podman.socket",
                "After=podman.socket",
            ],
        );
    }
}

#[test]
fn a_data_folder_that_no_unit_can_name_is_refused() {
    let mut inputs = app(&service("init: true"), &[]);
    inputs.layout.data = PathBuf::from("/da\nta");
    let cause = cause(&inputs);
    assert!(cause.starts_with("archy-a-data.volume: "), "{cause}");
}

/// The lines of the app `a` that name volumes, when its image declares these.
fn volume_lines(lines: &str, declared: &[&str], files: &[(&str, &[u8])]) -> Vec<String> {
    let mut inputs = app(&service(lines), files);
    let facts = ImageFacts::new("id", declared.iter().copied());
    inputs
        .found
        .images
        .insert("docker.io/library/x:latest".to_owned(), facts);
    let content = content(&inputs);
    let named = content.lines().filter(|line| line.starts_with("Volume="));
    named.map(str::to_owned).collect()
}

#[test]
fn a_path_that_the_image_declares_and_nothing_is_mounted_at_has_a_volume() {
    let data = "Volume=archy-a-a-var-lib-x-c1e90c89.volume:/var/lib/x:z";
    assert_eq!(volume_lines("init: true", &["/var/lib/x/"], &[]), [data]);
    // As in Podman, a mount above covers nothing.
    assert_eq!(
        volume_lines("volumes: [\"data:/var\"]", &["/var/lib/x"], &[]),
        ["Volume=archy-a-data.volume:/var:z", data]
    );
    for covered in [
        "volumes: [\"data:/var/lib/x\"]",
        "volumes: [\"./d:/var/lib/x/\"]",
        "volumes: [\"/srv:/var/lib/x:ro\"]",
        "tmpfs: [\"/var/lib/x:size=1m\"]",
    ] {
        let lines = volume_lines(covered, &["/var/lib/x"], &[]);
        let volumes = lines.iter().filter(|line| line.contains("archy-a-a-"));
        assert_eq!(volumes.count(), 0, "{covered}: {lines:?}");
    }
}

#[test]
fn a_volume_of_an_image_is_kept_like_one_of_the_app() {
    let mut inputs = app(&service("init: true"), &[]);
    assert!(
        present(&inputs)
            .containers()
            .all(|(_, container)| container.image_facts.is_none())
    );
    let facts = ImageFacts::new("id", ["/var/lib/x"].into_iter());
    inputs
        .found
        .images
        .insert("docker.io/library/x:latest".to_owned(), facts.clone());
    let present = present(&inputs);
    let name = "a-var-lib-x-c1e90c89";
    assert!(
        present
            .folders
            .contains(&PathBuf::from(format!("/data/volumes/a/{name}")))
    );
    let unit = &present.units[&format!("archy-a-{name}.volume")];
    assert_eq!(unit.role, Role::Volume(format!("archy-a-{name}")));
    let (_, container) = present.containers().next().unwrap();
    assert_eq!(container.image_facts, Some(facts));
    // It must not start without it.
    let content = content(&inputs);
    assert!(
        content.contains(&format!(
            "ExecStartPre=podman volume exists archy-a-{name}\n"
        )),
        "{content}"
    );
    // The same path of another service, and one that reads alike, are other volumes.
    let other = |service: &str, path: &str| {
        let text = format!("services:\n  {service}:\n    image: x\n  b: {{image: y}}\n");
        let mut all = super::inputs(&[("a", &text)]);
        let facts = ImageFacts::new("id", [path].into_iter());
        let known = &mut all.found.images;
        known.insert("docker.io/library/x:latest".to_owned(), facts);
        let desired = assembled(&all);
        let (_, present) = desired.present().next().unwrap();
        let volumes = present
            .units
            .keys()
            .filter(|name| name.ends_with(".volume"));
        volumes.cloned().collect::<Vec<_>>()
    };
    let names = [other("a", "/x/y"), other("c", "/x/y"), other("a", "/x-y")];
    let all: BTreeSet<&Vec<String>> = names.iter().collect();
    assert_eq!(all.len(), 3, "{names:?}");
}

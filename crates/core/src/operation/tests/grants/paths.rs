//! Paths of the host: their words, their descriptions, and the paths that no app may mount.

use super::*;
use crate::desired::Apps;

/// The node, with a link from the first path to the second.
fn linked(from: &str, to: &str) -> Inputs {
    let mut inputs = inputs();
    let trail = [from, to].map(PathBuf::from);
    inputs.found.trails.insert(trail[0].clone(), trail.to_vec());
    inputs
}

#[test]
fn every_path_of_the_host_needs_its_word_and_is_described() {
    for (source, says) in [
        (
            "/",
            "read /: this user's own files or the secrets of apps are in it",
        ),
        ("/home", "read /home: this user's own files or"),
        ("/home/op", "read /home/op: this user's own files or"),
        ("/var/lib", "read /var/lib: this user's own files or"),
        ("/run", "read /run: this user's own files or"),
        (
            "/home/op/.config",
            "read /home/op/.config: this user's own files or",
        ),
        (
            "/home/op/.ssh",
            "read /home/op/.ssh: this user's own keys and settings are there",
        ),
        (
            "/home/op/a/.git",
            "read /home/op/a/.git: this user's own keys",
        ),
        (
            "/run/other.sock",
            "read /run/other.sock: it can control programs through the sockets there",
        ),
        ("/srv/x.sock", "read /srv/x.sock: it can control programs"),
        ("/var/run/x", "read /var/run/x: it can control programs"),
        (
            "/proc",
            "read /proc: devices and running programs are visible there",
        ),
        ("/dev/dri", "read /dev/dri: devices"),
        ("/sys/class", "read /sys/class: devices"),
        ("/home/op/films", "read /home/op/films"),
        ("/home/other/.ssh", "read /home/other/.ssh"),
        ("/home/open", "read /home/open"),
        ("/runner", "read /runner"),
        ("/etc/localtime", "read /etc/localtime"),
        // This is the app's own folder, but the manifest names it as a path of the host.
        (
            "/var/lib/archipelago/files/a/d",
            "read /var/lib/archipelago/files/a/d",
        ),
    ] {
        let lines = format!("volumes: ['{source}:/x:ro']");
        check(&lines, &[&format!("path:{source}:ro")]);
        let told: Vec<String> = install(&inputs(), &lines)
            .new_grants()
            .map(ToString::to_string)
            .collect();
        let is_plain = !says.contains(':');
        assert!(
            told[0].starts_with(says) && (!is_plain || told[0] == says),
            "{told:?}"
        );
    }
    check("volumes: ['./d:/d']", &[]);
    let told = |lines: &str| {
        install(&inputs(), lines)
            .new_grants()
            .next()
            .unwrap()
            .to_string()
    };
    assert_eq!(
        told("volumes: ['/:/x']"),
        "read and change /: the files that start this user's programs are in it, so it may do all that this user may"
    );
    assert_eq!(told("volumes: ['/srv/b:/x']"), "read and change /srv/b");
}

#[test]
fn one_path_needs_one_word_and_changing_it_includes_reading_it() {
    check(
        "volumes: ['/srv/b:/a', '/srv/./b/:/b', '/srv//b:/c:ro']",
        &["path:/srv/b"],
    );
    check(
        "volumes: ['/srv/b:/a:ro', '/srv/b:/b:ro']",
        &["path:/srv/b:ro"],
    );
    let mut inputs = installed("command: [a]");
    let allow = |words: &[&str]| Intent {
        allow: set_of(words),
        ..Intent::default()
    };
    for (granted, asked, expected) in [
        ("path:/srv/b", "/srv/b:/b:ro", vec![]),
        ("path:/srv/b:ro", "/srv/b:/b", vec!["path:/srv/b"]),
        ("path:/srv", "/srv/b:/b", vec!["path:/srv/b"]),
        ("path:/srv/bc", "/srv/b:/b", vec!["path:/srv/b"]),
    ] {
        inputs.intents.insert(id(), Ok(allow(&[granted])));
        let proposal = install(&inputs, &format!("volumes: ['{asked}']"));
        assert_eq!(words(&proposal), expected, "{granted}, {asked}");
    }
}

#[test]
fn a_path_over_links_counts_as_their_target() {
    let inputs = linked("/srv/b", "/home/op/.ssh");
    let lines = "volumes: ['/srv/b:/x:ro', '/home/op/.ssh:/y:ro']";
    check_on(&inputs, lines, &["path:/home/op/.ssh:ro"]);
    let told = install(&inputs, "volumes: ['/srv/b:/x:ro']");
    assert_eq!(
        told.new_grants().next().unwrap().to_string(),
        "read /home/op/.ssh (to which the link /srv/b leads): this user's own keys and settings are there"
    );
    check_on(
        &linked("/srv/b", SOCKET),
        "volumes: ['/srv/b:/x:ro']",
        &["podman-socket"],
    );
    let refusal = try_install(
        &linked("/srv/b", "/run/user/1000/bus"),
        with_image("volumes: ['/srv/b:/x:ro']"),
    );
    assert!(refusal.is_err());
}

#[test]
fn some_paths_no_app_may_mount() {
    for (source, says) in [
        (
            "/home/op/.config/archipelago",
            "from which Archipelago and systemd start programs",
        ),
        (
            "/home/op/.config/archipelago/apps/a.toml",
            "from which Archipelago and systemd start programs",
        ),
        (
            "/home/op/.config/containers/systemd",
            "from which Archipelago and systemd start programs",
        ),
        (
            "/home/op/.config/systemd/user/x",
            "from which Archipelago and systemd start programs",
        ),
        ("/var/lib/archipelago", "`x-archipelago.exports`"),
        (
            "/var/lib/archipelago/secrets/b/token",
            "`x-archipelago.exports`",
        ),
        (
            "/var/lib/archipelago/archy-b/page",
            "`x-archipelago.exports`",
        ),
        ("/var/lib/archipelago/volumes", "`x-archipelago.exports`"),
        (
            "/var/lib/archipelago/volumes/b/data",
            "`x-archipelago.exports`",
        ),
        (
            "/var/lib/archipelago/volumes/ab/data",
            "`x-archipelago.exports`",
        ),
        ("/run/user/1000", "but /run/user/1000/podman/podman.sock"),
        (
            "/run/user/1000/bus",
            "but /run/user/1000/podman/podman.sock",
        ),
        (
            "/run/user/1000/podman",
            "but /run/user/1000/podman/podman.sock",
        ),
        (
            "/run/user/1000/podman/podman.sock/x",
            "but /run/user/1000/podman/podman.sock",
        ),
    ] {
        let refusal = try_install(
            &inputs(),
            with_image(&format!("volumes: ['{source}:/x:ro']")),
        );
        let told = refusal
            .err()
            .map(|refusal| refusal.to_string())
            .unwrap_or_default();
        let place = "there/compose.yaml:4:15: services.a.volumes[0]: no app may mount";
        assert!(
            told.starts_with(place) && told.contains(says),
            "{source}: {told}"
        );
    }
    // To change what contains Archipelago's folders is refused, except where that gives all the
    // rights of the user anyway.
    let refusal = try_install(&inputs(), with_image("volumes: ['/var/lib:/x']"));
    assert!(
        refusal.is_err_and(|refusal| refusal.to_string().contains("must not write")),
        "/var/lib"
    );
    check("volumes: ['/:/x']", &["path:/"]);
    // The folder of all data may be a link.
    let inputs = linked("/var/lib/archipelago", "/mnt/disk");
    let refusal = try_install(&inputs, with_image("volumes: ['/mnt/disk/secrets:/x:ro']"));
    assert!(refusal.is_err());
    check_on(
        &inputs,
        "volumes: ['/mnt/other:/x:ro']",
        &["path:/mnt/other:ro"],
    );
}

#[test]
fn links_on_the_way_of_the_users_folders_are_known() {
    let layout = inputs().layout;
    let asked = Apps::read(&inputs()).mounted(&layout);
    for folder in [
        &layout.config,
        &layout.data,
        &layout.units,
        &layout.systemd,
        &layout.runtime,
        &layout.home,
    ] {
        assert!(asked.contains(folder), "{}", folder.display());
    }

    let description = |inputs: &Inputs, source: &str| {
        let proposal = install(inputs, &format!("volumes: ['{source}:/x:ro']"));
        let grants: Vec<String> = proposal.new_grants().map(ToString::to_string).collect();
        grants.join("\n")
    };
    // A folder of the user's settings that is kept elsewhere.
    let elsewhere = linked("/home/op/.config/systemd/user", "/srv/kept/systemd/user");
    let units = with_image("volumes: ['/srv/kept/systemd/user/x.service:/x:ro']");
    assert!(try_install(&elsewhere, units).is_err());
    let all = description(&elsewhere, "/srv/kept");
    assert!(
        all.starts_with("read /srv/kept: this user's own files"),
        "{all}"
    );
    // A container that changes the folder of a link can change its target.
    let all = description(&elsewhere, "/home/op/.config");
    assert!(all.contains(": this user's own files"), "{all}");
    // A home behind a link.
    let home = linked("/home/op", "/var/home/op");
    let keys = description(&home, "/var/home/op/.ssh");
    assert!(keys.contains(": this user's own keys"), "{keys}");
}

#[test]
fn a_missing_folder_is_made_with_the_right_to_it_and_for_who_writes_it() {
    let mut inputs = inputs();
    let missing = ["/srv/b", "/srv/b.txt", "/srv/conf.d", "/dev/b"];
    inputs.found.missing = missing.map(PathBuf::from).into();
    let folders = |inputs: &Inputs, lines: &str| {
        let proposal = install(inputs, lines);
        let told = proposal.new_grants().map(ToString::to_string).collect();
        let folders = proposal.installation().unwrap().new_folders.iter();
        let folders = folders.map(|(path, owner)| {
            let owner = owner.map(|owner| format!(" for {owner}"));
            format!("{}{}", path.display(), owner.unwrap_or_default())
        });
        (folders.collect::<Vec<_>>(), told)
    };
    for (lines, folder, told) in [
        (
            "volumes: ['/srv/b:/x']",
            Some("/srv/b"),
            "read and change /srv/b (a folder that is made now)",
        ),
        (
            "user: '7:8', volumes: ['/srv/./b:/x']",
            Some("/srv/b for 7:8"),
            "read and change /srv/b (a folder that is made now)",
        ),
        (
            "user: '7:8', volumes: ['/srv/b:/x:ro']",
            Some("/srv/b"),
            "read /srv/b (a folder that is made now)",
        ),
        (
            "volumes: ['/srv/conf.d:/x:ro']",
            Some("/srv/conf.d"),
            "read /srv/conf.d (a folder that is made now)",
        ),
        ("volumes: ['/srv/c:/x']", None, "read and change /srv/c"),
        (
            "volumes: ['/dev/b:/x']",
            None,
            "read and change /dev/b: devices and running programs are visible there",
        ),
    ] {
        let lines = lines.replace(", volumes", "\n    volumes");
        let folder: Vec<String> = folder.map(str::to_owned).into_iter().collect();
        assert_eq!(folders(&inputs, &lines), (folder, vec![told.to_owned()]));
    }
    let lines = "volumes: ['/srv/b.txt:/x']";
    let refusal = try_install(&inputs, with_image(lines)).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "a mounts /srv/b.txt, which is not there and looks like a file; make it first, or make a folder of that name"
    );
    // A folder that went missing later may be on a disk that is not mounted.
    for allow in ["path:/srv/b", "path:/srv/b.txt"] {
        let intent = Intent {
            allow: set_of(&[allow]),
            ..Intent::default()
        };
        inputs.intents.insert(id(), Ok(intent));
        inputs.definitions.insert(id(), with_image("init: true"));
        let lines = format!("volumes: ['{}:/x']", allow.replace("path:", ""));
        assert_eq!(folders(&inputs, &lines), (vec![], vec![]));
    }
}

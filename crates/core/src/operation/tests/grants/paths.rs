//! Paths of the host: which words they need, what is said of them, and which no app may mount.

use super::*;

/// The same, where the first path is a link to the second one.
fn linked(from: &str, to: &str) -> Inputs {
    let mut inputs = inputs();
    let trail = [from, to].map(PathBuf::from);
    inputs.found.trails.insert(trail[0].clone(), trail.to_vec());
    inputs
}

#[test]
fn every_path_of_the_host_needs_its_word_and_is_said_for_what_it_is() {
    for (source, says) in [
        (
            "/",
            "read /: this user's own files and the secrets of all apps lie in it",
        ),
        ("/home", "read /home: this user's own files and"),
        ("/home/op", "read /home/op: this user's own files and"),
        ("/var/lib", "read /var/lib: this user's own files and"),
        ("/run", "read /run: this user's own files and"),
        (
            "/home/op/.config",
            "read /home/op/.config: this user's own files and",
        ),
        (
            "/home/op/.ssh",
            "read /home/op/.ssh: this user's own keys and settings lie there",
        ),
        (
            "/home/op/a/.git",
            "read /home/op/a/.git: this user's own keys",
        ),
        (
            "/run/docker.sock",
            "read /run/docker.sock: through sockets there it can control programs",
        ),
        ("/srv/x.sock", "read /srv/x.sock: through sockets"),
        ("/var/run/x", "read /var/run/x: through sockets"),
        (
            "/proc",
            "read /proc: the devices and all running programs show there",
        ),
        ("/dev/dri", "read /dev/dri: the devices"),
        ("/sys/class", "read /sys/class: the devices"),
        ("/home/op/films", "read /home/op/films"),
        ("/home/other/.ssh", "read /home/other/.ssh"),
        ("/home/open", "read /home/open"),
        ("/runner", "read /runner"),
        ("/etc/localtime", "read /etc/localtime"),
        // What is the app's own is nevertheless named by a path of the host.
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
        "read and change /: what this user's programs are started from lies in it, so it may do all that this user may"
    );
    assert_eq!(told("volumes: ['/srv/b:/x']"), "read and change /srv/b");
}

#[test]
fn one_path_is_one_thing_to_agree_to_and_changing_it_holds_reading_it() {
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
fn a_path_counts_as_the_place_that_its_links_lead_to() {
    let inputs = linked("/srv/b", "/home/op/.ssh");
    let lines = "volumes: ['/srv/b:/x:ro', '/home/op/.ssh:/y:ro']";
    check_on(&inputs, lines, &["path:/home/op/.ssh:ro"]);
    let told = install(&inputs, "volumes: ['/srv/b:/x:ro']");
    assert_eq!(
        told.new_grants().next().unwrap().to_string(),
        "read /home/op/.ssh (to which /srv/b leads): this user's own keys and settings lie there"
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
fn some_places_no_app_may_mount_whoever_agrees() {
    for (source, says) in [
        ("/home/op/.config/archipelago", "start programs from"),
        (
            "/home/op/.config/archipelago/apps/a.toml",
            "start programs from",
        ),
        ("/home/op/.config/containers/systemd", "start programs from"),
        ("/home/op/.config/systemd/user/x", "start programs from"),
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
    // The folder of all data may be a link itself.
    let inputs = linked("/var/lib/archipelago", "/mnt/disk");
    let refusal = try_install(&inputs, with_image("volumes: ['/mnt/disk/secrets:/x:ro']"));
    assert!(refusal.is_err());
    check_on(
        &inputs,
        "volumes: ['/mnt/other:/x:ro']",
        &["path:/mnt/other:ro"],
    );
}

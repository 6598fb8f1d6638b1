//! The grants for what Podman has: volumes of others, and its socket.

use super::*;

#[test]
fn a_volume_that_is_no_apps_needs_its_word() {
    let lines = |top: &str| {
        let text = format!(
            "services:\n  a: {{image: docker.io/library/a:1, volumes: ['data:/data']}}\nvolumes: {{data: {{{top}}}}}\n"
        );
        Files::from([(COMPOSE_FILE.to_owned(), text.as_bytes().into())])
    };
    for (top, word, says) in [
        (
            "external: true, name: films",
            "volume:films",
            "read and change what is in Podman's volume films, which is no app's",
        ),
        (
            "driver_opts: {type: none, o: bind, device: /srv/films}",
            "path:/srv/films",
            "read and change /srv/films",
        ),
    ] {
        let proposal = try_install(&inputs(), lines(top)).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(words(&proposal), [word]);
        let told: Vec<String> = proposal.new_grants().map(ToString::to_string).collect();
        assert_eq!(told, [says]);
        assert_eq!(proposal.check_allowed(&set_of(&[word])), Ok(()));
    }
}

#[test]
fn dockers_socket_is_that_of_the_users_podman() {
    let socket = &["podman-socket"];
    for source in [
        "/var/run/docker.sock",
        "/run/docker.sock",
        "//run/./docker.sock",
        "/run/podman/podman.sock",
        "/run/user/1001/docker.sock",
        "/run/user/1000/podman/podman.sock",
        "${XDG_RUNTIME_DIR:-/run/user/1000}/docker.sock",
    ] {
        check(
            &format!("volumes: ['{source}:/var/run/docker.sock:ro']"),
            socket,
        );
    }
    check("use_api_socket: true", socket);
    check(
        "use_api_socket: true\n    volumes: ['/run/docker.sock:/var/run/docker.sock']",
        socket,
    );
    check("use_api_socket: false", &[]);
    for other in [
        "/run/docker.sock.d",
        "/srv/docker.sock",
        "/run/user/x/docker.sock",
    ] {
        let lines = format!("volumes: ['{other}:/x:ro']");
        check(&lines, &[format!("path:{other}:ro").as_str()]);
    }
    let told = install(&inputs(), "use_api_socket: true");
    let told: Vec<String> = told.new_grants().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "control all containers of this user through Podman's socket, so it may do all that this user may"
        ]
    );
}

//! Volumes, and what stands beside services at the top of the file.

use super::*;

#[test]
fn volumes() {
    let volume = |text: &str, problem: &str| {
        check_service(
            &format!("volumes: [{text}]"),
            &format!("3:15: services.web.volumes[0]: {problem}"),
        )
    };
    volume(
        "'/data'",
        "an anonymous volume is lost with its container; name it: `data:/path`, and declare `data` under `volumes`",
    );
    volume("'./new:data'", "the path in the container must be absolute");
    volume(
        "'./page:/page'",
        "this file comes with the app, so mount it read-only (`:ro`): what the container writes belongs into a volume",
    );
    volume(
        "'../other:/x:ro'",
        "this path leads out of the app's folder",
    );
    volume(
        "'./a/../../b:/x'",
        "this path leads out of the app's folder",
    );
    volume(
        "'.:/x:ro'",
        "this is the app's folder itself; name a file or folder in it",
    );
    volume(
        "'~/x:/x'",
        "`~` means another place for every user; write the absolute path",
    );
    volume(
        "'a:b:c:d'",
        "there are too many colons; use SOURCE:TARGET[:ro]",
    );
    volume(
        "'./new:/x:nocopy'",
        "this mount option is not supported; there are ro and rw",
    );
    check_service(
        "volumes: ['data:/data']",
        "3:5: services.web.volumes: a volume here is not declared; add it under the top-level `volumes`",
    );
    check_service(
        "volumes: [{type: bind, source: data, target: /x}]",
        "3:28: services.web.volumes[0].source: a bind mount's source is a path: start it with `/` or `./`",
    );
    check_service(
        "volumes: [{type: bind, source: /x, target: /x, bind: {create_host_path: true}}]",
        &format!("3:52: services.web.volumes[0].bind: {UNKNOWN}"),
    );
    check_service(
        "volumes: [{type: tmpfs, source: x, target: /x}]",
        "3:16: services.web.volumes[0].type: expected volume or bind; for a tmpfs use the service's `tmpfs`",
    );
    check(
        "services:\n  web: {image: x}\nvolumes:\n  data: {driver: nfs}\n",
        "4:10: volumes.data.driver: volumes take no options here: their data lie in the node's data folder (docs/manifest.md)",
    );

    volume(
        "'/srv/../etc:/x'",
        "this path has `..` in it; write the path without",
    );

    let mounts = |lines: &str| -> Vec<Mount> {
        let mounts = good_service(lines).mounts.into_iter();
        // Where each stands is as different as they are written.
        let place = Place { line: 1, column: 1 };
        mounts.map(|mount| Mount { place, ..mount }).collect()
    };
    assert_eq!(
        mounts("volumes: ['data:/data', './page:/page:ro', './new:/new:z', '/srv:/srv:ro']"),
        mounts(
            "volumes: [{type: volume, source: data, target: /data}, {type: bind, source: ./page, target: /page, read_only: true}, {type: bind, source: ./new, target: /new}, {type: bind, source: /srv, target: /srv, read_only: true}]"
        ),
    );
    let sources: Vec<MountSource> =
        mounts("volumes: ['data:/a', './page:/b:ro', './new:/c', '/srv:/d']")
            .into_iter()
            .map(|mount| mount.source)
            .collect();
    let text = str::to_owned;
    assert_eq!(
        sources,
        [
            MountSource::Volume(text("data")),
            MountSource::Definition(text("page")),
            MountSource::Data(text("new")),
            MountSource::Host(text("/srv"))
        ]
    );
}

#[test]
fn networks_and_secrets_at_the_top() {
    check(
        "services: {web: {image: x}}\nnetworks:\n  db: {}\n",
        "3:3: networks.db: each app has one network of its own; remove this one",
    );
    check(
        "services: {web: {image: x}}\nnetworks:\n  default: {driver: host}\n",
        "3:13: networks.default.driver: the app's network takes no options; remove this key",
    );
    check(
        "services: {web: {image: x}}\nsecrets:\n  token: {file: ./token}\n",
        "3:3: secrets.token: declare it under `x-archipelago.secrets` instead: secrets are generated per node, not kept in the app's folder",
    );
    check(
        "services: {web: {image: x}}\nsecrets:\n  token: {file: ./token}\nx-archipelago: {secrets: {token: }}\n",
        "3:11: secrets.token.file: secrets are generated per node, from no source; remove this key",
    );
    good(
        "services: {web: {image: x}}\nnetworks: {default: }\nsecrets: {token: }\nx-archipelago: {secrets: {token: }}\n",
    );
}

//! Volumes, and what stands beside services at the top of the file.

use std::collections::BTreeSet;

use super::*;

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn volumes() {
    let volume = |text: &str, problem: &str| {
        check_service(
            &format!("volumes: [{text}]"),
            &format!("3:15: services.web.volumes[0]: {problem}"),
        )
    };
    volume("'./new:data'", "the path in the container must be absolute");
    volume(
        "'./page:/page'",
        "this folder comes with the app, so mount it read-only (`:ro`): what the container writes belongs into a volume",
    );
    volume(
        "'../../../../../../../../other:/x:ro'",
        "this path leads out of the app's folder",
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
        "'~ann/x:/x'",
        "this path is in the home of another user; write the absolute path",
    );
    volume(
        "'aa:bb:cc:dd'",
        "a mount with too many colons; write SOURCE:TARGET:OPTIONS, or the long form",
    );
    volume(
        "'./new:/x:rshared'",
        "this mount option is not supported: mounts are not passed on between node and container; there are ro and rw",
    );
    volume(
        "'data:/data'",
        "there is no volume `data`; declare the volume `data` or correct the name",
    );
    volume(
        "'C:\\\\x:/x'",
        "this is no path of Linux; start it with `/` or `./`",
    );
    volume(
        "{type: image, source: x, target: /x}",
        "the files of an image cannot be mounted; let a job of that image copy them into a volume (`service_completed_successfully`)",
    );
    volume(
        "{type: cluster, source: x, target: /x}",
        "expected volume, bind or tmpfs",
    );
    check_service(
        "volumes: [{type: volume, target: /x, volume: {subpath: y}}]",
        "3:51: services.web.volumes[0].volume.subpath: a part of a volume cannot be mounted; make it a volume of its own",
    );
    check_warning(
        "volumes: ['./new:/x:what']",
        "3:15: services.web.volumes[0]: Compose ignores an option that it does not know; correct or remove it",
    );
    check(
        "services:\n  web: {image: x}\nvolumes:\n  data: {driver: nfs}\n",
        "4:10: volumes.data.driver: the driver is not supported; there is `local`. Mount the file system on this host, and name its folder under the service's `volumes`",
    );
    check(
        "services:\n  web: {image: x, volumes: ['mem:/a', 'mem:/b']}\nvolumes:\n  mem: {driver_opts: {type: tmpfs, device: tmpfs}}\n",
        "4:9: volumes.mem.driver_opts: several mounts of one memory file system are not supported; remove `driver_opts`, so that it is a volume",
    );

    volume(
        "'/srv/../etc:/x'",
        "this path has `..` in it; write the path without",
    );

    for file in [
        "'./new.conf:/etc/nginx:ro'",
        "'./new:/etc/nginx/nginx.conf'",
        "'./a/Caddyfile:/x'",
        "{type: bind, source: ./x.yml, target: /x, bind: {create_host_path: false}}",
    ] {
        volume(
            file,
            "this looks like a file, and the app's folder has none of that name; put it there, from where it is mounted read-only, or mount the folder in which the container is to write it",
        );
    }
    check_warning(
        "volumes: ['./web.env:/x']",
        "3:15: services.web.volumes[0]: mounted read-only, because this file comes with the app; for a file that the container is to write, mount its folder",
    );
    assert!(good_service("volumes: ['./web.env:/x']").mounts[0].read_only);
    let own = good_service("volumes: ['./web.env:/x/web.env:ro', './conf.d:/etc/conf.d']");
    let text = str::to_owned;
    assert_eq!(
        own.mounts[0].source,
        MountSource::Definition(text("web.env"))
    );
    assert_eq!(own.mounts[1].source, MountSource::Data(text("conf.d")));

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
fn the_options_of_a_volume_stand_for_another_mount() {
    let manifest = good(
        "services:
  web:
    image: x
    volumes: ['films:/films', 'own:/own', 'memory:/memory', 'theirs:/theirs:ro', {type: volume, source: plain, target: /plain, volume: {nocopy: true}}]
volumes:
  films: {driver: local, driver_opts: {type: none, o: 'bind,ro', device: /srv/films}}
  own: {driver: local, driver_opts: {type: none, o: bind, device: ./own}}
  memory: {driver_opts: {type: tmpfs, device: tmpfs, o: 'size=10m,mode=1777'}}
  theirs: {external: true, name: theirs.of.somebody}
  plain:
",
    );
    assert_eq!(manifest.volumes, BTreeSet::from(["plain".to_owned()]));
    let web = &manifest.services["web"];
    let mounts: Vec<(&MountSource, &str, bool, bool)> = web
        .mounts
        .iter()
        .map(|it| (&it.source, it.target.as_str(), it.read_only, it.no_copy))
        .collect();
    let text = str::to_owned;
    assert_eq!(
        mounts,
        [
            (
                &MountSource::Host(text("/srv/films")),
                "/films",
                true,
                false
            ),
            (&MountSource::Data(text("own")), "/own", false, false),
            (
                &MountSource::External(text("theirs.of.somebody")),
                "/theirs",
                true,
                false
            ),
            (&MountSource::Volume(text("plain")), "/plain", false, true),
        ]
    );
    assert_eq!(web.tmpfs, ["/memory:size=10m,mode=1777"]);
    assert_eq!(manifest.warnings, []);
}

/// A volume without a name has one by its service and path, so that its data stay.
#[test]
fn a_volume_without_a_name_is_kept() {
    let manifest = good("services: {web: {image: x, volumes: [/var/lib/x]}}\n");
    let name = volume_at("web", "/var/lib/x");
    assert_eq!(manifest.volumes, BTreeSet::from([name.clone()]));
    let mounts = &manifest.services["web"].mounts;
    assert_eq!(mounts[0].source, MountSource::Volume(name));
}

#[test]
fn a_mount_of_memory_is_a_tmpfs() {
    let service = good_service(
        "tmpfs: [/run]\n    volumes: [{type: tmpfs, target: /x}, {type: tmpfs, target: /y, tmpfs: {size: 1m, mode: 0700}}]",
    );
    assert_eq!(service.tmpfs, ["/run", "/x", "/y:size=1048576,mode=700"]);
}

#[test]
fn a_secret_with_a_file_is_a_file_of_the_app() {
    let manifest = good(
        "services: {web: {image: x, secrets: [page, {source: page, target: other}, {source: page, target: /etc/page}]}}\nsecrets: {page: {file: ./page/index.html}}\n",
    );
    let web = &manifest.services["web"];
    let targets: Vec<&str> = web.mounts.iter().map(|it| it.target.as_str()).collect();
    assert_eq!(
        targets,
        ["/run/secrets/page", "/run/secrets/other", "/etc/page"]
    );
    assert!(web.mounts.iter().all(|mount| mount.read_only));
    assert!(web.secrets.is_empty());
}

#[test]
fn a_config_is_a_file_of_the_app() {
    let manifest = good(
        "services: {web: {image: x, configs: [page, {source: page, target: /etc/page}]}}\nconfigs: {page: {file: ./page/index.html}}\n",
    );
    let mounts = manifest.services["web"].mounts.iter();
    let mounts: Vec<(&MountSource, &str, bool)> = mounts
        .map(|mount| (&mount.source, mount.target.as_str(), mount.read_only))
        .collect();
    let page = MountSource::Definition("page/index.html".to_owned());
    assert_eq!(mounts, [(&page, "/page", true), (&page, "/etc/page", true)]);
    for source in ["file: ./other", "file: /etc/passwd"] {
        check(
            &format!(
                "services: {{web: {{image: x, configs: [page]}}}}\nconfigs: {{page: {{{source}}}}}\n"
            ),
            "1:38: services.web.configs[0]: this needs a file in the app's folder; put it there and name it with `file`",
        );
    }
}

#[test]
fn secrets_at_the_top() {
    check(
        "services: {web: {image: x}}\nsecrets:\n  token: {external: true}\n",
        "3:3: secrets.token: declare it under `x-archipelago.secrets` instead, which generates it per node, or name a `file` of the app or a variable (`environment`)",
    );
    check(
        "services: {web: {image: x, secrets: [token]}}\nsecrets: {token: {file: ./token}}\n",
        "1:38: services.web.secrets[0]: this needs a file in the app's folder; put it there and name it with `file`",
    );
    check(
        "services: {web: {image: x}}\nsecrets:\n  token: {file: ./token}\nx-archipelago: {secrets: {token: }}\n",
        "3:11: secrets.token.file: secrets are generated per node, from no source; remove this key",
    );
    good(
        "services: {web: {image: x}}\nnetworks: {default: }\nsecrets: {token: }\nx-archipelago: {secrets: {token: }}\n",
    );
}

//! Copying files into a host and out of it, and installing packages.

use std::fs;
use std::process::Command;

use crate::{boot, root, user};

#[test]
fn a_copied_file_belongs_to_the_owner_of_the_folder_above_it() {
    let host = boot();
    let folder = Scratch::new("copy");
    fs::create_dir(folder.0.join("tree")).expect("a folder");
    fs::write(folder.0.join("tree/file"), "content").expect("a file");

    host.copy_in(&folder.0.join("tree"), "/home/archy/a/b")
        .expect("a copy under another name");
    assert_eq!(user(&host, &["cat", "/home/archy/a/b/file"]), "content");
    assert_eq!(
        user(
            &host,
            &[
                "stat",
                "--format=%U",
                "/home/archy/a",
                "/home/archy/a/b/file"
            ]
        ),
        "archy\narchy\n"
    );
    host.copy_in(&folder.0.join("tree/file"), "/usr/local")
        .expect("a copy into a folder");
    assert_eq!(
        root(&host, &["stat", "--format=%U", "/usr/local/file"]),
        "root\n"
    );

    fs::create_dir(folder.0.join("out")).expect("a folder");
    host.copy_out("/home/archy/a/b", &folder.0.join("out"))
        .expect("a copy out");
    assert_eq!(
        fs::read_to_string(folder.0.join("out/b/file")).expect("the file"),
        "content"
    );
    assert!(host.copy_out("/no/such/file", &folder.0).is_err());
}

/// A folder of this machine that is removed when the test ends.
struct Scratch(std::path::PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("testhost-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).expect("a folder for temporary files");
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _gone_with_the_machine = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_package_is_installed_without_a_network_and_refused_when_a_dependency_is_missing() {
    let host = boot();
    let scratch = Scratch::new("package");
    let folder = scratch.0.join("tree");
    fs::create_dir_all(folder.join("DEBIAN")).expect("a folder");
    fs::create_dir_all(folder.join("usr/bin")).expect("a folder");
    fs::write(folder.join("usr/bin/hello"), "#!/bin/sh\necho hello\n").expect("a program");
    let package = |depends: &str| {
        let control = format!(
            "Package: hello-test\nVersion: 1\nArchitecture: all\nMaintainer: test\nDepends: {depends}\nDescription: test\n"
        );
        fs::write(folder.join("DEBIAN/control"), control).expect("a control file");
        let made = scratch.0.join("hello.deb");
        let built = Command::new("dpkg-deb")
            .arg("--build")
            .arg(&folder)
            .arg(&made)
            .output()
            .expect("dpkg-deb");
        assert!(built.status.success(), "{built:?}");
        made
    };
    let refused = host
        .install_package(&package("no-such-package"))
        .expect_err("a missing dependency");
    assert!(
        format!("{refused:#}").contains("no-such-package"),
        "{refused:#}"
    );
    host.install_package(&package(
        "podman, systemd, dbus-user-session, uidmap, passt, netavark, aardvark-dns, libc6",
    ))
    .expect("an installation");
    assert!(user(&host, &["dpkg-query", "--show", "hello-test"]).contains('1'));
}

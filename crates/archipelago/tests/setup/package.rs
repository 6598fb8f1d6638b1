//! The package is installed, replaced and removed; the containers keep running.

use std::collections::{BTreeMap, BTreeSet};

use testhost::{Account, Host};

use crate::apps::{self, App};
use crate::support;
use crate::{archipelago, put_tick, root, shell, user};

/// The id, start and state of every container by name. No change of the package may change them.
fn containers(host: &Host) -> BTreeMap<String, String> {
    let script = "podman ps -aq | xargs -r podman container inspect --format \
        '{{.Name}}={{.Id}} {{.State.StartedAt}} {{.State.Status}}'";
    let listed = user(host, script);
    let runs = listed.lines().map(|line| {
        let (name, run) = line.split_once('=').expect("a name and a run");
        (name.to_owned(), run.to_owned())
    });
    runs.collect()
}

fn put_and_install(host: &Host, app: &App) {
    let folder = format!("/home/archy/apps/{}", app.id);
    for (path, text) in &app.files {
        host.write_file(Account::User, &format!("{folder}/{path}"), text.as_bytes())
            .expect("a file of the app");
    }
    archipelago(host, &["install", &folder, "--yes"])
        .checked()
        .expect("the app is ready");
}

/// Copies the package to the host. Returns its path there.
fn put_package(host: &Host) -> &'static str {
    let path = "/var/tmp/archipelago.deb";
    host.copy_in(&support::package(), path)
        .expect("the package's file");
    root(host, "chmod 644 /var/tmp/archipelago.deb");
    path
}

fn host_with_tick() -> Host {
    let host = support::host();
    let folder = put_tick(&host);
    archipelago(&host, &["install", folder, "--yes"])
        .checked()
        .expect("the app is ready");
    host
}

#[test]
fn the_package_holds_the_program_its_service_documents_and_the_catalog() {
    let host = support::installed();
    let listed = root(&host, "dpkg -L archipelago");
    for path in [
        "/usr/bin/archipelago",
        "/usr/lib/systemd/user/archipelago.service",
        "/usr/share/bash-completion/completions/archipelago",
        "/usr/share/zsh/vendor-completions/_archipelago",
        "/usr/share/fish/vendor_completions.d/archipelago.fish",
        "/usr/share/man/man1/archipelago.1.gz",
        "/usr/share/man/man1/archipelago-install.1.gz",
        "/usr/share/doc/archipelago/copyright",
        "/usr/share/doc/archipelago/changelog.Debian.gz",
        "/usr/share/archipelago/catalog/litecoin/compose.yaml",
    ] {
        assert!(
            listed.lines().any(|line| line == path),
            "{path} is not in the package:\n{listed}"
        );
    }
    let tests: Vec<&str> = listed
        .lines()
        .filter(|line| line.contains(".test.") || line.contains(".spec."))
        .collect();
    assert_eq!(tests, [""; 0], "the package must hold no tests");
    let modes = root(
        &host,
        "cd /usr/share/archipelago/catalog; stat -c %a node-ui/serve litecoin/compose.yaml node-ui",
    );
    assert_eq!(modes, "755\n644\n755\n");
    let checked = user(
        &host,
        "systemd-analyze --user --man=no verify archipelago.service 2>&1",
    );
    assert!(!checked.contains("archipelago.service"), "{checked}");
    let catalog = archipelago(&host, &["catalog"])
        .checked()
        .expect("the catalog");
    assert!(catalog.contains("litecoin"), "{catalog}");
}

#[test]
fn the_daemon_runs_with_the_limits_of_its_service() {
    let host = support::host();
    let shown = user(
        &host,
        "systemctl --user show --property=UMask,LimitNOFILE,LimitNOFILESoft archipelago.service",
    );
    let limits: BTreeSet<&str> = shown.lines().collect();
    let expected = ["LimitNOFILE=524288", "LimitNOFILESoft=4096", "UMask=0077"];
    assert_eq!(limits, BTreeSet::from(expected));
    // The daemon asks for no mode of this file, so it has the mode that the umask leaves.
    let mode = "stat -c %a $XDG_RUNTIME_DIR/archipelago/daemon.lock";
    assert_eq!(user(&host, mode), "600\n");
    let soft = "prlimit --noheadings --nofile --output SOFT --pid \
        \"$(systemctl --user show --property=MainPID --value archipelago.service)\"";
    assert_eq!(user(&host, soft).trim(), "4096");
}

#[test]
fn removing_and_purging_the_package_leave_every_container_as_it_was() {
    let host = support::host();
    put_and_install(&host, &apps::shop());
    let before = containers(&host);
    let names: Vec<&str> = before.keys().map(String::as_str).collect();
    assert_eq!(names, ["archy-shop", "archy-shop-db", "archy-shop-ui"]);
    assert!(
        before.values().all(|run| run.ends_with(" running")),
        "{before:?}"
    );
    for word in ["remove", "purge"] {
        let said = root(&host, &format!("apt-get {word} --yes archipelago 2>&1"));
        assert_eq!(containers(&host), before, "after apt {word}");
        let state = shell(
            &host,
            Account::User,
            "systemctl --user is-active archipelago.service",
        );
        assert_eq!(
            state.stdout, "inactive\n",
            "the daemon stopped with apt {word}"
        );
        user(
            &host,
            "systemctl --user is-active archy-shop archy-shop-db archy-shop-ui; test ! -e /usr/bin/archipelago",
        );
        assert_eq!(user(&host, "curl -fsS http://127.0.0.1:8480/"), "hello\n");
        user(
            &host,
            "test -e ~/.config/containers/systemd/archy-shop.container; test -e ~/.config/archipelago/apps/shop.toml",
        );
        // No link refers to a removed file.
        assert_eq!(user(&host, "find ~/.config/systemd/user -xtype l"), "");
        if word == "purge" {
            assert!(said.contains("/var/lib/archipelago"), "{said}");
        }
        host.install_package(&support::package())
            .expect("the package installs again");
        user(&host, "archipelago setup");
        assert_eq!(
            containers(&host),
            before,
            "after setup following apt {word}"
        );
    }
}

#[test]
fn an_upgrade_restarts_the_daemon_that_runs_and_nothing_else() {
    let host = host_with_tick();
    let daemon = || {
        user(
            &host,
            "systemctl --user show --property=InvocationID,ActiveState archipelago.service",
        )
    };
    let (before, first) = (containers(&host), daemon());
    let package = put_package(&host);
    let reinstall = format!("apt-get install --yes --reinstall {package}");
    root(&host, &reinstall);
    let second = daemon();
    assert_ne!(second, first, "the daemon was not restarted");
    assert!(second.contains("ActiveState=active"), "{second}");
    assert_eq!(containers(&host), before);

    user(&host, "systemctl --user stop archipelago.service");
    root(&host, &reinstall);
    assert!(
        daemon().contains("ActiveState=inactive"),
        "an upgrade started the daemon that a person had stopped"
    );
    assert_eq!(containers(&host), before);
}

#[test]
fn the_package_is_installed_and_removed_where_systemd_does_not_run() {
    let host = support::installed();
    let package = put_package(&host);
    // As in a chroot: nothing under /run shows that systemd or a user's service manager runs.
    let without = "unshare --mount bash -euc 'mount -t tmpfs none /run; \"$@\"' bash";
    root(
        &host,
        &format!(
            "{without} apt-get purge --yes archipelago; {without} apt-get install --yes {package}; \
             {without} apt-get install --yes --reinstall {package}; {without} apt-get remove --yes archipelago"
        ),
    );
}

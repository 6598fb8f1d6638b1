//! Everything on a host that Archipelago and Podman could leave behind, as lines. After any fault
//! the lines must be those of an undisturbed change.

use std::collections::BTreeSet;

use crate::node::{CONFIG, DATA, Node, SOON, UNITS, until_equal};

/// Prints the files with their modes, Podman's objects and leftovers, services, mounts, temporary
/// files, and locks that are held for longer than a pass takes. Earlier intents are left out,
/// because they depend on past operations.
const LIST: &str = r#"
cd "$HOME"
find "$1" "$2" "$3" "$XDG_RUNTIME_DIR/archipelago" \( -path "$3/volumes/*/*" -o -path "$2/history" -o -path "$XDG_RUNTIME_DIR/archipelago/images" \) -prune -o \
    -type f ! -name progress.json ! -name '.observe' -printf 'file %p %m\n'
podman ps -a --external --format 'container {{.Names}} {{.State}}'
podman network ls --format 'network {{.Name}}'
podman volume ls --format 'volume {{.Name}}'
podman secret ls --format 'secret {{.Name}}'
podman image ls -a --format 'image {{.Repository}}:{{.Tag}}'
systemctl --user list-units --all --plain --no-legend 'archy-*' | awk '{print "service", $1, $2, $3, $4}'
systemctl --user list-jobs --plain --no-legend | grep archy- | sed 's/^/job /' || :
echo "$(podman unshare grep -c '/overlay/[0-9a-f]*/merged ' /proc/self/mountinfo) containers are mounted"
find /tmp /var/tmp -mindepth 1 -maxdepth 1 ! -name 'systemd-private-*' -printf 'temporary %f\n' | sed 's/[0-9]\{4,\}/N/'
for lock in "$XDG_RUNTIME_DIR"/archipelago/lock "$XDG_RUNTIME_DIR"/archipelago/images/*; do
    [ ! -e "$lock" ] || flock --timeout 10 "$lock" true || echo "lock $lock"
done
"#;

/// The lines that [`LIST`] prints.
pub(crate) fn observe(node: &Node) -> BTreeSet<String> {
    let command = ["bash", "-c", LIST, "bash", UNITS, CONFIG, DATA];
    let output = node.0.run_user(&command).expect("a run in the host");
    output.stdout.lines().map(str::to_owned).collect()
}

/// Waits until the host is as expected: systemd and Podman may still be cleaning up.
pub(crate) fn until_observed(node: &Node, what: &str, expected: &BTreeSet<String>) {
    let differs = || {
        let found = observe(node);
        let missing = expected.difference(&found).map(|line| format!("- {line}"));
        let stray = found.difference(expected).map(|line| format!("+ {line}"));
        missing.chain(stray).collect::<Vec<_>>()
    };
    until_equal(what, SOON, &Vec::new(), differs);
}

/// Makes a pass over all apps, which must find nothing to do. A command makes the pass and logs its
/// actions.
pub(crate) fn nothing_to_do(node: &Node, folder: &str) {
    let said = node
        .0
        .run_user(&[
            "env",
            "ARCHIPELAGO_LOG=info",
            "archipelago",
            "install",
            folder,
        ])
        .expect("a run in the host");
    assert!(
        said.success() && !said.stderr.contains("INFO"),
        "the pass found something to do: {said:?}"
    );
}

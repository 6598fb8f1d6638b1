//! Objects of others on a host, some with names like ours. Archipelago must not touch them.

use crate::node::{Node, UNITS};

/// Makes units, containers, a volume with a file, a secret, a network and an image of others.
pub(crate) fn make(node: &Node) {
    for foreign in ["foreign", "archy-foreign"] {
        let unit = "[Container]\nImage=docker.io/library/busybox:stable\nExec=sleep infinity\nStopTimeout=1\n\
                    [Service]\nRestart=always\n[Install]\nWantedBy=default.target\n";
        node.write(&format!("{UNITS}/{foreign}.container"), unit);
    }
    node.shell(
        "systemctl --user daemon-reload; systemctl --user start foreign archy-foreign
        podman volume create shop-of-others >/dev/null
        podman run -d --name shop-by-hand -v shop-of-others:/v docker.io/library/busybox:stable sh -c 'echo theirs >/v/file; exec sleep infinity' >/dev/null
        podman network create shop-of-others >/dev/null
        printf theirs | podman secret create shop-of-others - >/dev/null
        podman tag docker.io/library/busybox:stable localhost/shop-of-others",
    );
}

/// The state of all of these objects, as a text to compare. With `runs` it holds the runs of the
/// containers, which a reboot changes.
pub(crate) fn state(node: &Node, runs: bool) -> String {
    let run = if runs {
        "{{.Id}} {{.State.StartedAt}} {{.State.Status}}"
    } else {
        ""
    };
    node.shell(&format!(
        "stat -c '%n %i %y %z' {UNITS}/foreign.container {UNITS}/archy-foreign.container
        podman container inspect systemd-foreign systemd-archy-foreign {} --format '{{{{.Name}}}} {run}'
        podman volume inspect shop-of-others --format '{{{{.CreatedAt}}}} {{{{.Mountpoint}}}}'
        cat ~/.local/share/containers/storage/volumes/shop-of-others/_data/file
        podman network inspect shop-of-others --format '{{{{.ID}}}} {{{{.Created}}}}'
        podman secret inspect --showsecret shop-of-others --format '{{{{.ID}}}} {{{{.UpdatedAt}}}} {{{{.SecretData}}}}'
        podman image inspect localhost/shop-of-others --format '{{{{.Id}}}}'",
        // The container without a unit is not started again after a reboot.
        if runs { "shop-by-hand" } else { "" },
    ))
}

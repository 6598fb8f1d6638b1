//! With nothing to do, Archipelago does nothing: it writes no file, reloads nothing, starts no
//! process and does not wake Podman.

use crate::apps;
use crate::node::Node;

/// Prints everything that would differ after a write, a reload or a call of Podman.
const STATE: &str = r#"
find ~/.config/containers ~/.config/archipelago ~/.config/systemd /var/lib/archipelago "$XDG_RUNTIME_DIR/archipelago" \
    "$XDG_RUNTIME_DIR/systemd/generator" -printf '%p %i %T@ %m\n' | sort
systemctl --user show -P GeneratorsStartTimestampMonotonic | sed 's/^/generators began /'
systemctl --user show -P UnitsLoadStartTimestampMonotonic | sed 's/^/units were loaded /'
systemctl --user show -P ActiveEnterTimestampMonotonic podman.service | sed 's/^/Podman was woken /'
systemctl --user show -P ActiveState podman.service | sed 's/^/Podman is /'
podman ps -a --format '{{.Names}} {{.ID}}'
"#;

/// Counts the processes and threads that a command starts: compares the id of the newest one before
/// and after, in one shell that starts none itself. `$1` is the command; without one, it causes
/// passes of the daemon and waits for them. Prints the processes and threads that still exist, then
/// the number of those that were started. A new thread of an older process does not count, unless
/// it is the daemon's: the port forwarder of a container starts a thread when it needs one, and the
/// readiness probe asks through it.
const COUNT: &str = r#"
finished() { # sets REPLY to when the daemon's last pass ended
    exec 3<>/dev/tcp/127.0.0.1/5678
    printf 'GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' >&3
    local line text=
    while IFS= read -r line <&3 || [ -n "$line" ]; do text+=$line; done
    exec 3>&-
    [[ $text =~ \"finished_unix_s\":([0-9]+) ]] && REPLY=${BASH_REMATCH[1]}
}
exec 4<>"$FIFO"
newest() { local rest; read -r _ _ _ _ REPLY rest </proc/loadavg; }
newest; before=$REPLY
if [ "$#" -gt 0 ]; then
    "$@" >/dev/null 2>&1
else
    for _ in 1 2 3; do
        finished; last=$REPLY
        while [ "$REPLY" -le "$((last + 1))" ]; do
            : >"$HOME/.config/archipelago/look"
            read -r -t 0.2 <&4 || :
            finished
        done
    done
fi
newest; started=$((REPLY - before))
for task in /proc/[0-9]*/task/*; do
    process=${task%/task/*}
    [ "${task##*/}" -gt "$before" ] && read -r name <"$process/comm" || continue
    echo "still here: $task of $name"
    [ "${process##*/}" -gt "$before" ] || [ "$name" = archipelago ] || started=$((started - 1))
done 2>/dev/null
echo "$started"
"#;

fn state(node: &Node) -> String {
    node.user(&["bash", "-euo", "pipefail", "-c", STATE])
}

/// The command itself, its engine, and a thread that waits for the lock.
const COMMAND_MAX: i64 = 3;

fn started_by(node: &Node, command: &[&str]) -> i64 {
    let count = [
        "env",
        "FIFO=/home/archy/wait",
        "bash",
        "-euo",
        "pipefail",
        "-c",
        COUNT,
        "bash",
    ];
    let said = node.user(&[&count[..], command].concat());
    println!("{command:?}:\n{said}");
    let started = said.lines().last().expect("a line");
    started.parse().expect("a number")
}

#[test]
fn a_second_install_and_an_idle_pass_do_nothing() {
    let node = Node::new();
    let shop = apps::shop();
    node.install(&shop);
    node.install(&apps::lone("lone", 8481));
    let folder = node.put(&shop);
    // Timers would start processes, and the file that causes passes must exist before the count.
    node.root(&[
        "bash",
        "-c",
        "systemctl stop '*.timer' systemd-journal-flush",
    ]);
    node.shell("systemctl --user stop '*.timer'; mkfifo ~/wait; touch ~/.config/archipelago/look");
    crate::node::until("Podman's service to stop", crate::node::SOON, || {
        node.try_shell("systemctl --user is-active podman.service")
            .stdout
            .starts_with("inactive")
            .then_some(())
    });
    let without_touched = |text: String| {
        text.lines()
            .filter(|line| !line.contains("archipelago/look "))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };

    let before = without_touched(state(&node));
    assert_eq!(
        started_by(&node, &[]),
        0,
        "processes and threads that passes started"
    );
    assert_eq!(without_touched(state(&node)), before);

    let started = started_by(&node, &["archipelago", "install", &folder]);
    assert!((1..=COMMAND_MAX).contains(&started), "{started}");
    assert_eq!(without_touched(state(&node)), before);

    // The daemon's socket is removed with it.
    node.user(&["systemctl", "--user", "stop", "archipelago"]);
    let before = without_touched(state(&node));
    let started = started_by(&node, &["archipelago", "install", &folder]);
    assert!((1..=COMMAND_MAX).contains(&started), "{started}");
    assert_eq!(without_touched(state(&node)), before);
    assert_eq!(
        started_by(&node, &["archipelago", "status"]),
        1,
        "the command itself"
    );
    assert_eq!(without_touched(state(&node)), before);
}

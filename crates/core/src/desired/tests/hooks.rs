//! Commands after the start of a container and before its stop.

use super::compose::*;

const START: &str = "ExecStartPost=-timeout --kill-after=10 240 \"podman\" \"exec\" \"archy-a\" \"sh\" \"-c\" \"echo $$A 100%%\\nExecStart=x\"";

#[test]
fn hooks_run_in_the_container_and_may_fail() {
    let lines = "post_start: [{command: [sh, -c, \"echo $$A 100%\\nExecStart=x\"]}, {command: [b, ''], user: 'u:g', working_dir: /w, environment: {K: v w}, privileged: true}]\n    pre_stop: [{command: stop now}]\n    stop_grace_period: 5s";
    check_lines(
        lines,
        &[
            START,
            "ExecStartPost=-timeout --kill-after=10 240 \"podman\" \"exec\" \"--privileged\" \"--user=u:g\" \"--workdir=/w\" \"--env=K=v w\" \"archy-a\" \"b\" \"\"",
            "ExecStop=-timeout --kill-after=10 60 \"podman\" \"exec\" \"archy-a\" \"stop\" \"now\"",
            "TimeoutStopSec=90",
        ],
    );
    let long = "pre_stop: [{command: a}]\n    stop_grace_period: 5m";
    check_lines(long, &["TimeoutStopSec=330"]);
    check_lines("stop_grace_period: 5s", &["TimeoutStopSec=35"]);
}

/// Each line of the unit's section is one of ours, for any text of a hook.
#[test]
fn no_text_of_a_hook_becomes_a_directive() {
    let text = "a\\\\\\nExecStop=x\\n[Service]\\r\\tRestart=no ; %h ${HOME} ' \\\"";
    let lines = format!(
        "post_start: [{{command: [\"{text}\", ';'], user: \"{text}\", working_dir: \"{text}\", environment: {{K: \"{text}\"}}}}]"
    );
    let content = content(&app(&service(&lines.replace('$', "$$")), &[]));
    let (_, section) = content.split_once("\n[Service]\n").unwrap();
    let (section, _) = section.split_once("\n\n").unwrap();
    let keys: Vec<&str> = section
        .lines()
        .filter_map(|line| line.split('=').next())
        .collect();
    assert_eq!(
        keys,
        ["Restart", "RestartSec", "TimeoutStartSec", "ExecStartPost"],
        "{content}"
    );
}

//! Commands that a service runs in its container.

use super::*;

#[test]
fn a_hook_is_a_command_with_what_it_needs() {
    let service = good_service(
        "post_start: [{command: echo a b, user: root}]\n    pre_stop: [{command: [x], working_dir: /w, environment: [K=v]}]",
    );
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    assert_eq!(
        service.post_start,
        [Hook {
            command: words(&["echo", "a", "b"]),
            user: Some("root".to_owned()),
            ..Hook::default()
        }]
    );
    assert_eq!(
        service.pre_stop,
        [Hook {
            command: words(&["x"]),
            working_dir: Some("/w".to_owned()),
            environment: BTreeMap::from([("K".to_owned(), "v".to_owned())]),
            ..Hook::default()
        }]
    );
}

#[test]
fn what_no_hook_can_be_is_refused() {
    check_service(
        "pre_stop: [{command: []}]",
        "3:16: services.web.pre_stop[0]: a hook needs a `command`; write one, or remove the hook",
    );
    check_service(
        "post_start: [{command: [a], environment: [K]}]",
        "3:33: services.web.post_start[0].environment.K: a variable of a hook needs its value; write NAME=value",
    );
    for key in ["post_start", "pre_stop"] {
        check_service(
            &format!("restart: 'no', {key}: [{{command: [a]}}]"),
            &format!(
                "3:20: services.web.{key}: the service is a job, whose container is gone before a hook could run in it; let its own command do it"
            ),
        );
    }
}

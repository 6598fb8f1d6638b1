//! Definitions of installed apps, which other versions of Archipelago accepted.

use super::*;

/// Definitions that versions before 0.2.0 accepted still load, although Compose's own reader would
/// refuse them.
#[test]
fn definitions_of_before_keep_loading() {
    let manifest = good(
        "services:
  web:
    image: docker.io/library/busybox:stable
    command: [sleep, 10]
    user: 1000
    group_add: [44]
    environment:
    labels:
    networks: {default: }
    secrets: [{source: token, uid: 0, gid: 0, mode: 0440}]
    x-environment-secrets: {TOKEN: token}
    x-note:
networks:
secrets: {token: }
x-archipelago: {secrets: {token: }}
",
    );
    let web = &manifest.services["web"];
    assert_eq!(web.user.as_deref(), Some("1000"));
    assert_eq!(
        (web.group_add.as_slice(), web.command.len()),
        (&["44".to_owned()][..], 2)
    );
    let secret = SecretMount {
        secret: "token".to_owned(),
        target: None,
        uid: Some(0),
        gid: Some(0),
        mode: Some("0440".to_owned()),
    };
    assert_eq!(web.secrets, [secret]);
    assert_eq!(web.environment_secrets["TOKEN"], "token");
    let keys: Vec<&str> = manifest
        .warnings
        .iter()
        .map(|warning| warning.key.as_str())
        .collect();
    assert_eq!(
        keys,
        [
            "services.web.command[1]",
            "services.web.user",
            "services.web.environment",
            "services.web.labels",
            "services.web.secrets[0].uid",
            "services.web.secrets[0].gid",
            "networks",
        ]
    );
}

//! Shared by all faults: an app with data that must be kept, the wait for a reported cause, and the
//! wait for the recovery.

use std::time::Duration;

use crate::apps;
use crate::node::{DATA, Node, SOON, until};

/// A failed attempt is retried after 10, then 20 s, and a repaired container takes some seconds to
/// start.
pub(crate) const RECOVERY: Duration = Duration::from_secs(60);

/// The data and secrets that must be the same after a fault as before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    data: String,
    secret: String,
}

/// Writes data into the shop's volume, one file owned by another user inside the container. Returns
/// their state.
pub(crate) fn put_data(node: &Node) -> Kept {
    node.shell("podman exec archy-shop sh -c 'head -c 300000 /dev/urandom >/data/big; echo kept >/data/kept; chown 1000:1000 /data/kept; sync'");
    kept(node)
}

pub(crate) fn kept(node: &Node) -> Kept {
    Kept {
        data: node.root(&[
            "bash",
            "-c",
            &format!("cd {DATA}/volumes/shop/data && stat -c '%n %u %s' * && sha256sum *"),
        ]),
        secret: node.shell(&format!("cat {DATA}/secrets/shop/token")),
    }
}

/// Installs the shop with data.
pub(crate) fn shop(node: &Node) -> Kept {
    node.install(&apps::shop());
    put_data(node)
}

/// Waits until both `status` and the daemon show the app in this state with these words in its
/// message. Returns the message.
pub(crate) fn until_reported(
    node: &Node,
    app: &str,
    state: &str,
    words: &str,
    bound: Duration,
) -> String {
    let mut last = String::new();
    let cause = until_with(
        &format!("{app} to be {state} because of {words:?}"),
        bound,
        || {
            let status = node.status(app);
            let message = crate::node::text(&status["message"]);
            let details = node.try_details_of(app);
            last = format!("status: {status}\ndaemon: {details:?}");
            let is_reported = details.is_some_and(|app| {
                app["message"]
                    .as_str()
                    .is_some_and(|text| text.contains(words))
            });
            (is_reported && status["state"] == state && message.contains(words)).then_some(message)
        },
    );
    cause.unwrap_or_else(|what| panic!("{what}: {last}"))
}

fn until_with<T>(
    what: &str,
    bound: Duration,
    mut probe: impl FnMut() -> Option<T>,
) -> Result<T, String> {
    let start = std::time::Instant::now();
    loop {
        if let Some(found) = probe() {
            return Ok(found);
        }
        if start.elapsed() >= bound {
            return Err(format!("waited {} s for {what}", bound.as_secs()));
        }
        std::thread::park_timeout(Duration::from_millis(200));
    }
}

/// Waits until each app is ready and the health page shows no problem.
pub(crate) fn all_well(node: &Node, bound: Duration) {
    let mut last = None;
    let well = until_with("all apps to be ready without a problem", bound, || {
        last = node.try_health();
        let health = last.as_ref()?;
        let quiet = health["problems"] == 0
            && health["podman"] != "unreachable"
            && health["last_pass"]["error"].is_null();
        let apps = node.json(&["status"]);
        let ready = apps["apps"]
            .as_array()?
            .iter()
            .all(|app| app["state"] == "ready");
        last = Some(serde_json::json!({"health": health, "status": apps}));
        (quiet && ready).then_some(())
    });
    if let Err(what) = well {
        panic!("{what}: {last:?}");
    }
}

/// Causes passes until one has ended. The health page shows the end of the last pass in whole
/// seconds, so one pass may not be visible.
pub(crate) fn a_pass(node: &Node) {
    let last = |node: &Node| node.try_health().map(|health| health["last_pass"].clone());
    let before = last(node);
    until("a pass", SOON, || {
        node.shell("touch ~/.config/archipelago/.look");
        let now = last(node)?;
        (Some(&now) != before.as_ref() && now["error"].is_null()).then_some(())
    });
}

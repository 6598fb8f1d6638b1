//! A host with Archipelago set up on it, used as a person at its terminal would.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::time::{Duration, Instant};

use serde_json::Value;
use testhost::{Account, Host, Output};

use crate::apps::App;

/// The tick (`reconcile::TICK`), and three times as much for the repair, which takes some seconds
/// on an idle machine.
pub(crate) const ONE_TICK: Duration = Duration::from_secs(30 + 90);
/// The bound for changes that take a second or two on an idle machine. A wait ends with the change,
/// so a high bound costs time only when a test fails, and a machine that compiles meanwhile, or
/// stands still for a minute as a guest of a busy one, needs much of it.
pub(crate) const SOON: Duration = Duration::from_secs(180);
/// The pause between two checks of a state, each of which starts processes in the host.
const POLL: Duration = Duration::from_millis(200);

/// The data folder that `setup` makes.
pub(crate) const DATA: &str = "/var/lib/archipelago";
pub(crate) const UNITS: &str = "/home/archy/.config/containers/systemd";
pub(crate) const CONFIG: &str = "/home/archy/.config/archipelago";

pub(crate) struct Node(pub(crate) Host);

/// One run of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) id: String,
    pub(crate) started_at: String,
    pub(crate) state: String,
    /// Without the host name, which is the beginning of the id.
    pub(crate) environment: BTreeSet<String>,
}

impl Node {
    pub(crate) fn new() -> Self {
        Self(crate::support::host())
    }

    /// As [`Node::new`], on a host with these options.
    pub(crate) fn with(options: testhost::Options) -> Self {
        Self(crate::support::host_with(options))
    }

    /// The answer of `/health`; `None` when the daemon does not answer.
    pub(crate) fn try_health(&self) -> Option<Value> {
        let answer = self.try_shell("curl -fsS --max-time 10 http://127.0.0.1:5678/health");
        serde_json::from_str(&answer.stdout).ok()
    }

    /// The answer of `/v1/status` on the daemon's socket; `None` when the daemon does not answer.
    pub(crate) fn try_details(&self) -> Option<Value> {
        let answer = self.try_shell(
            "curl -fsS --max-time 2 --unix-socket $XDG_RUNTIME_DIR/archipelago/api.sock http://localhost/v1/status",
        );
        serde_json::from_str(&answer.stdout).ok()
    }

    /// An app in [`Node::try_details`].
    pub(crate) fn try_details_of(&self, app: &str) -> Option<Value> {
        let details = self.try_details()?;
        let mut apps = details["apps"].as_array()?.iter();
        apps.find(|found| found["id"] == app).cloned()
    }

    /// The findings of the checks of `doctor` that failed, by the check's name.
    pub(crate) fn failed_checks(&self) -> BTreeMap<String, String> {
        let output = self.archipelago(&["--output", "json", "doctor"]);
        let said: Value = serde_json::from_str(&output.stdout).expect("JSON");
        let checks = said["checks"].as_array().expect("a list").iter();
        checks
            .filter(|check| check["state"] == "failed")
            .map(|check| (text(&check["name"]), text(&check["finding"])))
            .collect()
    }

    /// Runs a command as the user; it must succeed.
    pub(crate) fn user(&self, command: &[&str]) -> String {
        let output = self.0.run_user(command).expect("a run in the host");
        output.checked().expect("the command succeeds")
    }

    /// Runs a command as root; it must succeed.
    pub(crate) fn root(&self, command: &[&str]) -> String {
        let output = self.0.run_root(command).expect("a run in the host");
        output.checked().expect("the command succeeds")
    }

    /// Runs a script as the user; each of its commands must succeed.
    pub(crate) fn shell(&self, script: &str) -> String {
        self.user(&["bash", "-euo", "pipefail", "-c", script])
    }

    /// Runs a script as the user, which may fail.
    pub(crate) fn try_shell(&self, script: &str) -> Output {
        self.0
            .run_user(&["bash", "-euo", "pipefail", "-c", script])
            .expect("a run in the host")
    }

    /// Runs `archipelago`, which may fail.
    pub(crate) fn archipelago(&self, arguments: &[&str]) -> Output {
        let command = [&["archipelago"], arguments].concat();
        self.0.run_user(&command).expect("a run in the host")
    }

    /// Runs `archipelago`, which must end with this exit code. Returns its standard error.
    pub(crate) fn exits(&self, code: i32, arguments: &[&str]) -> String {
        let output = self.archipelago(arguments);
        assert_eq!(output.status, code, "archipelago {arguments:?}: {output:?}");
        output.stderr
    }

    /// Runs `archipelago`, which must succeed. Returns its JSON.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let output = self.archipelago(&[&["--output", "json"], arguments].concat());
        let text = output.checked().expect("the command succeeds");
        serde_json::from_str(&text).expect("JSON")
    }

    /// Writes an app's folder to the host. Returns its path.
    pub(crate) fn put(&self, app: &App) -> String {
        let folder = format!("/home/archy/apps/{}", app.id);
        for (path, text) in &app.files {
            self.write(&format!("{folder}/{path}"), text);
        }
        folder
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        self.0
            .write_file(Account::User, path, text.as_bytes())
            .expect("a file in the host");
    }

    /// Installs an app, which must become ready.
    pub(crate) fn install(&self, app: &App) {
        let folder = self.put(app);
        self.user(&["archipelago", "install", &folder]);
        assert_eq!(self.state(&app.id), "ready");
    }

    /// An app in `status`.
    pub(crate) fn status(&self, id: &str) -> Value {
        self.json(&["status", id])["apps"][0].clone()
    }

    pub(crate) fn state(&self, id: &str) -> String {
        text(&self.status(id)["state"])
    }

    /// All of Podman's containers, by name.
    pub(crate) fn containers(&self) -> BTreeMap<String, Run> {
        until("Podman to list all containers", SOON, || {
            self.try_containers()
        })
    }

    /// As [`Node::containers`]; `None` when a container is removed during the call.
    pub(crate) fn try_containers(&self) -> Option<BTreeMap<String, Run>> {
        let script = "podman ps -aq | xargs -r podman container inspect --format \
            '{{.Name}}|{{.Id}}|{{.State.StartedAt}}|{{.State.Status}}|{{.Config.Env}}'";
        // A container that is removed between the two commands makes the second one fail.
        let lines = self.try_shell(script);
        lines
            .success()
            .then(|| lines.stdout.lines().map(run).collect())
    }

    /// All objects and files with the app's name.
    pub(crate) fn traces(&self, app: &str) -> Vec<String> {
        let all = self
            .try_traces(app)
            .checked()
            .expect("a list of all objects and files");
        traces_in(&all, app)
    }

    /// As [`Node::traces`]; `None` when an object is removed during the call.
    pub(crate) fn traces_meanwhile(&self, app: &str) -> Option<Vec<String>> {
        let all = self.try_traces(app);
        all.success().then(|| traces_in(&all.stdout, app))
    }

    fn try_traces(&self, app: &str) -> Output {
        self.try_shell(&format!(
            "podman ps -a --format 'container {{{{.Names}}}}'
            podman network ls --format 'network {{{{.Name}}}}'
            podman volume ls --format 'volume {{{{.Name}}}}'
            podman secret ls --format 'secret {{{{.Name}}}}'
            podman image ls --format 'image {{{{.Repository}}}}'
            systemctl --user list-units --all --plain --no-legend 'archy-*' | awk '{{print \"service\", $1, $2, $3}}'
            find {UNITS} {CONFIG} {DATA} -name '*{app}*' | sed 's/^/file /'"
        ))
    }
}

fn traces_in(all: &str, app: &str) -> Vec<String> {
    let lines = all.lines().filter(|line| line.contains(app));
    let mut traces: Vec<String> = lines.map(str::to_owned).collect();
    traces.sort();
    traces
}

fn run(line: &str) -> (String, Run) {
    let mut parts = line.splitn(5, '|').map(str::to_owned);
    let mut part = || parts.next().expect("five parts");
    let name = part();
    let run = Run {
        id: part(),
        started_at: part(),
        state: part(),
        environment: part()
            .trim_matches(['[', ']'])
            .split(' ')
            .filter(|variable| !variable.starts_with("HOSTNAME="))
            .map(str::to_owned)
            .collect(),
    };
    (name, run)
}

/// A JSON string.
pub(crate) fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("{value} is no text"))
        .to_owned()
}

/// Calls `probe` until it returns something. Panics when the bound is reached.
pub(crate) fn until<T>(what: &str, bound: Duration, mut probe: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = probe() {
            return found;
        }
        assert!(
            start.elapsed() < bound,
            "waited {} s for {what}",
            bound.as_secs()
        );
        std::thread::park_timeout(POLL);
    }
}

/// Calls `probe` until it returns the expected value. Panics with the last value when the bound is
/// reached.
pub(crate) fn until_equal<T: PartialEq + Debug>(
    what: &str,
    bound: Duration,
    expected: &T,
    mut probe: impl FnMut() -> T,
) {
    let start = Instant::now();
    loop {
        let found = probe();
        if found == *expected {
            return;
        }
        assert!(
            start.elapsed() < bound,
            "waited {} s for {what}:\nexpected {expected:#?}\nfound {found:#?}",
            bound.as_secs()
        );
        std::thread::park_timeout(POLL);
    }
}

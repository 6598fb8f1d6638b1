//! The two sides of the comparison, each on a host of its own.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use testhost::{Account, Host, Options};

use crate::facts::{Facts, Names, facts};
use crate::files::Compared;
use crate::support;

/// The facts of each service of a file.
pub(crate) type Services = BTreeMap<String, Facts>;
/// The services of each file.
type Side = BTreeMap<String, Services>;

/// In place of the name of an app's main service, whose container has the app's name.
pub(crate) const MAIN: &str = "";

/// The output of the program that could not start a file.
pub(crate) const FAILURE: &str = "failure";

const FOLDER: &str = "/home/archy/files";

/// The machine that runs the hosts may keep the controllers of memory, processors and processes for
/// itself, and then no container with a limit starts. This runtime starts it without the limits and
/// keeps the configuration that it was given.
const RUNTIME: &str = r#"#!/bin/sh
previous=
for argument; do
    if [ "$previous" = --bundle ]; then
        cp "$argument/config.json" "$argument/given.json"
        jq 'del(.linux.resources)' "$argument/given.json" >"$argument/config.json"
    fi
    previous=$argument
done
exec /usr/bin/crun "$@"
"#;

/// A host that says it has the controllers that limits need, a GPU by name (CDI), and a network
/// that belongs to no app.
const PREPARE: &str = r#"
controllers=/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/cgroup.controllers
echo cpu cpuset io memory pids >/run/controllers
mount --bind /run/controllers $controllers
chmod 755 /usr/local/bin/unlimited
mkdir -p /etc/cdi
cat >/etc/cdi/nvidia.json <<end
{"cdiVersion": "0.5.0", "kind": "nvidia.com/gpu",
 "devices": [{"name": "all", "containerEdits": {"env": ["GPU=all"]}}]}
end
"#;

/// Prints each running container with the label `$1` as one line: Podman's description, with the
/// configuration of the OCI runtime and Podman's description of its networks in it.
const SHOW: &str = r#"
show() {
    podman ps -q --no-trunc --filter "label=$1" | xargs -r podman inspect | jq -c '.[]' |
        while read -r container; do
            given=$(dirname "$(jq -r .OCIConfigPath <<<"$container")")/given.json
            networks=$(jq -r '.NetworkSettings.Networks // {} | keys[]' <<<"$container" |
                xargs -r podman network inspect 2>/dev/null) || networks='[]'
            jq -c --slurpfile oci "$given" --argjson networks "${networks:-[]}" \
                '. + {oci: $oci[0], networks: $networks}' <<<"$container"
        done
}
"#;

/// Without the daemon, which could be the first to do a part: what a plan says is what is done.
/// Each action is told by its app, its kind, its target and the kind of its reason. Images come in
/// the background, and a pass may or may not wait for one: so the order is not compared, and images
/// that come one after another may be noted one by one.
const OURS: &str = r#"
told() {
    jq -c '[.actions[] | [.app, .action, .target, .reason.kind]] | group_by(.) | .[] |
        if .[0][1] == "remember_images" then .[:1] else . end | .[]'
}
same() {
    local planned performed
    planned=$(archipelago --output json plan "$@")
    jq -e .complete <<<"$planned" >/dev/null || { echo "the plan has no end: $planned" >&2; return 1; }
    case $1 in
    install) performed=$(archipelago --output json "$@" --yes --allow all) ;;
    *) performed=$(archipelago --output json "$@") ;;
    esac
    diff <(told <<<"$planned") <(told <<<"$performed") >&2 || { echo "$* is not what was planned" >&2; return 1; }
}
systemctl --user stop archipelago
trap 'archipelago uninstall "$2" --purge &>/dev/null' EXIT
same install "$1"
show "archipelago.app=$2" >/tmp/shown
same uninstall "$2" --purge
trap - EXIT
cat /tmp/shown
"#;

/// Without a pod, as Docker Compose has none.
const THEIRS: &str = r#"
cd "$1"
trap 'podman-compose -p "$2" --in-pod=false down -v -t 1 &>/dev/null' EXIT
podman-compose -p "$2" --in-pod=false up -d >&2
show "io.podman.compose.project=$2"
"#;

pub(crate) fn ours(folder: &Path, apps: &[Compared]) -> Side {
    let host = support::host();
    run(&host, folder, apps, OURS, |app, container| {
        let name = container["Name"].as_str().expect("a name");
        let own = format!("archy-{}", app.id);
        // The container of the main service has the app's name.
        match name.strip_prefix(&own).expect("a container of the app") {
            "" => MAIN.to_owned(),
            rest => rest.trim_start_matches('-').to_owned(),
        }
    })
}

pub(crate) fn theirs(folder: &Path, apps: &[Compared]) -> Side {
    let host = Host::boot(Options::default().with_peers()).expect("a host");
    run(&host, folder, apps, THEIRS, |_, container| {
        let label = &container["Config"]["Labels"]["com.docker.compose.service"];
        label.as_str().expect("the label of a service").to_owned()
    })
}

fn run(
    host: &Host,
    folder: &Path,
    apps: &[Compared],
    script: &str,
    service: impl Fn(&Compared, &Value) -> String,
) -> Side {
    host.copy_in(folder, FOLDER).expect("the files in the host");
    for (path, text) in [
        ("/usr/local/bin/unlimited", RUNTIME),
        (
            "/etc/containers/containers.conf.d/runtime.conf",
            "[engine]\nruntime = \"/usr/local/bin/unlimited\"\n",
        ),
    ] {
        host.write_file(Account::Root, path, text.as_bytes())
            .expect("a file in the host");
    }
    let prepared = host.run_root(&["bash", "-euc", PREPARE]);
    let network = host.run_user(&[
        "podman",
        "network",
        "create",
        "--subnet",
        "10.78.0.0/24",
        "outer",
    ]);
    for output in [prepared, network] {
        let output = output.expect("a run in the host");
        output.checked().expect("a prepared host");
    }
    let script = format!("set -euo pipefail\n{SHOW}{script}");
    let name = host.run_user(&["uname", "-n"]).expect("a run in the host");
    let name = name.checked().expect("the host's name");
    let one = |app: &Compared| {
        let path = format!("{FOLDER}/{}", app.name);
        let output = host
            .run_user(&["bash", "-c", &script, "bash", &path, &app.id])
            .expect("a run in the host");
        if !output.success() || output.stdout.is_empty() {
            // No file has a service of this name, so that the failure is a difference.
            let said = Facts::from([(FAILURE.to_owned(), output.stderr.trim().to_owned())]);
            return (app.name.clone(), Services::from([("all".to_owned(), said)]));
        }
        let containers = output.stdout.lines().map(|line| {
            let container: Value = serde_json::from_str(line).expect("JSON");
            let names = Names {
                project: &app.id,
                host: name.trim(),
            };
            (service(app, &container), facts(&container, names))
        });
        (app.name.clone(), containers.collect())
    };
    apps.iter().map(one).collect()
}

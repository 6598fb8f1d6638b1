//! The two sides of the comparison, each on a host of its own.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use testhost::{Host, Options};

use crate::facts::{Facts, facts};
use crate::files::Compared;
use crate::support;

/// The facts of each service of a file.
pub(crate) type Services = BTreeMap<String, Facts>;
/// The services of each file.
type Side = BTreeMap<String, Services>;

/// In place of the name of an app's main service, whose container has the app's name.
pub(crate) const MAIN: &str = "";

const FOLDER: &str = "/home/archy/files";

/// Prints each running container with the label `$1` as one line: Podman's description, with the
/// configuration of the OCI runtime in it.
const SHOW: &str = r#"
show() {
    podman ps -q --no-trunc --filter "label=$1" | xargs -r podman inspect | jq -c '.[]' |
        while read -r container; do
            jq -c --slurpfile oci "$(jq -r .OCIConfigPath <<<"$container")" '. + {oci: $oci[0]}' <<<"$container"
        done
}
"#;

const OURS: &str = r#"
trap 'archipelago uninstall "$2" --purge &>/dev/null' EXIT
archipelago install --yes --allow all "$1" >&2
show "archipelago.app=$2"
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
    let script = format!("set -euo pipefail\n{SHOW}{script}");
    let one = |app: &Compared| {
        let path = format!("{FOLDER}/{}", app.name);
        let output = host
            .run_user(&["bash", "-c", &script, "bash", &path, &app.id])
            .expect("a run in the host");
        if !output.success() || output.stdout.is_empty() {
            // No file of the other side has a service of this name, so that it is a difference.
            let said = ("said".to_owned(), output.stderr.trim().to_owned());
            let failed = ("(failed)".to_owned(), Facts::from([said]));
            return (app.name.clone(), Services::from([failed]));
        }
        let containers = output.stdout.lines().map(|line| {
            let container: Value = serde_json::from_str(line).expect("JSON");
            (service(app, &container), facts(&container))
        });
        (app.name.clone(), containers.collect())
    };
    apps.iter().map(one).collect()
}

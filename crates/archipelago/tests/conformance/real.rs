//! The real host: runs a script's lines on it, in a shell or through `archipelago`, and observes
//! it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use archipelago_core::layout::Layout;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::Value;
use sim::apps::{SHOP, definition, images};
use sim::host::registry::PullOutcome;
use sim::operator::{DROP_IN, DROP_IN_FILE, SPOILED};
use sim::script::intervention::Intervention;
use sim::script::lines::Line;
use testhost::Reboot;

use crate::apps::App;
use crate::node::{CONFIG, DATA, Node, UNITS};
use crate::observation::{Observation, add_status, intent, services};

const SYSTEMD: &str = "/home/archy/.config/systemd/user";
const RUNTIME: &str = "/run/user/1000";
/// The registry that holds the images of the apps.
const REGISTRY: &str = "127.0.0.1:5000";

/// Prints a line for each thing: its kind, its name and, encoded, its state.
const STATE: &str = r#"
tell() { printf '%s\t%s\t' "$1" "$2"; base64 -w0; echo; }
cd "$1"; for f in archy-*.container archy-*.network archy-*.volume; do [ ! -f "$f" ] || tell unit "$f" <"$f"; done
cd "$2"; for f in *; do case $f in *.toml) tell intent "$f" <"$f" ;; '*') ;; *) tell definition "$f" </dev/null ;; esac; done
cd "$3"; for f in archy-*; do [ ! -e "$f" ] && [ ! -L "$f" ] || readlink -n "$f" | tell override "$f"; done
for f in "$4"/archy-*.service; do [ ! -f "$f" ] || sed -n 's/^Revision=//p' "$f" | tr -d '\n' | tell generated "${f##*/}"; done
cd "$5"; find archy-* secrets files -type f 2>/dev/null | while read -r f; do { stat --printf '%a ' "$f"; cat "$f"; } | tell file "$5/$f"; done
find volumes -type f 2>/dev/null | while read -r f; do tell file "$5/$f" <"$f"; done
podman container ls -a --format '{{.Names}} {{.State}}' | while read -r name state; do echo -n "${state#running}" | tell container "$name"; done
podman image ls --format '{{range .Names}}{{println .}}{{end}}' | { grep -E "^(localhost|$6)/" || true; } | sort -u | while read -r name; do tell image "$name" </dev/null; done
podman network ls --format '{{.Name}}' | { grep -vx podman || true; } | while read -r name; do tell network "$name" </dev/null; done
for kind in volume secret; do
    podman $kind ls --format '{{.Name}}' | while read -r name; do tell $kind "$name" </dev/null; done
done
cd /run/user/1000/systemd/units; for f in invocation:archy-*.service; do [ ! -L "$f" ] || readlink -n "$f" | tell invocation "${f#invocation:}"; done
# Asking systemd for a service loads it for a moment, so `status` comes first.
archipelago --output json status | tell status all
shift 6
for service; do
    systemctl --user show --property LoadState,ActiveState,SubState "$service" | sed 's/^.*=//' | tr '\n' ' ' | tell service "$service"
done
"#;

/// The name in the registry for an image of the apps.
pub(crate) fn mapped(image: &str) -> String {
    image.replace("docker.io/library", REGISTRY)
}

pub(crate) struct Real {
    node: Node,
    known: BTreeMap<String, String>,
    invocations: BTreeMap<String, String>,
}

impl Real {
    /// A host with the images of the apps in its registry.
    pub(crate) fn new() -> Self {
        let node = Node::new();
        let registry = node.0.registry(5000).expect("a registry");
        for image in [images(1), images(2)].concat() {
            // Each is an image of its own, so that removing one does not only remove a tag.
            let local = format!("localhost/{}", image.replace(['/', ':', '.'], "-"));
            node.shell(&format!(
                "printf 'FROM docker.io/library/busybox:stable\\nLABEL which={local}\\n' | podman build --quiet --pull=never --tag {local} - >/dev/null"
            ));
            let name = image.replace("docker.io/library/", "");
            registry.push(&local, &name).expect("a pushed image");
            node.shell(&format!("podman rmi {local} >/dev/null"));
        }
        let real = Self {
            node,
            known: BTreeMap::new(),
            invocations: BTreeMap::new(),
        };
        real.node
            .write(&format!("{CONFIG}/config.toml"), &real.configuration());
        real
    }

    /// The folders of the host.
    pub(crate) fn layout(&self) -> Layout {
        Layout {
            home: PathBuf::from("/home/archy"),
            config: PathBuf::from(CONFIG),
            data: PathBuf::from(DATA),
            units: PathBuf::from(UNITS),
            systemd: PathBuf::from(SYSTEMD),
            runtime: PathBuf::from(RUNTIME),
        }
    }

    /// The node's configuration.
    pub(crate) fn configuration(&self) -> String {
        let pairs: Vec<String> = [images(1), images(2)]
            .concat()
            .iter()
            .map(|image| format!("\"{image}\" = \"{}\"\n", mapped(image)))
            .collect();
        format!(
            "insecure_registries = [\"{REGISTRY}\"]\n[images]\n{}",
            pairs.concat()
        )
    }

    /// The generated secrets by the path of their file.
    pub(crate) fn secrets(&self) -> BTreeMap<PathBuf, String> {
        let listed = self.node.shell(&format!(
            "cd {DATA}; for f in secrets/*/*; do [ ! -f $f ] || echo \"{DATA}/$f $(cat $f)\"; done"
        ));
        let lines = listed.lines().filter_map(|line| line.split_once(' '));
        lines
            .map(|(path, text)| (PathBuf::from(path), text.to_owned()))
            .collect()
    }

    pub(crate) fn step(&self, lines: &[Line]) {
        // On the simulated host a shell command takes no time. The real daemon is frozen meanwhile,
        // and observes the effects of neighbouring commands together.
        let in_a_shell =
            |line: &Line| matches!(line, Line::Do(intervention) if command(intervention).is_some());
        for lines in lines.chunk_by(|one, other| in_a_shell(one) && in_a_shell(other)) {
            self.together(lines);
        }
        // A change without an event would wait for the tick.
        self.node.shell(&format!("touch {CONFIG}/.look"));
    }

    fn together(&self, lines: &[Line]) {
        let commands = lines.iter().map(|line| match line {
            Line::Do(intervention) => command(intervention),
            _ => None,
        });
        if let Some(commands) = commands.collect::<Option<Vec<String>>>() {
            let signal = |name: &str| {
                format!("systemctl --user kill --signal={name} archipelago 2>/dev/null || true")
            };
            let all = [vec![signal("STOP")], commands, vec![signal("CONT")]].concat();
            self.node.shell(&all.join("\n"));
            return;
        }
        for line in lines {
            match line {
                Line::Do(intervention) => self.intervene(intervention),
                Line::KillDaemon => {
                    self.node.shell(
                        "systemctl --user disable archipelago 2>/dev/null
                        systemctl --user kill --signal=KILL archipelago; systemctl --user stop archipelago",
                    );
                }
                Line::StartDaemon => {
                    self.node
                        .shell("systemctl --user enable --now archipelago 2>/dev/null");
                }
                other => panic!("{other:?} cannot be done on a real host"),
            }
        }
    }

    fn intervene(&self, intervention: &Intervention) {
        let node = &self.node;
        let archipelago = |arguments: &[&str]| {
            // The comparison afterwards shows whether it succeeded.
            node.archipelago(arguments);
        };
        match intervention {
            Intervention::Install(app, version) => {
                let files = definition(app, *version).into_iter();
                let files = files.map(|(path, text)| (path.to_owned(), text)).collect();
                let id = app.clone();
                archipelago(&["install", &node.put(&App { id, files })]);
            }
            Intervention::SetPort(port) => {
                archipelago(&["set", SHOP, &format!("port={port}")]);
            }
            Intervention::Start(app) => archipelago(&["start", app]),
            Intervention::Stop(app) => archipelago(&["stop", app]),
            Intervention::Restart(app) => archipelago(&["restart", app]),
            Intervention::Uninstall(app) => archipelago(&["uninstall", app]),
            Intervention::Purge(app) => archipelago(&["uninstall", app, "--purge"]),
            Intervention::Reboot => node.0.reboot(Reboot::Soft).expect("a reboot"),
            Intervention::PowerLoss(_) => node.0.reboot(Reboot::Hard).expect("a reboot"),
            Intervention::Registry(outcome) => {
                let verb = match outcome {
                    PullOutcome::Succeeds => "start",
                    _ => "stop",
                };
                node.root(&["systemctl", verb, "registry@5000.service"]);
            }
            other => panic!("{other:?} cannot be done on a real host"),
        }
    }

    /// Ends the step: services that run now do not count as started in the next one.
    pub(crate) fn remember(&mut self) {
        self.known.clone_from(&self.invocations);
    }

    pub(crate) fn observe(&mut self) -> Observation {
        let services: Vec<String> = services().collect();
        let generated = format!("{RUNTIME}/systemd/generator");
        let apps = format!("{CONFIG}/apps");
        let mut command = vec![
            "bash", "-eu", "-c", STATE, "bash", UNITS, &apps, SYSTEMD, &generated, DATA, REGISTRY,
        ];
        command.extend(services.iter().map(String::as_str));
        let output = self.node.0.run_user(&command).expect("a run in the host");
        let mut observed = Observation::new();
        self.invocations.clear();
        for line in output.stdout.lines() {
            let mut parts = line.split('\t');
            let (Some(kind), Some(name), Some(encoded)) =
                (parts.next(), parts.next(), parts.next())
            else {
                continue;
            };
            self.add(&mut observed, kind, name, decoded(encoded));
        }
        if !output.success() {
            observed.insert("error of the observation".to_owned(), output.stderr);
        }
        observed
    }

    fn add(&mut self, observed: &mut Observation, kind: &str, name: &str, text: String) {
        match kind {
            "status" => {
                let status: Value = serde_json::from_str(&text).unwrap_or_default();
                add_status(observed, &status);
            }
            "invocation" => {
                if self.known.get(name) != Some(&text) {
                    observed.insert(format!("started {name}"), String::new());
                }
                self.invocations.insert(name.to_owned(), text);
            }
            "intent" => drop(observed.insert(format!("intent {name}"), intent(&text))),
            _ => {
                let text = if kind == "service" {
                    text.trim_end().to_owned()
                } else {
                    text
                };
                observed.insert(format!("{kind} {name}"), text);
            }
        }
    }
}

/// The shell command of an intervention; `None` for one that goes through `archipelago`.
fn command(intervention: &Intervention) -> Option<String> {
    let command = match intervention {
        Intervention::DeleteUnit(unit) => format!("rm -f {UNITS}/{unit}"),
        Intervention::EditUnit(unit) => {
            format!(
                "cd {UNITS}; {{ echo '# edited'; cat {unit}; }} >/tmp/edited; cat /tmp/edited >{unit}"
            )
        }
        Intervention::SpoilUnit(unit) => format!("printf '{SPOILED}' >>{UNITS}/{unit}"),
        Intervention::DropIn(service) => {
            format!("printf '{DROP_IN}' | systemctl --user edit --stdin {service} 2>/dev/null")
        }
        Intervention::SpoilingDropIn(unit) => {
            format!(
                "mkdir -p {UNITS}/{unit}.d; printf '{SPOILED}' >{UNITS}/{unit}.d/{DROP_IN_FILE}"
            )
        }
        Intervention::RemoveDropIns(unit) => format!("rm -r {UNITS}/{unit}.d"),
        Intervention::Reload => "systemctl --user daemon-reload".to_owned(),
        // `|| true`: a daemon that starts the service again cancels the stop job that systemctl
        // waits for.
        Intervention::StopService(service) => {
            // For a masked unit systemd has no ExecStop=. It ends all its processes, and sometimes
            // conmon before conmon has told Podman.
            let container = service.trim_end_matches(".service");
            format!(
                "systemctl --user stop {service} || true
                [ \"$(systemctl --user show -P LoadState {service})\" != masked ] || podman rm --force --ignore --time 0 {container} >/dev/null"
            )
        }
        Intervention::KillService(service) => {
            let container = service.trim_end_matches(".service");
            format!("podman kill --signal KILL {container} >/dev/null")
        }
        Intervention::Mask(service) => format!("systemctl --user mask {service} 2>/dev/null"),
        Intervention::Unmask(service) => format!("systemctl --user unmask {service} 2>/dev/null"),
        Intervention::RemoveContainer(name) => format!("podman rm -f {name} >/dev/null"),
        Intervention::RemoveNetwork(name) => format!("podman network rm -f {name} >/dev/null"),
        Intervention::RemoveVolume(name) => format!("podman volume rm -f {name} >/dev/null"),
        Intervention::RemoveSecret(name) => format!("podman secret rm {name} >/dev/null"),
        Intervention::RemoveImage(name) => format!("podman rmi -f {name} >/dev/null"),
        Intervention::Prune => "podman system prune -af --volumes >/dev/null".to_owned(),
        Intervention::PodmanReset => "podman system reset -f >/dev/null 2>&1".to_owned(),
        Intervention::DeleteRendered(container) => format!("rm -r {DATA}/{container}"),
        Intervention::EditRendered(container) => {
            format!("for f in {DATA}/{container}/*; do echo '# edited' >>$f; done")
        }
        Intervention::RemoveSocket => {
            format!("systemctl --user stop podman.service; rm {RUNTIME}/podman/podman.sock")
        }
        _ => return None,
    };
    Some(format!("( {command} )"))
}

fn decoded(encoded: &str) -> String {
    let bytes = BASE64_STANDARD.decode(encoded).expect("base64");
    String::from_utf8_lossy(&bytes).into_owned()
}

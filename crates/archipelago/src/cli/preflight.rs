//! What can be known to go wrong is said before anything is written.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{SocketAddr, TcpListener, UdpSocket};

use archipelago_core::check::{State, judge};
use archipelago_core::desired::{App, Apps, Desired, Fault, Inputs, Present, Transport, assemble};
use archipelago_core::intent::Intent;
use archipelago_core::layout::Layout;
use archipelago_core::manifest::{Settings, Warning};
use archipelago_core::name::AppId;
use archipelago_core::plan::blocked;
use archipelago_core::progress::Progress;

use super::{Code, Failure};
use archipelago_host::definition::Definition;
use archipelago_host::podman::Podman;
use archipelago_host::{disk, facts, inputs, observe};

/// An app that can be installed.
pub(super) struct Checked {
    /// What it would be.
    pub(super) present: Present,
    /// Whether it is installed just like this.
    pub(super) unchanged: bool,
}

/// Checks that an app can be installed.
pub(super) async fn check(
    layout: &Layout,
    definition: &Definition,
    intent: &Intent,
    fresh: bool,
) -> Result<Checked, Failure> {
    let id = &definition.schema.extension.id;
    check_host(layout, fresh).await?;
    let known = inputs::read(layout);
    let unchanged = known.intents.get(id) == Some(&Ok(intent.clone()))
        && known.definitions.get(id) == Some(&definition.files);
    // What stays as it is takes no port and breaks no other app.
    let before = (!unchanged).then(|| worked_out(known.clone()));
    let (present, warnings) = work_out(&known, before.as_ref(), definition, intent)?;
    if fresh {
        for warning in warnings {
            eprintln!("warning: {warning}");
        }
        check_disk(layout, definition.schema.extension.requires.disk_mib)?;
    }
    check_names(layout, id, &present, fresh).await?;
    if let Some(before) = before {
        check_ports(id, &present, &own_ports(&before, id))?;
    }
    Ok(Checked { present, unchanged })
}

/// What every installation needs; `archipelago doctor` knows more. Only for an app that is new a process is started: Podman tells its version.
async fn check_host(layout: &Layout, fresh: bool) -> Result<(), Failure> {
    let mut known = facts::at_rest(layout);
    if fresh {
        // Its service is asked next: it wakes meanwhile. If it does not, the question itself tells why.
        let podman = Podman::for_this_user();
        let (version, _) = tokio::join!(facts::podman_version(), podman.version());
        known.podman = Some(version);
    }
    if let Some(check) = judge(&known)
        .into_iter()
        .find(|check| check.state == State::Failed)
    {
        let cure = check.cure.unwrap_or_default();
        return Err(Failure::new(
            Code::Host,
            format!(
                "{}; to do: {cure}; archipelago doctor shows all that is missing",
                check.finding
            ),
        ));
    }
    for (folder, mode) in [
        (&layout.units, 0o755),
        (&layout.apps(), 0o755),
        (&layout.data, 0o700),
    ] {
        disk::make_folder(folder, mode)?;
    }
    Ok(())
}

/// Works the app out as if it were installed, with made-up secrets where it has none yet.
fn work_out(
    known: &Inputs,
    before: Option<&BTreeMap<AppId, App>>,
    definition: &Definition,
    intent: &Intent,
) -> Result<(Present, Vec<Warning>), Failure> {
    let extension = &definition.schema.extension;
    let id = &extension.id;
    let input = |problem: String| Failure::new(Code::Input, problem);
    // First with the files as the person knows them, so that errors name those and not our copy.
    let settings = Settings::settle(id.as_str(), &extension.settings, &intent.settings)
        .map_err(|error| Failure::from_error(Code::Input, &error))?;
    let manifest = definition
        .schema
        .manifest(&settings, &definition.files)
        .map_err(|error| input(error.to_string()))?;
    let mut all = known.clone();
    all.intents.insert(id.clone(), Ok(intent.clone()));
    all.definitions.insert(id.clone(), definition.files.clone());
    let mut apps = worked_out(all);
    let app = apps.remove(id);
    if let (Some(App::Present(_)), Some(before)) = (&app, before) {
        refuse_to_break_others(id, before, &apps)?;
    }
    match app {
        Some(App::Present(present)) => Ok((*present, manifest.warnings)),
        Some(App::Broken { cause, fault }) => {
            let code = match fault {
                Fault::Own => Code::Input,
                Fault::Conflict => Code::Taken,
            };
            // The person knows the folder that it is installed from, not our copy, which is not there yet.
            let copy = known.layout.definition(id).display().to_string();
            Err(Failure::new(code, cause.replace(&copy, &definition.folder)))
        }
        _ => Err(input(format!(
            "{id} cannot be worked out; archipelago status says how the apps it requires are"
        ))),
    }
}

/// The apps as they would be. Those whose secrets are not there yet are worked out with made-up ones.
fn worked_out(mut all: Inputs) -> BTreeMap<AppId, App> {
    let apps = Apps::read(&all);
    for (id, name) in apps.secret_names() {
        let secrets = all.secrets.entry(id.clone()).or_default();
        secrets
            .entry(name.clone())
            .or_insert_with(|| "0".repeat(64));
    }
    assemble(&all, &apps).apps
}

/// What suits the app itself may not suit one above it: a node that prunes its blocks has none left for an index of all of them.
fn refuse_to_break_others(
    id: &AppId,
    before: &BTreeMap<AppId, App>,
    after: &BTreeMap<AppId, App>,
) -> Result<(), Failure> {
    for (other, app) in after {
        if let App::Broken {
            cause,
            fault: Fault::Own,
        } = app
            && let Some(App::Present(_)) = before.get(other)
        {
            return Err(Failure::new(
                Code::Input,
                format!(
                    "with that, {other}, which is installed, could not go on: {cause}\nTo do it nevertheless, uninstall {other} first; its data stay. {id} is as it was."
                ),
            ));
        }
    }
    Ok(())
}

fn check_disk(layout: &Layout, needed_mib: u64) -> Result<(), Failure> {
    let Ok(stat) = rustix::fs::statvfs(&layout.data) else {
        return Ok(());
    };
    let free_mib = stat.f_bavail.saturating_mul(stat.f_frsize) >> 20;
    if free_mib < needed_mib {
        return Err(Failure::new(
            Code::Host,
            format!(
                "it needs {needed_mib} MiB in {}, where {free_mib} MiB are free",
                layout.data.display()
            ),
        ));
    }
    Ok(())
}

/// A name of the app's that someone else has. Podman's names are looked at only for an app that is new: asking would wake Podman.
async fn check_names(
    layout: &Layout,
    id: &AppId,
    present: &Present,
    fresh: bool,
) -> Result<(), Failure> {
    let desired = Desired {
        layout: layout.clone(),
        apps: BTreeMap::from([(id.clone(), App::Present(Box::new(present.clone())))]),
    };
    let podman = fresh.then(Podman::for_this_user);
    let observed = observe::names(&desired, podman.as_ref()).await?;
    if let archipelago_core::observed::Podman::Unreachable(cause) = &observed.podman {
        return Err(Failure::new(Code::Host, cause.clone()));
    }
    match blocked(layout, id, present, &observed, &Progress::default()) {
        Some(cause) => Err(Failure::new(Code::Taken, cause)),
        None => Ok(()),
    }
}

/// A port that the app itself already publishes is not taken.
fn check_ports(
    id: &AppId,
    present: &Present,
    own: &BTreeSet<(SocketAddr, Transport)>,
) -> Result<(), Failure> {
    for (address, transport) in present.ports.iter().filter(|port| !own.contains(*port)) {
        let free = match transport {
            Transport::Tcp => TcpListener::bind(address).map(drop),
            Transport::Udp => UdpSocket::bind(address).map(drop),
        };
        match free {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
                return Err(taken(id, *address));
            }
            Err(error) => {
                return Err(Failure::new(
                    Code::Host,
                    format!(
                        "the port {address} of {id} cannot be used: {error}; choose another with --set"
                    ),
                ));
            }
        }
    }
    Ok(())
}

fn taken(id: &AppId, address: SocketAddr) -> Failure {
    let port = address.port();
    Failure::new(
        Code::Taken,
        format!(
            "the port {address} of {id} is in use by another program (ss -ltnp 'sport = :{port}' tells which); choose another with --set"
        ),
    )
}

fn own_ports(before: &BTreeMap<AppId, App>, id: &AppId) -> BTreeSet<(SocketAddr, Transport)> {
    match before.get(id) {
        Some(App::Present(present)) => present.ports.clone(),
        _ => BTreeSet::new(),
    }
}

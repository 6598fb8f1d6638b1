//! Defects on purpose, to show that the simulation notices them.
//!
//! A mutation changes the data between core and the host: the observation, the plan, the calls.
//! Core itself is not changed.

use std::collections::BTreeMap;
use std::path::PathBuf;

use archipelago_core::action::{Action, AppAction, AppStep, HostAction, HostStep, Reason};
use archipelago_core::desired::{App, Desired};
use archipelago_core::manifest::{COMPOSE_FILE, Files, Recipe};
use archipelago_core::name::AppId;
use archipelago_core::observed::{Memory, Observed, Podman};
use archipelago_core::plan::Plan;

/// The nested folder of the shop, and a name for the same folder outside.
const NESTED: &str = "pics/thumbs";
const APART: &str = "pics-thumbs";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutation {
    /// Files are put in place without fsync.
    SkipFsync,
    /// Two processes make passes at once.
    NoLock,
    /// An uninstallation removes the unit files while their services run.
    UninstallBackwards,
    /// An app is forgotten before it is removed.
    ForgetFirst,
    /// systemd is never reloaded.
    SkipReload,
    /// Every object in Podman with a name like ours counts as ours.
    IgnoreOwnership,
    /// Foreign unit files with a name like ours are removed.
    SweepForeignUnits,
    /// A failed pull is retried at once, for ever.
    NoBackoff,
    /// A failure is never retried.
    EndlessBackoff,
    /// Each installation generates the secrets anew.
    RegenerateSecrets,
    /// An uninstallation removes the data.
    DataWithoutPurge,
    /// Any change restarts every service.
    RestartEverything,
    /// Services are started before their images arrive.
    StartBeforeImage,
    /// The memory of due reloads and restarts is neither written nor read.
    ForgetMemory,
    /// The memory of due restarts is neither written nor read.
    RestartsNotRemembered,
    /// Every pass writes the memory.
    WriteAlways,
    /// A data folder without the node's marker is taken for this node's.
    MarkerIgnored,
    /// A mount beneath a folder that a container writes is accepted.
    NestedAccepted,
    /// An edited intent is followed without asking.
    EditFollowed,
    /// The end of the resolver of names is not observed.
    ResolverForgotten,
    /// Networks are made without isolation.
    LeaveOutIsolation,
    /// Networks without isolation are taken for isolated ones.
    TakeForIsolated,
    /// A command forgets its record before the operation has ended.
    RecordForgottenFirst,
    /// A command changes the intent first, and stores the release that it names in a second step.
    SwitchedInTwoSteps,
}

impl Mutation {
    pub const ALL: [Self; 24] = [
        Self::SkipFsync,
        Self::NoLock,
        Self::UninstallBackwards,
        Self::ForgetFirst,
        Self::SkipReload,
        Self::IgnoreOwnership,
        Self::SweepForeignUnits,
        Self::NoBackoff,
        Self::EndlessBackoff,
        Self::RegenerateSecrets,
        Self::DataWithoutPurge,
        Self::RestartEverything,
        Self::StartBeforeImage,
        Self::ForgetMemory,
        Self::RestartsNotRemembered,
        Self::WriteAlways,
        Self::MarkerIgnored,
        Self::NestedAccepted,
        Self::EditFollowed,
        Self::ResolverForgotten,
        Self::LeaveOutIsolation,
        Self::TakeForIsolated,
        Self::RecordForgottenFirst,
        Self::SwitchedInTwoSteps,
    ];

    /// Changes the definitions of apps before they are read.
    pub(crate) fn definitions(self, definitions: &mut BTreeMap<AppId, Files>) {
        if self == Self::NestedAccepted {
            for content in definitions
                .values_mut()
                .filter_map(|files| files.get_mut(COMPOSE_FILE))
            {
                let text = content.text().unwrap_or_default();
                *content = text.replace(NESTED, APART).into_bytes().into();
            }
        }
    }

    /// Changes the desired state.
    pub(crate) fn desired(self, desired: &mut Desired) {
        let (from, to) = match self {
            Self::NestedAccepted => (APART, NESTED),
            Self::LeaveOutIsolation => ("Options=isolate=strict\n", ""),
            _ => return,
        };
        for app in desired.apps.values_mut() {
            let App::Present(present) = app else { continue };
            for unit in present.units.values_mut() {
                unit.file.content = unit.file.content.replace(from, to);
            }
            let folders = present.folders.iter();
            let changed = |folder: &PathBuf| folder.display().to_string().replace(from, to);
            present.folders = folders
                .map(|folder| PathBuf::from(changed(folder)))
                .collect();
        }
    }

    pub(crate) fn observed(self, observed: &mut Observed) {
        match self {
            Self::IgnoreOwnership => {
                if let Podman::Answered(view) = &mut observed.podman {
                    let shop = AppId::parse("shop").ok();
                    let networks = view.networks.iter_mut();
                    let networks = networks.map(|(name, network)| (name, &mut network.owner));
                    for (name, owner) in networks.chain(&mut view.volumes) {
                        if name.starts_with("archy-shop") {
                            owner.clone_from(&shop);
                        }
                    }
                }
            }
            Self::ResolverForgotten => observed.network.gone.clear(),
            Self::TakeForIsolated => {
                if let Podman::Answered(view) = &mut observed.podman {
                    let networks = view.networks.values_mut();
                    networks.for_each(|network| network.isolated = true);
                }
            }
            Self::RestartsNotRemembered => observed.memory.restarts.clear(),
            Self::ForgetMemory => observed.memory = Memory::default(),
            _ => {}
        }
    }

    /// The changed file of failures and their backoff; `None` if the mutation does not change it.
    pub(crate) fn progress(self, progress: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::EndlessBackoff => {
                let text = String::from_utf8_lossy(progress);
                Some(text.replace("\"secs\":", "\"secs\":99999").into_bytes())
            }
            _ => None,
        }
    }

    pub(crate) fn plan(self, desired: &Desired, observed: &Observed, plan: &mut Plan) {
        match self {
            Self::SkipReload => plan.actions.retain(|action| !is_reload(action)),
            Self::ForgetMemory | Self::RestartsNotRemembered => {
                for action in &mut plan.actions {
                    if let Action::Host(HostAction {
                        step: HostStep::Remember(memory),
                        ..
                    }) = action
                    {
                        memory.retain_restarts(|_, _| false);
                        memory.reload &= self != Self::ForgetMemory;
                    }
                }
            }
            Self::RestartEverything if plan.actions.iter().any(is_reload) => {
                for (id, present) in desired.present().filter(|(_, present)| present.running) {
                    for (unit, _) in present.containers() {
                        let step = AppStep::Restart(unit.service.clone());
                        plan.actions.push(for_app(id, step));
                    }
                }
            }
            Self::StartBeforeImage => {
                for (id, present) in desired.present().filter(|(_, present)| present.running) {
                    for (unit, _) in present.containers() {
                        let is_down = observed
                            .services
                            .get(&unit.service)
                            .is_some_and(archipelago_core::observed::Service::is_down);
                        if is_down {
                            let step = AppStep::Start(unit.service.clone());
                            plan.actions.push(for_app(id, step));
                        }
                    }
                }
            }
            Self::NoBackoff => {
                let Some(view) = observed.podman_view() else {
                    return;
                };
                for (id, present) in desired.present() {
                    for (_, container) in present.containers() {
                        let name = container.image.reference.to_string();
                        let missing = !view.images.contains_key(&name);
                        if missing && !observed.images_underway.contains_key(&name) {
                            let image = Box::new(container.image.clone());
                            let step = AppStep::EnsureImage(image);
                            plan.actions.push(for_app(id, step));
                        }
                    }
                }
            }
            Self::WriteAlways => {
                let memory = Memory {
                    fingerprint: format!("{}!", observed.memory.fingerprint),
                    ..observed.memory.clone()
                };
                plan.actions.push(Action::Host(HostAction {
                    step: HostStep::Remember(memory),
                    reason: Reason::NotRemembered,
                }));
            }
            Self::SweepForeignUnits => {
                let foreign = observed.unit_files.keys();
                for name in foreign.filter(|name| observed.mark(name).is_none()) {
                    if let Some(app) = desired.apps.keys().next() {
                        let step = AppStep::RemoveUnit(name.clone());
                        plan.actions.push(for_app(app, step));
                    }
                }
            }
            _ => self.plan_of_apps(desired, observed, plan),
        }
    }

    fn plan_of_apps(self, desired: &Desired, observed: &Observed, plan: &mut Plan) {
        for (id, app) in &desired.apps {
            let for_app = |step| for_app(id, step);
            match (self, app) {
                (Self::DataWithoutPurge, App::Removed { .. })
                    if observed
                        .leftovers
                        .get(id)
                        .is_some_and(|leftovers| leftovers.data) =>
                {
                    plan.actions.push(for_app(AppStep::RemoveData));
                }
                (Self::ForgetFirst, App::Removed { .. }) => {
                    plan.actions.insert(0, for_app(AppStep::Forget));
                }
                (Self::UninstallBackwards, App::Removed { .. }) => {
                    for unit in observed.traces_of(id).into_keys() {
                        plan.actions.insert(0, for_app(AppStep::RemoveUnit(unit)));
                    }
                }
                (Self::RegenerateSecrets, App::Present(present)) => {
                    let starts = plan
                        .actions
                        .iter()
                        .any(|action| matches!(action.app_step(), Some(AppStep::WriteUnit { .. })));
                    for secret in present.secrets.values().filter(|_| starts) {
                        plan.actions.insert(
                            0,
                            for_app(AppStep::GenerateSecret {
                                name: secret.secret.clone(),
                                recipe: Recipe::Random,
                            }),
                        );
                    }
                }
                _ => {}
            }
        }
    }
}

fn is_reload(action: &Action) -> bool {
    action.host_step() == Some(&HostStep::Reload)
}

fn for_app(app: &AppId, step: AppStep) -> Action {
    Action::App(AppAction {
        app: app.clone(),
        step,
        reason: Reason::NotRunning,
        operation: None,
    })
}

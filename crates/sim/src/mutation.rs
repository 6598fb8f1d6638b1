//! Archipelago broken on purpose, to see that the simulation notices.
//!
//! A mutation changes what passes between core and the world: what was seen, what is planned, what is done. Core itself stays as it is.

use archipelago_core::action::{Action, Step};
use archipelago_core::desired::{App, Desired};
use archipelago_core::observed::{Memory, Observed, Podman};
use archipelago_core::plan::Plan;

/// One way to be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutation {
    /// Files are put in place without fsync.
    SkipFsync,
    /// Two managers make passes at once.
    NoLock,
    /// Uninstalling removes Podman's objects and forgets the app while its services run.
    UninstallBackwards,
    /// The app is forgotten before its Podman objects are removed.
    ForgetFirst,
    /// systemd is never told to read its units anew.
    SkipReload,
    /// Whatever has a name like ours in Podman is taken to be ours.
    IgnoreOwnership,
    /// Unit files of others under our prefix are cleaned up.
    SweepForeignUnits,
    /// What failed is tried again at once, for ever.
    NoBackoff,
    /// What failed is never tried again.
    EndlessBackoff,
    /// Secrets are made anew with each install.
    RegenerateSecrets,
    /// Uninstalling removes the data as well.
    DataWithoutPurge,
    /// Any change restarts every service.
    RestartEverything,
    /// Services are started without waiting for their images.
    StartBeforeImage,
    /// Nothing is remembered before unit files change.
    ForgetMemory,
    /// What must be restarted is not remembered across the reload.
    RestartsNotRemembered,
    /// Files are written in every pass, changed or not.
    WriteAlways,
}

impl Mutation {
    /// All of them.
    pub const ALL: [Self; 16] = [
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
    ];

    /// What the manager sees instead.
    pub(crate) fn observed(self, observed: &mut Observed) {
        match self {
            Self::IgnoreOwnership => {
                if let Podman::Seen(view) = &mut observed.podman {
                    let shop = archipelago_core::name::AppId::parse("shop").ok();
                    for (name, owner) in view.networks.iter_mut().chain(&mut view.volumes) {
                        if name.starts_with("archy-shop") {
                            owner.clone_from(&shop);
                        }
                    }
                }
            }
            Self::RestartsNotRemembered => observed.memory.restarts.clear(),
            Self::ForgetMemory => observed.memory = Memory::default(),
            _ => {}
        }
    }

    /// What it remembers of its attempts instead: their file, if it is changed.
    pub(crate) fn remembered(self, progress: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::EndlessBackoff => {
                let text = String::from_utf8_lossy(progress);
                Some(text.replace("\"secs\":", "\"secs\":99999").into_bytes())
            }
            _ => None,
        }
    }

    /// What is planned instead.
    pub(crate) fn plan(self, desired: &Desired, observed: &Observed, plan: &mut Plan) {
        match self {
            Self::SkipReload => plan.actions.retain(|action| action.step != Step::Reload),
            Self::ForgetMemory | Self::RestartsNotRemembered => {
                for action in &mut plan.actions {
                    if let Step::Remember(memory) = &mut action.step {
                        memory.restarts.clear();
                        memory.reload &= self != Self::ForgetMemory;
                    }
                }
            }
            Self::RestartEverything if plan.actions.iter().any(|a| a.step == Step::Reload) => {
                for (id, present) in desired.present().filter(|(_, present)| present.running) {
                    for (unit, _) in present.containers() {
                        plan.actions.push(Action {
                            app: Some(id.clone()),
                            step: Step::Restart(unit.service.clone()),
                        });
                    }
                }
            }
            Self::StartBeforeImage => {
                for (id, present) in desired.present().filter(|(_, present)| present.running) {
                    for (unit, _) in present.containers() {
                        let rests = observed
                            .services
                            .get(&unit.service)
                            .is_some_and(archipelago_core::observed::Service::is_down);
                        if rests {
                            plan.actions.push(Action {
                                app: Some(id.clone()),
                                step: Step::Start(unit.service.clone()),
                            });
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
                            let app = Some(id.clone());
                            let step = Step::EnsureImage(image);
                            plan.actions.push(Action { app, step });
                        }
                    }
                }
            }
            Self::WriteAlways => {
                let memory = Memory {
                    fingerprint: format!("{}!", observed.memory.fingerprint),
                    ..observed.memory.clone()
                };
                plan.actions.push(Action {
                    app: None,
                    step: Step::Remember(memory),
                });
            }
            Self::SweepForeignUnits => {
                for name in observed.unit_files.keys() {
                    if observed.mark(name).is_none() {
                        let app = desired.apps.keys().next().cloned();
                        let step = Step::RemoveUnit(name.clone());
                        plan.actions.push(Action { app, step });
                    }
                }
            }
            _ => self.removal(desired, observed, plan),
        }
    }

    fn removal(self, desired: &Desired, observed: &Observed, plan: &mut Plan) {
        for (id, app) in &desired.apps {
            let for_app = |step| Action {
                app: Some(id.clone()),
                step,
            };
            match (self, app) {
                (Self::DataWithoutPurge, App::Removed { .. })
                    if observed.remains.get(id).is_some_and(|remains| remains.data) =>
                {
                    plan.actions.push(for_app(Step::RemoveData(id.clone())));
                }
                (Self::ForgetFirst, App::Removed { .. }) => {
                    plan.actions.insert(0, for_app(Step::Forget(id.clone())));
                }
                (Self::UninstallBackwards, App::Removed { .. }) => {
                    for unit in observed.traces_of(id).into_keys() {
                        plan.actions.insert(0, for_app(Step::RemoveUnit(unit)));
                    }
                }
                (Self::RegenerateSecrets, App::Present(present)) => {
                    let starts = plan
                        .actions
                        .iter()
                        .any(|action| matches!(action.step, Step::WriteUnit { .. }));
                    for secret in present.secrets.values().filter(|_| starts) {
                        plan.actions.insert(
                            0,
                            for_app(Step::GenerateSecret {
                                app: id.clone(),
                                name: secret.secret.clone(),
                            }),
                        );
                    }
                }
                _ => {}
            }
        }
    }
}

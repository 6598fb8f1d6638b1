//! Defects on purpose, to show that the simulation notices them.
//!
//! A mutation changes what passes between core and the host: the observation, the plan, the calls.
//! Core itself stays as it is.

use archipelago_core::action::{Action, Step};
use archipelago_core::desired::{App, Desired};
use archipelago_core::observed::{Memory, Observed, Podman};
use archipelago_core::plan::Plan;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutation {
    /// Files are put in place without fsync.
    SkipFsync,
    /// Two managers make passes at once.
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
    /// An installation changes the definition first, and the settings after the next pass.
    ReleaseInTwoSteps,
    /// Every stored release that is not an app's own one is removed, the earlier ones too.
    EarlierForgotten,
}

impl Mutation {
    pub const ALL: [Self; 19] = [
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
        Self::ReleaseInTwoSteps,
        Self::EarlierForgotten,
    ];

    /// Changes an observation.
    pub(crate) fn observed(self, observed: &mut Observed) {
        match self {
            Self::IgnoreOwnership => {
                if let Podman::Seen(view) = &mut observed.podman {
                    let shop = archipelago_core::name::AppId::parse("shop").ok();
                    let networks = view.networks.iter_mut();
                    let networks = networks.map(|(name, network)| (name, &mut network.owner));
                    for (name, owner) in networks.chain(&mut view.volumes) {
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

    /// The file of failures and their backoff as it is instead, if it is changed.
    pub(crate) fn progress(self, progress: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::EndlessBackoff => {
                let text = String::from_utf8_lossy(progress);
                Some(text.replace("\"secs\":", "\"secs\":99999").into_bytes())
            }
            _ => None,
        }
    }

    /// Changes a plan.
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
                        let is_down = observed
                            .services
                            .get(&unit.service)
                            .is_some_and(archipelago_core::observed::Service::is_down);
                        if is_down {
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
            Self::EarlierForgotten => {
                let own: Vec<_> = desired
                    .present()
                    .flat_map(|(_, app)| app.units.values())
                    .collect();
                for release in &observed.stored.releases {
                    let is_own = own
                        .iter()
                        .any(|unit| unit.file.content.contains(release.as_str()));
                    if !is_own {
                        let step = Step::RemoveRelease(release.clone());
                        plan.actions.push(Action { app: None, step });
                    }
                }
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
            _ => self.plan_of_apps(desired, observed, plan),
        }
    }

    fn plan_of_apps(self, desired: &Desired, observed: &Observed, plan: &mut Plan) {
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

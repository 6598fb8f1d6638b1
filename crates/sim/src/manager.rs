//! A manager: the counterpart of the program's `manager.rs`, around core's own reconciler.

use std::collections::BTreeMap;
use std::time::Duration;

use archipelago_core::action::Step;
use archipelago_core::desired::{Desired, DesiredImage};
use archipelago_core::health::{Report, report};
use archipelago_core::plan::guard;
use archipelago_core::reconcile::{Outcome, Reconciler, Run};

use crate::hands::TEMPORARY_PREFIX;
use crate::invariants::Invariant;
use crate::mutation::Mutation;
use crate::world::podman::Object;
use crate::world::registry::Supply;
use crate::world::{Killed, Trouble, World};

/// A program that makes passes: the daemon, or a command.
#[derive(Clone, Debug, Default)]
pub struct Manager {
    reconciler: Reconciler,
    /// Whether it has made sure that the secrets it found will last.
    has_synced: bool,
    /// The images it is getting; they end with it.
    pub(crate) fetching: BTreeMap<String, Fetch>,
}

/// An image that is being got.
#[derive(Clone, Debug)]
pub(crate) struct Fetch {
    /// When it ends; never, when its registry hangs.
    pub(crate) ends_at: Option<Duration>,
    pub(crate) image: DesiredImage,
    /// The app it is built for.
    pub(crate) label: Option<String>,
}

/// A pass that was made.
#[derive(Clone, Debug)]
pub struct Pass {
    /// How the apps were when it looked.
    pub report: Report,
    /// The actions of its plan.
    pub actions: usize,
    /// Whether something is due before the next tick.
    pub wake_after: Option<Duration>,
}

impl Manager {
    /// Makes a pass; `None` when it could not look at the host.
    ///
    /// # Errors
    /// When it was killed in the middle.
    pub fn pass(&mut self, world: &mut World) -> Result<Option<Pass>, Killed> {
        if world.locked && world.mutation != Some(Mutation::NoLock) {
            // It would wait; whoever holds the lock is in the middle of a pass.
            return Ok(None);
        }
        let held = std::mem::replace(&mut world.locked, true);
        let pass = self.locked_pass(world);
        world.locked = held;
        world.wanted = None;
        match pass {
            Ok(pass) => Ok(Some(pass)),
            Err(Trouble::Failed(_)) => Ok(None),
            Err(Trouble::Killed) => {
                world.locked = false;
                Err(Killed)
            }
        }
    }

    /// Looks without doing anything: what `archipelago status` tells.
    pub fn look(world: &World) -> Report {
        let mut reconciler = Reconciler::default();
        let shared = world.disk.read(&world.layout.progress());
        reconciler.recall(shared.map(|shared| shared.to_vec()));
        let desired = world.desired();
        report(&desired, &world.seen(&desired), reconciler.progress())
    }

    fn locked_pass(&mut self, world: &mut World) -> Result<Pass, Trouble> {
        sweep(world)?;
        self.make_secrets_last(world)?;
        let shared = world.disk.read(&world.layout.progress());
        self.reconciler.recall(shared.map(|shared| shared.to_vec()));
        self.take_in_images(world);
        let desired = world.desired();
        world.wanted = Some(std::rc::Rc::clone(&desired));
        let underway = self.fetching.keys();
        let underway = underway
            .map(|name| (name.clone(), "pulling".to_owned()))
            .collect();
        let mut observed = world.observe(&desired, underway)?;
        if let Some(mutation) = world.mutation {
            mutation.observed(&mut observed);
        }
        let now = world.clock.since_boot;
        let mut plan = self.reconciler.plan(&desired, &observed, now);
        if let Some(mutation) = world.mutation {
            mutation.plan(&desired, &observed, &mut plan);
        }
        for action in &plan.actions {
            if let Err(refused) = guard::check(&desired, &observed, &plan, action) {
                world.violation(Invariant::PlanKeepsRules, refused.to_string());
            }
        }
        let mut run = Run::new(&desired, &observed, &plan);
        while let Some(action) = run.next_action() {
            let outcome = self.act(world, &observed, action)?;
            world.note(|| format!("{} {outcome:?}", brief(&action.step)));
            if let Some(actions) = &mut world.actions
                && !matches!(action.step, Step::Remember(_) | Step::CheckUnits { .. })
            {
                *actions.entry(brief(&action.step)).or_default() += 1;
            }
            run.went(outcome);
        }
        self.has_synced &= !run.leaves_a_secret_in_doubt();
        let outcomes: Vec<Outcome> = run.outcomes().to_vec();
        let now = world.clock.since_boot;
        self.reconciler.finished(&desired, &plan, &outcomes, now);
        self.keep(world)?;
        Ok(Pass {
            report: report(&desired, &observed, self.reconciler.progress()),
            actions: plan.actions.len(),
            wake_after: plan.wake_at.map(|at| at.saturating_sub(now)),
        })
    }

    /// Lets what failed for an app be tried at once: the operator asked.
    pub(crate) fn hurry(&mut self, world: &mut World, app: &archipelago_core::name::AppId) {
        let shared = world.disk.read(&world.layout.progress());
        self.reconciler.recall(shared.map(|shared| shared.to_vec()));
        let desired: std::rc::Rc<Desired> = world.desired();
        self.reconciler.retry_now(&desired, app);
        if let Some(content) = self.reconciler.keep() {
            world.disk.put(&world.layout.progress(), &content, 0o600);
            self.reconciler.kept(content);
        }
    }

    /// What one that was killed has linked may not last yet.
    fn make_secrets_last(&mut self, world: &mut World) -> Result<(), Trouble> {
        if std::mem::replace(&mut self.has_synced, true) {
            return Ok(());
        }
        let root = world.layout.data.join("secrets");
        for app in world.disk.names(&root) {
            let synced = world.sync_folder(&root.join(app));
            if let Err(Trouble::Failed(cause)) = synced {
                self.has_synced = false;
                return Err(Trouble::Failed(cause));
            }
            synced?;
        }
        Ok(())
    }

    fn keep(&mut self, world: &mut World) -> Result<(), Trouble> {
        let Some(content) = self.reconciler.keep() else {
            return Ok(());
        };
        let path = world.layout.progress();
        let folder = path.parent().unwrap_or(&path).to_owned();
        let kept = world
            .make_folder(&folder)
            .and_then(|()| world.write(&path, &content, 0o600));
        if let Some(wrong) = world
            .mutation
            .and_then(|mutation| mutation.remembered(&content))
        {
            if world.disk.read(&path).as_deref() != Some(&wrong[..]) {
                world.disk.put(&path, &wrong, 0o600);
            }
            return Ok(());
        }
        match kept {
            Ok(()) => self.reconciler.kept(content),
            Err(Trouble::Failed(_)) => {}
            Err(Trouble::Killed) => return Err(Trouble::Killed),
        }
        Ok(())
    }

    fn take_in_images(&mut self, world: &mut World) {
        let now = world.clock.since_boot;
        let ended: Vec<String> = self
            .fetching
            .iter()
            .filter(|(_, fetch)| fetch.ends_at.is_some_and(|at| at <= now))
            .map(|(name, _)| name.clone())
            .collect();
        for name in ended {
            let Some(fetch) = self.fetching.remove(&name) else {
                continue;
            };
            let supply = world.registry.supply(&name);
            if matches!(supply, Supply::Comes | Supply::ComesAndSaysNo) {
                let image = Object {
                    label: fetch.label.clone(),
                    ..Object::default()
                };
                world.podman.images.entry(name.clone()).or_insert(image);
                world.podman.changes += 1;
            }
            let result = match supply {
                Supply::Comes | Supply::SaysYesOnly => Ok(()),
                Supply::Fails | Supply::ComesAndSaysNo | Supply::Hangs => {
                    Err(format!("pull {name}: connection refused"))
                }
            };
            self.reconciler.image_finished(&fetch.image, result, now);
        }
    }

    /// When the images that it is getting have come or failed.
    pub(crate) fn images_end(&self) -> impl Iterator<Item = Duration> {
        self.fetching.values().filter_map(|fetch| fetch.ends_at)
    }
}

/// A step in a few words.
#[must_use]
pub fn brief(step: &Step) -> String {
    let text = match step {
        Step::CheckUnits { units, .. } => format!("check {} units", units.len()),
        Step::WriteUnit { name, .. } => format!("write {name}"),
        Step::WriteFile { path, .. } => format!("write {}", path.display()),
        Step::EnsureImage(image) => format!("ensure image {}", image.reference),
        other => format!("{other:?}"),
    };
    text.replace('\n', " ")
}

/// A crash in the middle of a write leaves a temporary file, which nothing reads.
fn sweep(world: &mut World) -> Result<(), Trouble> {
    for folder in [world.layout.units.clone(), world.layout.apps()] {
        for name in world.disk.names(&folder) {
            if name.starts_with(TEMPORARY_PREFIX) {
                let path = folder.join(&name);
                let swept = world.disk_call("sweep", |world| world.disk.remove(&path).map(drop));
                // What cannot be swept is in nobody's way.
                if swept == Err(Trouble::Killed) {
                    return Err(Trouble::Killed);
                }
            }
        }
    }
    Ok(())
}

//! From a request to what it would change.

use std::collections::{BTreeMap, BTreeSet};

use crate::desired::{Apps, Inputs};
use crate::intent::{Intent, WantedState};
use crate::layout::Layout;
use crate::name::AppId;

use super::grants::{ALL, Grant};
use super::{
    Installation, IntentRevision, Kind, OperationId, Preflight, Rebuild, RebuildPreview, Record,
    Refusal, Request, Target, Version,
};

/// An operation as it would be.
#[derive(Clone, Debug)]
pub struct Proposal {
    pub app: AppId,
    pub kind: Kind,
    /// The goal that the intent states then. A change of a setting, or a rebuild, does not start a
    /// stopped app.
    pub goal: Target,
    /// The intent as it would be; `None` when it stays as it is.
    pub intent: Option<Intent>,
    pub effect: Effect,
}

/// The effect of an operation on the app, besides its intent.
#[derive(Clone, Debug)]
pub enum Effect {
    /// `start`, `stop`, `restart` and `uninstall` change the state alone.
    State,
    /// `install`, `set`, `rollback` and `update`: the app as it would be.
    Installation(Box<Installation>),
    /// `rebuild`, before the base images are fetched.
    RebuildPreview(RebuildPreview),
    Rebuild(Rebuild),
}

/// Works out what a request would do. `keeps_data` says whether data of an app that is not
/// installed are still there.
///
/// # Errors
/// When it cannot or must not be done, as far as the inputs tell.
pub fn propose(request: Request, inputs: &Inputs, keeps_data: bool) -> Result<Proposal, Refusal> {
    let app = request.app().clone();
    let kind = request.kind();
    if kind != Kind::Uninstall && kind != Kind::Purge {
        // Nothing would follow the change.
        inputs.config.as_ref().map_err(Clone::clone)?;
        // Its intent says `stopped` meanwhile, which is nobody's wish.
        if inputs.found.updating.contains(&app) {
            return Err(Refusal::Updating(app));
        }
    }
    let (state, intent, effect) = match request {
        Request::Install {
            definition,
            settings,
        } => of_installation(Installation::of(inputs, *definition, &settings)?),
        Request::Set { app, settings } => {
            of_installation(Installation::of_installed(inputs, &app, &settings)?)
        }
        Request::Rollback { definition, intent } => {
            of_installation(Installation::of_kept(inputs, *definition, *intent)?)
        }
        Request::Update { definition, images } => {
            of_installation(Installation::of_update(inputs, *definition, images)?)
        }
        Request::Start(app) => of_intent(Intent {
            state: WantedState::Running,
            purge: false,
            ..installed(inputs, &app)?
        }),
        Request::Stop(app) => of_intent(Intent {
            state: WantedState::Stopped,
            ..remaining(inputs, &app)?
        }),
        Request::Restart(app) => match remaining(inputs, &app)?.state {
            WantedState::Stopped => return Err(Refusal::Stopped(app)),
            state => (state, None, Effect::State),
        },
        Request::Rebuild { app, found } => {
            let known = remaining(inputs, &app)?;
            if let Some(held) = inputs.held.get(&app) {
                return Err(Refusal::Waits(app, Box::new(held.waits.clone())));
            }
            let (intent, effect) = match found {
                None => (
                    None,
                    Effect::RebuildPreview(RebuildPreview::of(inputs, &app)?),
                ),
                Some(found) => {
                    let (rebuild, intent) = Rebuild::of(inputs, &app, &known, &found)?;
                    (intent, Effect::Rebuild(rebuild))
                }
            };
            (known.state, intent, effect)
        }
        Request::Uninstall { app, purge } => of_intent(removed(inputs, &app, purge, keeps_data)?),
    };
    Ok(Proposal {
        app,
        kind,
        goal: match state {
            WantedState::Running => Target::Ready,
            WantedState::Stopped => Target::Stopped,
            WantedState::Removed => Target::Gone,
        },
        intent,
        effect,
    })
}

fn of_intent(intent: Intent) -> (WantedState, Option<Intent>, Effect) {
    (intent.state, Some(intent), Effect::State)
}

fn of_installation(installation: Installation) -> (WantedState, Option<Intent>, Effect) {
    let intent = installation.intent.clone();
    let effect = Effect::Installation(Box::new(installation));
    (intent.state, Some(intent), effect)
}

impl Proposal {
    /// The version that the app would have, if it may change.
    #[must_use]
    pub fn version(&self) -> Option<Version> {
        let intent = self.intent.as_ref()?;
        let version = match &self.effect {
            Effect::Installation(installation) => installation.version.clone(),
            Effect::Rebuild(_) => String::new(),
            Effect::State | Effect::RebuildPreview(_) => return None,
        };
        Some(Version {
            release: intent.release.clone(),
            version,
        })
    }

    /// For `install`, `set`, `rollback` and `update`: the app as it would be.
    #[must_use]
    pub fn installation(&self) -> Option<&Installation> {
        match &self.effect {
            Effect::Installation(installation) => Some(installation),
            Effect::State | Effect::RebuildPreview(_) | Effect::Rebuild(_) => None,
        }
    }

    /// Whether `now` does what this proposal showed to a person. `now` is the same request, worked
    /// out again when the operation begins.
    #[must_use]
    pub fn still_holds(&self, now: &Self) -> bool {
        match now.effect {
            // It shows no more than the state that was asked for.
            Effect::State => true,
            Effect::Installation(_) => now.intent == self.intent,
            // Another rebuild may have made the same change already.
            Effect::RebuildPreview(_) | Effect::Rebuild(_) => {
                now.intent.is_none() || now.intent == self.intent
            }
        }
    }

    /// Whether `now`, the same request with the images that were fetched for it, does what this
    /// proposal showed to a person.
    #[must_use]
    pub fn differs_in_images_alone(&self, now: &Self) -> bool {
        let without_images = |proposal: &Self| {
            let intent = proposal.intent.clone();
            intent.map(|intent| Intent {
                images: BTreeMap::new(),
                ..intent
            })
        };
        self.goal == now.goal && without_images(self) == without_images(now)
    }

    /// The record of the operation. `before` is the app's present intent, and `restarts` are the
    /// running services that a restart ends, each with its invocation.
    #[must_use]
    pub fn record(
        &self,
        id: OperationId,
        asked_unix_s: u64,
        before: Option<IntentRevision>,
        restarts: BTreeMap<String, String>,
    ) -> Record {
        let intent = self.intent.as_ref().map(Intent::to_text);
        let after = intent.map(|text| IntentRevision::of(text.as_bytes()));
        Record {
            id,
            kind: self.kind,
            app: self.app.clone(),
            goal: self.goal,
            asked_unix_s,
            after: after.or_else(|| before.clone()),
            before,
            restarts,
            version: self.version(),
            update: None,
        }
    }

    /// Judges the proposal against the observations of the host.
    ///
    /// # Errors
    /// With the first thing that stands in its way.
    pub fn judge(&self, layout: &Layout, preflight: &Preflight) -> Result<(), Refusal> {
        match self.installation() {
            Some(installation) => installation.judge(layout, preflight),
            None => Ok(()),
        }
    }

    /// The grants that the app asks for and does not have yet, the worst first.
    pub fn new_grants(&self) -> impl Iterator<Item = &Grant> {
        let installation = self.installation().into_iter();
        installation.flat_map(|app| app.grants.beyond(&app.granted))
    }

    /// Refuses a word that agrees to nothing that the app asks for. It may be mistyped, or meant
    /// for another app.
    ///
    /// # Errors
    /// With the words of the grants that the app asks for.
    pub fn check_words(&self, words: &BTreeSet<String>) -> Result<(), Refusal> {
        let Some(installation) = self.installation() else {
            return Ok(());
        };
        let asked = installation.grants.words();
        match words
            .iter()
            .find(|word| *word != ALL && !asked.contains(*word))
        {
            None => Ok(()),
            Some(word) => Err(Refusal::NotAsked {
                app: self.app.clone(),
                word: word.clone(),
                asked,
            }),
        }
    }

    /// Refuses new grants that these words do not agree to.
    ///
    /// # Errors
    /// With these grants.
    pub fn check_allowed(&self, words: &BTreeSet<String>) -> Result<(), Refusal> {
        let left = self
            .new_grants()
            .filter(|grant| !words.contains(ALL) && !words.contains(&grant.word()));
        let grants: Vec<Grant> = left.cloned().collect();
        if grants.is_empty() {
            return Ok(());
        }
        Err(Refusal::NotAllowed {
            app: self.app.clone(),
            grants,
        })
    }
}

fn installed(inputs: &Inputs, app: &AppId) -> Result<Intent, Refusal> {
    match inputs.written(app) {
        None => Err(Refusal::NotInstalled(app.clone())),
        Some(intent) => Ok(intent.cloned().map_err(Clone::clone)?),
    }
}

/// The intent of an app that is not being removed.
fn remaining(inputs: &Inputs, app: &AppId) -> Result<Intent, Refusal> {
    let intent = installed(inputs, app)?;
    match intent.state {
        WantedState::Removed => Err(Refusal::Removing { app: app.clone() }),
        WantedState::Running | WantedState::Stopped => Ok(intent),
    }
}

fn removed(inputs: &Inputs, app: &AppId, purge: bool, keeps_data: bool) -> Result<Intent, Refusal> {
    // Data that an earlier removal kept can still be purged.
    let something_is_left = purge && keeps_data;
    if !inputs.intents.contains_key(app) && !something_is_left {
        return Err(Refusal::NotInstalled(app.clone()));
    }
    let by = Apps::read(inputs).dependants(app);
    if !by.is_empty() {
        return Err(Refusal::Required {
            app: app.clone(),
            by: by.into_iter().collect(),
        });
    }
    // An intent that cannot be read any more is no reason to keep the app.
    let known = inputs.written(app).and_then(|intent| intent.cloned().ok());
    Ok(Intent {
        state: WantedState::Removed,
        purge,
        ..known.unwrap_or_default()
    })
}

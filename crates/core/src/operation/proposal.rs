//! From a request to what it would change.

use std::collections::BTreeSet;

use crate::desired::{Apps, Inputs};
use crate::intent::{Goal as Wanted, Intent};
use crate::layout::Layout;
use crate::name::AppId;

use super::grants::{ALL, Grant};
use super::{Goal, HostLook, Installation, Kind, Rebuild, Refusal, Request};

/// The preview of an operation.
#[derive(Clone, Debug)]
pub struct Proposal {
    pub app: AppId,
    pub kind: Kind,
    /// The intent as it would be; `None` when it stays as it is.
    pub intent: Option<Intent>,
    /// For `install` and `set`: the app as it would be.
    pub installation: Option<Box<Installation>>,
    /// For `rebuild`: its images.
    pub rebuild: Option<Box<Rebuild>>,
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
    }
    let mut rebuild = None;
    let (intent, installation) = match request {
        Request::Install {
            definition,
            settings,
        } => {
            let installation = Installation::of(inputs, *definition, &settings)?;
            (Some(installation.intent.clone()), Some(installation))
        }
        Request::Set { app, settings } => {
            let installation = Installation::of_installed(inputs, &app, &settings)?;
            (Some(installation.intent.clone()), Some(installation))
        }
        Request::Start(app) => {
            let intent = Intent {
                state: Wanted::Running,
                purge: false,
                ..installed(inputs, &app)?
            };
            (Some(intent), None)
        }
        Request::Stop(app) => {
            let intent = installed(inputs, &app)?;
            if intent.state == Wanted::Removed {
                return Err(Refusal::Removing { app });
            }
            let intent = Intent {
                state: Wanted::Stopped,
                ..intent
            };
            (Some(intent), None)
        }
        Request::Restart(app) => match installed(inputs, &app)?.state {
            Wanted::Running => (None, None),
            Wanted::Stopped => return Err(Refusal::Stopped(app)),
            Wanted::Removed => return Err(Refusal::Removing { app }),
        },
        Request::Rebuild { app, found } => {
            let known = installed(inputs, &app)?;
            let about = Rebuild::of(inputs, &app, &known, &found)?;
            let intent = about.intent.clone();
            rebuild = Some(Box::new(about));
            (intent, None)
        }
        Request::Uninstall { app, purge } => {
            (Some(removed(inputs, &app, purge, keeps_data)?), None)
        }
    };
    Ok(Proposal {
        app,
        kind,
        intent,
        installation: installation.map(Box::new),
        rebuild,
    })
}

impl Proposal {
    /// The goal that the new intent states. A change of a setting, or a rebuild, does not start a
    /// stopped app.
    #[must_use]
    pub fn goal(&self) -> Goal {
        let intent = self.intent.as_ref().map(|intent| intent.state);
        let rebuild = self.rebuild.as_ref().map(|rebuild| rebuild.state);
        match intent.or(rebuild) {
            None | Some(Wanted::Running) => Goal::Ready,
            Some(Wanted::Stopped) => Goal::Stopped,
            Some(Wanted::Removed) => Goal::Gone,
        }
    }

    /// Judges the proposal against what was seen of the host.
    ///
    /// # Errors
    /// With the first thing that stands in its way.
    pub fn judge(&self, layout: &Layout, look: &HostLook) -> Result<(), Refusal> {
        match &self.installation {
            Some(installation) => installation.judge(layout, look),
            None => Ok(()),
        }
    }

    /// The grants that the app asks for and does not have yet, the worst first.
    pub fn new_grants(&self) -> impl Iterator<Item = &Grant> {
        let installation = self.installation.iter();
        installation.flat_map(|app| app.grants.beyond(&app.granted))
    }

    /// Refuses a word that agrees to nothing that the app asks for. It may be mistyped, or meant
    /// for another app.
    ///
    /// # Errors
    /// With the words of the grants that the app asks for.
    pub fn check_words(&self, words: &BTreeSet<String>) -> Result<(), Refusal> {
        let Some(installation) = &self.installation else {
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

    /// Judges whether these words agree to all new grants.
    ///
    /// # Errors
    /// With the grants that they do not agree to.
    pub fn agree(&self, words: &BTreeSet<String>) -> Result<(), Refusal> {
        let left = self
            .new_grants()
            .filter(|grant| !words.contains(ALL) && !words.contains(&grant.word()));
        let grants: Vec<Grant> = left.cloned().collect();
        if grants.is_empty() {
            return Ok(());
        }
        Err(Refusal::NotAgreed {
            app: self.app.clone(),
            grants,
        })
    }
}

fn installed(inputs: &Inputs, app: &AppId) -> Result<Intent, Refusal> {
    match inputs.intents.get(app) {
        None => Err(Refusal::NotInstalled(app.clone())),
        Some(intent) => Ok(intent.clone()?),
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
    let known = inputs
        .intents
        .get(app)
        .and_then(|intent| intent.clone().ok());
    Ok(Intent {
        state: Wanted::Removed,
        purge,
        ..known.unwrap_or_default()
    })
}

//! The rights to which a person has agreed, and the edits of intents that wait because they ask for
//! more.
//!
//! `install` and `set` ask before they change an intent, and the intent keeps the words. A person
//! who edits an intent is not asked. So the version that a person has agreed to stays until the
//! intent has the new words; the person may write them there too.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::desired::{Apps, Inputs};
use crate::file_error::FileError;
use crate::held::{Held, WaitCause, Waits, is_settled};
use crate::intent::{Intent, WantedState};
use crate::name::AppId;

use super::grants::{Grants, refuse_never};

/// The paths of the node that must be [followed](crate::desired::HostFacts::trails) before
/// [`hold`]: a right is judged by the place to which a path leads.
#[must_use]
pub fn judged_paths(inputs: &Inputs) -> Vec<PathBuf> {
    if edited(inputs).next().is_none() && inputs.releases.former.is_empty() {
        return Vec::new();
    }
    let mut paths = Apps::read(inputs).mounted(&inputs.layout);
    paths.extend(Apps::read(&agreed(inputs)).mounted(&inputs.layout));
    paths
}

/// Replaces each edited intent that asks for more than a person has agreed to by the version
/// before, and notes the others as granted. The state that the edited intent asks for counts at
/// once.
pub fn hold(inputs: &mut Inputs) {
    note_former(inputs);
    let mut left: BTreeMap<AppId, Intent> = edited(inputs)
        .map(|(id, intent)| (id.clone(), intent.clone()))
        .collect();
    if left.is_empty() {
        return;
    }
    let before = agreed(inputs);
    let apps_before = Apps::read(&before);
    // An app may follow the settings of another one, so an edit that waits can change what another
    // edit asks for.
    loop {
        let apps = Apps::read(inputs);
        let waiting: Vec<Held> = left
            .iter()
            .filter_map(|(id, intent)| {
                let mut words = intent.allow.clone();
                if is_kept(inputs, id) {
                    words.extend(grants_in(&before, &apps_before, id).words());
                }
                held(inputs, &apps, id, intent, &words)
            })
            .collect();
        if waiting.is_empty() {
            // An app that cannot be resolved is left as it is.
            left.retain(|id, _| apps.manifest(id).is_some());
            for (id, intent) in left {
                grant(inputs, &id, intent);
            }
            return;
        }
        for held in waiting {
            let id = held.waits.app.clone();
            left.remove(&id);
            if held.waits.has_granted {
                go_back(inputs, &id, &held.intent);
            } else {
                let error = FileError::Waits(Box::new(held.waits.clone()));
                inputs.intents.insert(id.clone(), Err(error));
            }
            inputs.held.insert(id, held);
        }
    }
}

/// The words of the rights that an app has: those in its intent, also in one that waits, and those
/// of its present definition, because version 0.1.0 asked nobody. An app that is being removed has
/// none.
pub(super) fn words_of(inputs: &Inputs, id: &AppId) -> BTreeSet<String> {
    let held = inputs.held.get(id);
    let mut words = held
        .map(|held| held.intent.allow.clone())
        .unwrap_or_default();
    if let Some(Ok(intent)) = inputs.intents.get(id)
        && intent.state != WantedState::Removed
    {
        words.extend(intent.allow.iter().cloned());
        words.extend(grants_in(inputs, &Apps::read(inputs), id).words());
    }
    words
}

/// The intents that are not the version to which a person has agreed.
fn edited(inputs: &Inputs) -> impl Iterator<Item = (&AppId, &Intent)> {
    inputs.intents.iter().filter_map(|(id, intent)| {
        let intent = intent.as_ref().ok()?;
        (!is_settled(intent, inputs.granted.get(id))).then_some((id, intent))
    })
}

/// Notes the rights that apps of version 0.1.0 use, which asked nobody. They are kept as a granted
/// version, and as words in the intent: without that file, the app must not get more.
fn note_former(inputs: &mut Inputs) {
    if inputs.releases.former.is_empty() {
        return;
    }
    let apps = Apps::read(inputs);
    for id in inputs.releases.former.clone().keys() {
        let (Some(Ok(intent)), Some(_)) = (inputs.intents.get(id).cloned(), apps.manifest(id))
        else {
            continue;
        };
        if intent.state == WantedState::Removed {
            continue;
        }
        let words = grants_in(inputs, &apps, id).words();
        let granted = inputs.granted.get(id).map(|granted| &granted.intent);
        let Some(former) = inputs.releases.former.get_mut(id) else {
            continue;
        };
        match granted {
            None => {
                former.allow = words;
                grant(inputs, id, intent);
            }
            // The process that kept it was killed before it could change the intent.
            Some(granted) if granted.release.as_ref() == Some(&former.release) => {
                former.allow.clone_from(&granted.allow);
            }
            // The operator has put the former definition in the place of another version.
            Some(_) => {}
        }
    }
}

/// Notes an intent as agreed to, as it will be once it names its release.
fn grant(inputs: &mut Inputs, id: &AppId, mut intent: Intent) {
    if let Some(former) = inputs.releases.former.get(id) {
        intent.name_release(&former.release, &former.allow);
    }
    inputs.newly_granted.insert(id.clone(), intent);
}

/// Whether the version that a person has agreed to is there, with its definition.
fn is_kept(inputs: &Inputs, id: &AppId) -> bool {
    let granted = inputs.granted.get(id);
    granted.is_some_and(|granted| granted.is_whole())
}

/// The inputs without all that is edited.
fn agreed(inputs: &Inputs) -> Inputs {
    let mut before = inputs.clone();
    for (id, intent) in edited(inputs) {
        go_back(&mut before, id, intent);
    }
    before
}

/// Puts the version that a person has agreed to in the place of an edited intent, if it is there.
fn go_back(inputs: &mut Inputs, id: &AppId, edited: &Intent) {
    if let Some(granted) = inputs.granted.get(id)
        && granted.is_whole()
    {
        let intent = granted.wanted_as(edited);
        inputs.definitions.insert(id.clone(), granted.files.clone());
        inputs.intents.insert(id.clone(), Ok(intent));
        // It says what is wrong with the definition of the edited intent.
        inputs.releases.unusable.remove(id);
    }
}

fn grants_in(inputs: &Inputs, apps: &Apps, id: &AppId) -> Grants {
    match (apps.manifest(id), inputs.definitions.get(id)) {
        (Some(manifest), Some(files)) => Grants::of(&inputs.layout, &inputs.found, manifest, files),
        _ => Grants::default(),
    }
}

/// The edited intent as one that waits; `None` when these words agree to all that it asks for, or
/// when the app cannot be resolved.
fn held(
    inputs: &Inputs,
    apps: &Apps,
    id: &AppId,
    intent: &Intent,
    words: &BTreeSet<String>,
) -> Option<Held> {
    let manifest = apps.manifest(id)?;
    let files = inputs.definitions.get(id)?;
    let cause = match refuse_never(&inputs.layout, &inputs.found, manifest) {
        Err(errors) => WaitCause::Never(errors),
        Ok(()) => {
            let grants = Grants::of(&inputs.layout, &inputs.found, manifest, files);
            let asks: Vec<(String, String)> = grants
                .beyond(words)
                .map(|grant| (grant.word(), grant.to_string()))
                .collect();
            if asks.is_empty() {
                return None;
            }
            WaitCause::Asks(asks)
        }
    };
    Some(Held {
        intent: intent.clone(),
        files: files.clone(),
        waits: Waits {
            app: id.clone(),
            cause,
            has_granted: is_kept(inputs, id),
        },
    })
}

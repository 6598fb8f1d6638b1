//! Lets an edited intent wait while it asks for more than a person has agreed to.
//!
//! `install` and `set` ask before they change an intent, and the intent keeps the words. A person
//! who edits an intent is not asked, so the version that the reconciler followed before stays until
//! the new words are in the intent. The person may write them there too.

use std::collections::{BTreeMap, BTreeSet};

use crate::desired::{Apps, Inputs};
use crate::file_error::FileError;
use crate::held::{Held, WaitCause, Waits, is_settled};
use crate::intent::Intent;
use crate::name::AppId;

use super::grants::{Grants, refuse_never};

/// Whether an intent is not the version that a person has agreed to.
/// [`hold`] needs to know where the paths lead that its app mounts.
#[must_use]
pub fn is_any_edited(inputs: &Inputs) -> bool {
    edited(inputs).next().is_some()
}

/// Replaces each edited intent that asks for more than a person has agreed to by the version before,
/// and notes the others as granted. The state that the edited intent asks for counts at once.
pub fn hold(inputs: &mut Inputs) {
    let edited: Vec<(AppId, Intent)> = edited(inputs)
        .map(|(id, intent)| (id.clone(), intent.clone()))
        .collect();
    if edited.is_empty() {
        return;
    }
    let mut before = inputs.clone();
    for (id, intent) in &edited {
        go_back(&mut before, id, intent);
    }
    let (apps, apps_before) = (Apps::read(inputs), Apps::read(&before));
    for (id, intent) in edited {
        // An app that cannot be resolved is left as it is.
        let Some(files) = inputs.definitions.get(&id).cloned() else {
            continue;
        };
        if apps.manifest(&id).is_none() {
            continue;
        }
        let has_granted = has_granted(inputs, &id);
        let words_before = match has_granted {
            true => grants_in(&before, &apps_before, &id).words(),
            false => BTreeSet::new(),
        };
        match cause(inputs, &apps, &id, &intent, words_before) {
            None => drop(inputs.newly_granted.insert(id, intent)),
            Some(cause) => {
                let waits = Waits {
                    app: id.clone(),
                    cause,
                    has_granted,
                };
                if has_granted {
                    go_back(inputs, &id, &intent);
                } else {
                    let error = FileError::Waits(Box::new(waits.clone()));
                    inputs.intents.insert(id.clone(), Err(error));
                }
                let held = Held {
                    intent,
                    files,
                    waits,
                };
                inputs.held.insert(id, held);
            }
        }
    }
}

/// The intents that are not the granted version.
fn edited(inputs: &Inputs) -> impl Iterator<Item = (&AppId, &Intent)> {
    inputs.intents.iter().filter_map(|(id, intent)| {
        let intent = intent.as_ref().ok()?;
        (!is_settled(intent, inputs.granted.get(id))).then_some((id, intent))
    })
}

/// Whether the granted version of an edited intent can be gone back to.
fn has_granted(inputs: &Inputs, id: &AppId) -> bool {
    let granted = inputs.granted.get(id);
    granted.is_some_and(|granted| granted.is_whole())
}

/// Puts the granted version in the place of an edited intent, if there is one.
fn go_back(inputs: &mut Inputs, id: &AppId, edited: &Intent) {
    if let Some(granted) = inputs.granted.get(id)
        && granted.is_whole()
    {
        let intent = granted.wanted_as(edited);
        inputs.definitions.insert(id.clone(), granted.files.clone());
        inputs.intents.insert(id.clone(), Ok(intent));
        // What is wrong with the stored files of the edited intent.
        inputs.releases.unusable.remove(id);
    }
}

fn grants_in(inputs: &Inputs, apps: &Apps, id: &AppId) -> Grants {
    match (apps.manifest(id), inputs.definitions.get(id)) {
        (Some(manifest), Some(files)) => Grants::of(&inputs.layout, &inputs.found, manifest, files),
        _ => Grants::default(),
    }
}

/// Why an edited intent waits; `None` when a person has agreed to all that it asks for.
fn cause(
    inputs: &Inputs,
    apps: &Apps,
    id: &AppId,
    intent: &Intent,
    words_before: BTreeSet<String>,
) -> Option<WaitCause> {
    // Version 0.1.0 asked nobody. Its apps keep the rights that they use.
    if intent.exports_all && !inputs.granted.contains_key(id) {
        return None;
    }
    let manifest = apps.manifest(id)?;
    if let Err(errors) = refuse_never(&inputs.layout, &inputs.found, manifest) {
        return Some(WaitCause::Never(errors));
    }
    let mut words = words_before;
    words.extend(intent.allow.iter().cloned());
    let grants = grants_in(inputs, apps, id);
    let asks: BTreeMap<String, String> = grants
        .beyond(&words)
        .map(|grant| (grant.word(), grant.to_string()))
        .collect();
    (!asks.is_empty()).then_some(WaitCause::Asks(asks))
}

//! Edited intents: what waits, what is followed at once, and what agrees to it.

use std::collections::{BTreeMap, BTreeSet};

use crate::desired::{App, Apps, Inputs, assemble};
use crate::held::Granted;
use crate::intent::{Intent, WantedState};
use crate::layout::Layout;
use crate::manifest::{COMPOSE_FILE, Files, SettingValue};
use crate::name::AppId;
use crate::operation::{Refusal, Request, hold, is_any_edited, propose};
use crate::release::ReleaseId;

fn id() -> AppId {
    AppId::parse("a").unwrap()
}

/// An app whose service has these lines.
fn files(lines: &str) -> Files {
    let text = format!(
        "services: {{a: {{image: 'docker.io/library/a:1', {lines}}}}}\n\
         x-archipelago: {{settings: {{place: {{type: path, default: /srv/a, description: Place.}}}}}}\n"
    );
    Files::from([(COMPOSE_FILE.to_owned(), text.as_bytes().into())])
}

fn intent(files: &Files, allow: &[&str]) -> Intent {
    Intent {
        release: Some(ReleaseId::of(files)),
        allow: allow.iter().map(|word| (*word).to_owned()).collect(),
        ..Intent::default()
    }
}

/// A node whose operator has edited the intent of `a`. `before` is the granted version.
fn edited(before: Option<(Intent, Files)>, intent: Intent, files: Files) -> Inputs {
    let mut inputs = Inputs::new(Layout::under("/node"));
    inputs.intents.insert(id(), Ok(intent));
    inputs.definitions.insert(id(), files);
    if let Some((intent, files)) = before {
        inputs.granted.insert(id(), Granted { intent, files });
    }
    inputs
}

fn held(mut inputs: Inputs) -> Inputs {
    hold(&mut inputs);
    inputs
}

/// What the app waits for, as `status` says it.
fn waits(inputs: &Inputs) -> String {
    inputs.held[&id()].waits.to_string()
}

const PLAIN: &str = "command: [a]";
const ASKING: &str = "cap_add: [SYS_ADMIN]";

#[test]
fn an_edit_that_asks_for_more_waits_and_the_version_before_stays() {
    let (plain, asking) = (files(PLAIN), files(ASKING));
    let before = (intent(&plain, &[]), plain.clone());
    let edit = Intent {
        state: WantedState::Stopped,
        ..intent(&asking, &[])
    };
    let inputs = held(edited(Some(before), edit.clone(), asking.clone()));
    // The state is no right, so it counts at once.
    let stays = Intent {
        state: WantedState::Stopped,
        ..intent(&plain, &[])
    };
    assert_eq!(inputs.intents[&id()], Ok(stays));
    assert_eq!(inputs.definitions[&id()], plain);
    assert_eq!(inputs.newly_granted, BTreeMap::new());
    assert_eq!(inputs.written(&id()), Some(Ok(&edit)));
    assert_eq!(
        waits(&inputs),
        "its intent was edited and asks for more than a person has agreed to: it may use the capability \
         SYS_ADMIN, which containers do not have by default; it stays as it was until a person agrees: \
         archipelago set a --allow capability:SYS_ADMIN"
    );
    let desired = assemble(&inputs, &Apps::read(&inputs));
    assert_eq!(desired.held[&id()], inputs.held[&id()].waits);
    assert!(matches!(desired.apps[&id()], App::Present(_)));
    // Nothing is edited any more once the version before is in its place.
    assert!(!is_any_edited(&inputs));
}

#[test]
fn words_in_the_intent_agree_and_so_does_the_version_before() {
    let asking = files(ASKING);
    let word = "capability:SYS_ADMIN";
    let plain = (intent(&files(PLAIN), &[]), files(PLAIN));
    let used = (intent(&asking, &[]), asking.clone());
    let settings = BTreeMap::from([("place".to_owned(), SettingValue::Text("/srv/b".to_owned()))]);
    let other = Intent {
        settings,
        ..intent(&asking, &[])
    };
    for (before, edit) in [
        (Some(plain), intent(&asking, &[word])),
        (Some(used), other),
        (None, intent(&asking, &[word])),
        // Version 0.1.0 asked nobody.
        (
            None,
            Intent {
                exports_all: true,
                ..intent(&asking, &[])
            },
        ),
    ] {
        let inputs = held(edited(before, edit.clone(), asking.clone()));
        assert_eq!(inputs.intents[&id()], Ok(edit.clone()));
        assert!(inputs.held.is_empty());
        assert_eq!(inputs.newly_granted, BTreeMap::from([(id(), edit)]));
    }
}

#[test]
fn a_setting_that_opens_a_path_waits_by_the_place_it_leads_to() {
    let mounting = files("volumes: ['${place}:/x']");
    let before = (intent(&mounting, &["path:/srv/a"]), mounting.clone());
    let place = |path: &str| Intent {
        settings: BTreeMap::from([("place".to_owned(), SettingValue::Text(path.to_owned()))]),
        ..intent(&mounting, &["path:/srv/a"])
    };
    let mut inputs = edited(Some(before.clone()), place("/srv/b"), mounting.clone());
    assert!(waits(&held(inputs.clone())).ends_with("set a --allow path:/srv/b"));
    inputs
        .found
        .trails
        .insert("/srv/b".into(), vec!["/srv/a".into()]);
    assert!(held(inputs).held.is_empty());
    // No word opens these.
    let never = edited(Some(before), place("/node/config/x"), mounting);
    assert!(waits(&held(never)).contains("no app may mount the folders"));
}

#[test]
fn without_a_version_before_nothing_is_touched() {
    let asking = files(ASKING);
    let damaged = (intent(&files(PLAIN), &[]), files("command: [b]"));
    for before in [None, Some(damaged)] {
        let inputs = held(edited(before, intent(&asking, &[]), asking.clone()));
        assert!(waits(&inputs).contains("nothing of it is changed until a person agrees"));
        let desired = assemble(&inputs, &Apps::read(&inputs));
        let App::Broken { cause, .. } = &desired.apps[&id()] else {
            panic!("{:?}", desired.apps[&id()]);
        };
        assert!(
            cause.to_string().contains("--allow capability:SYS_ADMIN"),
            "{cause}"
        );
    }
}

#[test]
fn operations_change_the_edited_intent_and_set_agrees_to_it() {
    let (plain, asking) = (files(PLAIN), files(ASKING));
    let before = (intent(&plain, &[]), plain);
    let edit = intent(&asking, &[]);
    let inputs = held(edited(Some(before), edit.clone(), asking.clone()));
    let set = Request::Set {
        app: id(),
        settings: Vec::new(),
    };
    let proposal = propose(set.clone(), &inputs, false).unwrap();
    let words: Vec<String> = proposal.new_grants().map(|grant| grant.word()).collect();
    assert_eq!(words, ["capability:SYS_ADMIN"]);
    assert!(proposal.check_allowed(&BTreeSet::new()).is_err());
    let agreed = intent(&asking, &["capability:SYS_ADMIN"]);
    assert_eq!(proposal.intent, Some(agreed.clone()));
    assert_eq!(proposal.installation().unwrap().files, asking);

    let stopped = propose(Request::Stop(id()), &inputs, false).unwrap().intent;
    let state = WantedState::Stopped;
    assert_eq!(stopped, Some(Intent { state, ..edit }));
    let rebuild = Request::Rebuild {
        app: id(),
        found: None,
    };
    let refused = propose(rebuild, &inputs, false).unwrap_err();
    assert!(matches!(refused, Refusal::Waits(..)), "{refused}");

    // Without an edit that waits, there is nothing to set.
    let inputs = edited(Some((agreed.clone(), Files::new())), agreed, asking);
    let refused = propose(set, &held(inputs), false).unwrap_err();
    assert_eq!(refused, Refusal::NoSetting(id()));
}

#[test]
fn a_removal_waits_for_nobody() {
    let asking = files(ASKING);
    let removed = Intent {
        state: WantedState::Removed,
        ..intent(&asking, &[])
    };
    let inputs = held(edited(None, removed, asking));
    assert!(inputs.held.is_empty() && inputs.newly_granted.is_empty());
}

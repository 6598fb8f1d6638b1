//! Edited intents: what waits, what is followed at once, and what agrees to it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::desired::{App, Apps, Inputs, assemble};
use crate::held::Granted;
use crate::intent::{Intent, WantedState};
use crate::layout::Layout;
use crate::manifest::{COMPOSE_FILE, Files, SettingValue};
use crate::name::AppId;
use crate::operation::{Refusal, Request, hold, judged_paths, propose};
use crate::release::ReleaseId;
use crate::releases::Former;

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

/// The cause of the wait, as `status` shows it.
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
    assert_eq!(judged_paths(&inputs), [] as [PathBuf; 0]);
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
        // The file with the version before is lost or damaged.
        (None, intent(&asking, &[word])),
    ] {
        let inputs = held(edited(before, edit.clone(), asking.clone()));
        assert_eq!(inputs.intents[&id()], Ok(edit.clone()));
        assert!(inputs.held.is_empty());
        assert_eq!(inputs.newly_granted, BTreeMap::from([(id(), edit)]));
    }
}

/// An app as version 0.1.0 left it.
fn former(files: &Files) -> Inputs {
    let mut inputs = edited(None, Intent::default(), files.clone());
    let former = Former {
        release: ReleaseId::of(files),
        files: files.clone(),
        allow: BTreeSet::new(),
    };
    inputs.releases.former.insert(id(), former);
    inputs
}

#[test]
fn an_app_of_version_0_1_0_keeps_its_rights_and_gets_no_more() {
    // No word would open the folder of Archipelago.
    let asking = files("cap_add: [SYS_ADMIN], volumes: ['/node/config/x:/x']");
    let words = ["capability:SYS_ADMIN", "path:/node/config/x"];
    let mut inputs = held(former(&asking));
    assert_eq!(inputs.intents[&id()], Ok(Intent::default()));
    assert!(inputs.held.is_empty());
    let named = Intent {
        exports_all: true,
        ..intent(&asking, &words)
    };
    assert_eq!(inputs.newly_granted[&id()], named);
    let allow = inputs.releases.former[&id()].allow.clone();
    assert_eq!(allow, named.allow);

    // The process is killed once the version is kept, so the intent does not name it yet.
    let granted = Granted {
        intent: named.clone(),
        files: asking.clone(),
    };
    let mut killed = former(&asking);
    killed.granted.insert(id(), granted.clone());
    let killed = held(killed);
    assert_eq!(killed.releases.former[&id()].allow, allow);
    assert_eq!(killed.intents[&id()], Ok(named.clone()));

    // Now the intent names its release.
    inputs.newly_granted.clear();
    inputs.releases.former.clear();
    inputs.granted.insert(id(), granted);
    inputs.intents.insert(id(), Ok(named.clone()));
    let settled = held(inputs.clone());
    assert_eq!(settled.intents, inputs.intents);
    assert!(settled.held.is_empty() && settled.newly_granted.is_empty());

    // An edit waits, also when the kept version is lost.
    let more = files("cap_add: [SYS_ADMIN, SYS_PTRACE]");
    let edit = Intent {
        release: Some(ReleaseId::of(&more)),
        ..named
    };
    inputs.intents.insert(id(), Ok(edit));
    inputs.definitions.insert(id(), more);
    for is_lost in [false, true] {
        if is_lost {
            inputs.granted.clear();
        }
        let word = waits(&held(inputs.clone()));
        assert!(
            word.ends_with("set a --allow capability:SYS_PTRACE"),
            "{word}"
        );
    }
}

#[test]
fn a_former_definition_in_the_place_of_another_version_waits_like_any_edit() {
    let (plain, asking) = (files(PLAIN), files(ASKING));
    let mut inputs = former(&asking);
    let granted = Granted {
        intent: intent(&plain, &[]),
        files: plain.clone(),
    };
    inputs.granted.insert(id(), granted);
    let waiting = held(inputs.clone());
    assert!(waits(&waiting).contains("SYS_ADMIN"));
    assert_eq!(waiting.definitions[&id()], plain);
    // Once the intent has the word, it is kept as it will be with its release.
    let allow = BTreeSet::from(["capability:SYS_ADMIN".to_owned()]);
    let agreed = Intent {
        allow,
        ..Intent::default()
    };
    inputs.intents.insert(id(), Ok(agreed));
    let named = Intent {
        exports_all: true,
        ..intent(&asking, &["capability:SYS_ADMIN"])
    };
    assert_eq!(held(inputs).newly_granted[&id()], named);
}

#[test]
fn part_of_a_kept_version_is_none() {
    let mounting = files("volumes: ['${place}:/x']");
    let settings = BTreeMap::from([("place".to_owned(), SettingValue::Text("/srv/b".to_owned()))]);
    let kept = Intent {
        settings,
        ..intent(&mounting, &["path:/srv/b"])
    };
    let text = Granted::to_text(&kept);
    assert_eq!(Granted::read(&text), Some(kept));
    // Without the setting, the app would mount the default.
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    for left_out in 0..lines.len() {
        let mut part = lines.clone();
        part.remove(left_out);
        assert_eq!(Granted::read(&part.concat()), None, "{left_out}");
    }
    for end in 0..text.len() {
        assert_eq!(Granted::read(&text[..end]), None, "{end}");
    }
}

#[test]
fn an_edit_that_waits_changes_what_another_edit_asks_for() {
    let other = AppId::parse("b").unwrap();
    let exporting = |lines: &str| {
        let text = format!(
            "services: {{a: {{image: 'docker.io/library/a:1', {lines}}}}}\n\
             x-archipelago: {{exports: {{settings: [place]}}, settings: {{place: {{type: path, default: /srv/a, description: Place.}}}}}}\n"
        );
        Files::from([(COMPOSE_FILE.to_owned(), text.as_bytes().into())])
    };
    let following = |volume: &str| {
        let text = format!(
            "services: {{b: {{image: 'docker.io/library/b:1', volumes: [{volume}]}}}}\n\
             x-archipelago: {{requires: {{apps: [a]}}, variables: {{PLACE: {{app: a, setting: place}}}}}}\n"
        );
        Files::from([(COMPOSE_FILE.to_owned(), text.as_bytes().into())])
    };
    let (plain, asking) = (exporting(PLAIN), exporting(ASKING));
    // The edit of `a` moves its place, and waits for something else.
    let settings = BTreeMap::from([("place".to_owned(), SettingValue::Text("/srv/b".to_owned()))]);
    let edit = Intent {
        settings,
        ..intent(&asking, &[])
    };
    let mut inputs = edited(Some((intent(&plain, &[]), plain)), edit, asking);
    // With the edit of `a`, that of `b` would ask for what its words allow.
    let (before, after) = (following("'x:/x'"), following("'${PLACE}:/x'"));
    let granted = Granted {
        intent: intent(&before, &[]),
        files: before.clone(),
    };
    inputs.granted.insert(other.clone(), granted);
    let agreed = intent(&after, &["path:/srv/b"]);
    inputs.intents.insert(other.clone(), Ok(agreed));
    inputs.definitions.insert(other.clone(), after);
    let apps = Apps::read(&inputs);
    assert!(apps.manifest(&other).is_some(), "{apps:?}");
    let inputs = held(inputs);
    assert!(inputs.held[&id()].waits.to_string().contains("SYS_ADMIN"));
    let word = inputs.held[&other].waits.to_string();
    assert!(word.ends_with("set b --allow path:/srv/a"), "{word}");
    assert_eq!(inputs.definitions[&other], before);
    assert!(inputs.newly_granted.is_empty());
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
    let plain = files(PLAIN);
    let before = (intent(&plain, &[]), plain);
    // A word that the person has written into the intent is not asked for again.
    let asking = files("cap_add: [SYS_ADMIN, SYS_PTRACE]");
    let edit = intent(&asking, &["capability:SYS_PTRACE"]);
    let inputs = held(edited(Some(before), edit.clone(), asking.clone()));
    let set = Request::Set {
        app: id(),
        settings: Vec::new(),
    };
    let proposal = propose(set.clone(), &inputs, false).unwrap();
    let words: Vec<String> = proposal.new_grants().map(|grant| grant.word()).collect();
    assert_eq!(words, ["capability:SYS_ADMIN"]);
    assert!(proposal.check_allowed(&BTreeSet::new()).is_err());
    let agreed = intent(&asking, &["capability:SYS_ADMIN", "capability:SYS_PTRACE"]);
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

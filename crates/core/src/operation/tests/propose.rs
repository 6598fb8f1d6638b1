//! The proposal of each request, or the reason of its refusal.

use std::collections::BTreeMap;

use crate::desired::Inputs;
use crate::file_error::FileError;
use crate::intent::{Intent, WantedState};
use crate::layout::Layout;
use crate::manifest::{COMPOSE_FILE, Files, SettingValue};
use crate::name::AppId;
use crate::observed::{Podman, Unreachable};
use crate::operation::{
    Definition, PortProblem, Preflight, Proposal, Refusal, Request, Target, UpToDate, propose,
};

const WEB: &str = "services: {web: {image: web, ports: ['${port}:80']}}
x-archipelago:
  settings: {port: {type: port, default: 8080, description: p}}
  requires: {disk_mib: 100}
";
const TOP: &str = "services: {top: {image: top}}\nx-archipelago: {requires: {apps: [web]}}\n";

fn id(text: &str) -> AppId {
    AppId::parse(text).unwrap()
}

fn files(text: &str) -> Files {
    Files::from([(COMPOSE_FILE.to_owned(), text.as_bytes().into())])
}

/// A node on which `web` runs and `top` requires it.
fn node() -> Inputs {
    let apps = [("web", WEB), ("top", TOP)];
    Inputs {
        intents: apps.map(|(app, _)| (id(app), Ok(Intent::default()))).into(),
        definitions: apps.map(|(app, text)| (id(app), files(text))).into(),
        ..Inputs::new(Layout::under("/"))
    }
}

#[test]
fn an_app_that_is_being_updated_can_only_be_removed() {
    let mut node = node();
    node.found.updating.insert(id("top"));
    for request in [
        install("top", TOP, &[]),
        Request::Set {
            app: id("top"),
            settings: Vec::new(),
        },
        Request::Start(id("top")),
        Request::Stop(id("top")),
        Request::Restart(id("top")),
    ] {
        let refused = propose(request, &node, true).unwrap_err();
        assert_eq!(refused, Refusal::Updating(id("top")));
    }
    propose(Request::Stop(id("web")), &node, true).unwrap();
    for purge in [false, true] {
        let removal = Request::Uninstall {
            app: id("top"),
            purge,
        };
        assert_eq!(propose(removal, &node, true).unwrap().goal, Target::Gone);
    }
}

fn install(app: &str, text: &str, settings: &[(&str, &str)]) -> Request {
    let (source, folder) = ("/there".to_owned(), "there".to_owned());
    Request::Install {
        definition: Box::new(Definition::of(files(text), app, source, folder).unwrap()),
        settings: pairs(settings),
    }
}

fn pairs(settings: &[(&str, &str)]) -> Vec<(String, String)> {
    let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    settings.iter().map(pair).collect()
}

fn stopped(inputs: &mut Inputs, app: &str, state: WantedState) {
    let intent = Intent {
        state,
        ..Intent::default()
    };
    inputs.intents.insert(id(app), Ok(intent));
}

/// The state and settings that the intent would have; nothing where it stays.
fn proposed(
    request: Request,
    inputs: &Inputs,
) -> (Option<WantedState>, BTreeMap<String, SettingValue>) {
    let Proposal { intent, .. } = propose(request, inputs, false).unwrap();
    let settings = intent.as_ref().map(|intent| intent.settings.clone());
    (
        intent.map(|intent| intent.state),
        settings.unwrap_or_default(),
    )
}

fn refused(request: Request, inputs: &Inputs, message: &str) {
    let refusal = propose(request, inputs, false).unwrap_err();
    assert!(refusal.to_string().contains(message), "{refusal}");
}

#[test]
fn each_request_changes_the_intent_and_nothing_else() {
    let mut inputs = node();
    let plain = |state| (Some(state), BTreeMap::new());
    let web = || id("web");
    assert_eq!(
        proposed(Request::Start(web()), &inputs),
        plain(WantedState::Running)
    );
    assert_eq!(
        proposed(Request::Stop(web()), &inputs),
        plain(WantedState::Stopped)
    );
    assert_eq!(proposed(Request::Restart(web()), &inputs).0, None);
    let top = Request::Uninstall {
        app: id("top"),
        purge: false,
    };
    assert_eq!(proposed(top, &inputs), plain(WantedState::Removed));
    let port = |port| BTreeMap::from([("port".to_owned(), SettingValue::Integer(port))]);
    let set = Request::Set {
        app: web(),
        settings: pairs(&[("port", "9000")]),
    };
    assert_eq!(
        proposed(set, &inputs),
        (Some(WantedState::Running), port(9000))
    );
    // Earlier choices stay, and an app that is stopped stays so when a setting changes.
    stopped(&mut inputs, "web", WantedState::Stopped);
    if let Some(Ok(intent)) = inputs.intents.get_mut(&web()) {
        intent.settings = port(9001);
    }
    let set = Request::Set {
        app: web(),
        settings: pairs(&[("port", "9001")]),
    };
    assert_eq!(
        proposed(set, &inputs),
        (Some(WantedState::Stopped), port(9001))
    );
    let again = install("web", WEB, &[]);
    assert_eq!(
        proposed(again, &inputs),
        (Some(WantedState::Running), port(9001))
    );
}

#[test]
fn what_cannot_be_done_is_refused_with_the_way_out() {
    let mut inputs = node();
    let web = || id("web");
    refused(
        Request::Start(id("none")),
        &inputs,
        "none is not installed; archipelago list shows what is",
    );
    let uninstall = |purge| Request::Uninstall { app: web(), purge };
    refused(
        uninstall(true),
        &inputs,
        "top requires web; uninstall top first",
    );
    refused(
        install("web", WEB, &[("prot", "1")]),
        &inputs,
        "web has no setting \"prot\"; it has: port",
    );
    // Whichever of the two sorts first.
    let same_port = "services: {a: {image: x, ports: ['8080:1']}}";
    refused(
        install("zoo", same_port, &[]),
        &inputs,
        "its port 127.0.0.1:8080 is already that of web",
    );
    refused(
        install("new", same_port, &[]),
        &inputs,
        "of web, its port 127.0.0.1:8080 is already that of new",
    );
    refused(
        install(
            "new",
            "services: {a: {image: x}}\nx-archipelago: {requires: {apps: [none]}}",
            &[],
        ),
        &inputs,
        "it requires none, which is not installed",
    );
    stopped(&mut inputs, "web", WantedState::Stopped);
    refused(Request::Restart(web()), &inputs, "web is stopped");
    stopped(&mut inputs, "web", WantedState::Removed);
    for request in [
        Request::Restart(web()),
        Request::Stop(web()),
        Request::Set {
            app: web(),
            settings: Vec::new(),
        },
    ] {
        refused(request, &inputs, "web is being removed");
    }
    inputs.config = Err(FileError::Disk("config.toml: line 1".to_owned()));
    refused(Request::Start(web()), &inputs, "config.toml: line 1");
}

#[test]
fn what_is_not_installed_can_be_purged_while_its_data_are_there() {
    let request = || Request::Uninstall {
        app: id("gone"),
        purge: true,
    };
    assert!(matches!(
        propose(request(), &node(), false),
        Err(Refusal::NotInstalled(_))
    ));
    let intent = propose(request(), &node(), true).unwrap().intent.unwrap();
    assert_eq!((intent.state, intent.purge), (WantedState::Removed, true));
}

#[test]
fn a_new_app_needs_room_its_names_and_its_ports() {
    let inputs = node();
    let text = WEB.replace("8080", "8081");
    let proposal = propose(install("new", &text, &[]), &inputs, false).unwrap();
    let check = |preflight: Preflight, expected: Option<&str>| {
        let refusal = proposal.judge(&inputs.layout, &preflight).err();
        let refusal = refusal.map(|refusal| refusal.to_string());
        assert_eq!(refusal.is_some(), expected.is_some(), "{refusal:?}");
        let (refusal, expected) = (refusal.unwrap_or_default(), expected.unwrap_or_default());
        assert!(refusal.contains(expected), "{refusal}");
    };
    let port = "127.0.0.1:8081".parse().unwrap();
    let tcp = crate::manifest::Protocol::Tcp;
    let port_is = |problem| Preflight {
        ports: BTreeMap::from([((port, tcp), problem)]),
        ..Preflight::default()
    };
    check(Preflight::default(), None);
    let full = Preflight {
        free_mib: Some(99),
        ..Preflight::default()
    };
    check(
        full,
        Some("it needs 100 MiB in /data, where 99 MiB are free"),
    );
    check(
        port_is(PortProblem::InUse),
        Some("the port 127.0.0.1:8081 of new is in use by another program"),
    );
    check(
        port_is(PortProblem::Refused("Permission denied".to_owned())),
        Some("cannot be used: Permission denied; choose another"),
    );
    let mut silent = Preflight::default();
    silent.names.podman = Podman::Unreachable(Unreachable::Refused("no Podman".to_owned()));
    check(silent, Some("no Podman"));
    let mut taken = Preflight::default();
    taken
        .names
        .unit_files
        .insert("archy-new.network".to_owned(), b"theirs".to_vec());
    check(taken, Some("was not written for this app"));
}

#[test]
fn a_setting_of_a_stopped_app_leaves_it_stopped() {
    let mut inputs = node();
    let set = || Request::Set {
        app: id("web"),
        settings: pairs(&[("port", "8081")]),
    };
    let goal = |inputs: &Inputs, request| propose(request, inputs, false).unwrap().goal;
    assert_eq!(goal(&inputs, set()), Target::Ready);
    assert_eq!(goal(&inputs, Request::Restart(id("web"))), Target::Ready);
    assert_eq!(goal(&inputs, Request::Stop(id("web"))), Target::Stopped);
    stopped(&mut inputs, "web", WantedState::Stopped);
    assert_eq!(goal(&inputs, set()), Target::Stopped);
    assert_eq!(goal(&inputs, Request::Start(id("web"))), Target::Ready);
    assert_eq!(goal(&inputs, install("web", WEB, &[])), Target::Ready);
}

#[test]
fn a_preview_holds_until_the_intent_would_be_another_one() {
    let inputs = node();
    let set = |inputs: &Inputs, app: &str, settings: &[(&str, &str)]| {
        let settings = pairs(settings);
        propose(
            Request::Set {
                app: id(app),
                settings,
            },
            inputs,
            false,
        )
        .unwrap()
    };
    let preview = set(&inputs, "web", &[("port", "9000")]);
    assert!(preview.still_holds(&set(&inputs, "web", &[("port", "9000")])));
    let mut stopped_since = node();
    stopped(&mut stopped_since, "web", WantedState::Stopped);
    assert!(!preview.still_holds(&set(&stopped_since, "web", &[("port", "9000")])));
    let stop = |inputs: &Inputs| propose(Request::Stop(id("web")), inputs, false).unwrap();
    let mut set_since = node();
    let with_port = preview.intent.clone().unwrap();
    set_since.intents.insert(id("web"), Ok(with_port));
    assert!(stop(&inputs).still_holds(&stop(&set_since)));
}

#[test]
fn units_are_brought_up_to_date_before_an_installed_app_changes() {
    let inputs = node();
    let passes = |request: Request, acted: &[bool]| {
        let proposal = propose(request, &inputs, false).unwrap();
        let mut up_to_date = UpToDate::before(&proposal);
        let needed = acted.iter().take_while(|acted| {
            let needs = up_to_date.needs_pass();
            up_to_date.passed(**acted);
            needs
        });
        needed.count()
    };
    let set = |port: &str| Request::Set {
        app: id("web"),
        settings: pairs(&[("port", port)]),
    };
    assert_eq!(passes(set("9000"), &[false, false]), 1);
    assert_eq!(passes(set("9000"), &[true, false, false]), 2);
    // Another tool may keep changing a file.
    assert_eq!(passes(set("9000"), &[true; 9]), 3);
    assert_eq!(
        passes(install("new", "services: {n: {image: n}}", &[]), &[true]),
        0
    );
    assert_eq!(passes(Request::Stop(id("web")), &[true]), 0);
}

//! The changes of a rebuild, by the former and the present bases.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::Config;
use crate::desired::{Inputs, Origin};
use crate::file::Files;
use crate::image::ImageDigest;
use crate::image_facts::{Bases, Built, ImageFacts, bases_label};
use crate::intent::{Intent, WantedState};
use crate::layout::Layout;
use crate::manifest::COMPOSE_FILE;
use crate::name::AppId;
use crate::operation::{Effect, Proposal, Rebuild, Refusal, Request, Target, propose};

const WEB: &str =
    "services: {web: {build: ./web}, ui: {build: ./ui}, tool: {build: ./tool}, db: {image: db}}\n";
const PULLED: &str = "services: {top: {image: top}}\n";

fn id(text: &str) -> AppId {
    AppId::parse(text).unwrap()
}

fn digest(digit: char) -> ImageDigest {
    ImageDigest::parse(&format!("sha256:{}", String::from(digit).repeat(64))).unwrap()
}

fn bases(list: &[(&str, char)]) -> Bases {
    let base = |(name, digit): &(&str, char)| ((*name).to_owned(), digest(*digit));
    list.iter().map(base).collect()
}

/// A node with `web`, which builds three images, and `top`, which builds none. `built` is the label
/// of each image.
fn node(built: &[(&str, char)]) -> Inputs {
    let files = |files: &[(&str, &str)]| -> Files {
        let file = |(path, text): &(&str, &str)| ((*path).to_owned(), text.as_bytes().into());
        files.iter().map(file).collect()
    };
    let web = files(&[
        (COMPOSE_FILE, WEB),
        (
            "web/Containerfile",
            "FROM x.example:5000/a:1\nCOPY --from=b / /\n",
        ),
        ("ui/Containerfile", "FROM b\n"),
        ("tool/Containerfile", "FROM scratch\nCOPY . /\n"),
    ]);
    let mut inputs = Inputs {
        config: Ok(Config {
            insecure_registries: BTreeSet::from(["x.example:5000".to_owned()]),
            ..Config::default()
        }),
        intents: ["web", "top"]
            .map(|app| (id(app), Ok(Intent::default())))
            .into(),
        definitions: BTreeMap::from([
            (id("web"), web),
            (id("top"), files(&[(COMPOSE_FILE, PULLED)])),
        ]),
        ..Inputs::new(Layout::under("/"))
    };
    for reference in rebuild(proposed(&inputs, &[])).kept {
        let facts = ImageFacts {
            built: Some(Built::new(1, &bases_label(&bases(built)))),
            ..ImageFacts::default()
        };
        inputs.found.images.insert(reference, facts);
    }
    inputs
}

fn proposed(inputs: &Inputs, found: &[(&str, char)]) -> Proposal {
    let request = Request::Rebuild {
        app: id("web"),
        found: Some(bases(found)),
    };
    propose(request, inputs, false).unwrap()
}

fn rebuild(proposal: Proposal) -> Rebuild {
    match proposal.effect {
        Effect::Rebuild(rebuild) => rebuild,
        other => panic!("{other:?}"),
    }
}

fn preview(inputs: &Inputs, app: &str) -> Result<Proposal, Refusal> {
    let request = Request::Rebuild {
        app: id(app),
        found: None,
    };
    propose(request, inputs, false)
}

const A: &str = "x.example:5000/a:1";

#[test]
fn an_image_is_built_anew_when_one_of_its_bases_is_not_known_to_be_the_same() {
    let check = |built: &[(&str, char)],
                 found: &[(&str, char)],
                 changed_bases: Option<&[(&str, char)]>,
                 anew: &[&str]| {
        let proposal = proposed(&node(built), found);
        let intent = proposal.intent.as_ref().map(|intent| intent.bases.clone());
        assert_eq!(intent, changed_bases.map(bases), "{built:?}, {found:?}");
        let rebuild = rebuild(proposal);
        let names: Vec<&str> = rebuild.new_images.keys().map(String::as_str).collect();
        assert_eq!(names, anew, "{built:?}, {found:?}");
        assert_eq!(rebuild.kept.len(), 3 - anew.len(), "{built:?}, {found:?}");
    };
    let both = [(A, '1'), ("b", '1')];
    check(&both, &[], None, &[]);
    check(&both, &both, None, &[]);
    check(
        &both,
        &[(A, '2'), ("b", '1')],
        Some(&[(A, '2')]),
        &["archy-web"],
    );
    check(
        &both,
        &[(A, '1'), ("b", '2')],
        Some(&[("b", '2')]),
        &["archy-web", "archy-web-ui"],
    );
    // The bases of an image of an earlier version are unknown.
    check(&[], &both, Some(&both), &["archy-web", "archy-web-ui"]);
    check(&[("b", '1')], &both, Some(&[(A, '1')]), &["archy-web"]);
    // No image is built of this one.
    check(&both, &[("c", '2')], None, &[]);
}

#[test]
fn it_asks_for_the_bases_by_their_names_and_as_the_node_allows() {
    let proposal = preview(&node(&[]), "web").unwrap();
    assert_eq!((proposal.goal, proposal.intent), (Target::Ready, None));
    let Effect::RebuildPreview(preview) = proposal.effect else {
        panic!("{:?}", proposal.effect);
    };
    let bases: Vec<(String, bool)> = preview
        .bases
        .into_iter()
        .map(|(name, source)| (name, source.without_tls))
        .collect();
    assert_eq!(bases, [("b".to_owned(), false), (A.to_owned(), true)]);
}

#[test]
fn the_new_images_are_what_is_wanted_after_the_switch_and_nothing_is_new_then() {
    let mut inputs = node(&[(A, '1'), ("b", '1')]);
    let found = [(A, '2'), ("b", '1')];
    // A base that the app no longer uses is dropped.
    if let Some(Ok(intent)) = inputs.intents.get_mut(&id("web")) {
        intent.bases = bases(&[("former", '1')]);
    }
    let proposal = proposed(&inputs, &found);
    let intent = proposal.intent.clone().unwrap();
    assert_eq!(intent.bases, bases(&[(A, '2')]));
    let image = &rebuild(proposal).new_images["archy-web"];
    let Origin::Build(context) = &image.origin else {
        panic!("{image:?}");
    };
    assert_eq!(context.changed_bases, bases(&[(A, '2')]));
    let reference = image.reference.to_string();
    inputs.intents.insert(id("web"), Ok(intent));
    // A missing image will be built of the same bases.
    assert_eq!(proposed(&inputs, &found).intent, None);
    let facts = ImageFacts {
        built: Some(Built::new(2, &bases_label(&bases(&found)))),
        ..ImageFacts::default()
    };
    inputs.found.images.insert(reference.clone(), facts);
    assert_eq!(proposed(&inputs, &found).intent, None);
    assert!(rebuild(proposed(&inputs, &found)).kept.contains(&reference));
}

#[test]
fn a_stopped_app_stays_so() {
    let mut inputs = node(&[]);
    let stopped = Intent {
        state: WantedState::Stopped,
        ..Intent::default()
    };
    inputs.intents.insert(id("web"), Ok(stopped));
    for found in [&[][..], &[("b", '1')]] {
        assert_eq!(proposed(&inputs, found).goal, Target::Stopped, "{found:?}");
    }
    assert_eq!(preview(&inputs, "web").unwrap().goal, Target::Stopped);
}

#[test]
fn what_cannot_be_rebuilt_is_refused() {
    let mut inputs = node(&[]);
    let refused = |inputs: &Inputs, app: &str| {
        let request = Request::Rebuild {
            app: id(app),
            found: Some(Bases::new()),
        };
        let refusal = propose(request, inputs, false).unwrap_err();
        assert_eq!(preview(inputs, app).unwrap_err(), refusal);
        refusal
    };
    let told = |inputs: &Inputs, app: &str| refused(inputs, app).to_string();
    assert!(told(&inputs, "none").contains("none is not installed"));
    assert!(told(&inputs, "top").contains("top builds no image on this node"));
    let removed = Intent {
        state: WantedState::Removed,
        ..Intent::default()
    };
    inputs.intents.insert(id("web"), Ok(removed));
    assert!(told(&inputs, "web").contains("web is being removed"));
    inputs.definitions.remove(&id("web"));
    inputs.intents.insert(id("web"), Ok(Intent::default()));
    let refusal = refused(&inputs, "web");
    assert!(matches!(refusal, Refusal::Broken(_)), "{refusal:?}");
    assert!(refusal.to_string().contains("is missing"));
}

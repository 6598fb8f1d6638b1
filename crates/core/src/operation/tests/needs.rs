//! Unmet needs of an installation are named before it begins.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::desired::Inputs;
use crate::intent::Intent;
use crate::layout::Layout;
use crate::manifest::{COMPOSE_FILE, Files};
use crate::name::AppId;
use crate::needs::{Device, Offers};
use crate::observed::PodmanView;
use crate::operation::{Definition, Preflight, Proposal, Request, propose};

const MEDIA: &str = "services:
  media:
    image: docker.io/library/media:1
    devices: [/dev/dri, '/dev/ttyUSB0:/dev/stick']
    ulimits: {memlock: -1, nofile: {soft: 1024, hard: 30000}}
";

fn inputs() -> Inputs {
    Inputs::new(Layout::under("/"))
}

fn media() -> Definition {
    definition(MEDIA)
}

fn definition(text: &str) -> Definition {
    let files = Files::from([(COMPOSE_FILE.to_owned(), text.as_bytes().into())]);
    let media = || "media".to_owned();
    Definition::of(files, "media", media(), media()).unwrap()
}

/// A host that offers all that the app needs.
fn preflight() -> Preflight {
    let devices = ["/dev/dri", "/dev/ttyUSB0"];
    let devices = devices.map(|path| (PathBuf::from(path), Device::Usable));
    let limits = [("memlock", None), ("nofile", Some(524_288))];
    Preflight {
        offers: Offers {
            devices: devices.into(),
            limits: limits.map(|(name, most)| (name.to_owned(), most)).into(),
            foreign_images: BTreeMap::new(),
            registry_images: BTreeMap::new(),
            architecture: "amd64".to_owned(),
            ..Offers::default()
        },
        ..Preflight::default()
    }
}

/// On a host that is changed like this, the installation is refused with words that begin so, or
/// else these warnings are given.
fn check(change: impl FnOnce(&mut Offers), refused: Option<&str>, warnings: &[&str]) {
    let request = || Request::Install {
        definition: Box::new(media()),
        settings: Vec::new(),
    };
    let mut preflight = preflight();
    change(&mut preflight.offers);
    let mut inputs = inputs();
    let layout = inputs.layout.clone();
    let proposal = propose(request(), &inputs, false).unwrap();
    match (proposal.judge(&layout, &preflight), refused) {
        (Ok(()), None) => {}
        (Err(refusal), Some(words)) => {
            let told = refusal.to_string();
            assert!(told.starts_with(words), "{told}");
        }
        (judged, _) => panic!("{judged:?}"),
    }
    let told: Vec<String> = proposal
        .installation()
        .unwrap()
        .unmet(&preflight)
        .iter()
        .filter(|unmet| !unmet.need.is_certain())
        .map(ToString::to_string)
        .collect();
    assert_eq!(told.len(), warnings.len(), "{told:?}");
    for (told, words) in told.iter().zip(warnings) {
        assert!(told.starts_with(words), "{told}");
    }
    // An installed app keeps the devices that it has.
    let app = proposal.app.clone();
    inputs.intents.insert(app.clone(), Ok(Intent::default()));
    inputs.definitions.insert(app, media().files);
    let again = propose(request(), &inputs, false).unwrap();
    assert_eq!(again.judge(&layout, &preflight), Ok(()));
}

#[test]
fn what_the_host_does_not_offer_is_told_by_name_before_anything_is_installed() {
    check(|_| (), None, &[]);
    // A need without an offer is not judged.
    check(|offers| *offers = Offers::default(), None, &[]);
    let dri = || PathBuf::from("/dev/dri");
    check(
        |offers| {
            offers.devices.insert(dri(), Device::Missing);
        },
        Some("archy-media: it needs the device /dev/dri, which this machine does not have"),
        &[],
    );
    check(
        |offers| {
            offers.devices.insert(dri(), Device::Closed);
        },
        None,
        &["archy-media: it uses the device /dev/dri, which this user may not open"],
    );
    check(
        |offers| {
            offers.limits.insert("nofile".to_owned(), Some(20_000));
        },
        Some(
            "archy-media: it asks for the limit nofile=30000, and services of this user may have 20000 at most",
        ),
        &[],
    );
    check(
        |offers| {
            offers.limits.insert("memlock".to_owned(), Some(8_388_608));
        },
        None,
        &["archy-media: it asks for memlock without limit, and gets 8388608"],
    );
    let image = "docker.io/library/media:1".to_owned();
    check(
        |offers| drop(offers.foreign_images.insert(image, "arm64".to_owned())),
        None,
        &[
            "archy-media: the image docker.io/library/media:1 is for arm64, and this machine is amd64",
        ],
    );
}

/// The installation of `text` as the app `media`, over one with the definition `installed`.
fn over(installed: Option<&str>, text: &str) -> Proposal {
    let mut inputs = inputs();
    if let Some(installed) = installed {
        let app = AppId::parse("media").unwrap();
        inputs.intents.insert(app.clone(), Ok(Intent::default()));
        let files = Files::from([(COMPOSE_FILE.to_owned(), installed.as_bytes().into())]);
        inputs.definitions.insert(app, files);
    }
    let request = Request::Install {
        definition: Box::new(definition(text)),
        settings: Vec::new(),
    };
    propose(request, &inputs, false).unwrap()
}

fn judged(proposal: &Proposal, look: &Preflight) -> String {
    let judged = proposal.judge(&Layout::under("/"), look);
    judged
        .err()
        .map(|refusal| refusal.to_string())
        .unwrap_or_default()
}

#[test]
fn a_new_definition_is_judged_by_the_needs_that_it_adds() {
    let with =
        |lines: &str| format!("services:\n  media:\n    image: docker.io/library/media:1\n{lines}");
    let plain = with("");
    let dri = with("    devices: [/dev/dri]\n");
    let both = with("    devices: [/dev/dri, /dev/sda]\n");
    let limit = with("    ulimits: {nofile: 30000}\n");
    let gone = [Device::Missing; 2];
    let devices = ["/dev/dri", "/dev/sda"]
        .map(PathBuf::from)
        .into_iter()
        .zip(gone);
    let look = Preflight {
        offers: Offers {
            devices: devices.collect(),
            limits: BTreeMap::from([("nofile".to_owned(), Some(20_000))]),
            ..Offers::default()
        },
        ..Preflight::default()
    };
    for (installed, text, words) in [
        (
            Some(&plain),
            &dri,
            "archy-media: it needs the device /dev/dri",
        ),
        (
            Some(&dri),
            &both,
            "archy-media: it needs the device /dev/sda",
        ),
        (
            Some(&plain),
            &limit,
            "archy-media: it asks for the limit nofile=30000",
        ),
        // It has run without that device, or with that limit, before.
        (Some(&both), &dri, ""),
        (Some(&limit), &limit, ""),
        (None, &dri, "archy-media: it needs the device /dev/dri"),
    ] {
        let told = judged(&over(installed.map(String::as_str), text), &look);
        assert!(
            told.starts_with(words) && told.is_empty() == words.is_empty(),
            "{text}: {told}"
        );
    }
    // An app that cannot be resolved now may run with any need.
    let broken = over(Some("services: {media: {image: UPPER}}\n"), &dri);
    assert_eq!(judged(&broken, &look), "");
}

#[test]
fn a_new_definition_needs_room_for_what_it_asks_beyond_the_present_one() {
    let with = |mib: u32| {
        format!(
            "services: {{media: {{image: media}}}}\nx-archipelago: {{requires: {{disk_mib: {mib}}}}}\n"
        )
    };
    let free = |mib| Preflight {
        free_mib: Some(mib),
        ..Preflight::default()
    };
    let (small, large) = (with(100), with(150));
    let larger = over(Some(&small), &large);
    let told = judged(&larger, &free(49));
    assert!(
        told.starts_with("it needs 50 MiB more in /data, where 49 MiB are free"),
        "{told}"
    );
    assert_eq!(judged(&larger, &free(50)), "");
    assert_eq!(judged(&over(Some(&large), &small), &free(0)), "");
    let told = judged(&over(None, &large), &free(149));
    assert!(told.starts_with("it needs 150 MiB in /data"), "{told}");
}

#[test]
fn a_registry_is_asked_for_the_architectures_of_new_images_that_are_not_here() {
    let text = |image: &str| format!("services:\n  media:\n    image: {image}\n");
    let (one, two) = (
        text("docker.io/library/media:1"),
        text("docker.io/library/media:2"),
    );
    let asked = |installed: Option<&str>, view: &PodmanView| {
        let proposal = over(installed, &two);
        let installation = proposal.installation().unwrap();
        let images = installation.images_to_get(view);
        (
            installation.asks_podman(),
            images.into_keys().collect::<Vec<String>>(),
        )
    };
    let image = "docker.io/library/media:2".to_owned();
    let empty = PodmanView::default();
    assert_eq!(asked(None, &empty), (true, vec![image.clone()]));
    assert_eq!(asked(Some(&one), &empty), (true, vec![image.clone()]));
    assert_eq!(asked(Some(&two), &empty), (false, Vec::new()));
    let here = PodmanView {
        images: BTreeMap::from([(image.clone(), None)]),
        ..PodmanView::default()
    };
    assert_eq!(asked(Some(&one), &here), (true, Vec::new()));

    let offered = |kinds: &[&str]| {
        let kinds = kinds.iter().map(|kind| (*kind).to_owned()).collect();
        Preflight {
            offers: Offers {
                registry_images: BTreeMap::from([(image.clone(), kinds)]),
                architecture: "amd64".to_owned(),
                ..Offers::default()
            },
            ..Preflight::default()
        }
    };
    for installed in [None, Some(one.as_str())] {
        let proposal = over(installed, &two);
        assert_eq!(judged(&proposal, &offered(&["amd64", "arm64"])), "");
        assert_eq!(
            judged(&proposal, &offered(&["arm64", "s390x"])),
            "archy-media: its registry has the image docker.io/library/media:2 for arm64, s390x only, and this machine is amd64; \
             use an image for amd64"
        );
    }
}

#[test]
fn a_registry_is_asked_for_the_bases_of_a_build() {
    let text = "services:\n  media:\n    build: ./image\n";
    let with = |containerfile: &str| {
        let mut definition = definition(text);
        let file = (
            "image/Containerfile".to_owned(),
            containerfile.as_bytes().into(),
        );
        definition.files.extend([file]);
        let request = Request::Install {
            definition: Box::new(definition),
            settings: Vec::new(),
        };
        let proposal = propose(request, &inputs(), false).unwrap();
        let images = proposal.installation().unwrap();
        images.images_to_get(&PodmanView::default())
    };
    let base = "docker.io/library/base:1";
    assert_eq!(
        with(&format!("FROM {base}\n")),
        BTreeMap::from([(base.to_owned(), false)])
    );
    // A Containerfile that asks for a platform knows what it does.
    assert_eq!(
        with(&format!("FROM --platform=linux/arm64 {base}\n")),
        BTreeMap::new()
    );
}

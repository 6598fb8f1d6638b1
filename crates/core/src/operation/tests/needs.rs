//! Unmet needs of an installation are named before it begins.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::desired::{Inputs, read_schema};
use crate::intent::Intent;
use crate::layout::Layout;
use crate::manifest::{COMPOSE_FILE, Files};
use crate::needs::{Device, Offers};
use crate::operation::{Definition, HostLook, Request, propose};

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
    let files = Files::from([(COMPOSE_FILE.to_owned(), MEDIA.as_bytes().into())]);
    Definition {
        schema: read_schema(COMPOSE_FILE, &files, "media").unwrap(),
        files,
        source: "media".to_owned(),
        folder: "media".to_owned(),
    }
}

/// A host that offers all that the app needs.
fn look() -> HostLook {
    let devices = ["/dev/dri", "/dev/ttyUSB0"];
    let devices = devices.map(|path| (PathBuf::from(path), Device::Usable));
    let limits = [("memlock", None), ("nofile", Some(524_288))];
    HostLook {
        offers: Offers {
            devices: devices.into(),
            limits: limits.map(|(name, most)| (name.to_owned(), most)).into(),
            foreign_images: BTreeMap::new(),
            processor: "amd64".to_owned(),
            ..Offers::default()
        },
        ..HostLook::default()
    }
}

/// On a host that is changed like this, the installation is refused with words that begin so, or
/// else these warnings are given.
fn check(change: impl FnOnce(&mut Offers), refused: Option<&str>, warnings: &[&str]) {
    let request = || Request::Install {
        definition: Box::new(media()),
        settings: Vec::new(),
    };
    let mut look = look();
    change(&mut look.offers);
    let mut inputs = inputs();
    let layout = inputs.layout.clone();
    let proposal = propose(request(), &inputs, false).unwrap();
    match (proposal.judge(&layout, &look), refused) {
        (Ok(()), None) => {}
        (Err(refusal), Some(words)) => {
            let told = refusal.to_string();
            assert!(told.starts_with(words), "{told}");
        }
        (judged, _) => panic!("{judged:?}"),
    }
    let told: Vec<String> = proposal
        .installation
        .as_ref()
        .unwrap()
        .unmet(&look)
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
    assert_eq!(again.judge(&layout, &look), Ok(()));
}

#[test]
fn what_the_host_does_not_offer_is_told_by_name_before_anything_is_installed() {
    check(|_| (), None, &[]);
    // A need that nobody looked for is not judged.
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

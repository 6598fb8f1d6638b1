//! Units with any texts: refused, or rendered so that each text stands alone in its own line and
//! reads back byte-equal, and nothing else is added.

use std::collections::BTreeMap;

use archipelago_core::name::AppId;
use archipelago_core::quadlet::{Stamp, mark_of};

use crate::read_back::{Meaning, entries};
use crate::shape::Shape;

pub(crate) fn run(input: &str) {
    let Shape { unit, mut expected } = Shape::of(input);
    let app = AppId::parse("app").expect("an id");
    let stamp = Stamp {
        app: &app,
        companion: false,
        inputs: &[b"input"],
    };
    let file = match unit.render(stamp) {
        Ok(file) => file,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    let again = unit.render(stamp).expect("it was rendered before");
    assert_eq!(again, file);
    let mark = mark_of(file.content.as_bytes()).expect("our mark");
    assert_eq!((&mark.app, &mark.revision), (&app, &file.revision));

    let mut found: BTreeMap<String, Vec<Meaning>> = BTreeMap::new();
    for (key, meaning) in entries(&file.content) {
        found.entry(key).or_default().push(meaning);
    }
    for all in found.values_mut().chain(expected.values_mut()) {
        all.sort_unstable();
    }
    assert_eq!(found, expected, "{}", file.content);
}

//! A Compose file, `compose.override.yaml`, a file of variables and a Containerfile: the app is
//! refused with words, or worked out.

use archipelago_core::desired::Inputs;
use archipelago_core::layout::Layout;
use archipelago_core::manifest::Files;
use archipelago_core::operation::{Definition, Preflight, Request, propose};
use archipelago_core::quadlet::mark_of;

use crate::separator::SEPARATOR;

/// The names of an input's files, in the order of its parts.
const FILES: [&str; 5] = [
    "compose.yaml",
    ".env",
    "one.env",
    "Containerfile",
    "compose.override.yaml",
];

pub(crate) fn run(input: &str) {
    let texts = FILES.into_iter().zip(input.split(SEPARATOR));
    let files: Files = texts
        .map(|(name, text)| (name.to_owned(), text.as_bytes().into()))
        .collect();
    let definition = match Definition::of(files, "app", "there".to_owned(), "there".to_owned()) {
        Ok(definition) => definition,
        Err(refusal) => return assert!(!refusal.to_string().is_empty()),
    };
    let request = Request::Install {
        definition: Box::new(definition),
        settings: Vec::new(),
    };
    let inputs = Inputs::new(Layout::under("/home/archy"));
    let proposal = match propose(request, &inputs, false) {
        Ok(proposal) => proposal,
        Err(refusal) => return assert!(!refusal.to_string().is_empty()),
    };
    let installation = proposal.installation().expect("an installation");
    for unit in installation.present.units.values() {
        let mark = mark_of(unit.file.content.as_bytes()).expect("our mark");
        assert_eq!(mark.app, proposal.app);
    }
    // Each right has words, and its own word is enough for it.
    let words = proposal.new_grants().map(|grant| {
        assert!(!grant.to_string().is_empty());
        grant.word()
    });
    proposal
        .check_allowed(&words.collect())
        .expect("all words are given");
    let preflight = Preflight::default();
    if let Err(refusal) = proposal.judge(&inputs.layout, &preflight) {
        assert!(!refusal.to_string().is_empty());
    }
}

//! The kept inputs of the fuzzer run without breaking a rule.

use std::path::PathBuf;

use fuzz::{Target, corpus};

fn file(target: Target) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("corpus");
    folder.join(format!("{}.jsonl", target.name()))
}

#[test]
fn each_kept_input_runs() {
    for target in Target::ALL {
        let text = std::fs::read_to_string(file(target)).expect("the corpus of a target");
        let inputs = corpus::read(&text).expect("a corpus");
        assert!(inputs.len() >= 20, "{}: {}", target.name(), inputs.len());
        for input in &inputs {
            target.run(input.as_bytes());
        }
        assert_eq!(corpus::write(&inputs), text, "{}", target.name());
    }
}

#[test]
fn the_corpus_stays_small() {
    let sizes = Target::ALL.map(|target| {
        let about = std::fs::metadata(file(target));
        about.expect("the corpus of a target").len()
    });
    assert!(sizes.iter().sum::<u64>() < 300_000, "{sizes:?}");
}

#[test]
fn bytes_that_are_no_text_run() {
    for target in Target::ALL {
        target.run(b"\xff\xfe\x00");
        target.run(b"");
    }
}

//! No input makes the reader panic, loop or grow out of proportion.

mod support;

use compose::limits::{DEPTH_MAX, FILE_BYTES_MAX};
use compose::{Loaded, Variables};
use proptest::prelude::*;
use support::Files;

fn load(files: &[(&str, Vec<u8>)]) -> Loaded {
    let files: Files = files
        .iter()
        .map(|(name, bytes)| ((*name).to_owned(), bytes.clone()))
        .collect();
    let loaded = support::read(&files, &Variables::new(), &["*"]);
    // Everything that is said can be said.
    for diagnostic in &loaded.diagnostics {
        assert!(!diagnostic.to_string().is_empty());
        assert!(
            !diagnostic.to_string().contains("fault of Archipelago"),
            "{diagnostic}"
        );
    }
    if let Some(project) = &loaded.project {
        assert!(serde_json::to_string(project).is_ok());
    }
    loaded
}

fn check(text: String, expected: &str) {
    let loaded = load(&[("compose.yaml", text.into_bytes())]);
    let said: Vec<String> = loaded.diagnostics.iter().map(ToString::to_string).collect();
    assert!(said.iter().any(|line| line.contains(expected)), "{said:?}");
    assert!(loaded.project.is_none());
}

#[test]
fn depth_is_bounded() {
    let nested = |levels: usize| format!("x-a: {}{}\n", "[".repeat(levels), "]".repeat(levels));
    assert!(
        load(&[("compose.yaml", nested(DEPTH_MAX).into_bytes())])
            .diagnostics
            .iter()
            .all(|d| !d.is_error())
    );
    check(nested(DEPTH_MAX + 1), "levels deep");
    check(nested(100_000), "");
    // Anchors that hold each other nest too, though no line does.
    let mut text = "x-0: &a0 [[[[x]]]]\n".to_owned();
    for level in 1..100 {
        text.push_str(&format!("x-{level}: &a{level} [[[*a{}]]]\n", level - 1));
    }
    check(text, "levels deep");
}

#[test]
fn aliases_cannot_multiply() {
    let mut values = "x-0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
    let mut texts = format!("x-0: &a0 [{}]\n", "x".repeat(10_000));
    for level in 1..12 {
        let item = format!("*a{}", level - 1);
        values.push_str(&format!(
            "x-{level}: &a{level} [{}]\n",
            [item.as_str(); 10].join(",")
        ));
        texts.push_str(&format!(
            "x-{level}: &a{level} [{}]\n",
            [item.as_str(); 5].join(",")
        ));
    }
    check(values, "once aliases are followed");
    check(texts, "once aliases are followed");
}

#[test]
fn ranges_copies_and_variables_cannot_multiply() {
    let ports = "\"1-65535:1-65535\",".repeat(20);
    check(
        format!("services: {{a: {{image: a, ports: [{ports}]}}}}\n"),
        "values once aliases",
    );

    let mut chain = "services:\n  s0: {image: a}\n".to_owned();
    for link in 1..60 {
        chain.push_str(&format!(
            "  s{link}: {{extends: s{}}}\n",
            59_usize.min(link + 1)
        ));
    }
    check(chain, "a circle");
    let mut chain = "services:\n  s60: {image: a}\n".to_owned();
    for link in 0..60 {
        chain.push_str(&format!("  s{link:02}: {{extends: s{:02}}}\n", link + 1));
    }
    check(chain, "a chain of more than");

    let mut doubling = "A0=xxxxxxxxxx\n".to_owned();
    for line in 1..60 {
        doubling.push_str(&format!("A{line}=${{A{0}}}${{A{0}}}\n", line - 1));
    }
    let loaded = load(&[
        ("compose.yaml", b"services: {a: {image: a}}\n".to_vec()),
        (".env", doubling.into_bytes()),
    ]);
    assert!(loaded.project.is_none());
}

#[test]
fn files_are_bounded() {
    check(" ".repeat(FILE_BYTES_MAX + 1), "a file longer than");
    let itself =
        b"include: [compose.yaml]\nservices: {a: {extends: {service: a, file: compose.yaml}}}\n";
    let loaded = load(&[("compose.yaml", itself.to_vec())]);
    assert!(loaded.project.is_none());
    let mut many = Vec::new();
    for file in 0..60 {
        let text = format!(
            "include: [f{}.yaml]\nservices: {{s{file}: {{image: a}}}}\n",
            file + 1
        );
        let name = if file == 0 {
            "compose.yaml".to_owned()
        } else {
            format!("f{file}.yaml")
        };
        many.push((name, text.into_bytes()));
    }
    let many: Vec<(&str, Vec<u8>)> = many
        .iter()
        .map(|(name, bytes)| (name.as_str(), bytes.clone()))
        .collect();
    assert!(load(&many).project.is_none());
    assert!(
        load(&[("compose.yaml", vec![0xff, 0xfe, 0x00])])
            .project
            .is_none()
    );
}

/// Files of the cases, to be damaged.
const SEEDS: [&str; 8] = [
    include_str!("cases/container-long/compose.yaml"),
    include_str!("cases/container-short/compose.yaml"),
    include_str!("cases/workload/compose.yaml"),
    include_str!("cases/service-only/compose.yaml"),
    include_str!("cases/resources/compose.yaml"),
    include_str!("cases/jobs/compose.yaml"),
    include_str!("cases/merge/compose.yaml"),
    include_str!("cases/anchors/compose.yaml"),
];

/// Values that replace others at random.
const PIECES: [&str; 24] = [
    "null",
    "[]",
    "{}",
    "1",
    "-1",
    "0x",
    "1.5",
    ".inf",
    "true",
    "''",
    "\"\\0\"",
    "${A",
    "${A:-$A}",
    "&a ",
    "*a",
    "<<: ",
    "!reset ",
    "!override ",
    "!!str ",
    "- ",
    "x-y",
    "\n",
    ": ",
    "\u{feff}",
];

/// Puts pieces into a text, or takes bytes out, at places that are on a character's edge.
fn damage(text: &str, changes: &[(usize, usize, usize)]) -> String {
    let mut text = text.to_owned();
    for &(at, length, piece) in changes {
        let edge = |at: usize| {
            (0..=at.min(text.len()))
                .rev()
                .find(|at| text.is_char_boundary(*at))
                .unwrap_or(0)
        };
        let start = edge(at % (text.len() + 1));
        let end = edge(start + length).max(start);
        text.replace_range(start..end, PIECES[piece % PIECES.len()]);
    }
    text
}

/// Values that a person may write in place of another.
const ODD: [&str; 10] = [
    "null",
    "[]",
    "{}",
    "''",
    "-1",
    "1.5",
    "99999999999999999999",
    "word",
    "'a:b'",
    "'='",
];

/// Where the values stand in a text: between the marks of YAML, and not before a colon.
fn values(text: &str) -> Vec<std::ops::Range<usize>> {
    let mark = |c: char| c.is_whitespace() || "[]{},".contains(c);
    let mut start = 0;
    let words = text.split(mark).map(|word| {
        let range = start..start + word.len();
        start = range.end + 1;
        (word, range)
    });
    words
        .filter(|(word, _)| !word.is_empty() && !word.ends_with(':'))
        .map(|(_, range)| range)
        .collect()
}

#[test]
fn a_wrong_value_in_any_place_is_an_error_of_the_file() {
    std::thread::scope(|scope| {
        for seed in SEEDS {
            scope.spawn(move || {
                for range in values(seed) {
                    for odd in ODD {
                        let mut text = seed.to_owned();
                        text.replace_range(range.clone(), odd);
                        load(&[("compose.yaml", text.into_bytes())]);
                    }
                }
            });
        }
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), dotenv in proptest::collection::vec(any::<u8>(), 0..60)) {
        load(&[("compose.yaml", bytes), (".env", dotenv)]);
    }

    #[test]
    fn no_damaged_file_panics(
        seed in 0..SEEDS.len(),
        other in 0..SEEDS.len(),
        changes in proptest::collection::vec((any::<usize>(), 0..12_usize, any::<usize>()), 1..6),
        more in proptest::collection::vec((any::<usize>(), 0..40_usize, any::<usize>()), 0..4),
    ) {
        load(&[
            ("compose.yaml", damage(SEEDS[seed], &changes).into_bytes()),
            ("compose.override.yaml", damage(SEEDS[other], &more).into_bytes()),
            ("one.env", b"A=1\n".to_vec()),
        ]);
    }

    #[test]
    fn no_value_of_a_wrong_kind_panics(seed in 0..SEEDS.len(), line in any::<usize>(), piece in 0..PIECES.len()) {
        let mut lines: Vec<String> = SEEDS[seed].lines().map(str::to_owned).collect();
        let line = line % lines.len();
        if let Some((key, _)) = lines[line].split_once(": ") {
            lines[line] = format!("{key}: {}", PIECES[piece]);
        }
        load(&[("compose.yaml", lines.join("\n").into_bytes())]);
    }
}

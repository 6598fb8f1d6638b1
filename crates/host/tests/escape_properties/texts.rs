//! The texts that are tried: the hostile ones by hand, and random ones from a fixed seed.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// The texts are the same in every run. Every message names the seed; another one:
/// `ESCAPE_SEED=7 cargo test …`.
pub(crate) const SEED: u64 = 20_260;
pub(crate) const RANDOM_TEXTS: usize = 220;

pub(crate) fn seed() -> u64 {
    std::env::var("ESCAPE_SEED").map_or(SEED, |text| text.parse().expect("a number"))
}

pub(crate) fn sample<T>(strategy: impl Strategy<Value = T>, count: usize) -> Vec<T> {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed().to_le_bytes());
    let random = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), random);
    (0..count)
        .map(|_| strategy.new_tree(&mut runner).expect("a text").current())
        .collect()
}

/// The texts of a person with bad intentions, or with an unusual password.
#[expect(clippy::too_many_lines, reason = "a list of texts")]
pub(crate) fn hostile() -> Vec<String> {
    let fixed = [
        "x\nExecStartPre=/bin/touch /tmp/pwned",
        "x\n\n[Service]\nExecStart=/bin/touch /tmp/pwned",
        "x\r\nExecStartPre=/bin/touch /tmp/pwned",
        "x\\\nExecStartPre=/bin/touch /tmp/pwned",
        "\" ; /bin/touch /tmp/pwned ; \"",
        "a ; b",
        ";",
        " ; ",
        "\\;",
        "&& touch /tmp/pwned",
        "$(touch /tmp/pwned)",
        "`touch /tmp/pwned`",
        "%h",
        "%i",
        "%%",
        "%",
        "%n%N%t%%h",
        "100% sure",
        "%H/%u",
        "%q",
        "% ",
        "$HOME",
        "${HOME}",
        "$$",
        "$",
        "$ ",
        "${",
        "$$HOME",
        "\\$HOME",
        "$1 $@ $*",
        "a$b${c}d",
        "\"",
        "'",
        "\\",
        "\\\\",
        "\"\"",
        "''",
        "\"a\"",
        "'a'",
        "a\"b'c",
        "it's",
        "\\\"",
        "a\\",
        "a\\\\",
        "\\n",
        "\\x41",
        "\\u0041",
        "\\101",
        "\\0",
        "\\s",
        " ",
        "  ",
        "\t",
        "\n",
        "\r",
        " leading",
        "trailing ",
        "\ttab\t",
        "two  spaces",
        "\n\n",
        "a\nb\nc\n",
        "a\r",
        "\n\r",
        "a\r\r\nb",
        "--privileged",
        "-v",
        "-",
        "--",
        "--env=X=Y",
        "--volume /:/host",
        "@",
        "@/bin/sh",
        "!x",
        "+x",
        ":x",
        "|x",
        "-/bin/sh",
        "#comment",
        ";comment",
        "[Service]",
        "[Container]",
        "Key=Value",
        "=",
        "==x",
        "A=B=C",
        "a:b",
        "a,b=c",
        "*",
        "?",
        "~",
        "~/x",
        "\u{1}",
        "\u{7}\u{8}\u{b}\u{c}\u{1b}[31m",
        "\u{7f}",
        "\u{80}",
        "\u{85}",
        "\u{9f}",
        "\u{a0}x\u{a0}",
        "\u{2028}x",
        "\u{feff}bom",
        "\u{fdd0}",
        "\u{ffff}",
        "\u{10ffff}",
        "\u{fffd}",
        "ünïcödé",
        "字",
        "🦀",
        "e\u{301}",
        "\u{202e}rtl",
        "nul\0byte",
        "",
        "none",
        "true",
        "[]",
        "{}",
        "[\"CMD\",\"x\"]",
        "host",
        ".",
        "..",
        "../..",
        "./x",
        "/",
        "//",
        "x.volume",
        "x.image",
    ];
    let mut texts: Vec<String> = fixed.iter().map(|text| (*text).to_owned()).collect();
    for pattern in ["a", "\\", "\"", "%", "$", " ", "\n", "字", "\u{1}"] {
        texts.push(pattern.repeat(59_000 / pattern.len()));
    }
    texts.push("a".repeat(60_001));
    let special: Vec<char> = "\"'\\%$;=#:,{}[]()`&|<>*?~!-/@^ \t\n\r\u{b}\u{7}\u{1b}\u{7f}\u{85}\u{a0}\u{2028}\u{feff}ahintx01Eü字🦀".chars().collect();
    let random = prop_oneof![
        prop::collection::vec(any::<char>(), 1..30),
        prop::collection::vec(prop::sample::select(special.clone()), 1..12),
        prop::collection::vec(prop::sample::select(special), 12..60),
        prop::collection::vec(prop::char::range('\u{1}', '\u{7f}'), 1..30),
    ];
    let random = random.prop_map(|characters| characters.into_iter().collect::<String>());
    texts.extend(sample(random, RANDOM_TEXTS));
    texts
}

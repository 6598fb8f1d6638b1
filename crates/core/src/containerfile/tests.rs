use std::collections::BTreeMap;

use proptest::prelude::{Just, Strategy, any, prop_oneof, proptest};

use super::bases;
use super::lexer::{ESCAPES, instructions, logical_lines};
use super::word::{expand, split};

/// Checks the keyword, flags and arguments of each instruction.
fn check(text: &str, expected: &[(&str, &[&str], &str)]) {
    let lines = instructions(text);
    let found: Vec<_> = lines
        .iter()
        .map(|line| {
            let instruction = line.instruction();
            (
                instruction.keyword.clone(),
                instruction.flags(),
                instruction.arguments().into_owned(),
            )
        })
        .collect();
    let expected: Vec<_> = expected
        .iter()
        .map(|(keyword, flags, arguments)| {
            let flags: Vec<String> = flags.iter().map(|flag| (*flag).to_owned()).collect();
            ((*keyword).to_owned(), flags, (*arguments).to_owned())
        })
        .collect();
    assert_eq!(found, expected, "{text:?}");
}

#[test]
fn instructions_are_found_as_podman_finds_them() {
    check("", &[]);
    check("\n\n# only a comment\n", &[]);
    check(
        "\u{feff}from  a\r\nRUN b\r\n",
        &[("FROM", &[], "a"), ("RUN", &[], "b")],
    );
    // A line may be continued in the middle of a word. White space at the beginning is kept.
    check("FR\\\nOM a\\\n  b\\  \nc", &[("FROM", &[], "a  bc")]);
    check("RUN a \\\n\n  # why\n#\n  b\\", &[("RUN", &[], "a   b")]);
    check("RUN a \\\\\nb", &[("RUN", &[], "a \\b")]);
    check("\\\nRUN a", &[("RUN", &[], "a")]);
    // The escape character, in a directive of the first line alone.
    for directive in [
        "# escape=`",
        "#ESCAPE = ` and more",
        "\u{feff} #\tescape\t=\t`",
    ] {
        let text = format!("{directive}\nRUN a`\nb\nRUN c\\\nRUN d");
        check(
            &text,
            &[("RUN", &[], "ab"), ("RUN", &[], "c\\"), ("RUN", &[], "d")],
        );
    }
    for other in [
        "# escape=x",
        "# syntax=x\n# escape=`",
        "\n# escape=`",
        "# an escape=`",
    ] {
        let text = format!("{other}\nRUN a`\nRUN c\\\nRUN d");
        check(&text, &[("RUN", &[], "a`"), ("RUN", &[], "cRUN d")]);
    }
}

#[test]
fn flags_lose_their_quotation_marks() {
    let one = |text: &str, flags: &[&str], arguments: &str| {
        check(&format!("RUN {text}"), &[("RUN", flags, arguments)]);
    };
    one("--a=b\t--c d --e", &["--a=b", "--c"], "d --e");
    one("--a='b c' --\"d\"=e\\ f g", &["--a=b c", "--d=e f"], "g");
    one("--a=\"b 'c\\\"\" d", &["--a=b 'c\""], "d");
    one("--a=\"b c", &["--a=b c"], "");
    one("--a\\", &["--a"], "");
    one("-- --a b", &[], " --a b");
    one("-a b", &[], "-a b");
    one("\"--a\" b", &[], "\"--a\" b");
    // Two of the bytes of these letters count as spaces.
    one("--a=à--b c", &["--a=Ã", "--b"], "c");
    one("--a=\u{215b} c", &["--a=â"], "\u{fffd} c");
}

#[test]
fn words_keep_their_marks_and_expand_like_a_shells() {
    let words = |text: &str| split(text).map(|words| words.join("|"));
    assert_eq!(
        words(" a 'b  c'\t\"d e\"f\\ g "),
        Some("a|'b  c'|\"d e\"f\\ g".to_owned())
    );
    assert_eq!(words("a 'b"), None);
    assert_eq!(words("a \\'b"), Some("a|\\'b".to_owned()));
    let known = BTreeMap::from([("A", "1"), ("E", "")]);
    let known: BTreeMap<String, String> = known
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    for (text, expected) in [
        ("a$A-${A}b", Some("a1-1b")),
        ("'$A'\"$A\"\\$A", Some("$A1$A")),
        ("\"a\\b\\\"\"\\c", Some("a\\b\"c")),
        ("${A:-x}${E:-x}${N:-x}", Some("1xx")),
        ("${A:+x}${E:+x}${N:+x}", Some("x")),
        ("${N:-${A}'}'}", Some("1}")),
        ("$", Some("$")),
        ("$-", Some("$-")),
        ("$E", Some("")),
        ("$N", None),
        ("${A", None),
        ("${A#1}", None),
        ("${A:?x}", None),
        ("\"a", None),
        ("a'", None),
    ] {
        assert_eq!(expand(text, Some(&known)).as_deref(), expected, "{text}");
    }
    assert_eq!(expand("\"$A\"${B}", None).as_deref(), Some("$A${B}"));
    let deep = format!("{}1{}", "${N:-".repeat(10_000), "}".repeat(10_000));
    assert_eq!(expand(&deep, Some(&known)), None);
}

/// Text of parts that matter to the lexer.
fn a_file() -> impl Strategy<Value = String> {
    let parts = [
        "FROM ",
        "RUN ",
        "ADD ",
        "COPY ",
        "ARG ",
        "ONBUILD ",
        "RU",
        "N ",
        "# escape=`",
        "#",
        "--mount=",
        "--network=",
        "--from=",
        "--",
        "type=cache",
        "from=",
        "host",
        "http://",
        "\\",
        "`",
        "\n",
        "\r\n",
        " ",
        "\t",
        "\"",
        "'",
        "<<",
        "<<-",
        "EOF",
        "\nEOF\n",
        "$",
        "${A",
        ":-",
        "}",
        "[\"a\"]",
        "=",
        ",",
        "à",
        "\u{85}",
        "\u{215b}",
        "\u{feff}",
    ];
    let part = prop_oneof![
        8 => proptest::sample::select(parts.to_vec()).prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
        1 => Just("a".to_owned()),
    ];
    proptest::collection::vec(part, 0..40).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn no_text_stops_the_readers(text in a_file(), target in proptest::option::of(".*")) {
        let args = BTreeMap::from([("A".to_owned(), text.clone())]);
        bases(&text, &args, target.as_deref());
        expand(&text, Some(&args));
        split(&text);
    }

    /// Rights are looked for in more lines than Podman begins an instruction with, never in fewer.
    #[test]
    fn no_instruction_is_left_out_of_the_possible_ones(text in a_file()) {
        let key = |instruction: &super::Instruction<'_>| {
            (instruction.keyword.clone(), instruction.flags(), instruction.arguments().into_owned())
        };
        let lines: Vec<_> = ESCAPES.into_iter().flat_map(|escape| logical_lines(&text, escape)).collect();
        let possible: Vec<_> = lines.iter().flat_map(|line| line.possible_instructions()).collect();
        let possible: Vec<_> = possible.iter().map(key).collect();
        for line in instructions(&text) {
            let one = key(&line.instruction());
            assert!(one.0.is_empty() || possible.contains(&one), "{one:?} of {text:?}");
        }
    }
}

//! The cases that compose-go tries its own reader of `.env` files with, as a table: what each file
//! holds there, and here. Checked against compose-go 2.16.2.

use compose::{DotenvError, DotenvProblem, InterpolationError, read_dotenv};

/// The environment: `OUT` has a value, `EMPTY` an empty one.
fn lookup(name: &str) -> Option<String> {
    match name {
        "OUT" => Some("outer".to_owned()),
        "EMPTY" => Some(String::new()),
        _ => None,
    }
}

#[track_caller]
fn check(file: &str, expected: &[(&str, &str)]) {
    let expected = expected.iter();
    let expected = expected.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let read = read_dotenv(file, &lookup);
    assert_eq!(read, Ok(expected.collect()), "for {file:?}");
}

#[test]
fn a_line_is_read_as_the_reference_reads_it() {
    let cases = [
        // Names and what separates them from a value.
        ("A=b", "A", "b"),
        ("A =b", "A", "b"),
        ("A= b", "A", "b"),
        ("A = b", "A", "b"),
        ("A=", "A", ""),
        ("A = ", "A", ""),
        (" A =b", "A", "b"),
        ("   A=b", "A", "b"),
        ("\tA=b", "A", "b"),
        ("A: 1", "A", "1"),
        ("A: b=c", "A", "b=c"),
        ("A=1:b", "A", "1:b"),
        ("A=b=", "A", "b="),
        ("A.B=c", "A.B", "c"),
        ("A-B=c", "A-B", "c"),
        ("a[1]=c", "a[1]", "c"),
        ("456 = C", "456", "C"),
        ("=\"value\"", "", "value"),
        ("häuser-ÜBERALL=ÄÖ", "häuser-ÜBERALL", "ÄÖ"),
        // `export` is no part of a name, if a space follows.
        ("export A=2", "A", "2"),
        ("export\tA=2", "A", "2"),
        ("  export A=2", "A", "2"),
        ("\texport A=2", "A", "2"),
        ("export exportA=2", "exportA", "2"),
        ("exportA=2", "exportA", "2"),
        ("export_A =2", "export_A", "2"),
        ("export.A= 2", "export.A", "2"),
        ("export A=\"export B\"", "A", "export B"),
        ("export A='\\n'", "A", "\\n"),
        // Spaces and comments.
        ("A=b ", "A", "b"),
        ("A=some words", "A", "some words"),
        ("A=b # note", "A", "b"),
        ("A=b #note", "A", "b"),
        ("A=b #", "A", "b"),
        ("A=1#2", "A", "1#2"),
        ("A=\"b#c\"", "A", "b#c"),
        ("A=\"b#c\"#", "A", "b#c"),
        ("A=\"b#c#d\" # note", "A", "b#c#d"),
        ("A='b#c' # note", "A", "b#c"),
        // Quotes.
        ("A=\"b\"", "A", "b"),
        ("A='b'", "A", "b"),
        ("A=\"\"", "A", ""),
        ("A=''", "A", ""),
        ("A = \"say 'it'\"", "A", "say 'it'"),
        ("A='let\\'s'", "A", "let's"),
        ("A=\"b\\\"c\"", "A", "b\"c"),
        ("A=\"\\\"b\\\"\"", "A", "\"b\""),
        ("A='one\ntwo\nthree'", "A", "one\ntwo\nthree"),
        ("A=\"one:1\ntwo:2\"", "A", "one:1\ntwo:2"),
        // Escapes count within double quotes only.
        ("A=b\\tc", "A", "b\\tc"),
        ("A='\\n'", "A", "\\n"),
        ("A=\"b\\tc\"", "A", "b\tc"),
        (
            "A=\"_\\a_\\b_\\f_\\n_\\r_\\t_\\v_\\\\_\\0123_\"",
            "A",
            "_\u{7}_\u{8}_\u{c}_\n_\r_\t_\u{b}_\\_S_",
        ),
        ("A=\"b\\n\\ c\\bz\"", "A", "b\n\\ c\u{8}z"),
        ("A=\"b\\\\\\n\\ c\"", "A", "b\\\n\\ c"),
        ("A=\"b\\\\r\"", "A", "b\\r"),
        ("A=\"b\\n\\\\\"", "A", "b\n\\"),
        ("A=\"\\0123\"", "A", "S"),
        ("A=\"\\x07\"", "A", "\\x07"),
        ("A=\"\\u12e4\"", "A", "\\u12e4"),
        ("A=\"\\U00101234\"", "A", "\\U00101234"),
        // Variables.
        ("A=$OUT", "A", "outer"),
        ("A=${OUT}er", "A", "outerer"),
        ("A=$NONE", "A", ""),
        ("A=\"say $OUT\"", "A", "say outer"),
        ("A='say $OUT'", "A", "say $OUT"),
        ("A=\"b\\$OUT\"", "A", "b$OUT"),
        ("A=\"b\\${OUT} ${OUT}\"", "A", "b${OUT} outer"),
        ("A=${NONE:-some words}", "A", "some words"),
        ("A=${EMPTY:-some words}", "A", "some words"),
        ("A=${OUT:-some words}", "A", "outer"),
        ("A=${NONE-some words}", "A", "some words"),
        ("A=${EMPTY-some words}", "A", ""),
        ("A=${EMPTY?say}", "A", ""),
        ("A=${OUT:?say}", "A", "outer"),
    ];
    for (file, name, value) in cases {
        check(file, &[(name, value)]);
    }
}

#[test]
fn lines_without_a_variable_are_left_out() {
    for file in ["", "\n", "\r\n", "\t\t ", "# note", "\t # note", "NONE\n"] {
        check(file, &[]);
    }
}

#[test]
fn files_are_read_as_the_reference_reads_them() {
    let file = "A=1\nB='2'\nC = \"3\"";
    check(file, &[("A", "1"), ("B", "2"), ("C", "3")]);
    check("\u{feff}A=1\nB=2", &[("A", "1"), ("B", "2")]);
    check("A=1\r\nB='x\r\ny'\r\n", &[("A", "1"), ("B", "x\r\ny")]);
    // The last of two lines counts; a later variable sees those before it.
    check("A=1\nA=2", &[("A", "2")]);
    let chain = [("A", "1"), ("B", "1"), ("C", "1"), ("D", "1_1"), ("E", "")];
    check("A=1\nB=${A}\nC=$B\nD=${A}_${B}\nE=${NONE}", &chain);
    check("A=${A:-1}\nB=${A}", &[("A", "1"), ("B", "1")]);
    check("B=$A\nA=1", &[("A", "1"), ("B", "")]);
    // The environment is before the file.
    check("OUT=1\nB=${OUT}", &[("OUT", "1"), ("B", "outer")]);
    check(
        "OUT=${OUT:-1}\nB=${OUT}",
        &[("OUT", "outer"), ("B", "outer")],
    );
    // A name without a value has that of the environment.
    let inherited = [("A", "1"), ("B", "2"), ("OUT", "outer")];
    check("A=1\nOUT\nB=2", &inherited);
    check("A=1\r\nOUT\r\nB=2\r\n", &inherited);
    check("OUT\nNONE\n", &[("OUT", "outer")]);
    // At the end of a file the reference takes it for the value of a variable without a name.
    check("OUT\nNONE", &[("OUT", "outer")]);
}

#[test]
fn files_that_the_reference_refuses_are_refused() {
    use DotenvProblem::{Name, Space, Unclosed, Variable};
    let required = |name: &str| {
        let (name, message) = (name.to_owned(), "say".to_owned());
        Variable(InterpolationError::Required { name, message })
    };
    let cases = [
        ("A$b", 1, Name),
        ("%!(A b)=c", 1, Name),
        ("# a\nA=\"\n b\n\"\nNO NAME\nB=1", 5, Space),
        ("A=\"", 1, Unclosed),
        ("A=\"b", 1, Unclosed),
        ("A=\"b\\\"", 1, Unclosed),
        ("A=\"b'", 1, Unclosed),
        ("A='", 1, Unclosed),
        ("A='b", 1, Unclosed),
        ("A='b\\'", 1, Unclosed),
        ("A='b\"", 1, Unclosed),
        ("A=${NONE:?say}", 1, required("NONE")),
        ("A=${EMPTY:?say}", 1, required("EMPTY")),
        ("A=${NONE?say}", 1, required("NONE")),
        ("A=${NONE", 1, Variable(InterpolationError::Unclosed)),
    ];
    for (file, line, problem) in cases {
        let refused = Err(DotenvError { line, problem });
        assert_eq!(read_dotenv(file, &lookup), refused, "for {file:?}");
    }
}

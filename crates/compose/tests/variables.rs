//! The cases that compose-go tries its own interpolation with, as a table: what each text becomes
//! there, and here. Checked against compose-go 2.16.2.

use compose::{InterpolationError, interpolate};

/// `FIRST` has a value, `EMPTY` an empty one, `JSON` one with braces. Nothing else is set.
fn lookup(name: &str) -> Option<String> {
    let value = match name {
        "FIRST" => "first",
        "EMPTY" => "",
        "JSON" => r#"{"json":2}"#,
        _ => return None,
    };
    Some(value.to_owned())
}

fn required(name: &str, message: &str) -> InterpolationError {
    InterpolationError::Required {
        name: name.to_owned(),
        message: message.to_owned(),
    }
}

fn check(text: &str, expected: Result<&str, InterpolationError>) {
    let expected = expected.map(str::to_owned);
    assert_eq!(interpolate(text, &lookup), expected, "for {text:?}");
}

#[test]
fn texts_become_what_the_reference_makes_of_them() {
    let cases = [
        // A dollar sign that begins no variable.
        ("plain", "plain"),
        ("$${FIRST}", "${FIRST}"),
        ("$$FIRST", "$FIRST"),
        ("$$$FIRST", "$first"),
        ("costs $ 5", "costs $ 5"),
        ("^line$", "^line$"),
        ("$}", "$}"),
        ("$", "$"),
        ("$$", "$"),
        ("$1", "$1"),
        // A variable by its name alone, with and without a value.
        ("a $FIRST z", "a first z"),
        ("a ${FIRST} z", "a first z"),
        ("$FIRST-z", "first-z"),
        ("a ${NONE} z", "a  z"),
        ("a ${EMPTY} z", "a  z"),
        ("a $NONE z", "a  z"),
        // A default: of a variable that is not set, and with the colon of one that is empty.
        ("${NONE-x}", "x"),
        ("${NONE:-x}", "x"),
        ("${EMPTY-x}", ""),
        ("${EMPTY:-x}", "x"),
        ("${FIRST-x}", "first"),
        ("${FIRST:-x}", "first"),
        ("${EMPTY:-/not:-letters}", "/not:-letters"),
        ("${NONE:-a_}", "a_"),
        ("${NONE:-a-b-c}", "a-b-c"),
        ("${NONE:-a?b?c}", "a?b?c"),
        ("${NONE:-a:?b:?c}", "a:?b:?c"),
        ("${NONE-wrong?not me}", "wrong?not me"),
        ("${NONE-va:-lu:?e}", "va:-lu:?e"),
        ("${NONE-va+lu?e}", "va+lu?e"),
        // Another value, if there is one.
        ("${NONE+x}", ""),
        ("${NONE:+x}", ""),
        ("${EMPTY+x}", "x"),
        ("${EMPTY:+x}", ""),
        ("${FIRST+x}", "x"),
        ("${FIRST:+x}", "x"),
        ("${FIRST:+va:?lu:-e}", "va:?lu:-e"),
        ("${FIRST+va:+lue}", "va:+lue"),
        ("${FIRST+va-lu?e}", "va-lu?e"),
        // A demand that is met.
        ("${FIRST:?say}", "first"),
        ("${FIRST?say}", "first"),
        ("${EMPTY?say}", ""),
        ("${FIRST?a-b}", "first"),
        // Operators outside of the braces are text.
        ("-a ${EMPTY:-x}", "-a x"),
        ("+a ${NONE:-${EMPTY-x}}", "+a "),
        (":-a ${NONE-x}", ":-a x"),
        (":?a ${EMPTY-x}", ":?a "),
        (":+a ${EMPTY:-x}", ":+a x"),
        ("?a ${FIRST:-x}", "?a first"),
        // Variables in what follows an operator, and braces around and in it.
        ("${NONE-$FIRST}", "first"),
        ("${NONE-${FIRST} ${FIRST}}", "first first"),
        ("${EMPTY:-${FIRST}}", "first"),
        ("${EMPTY+$FIRST ${FIRST:+second}}", "first second"),
        ("${NONE:-${NOT:-${NEVER:-x}}}", "x"),
        ("${NONE:-${NOT:-x}_mid_${NOT:-y}}", "x_mid_y"),
        ("${NONE:-${NOT:-${NEVER:-x}}_end}", "x_end"),
        ("${NONE:-{\"json\":1}}", "{\"json\":1}"),
        ("${NONE-{\"json\":1}}", "{\"json\":1}"),
        ("${JSON:-{\"json\":1}}", "{\"json\":2}"),
        ("${JSON-{\"json\":1}}", "{\"json\":2}"),
        ("${JSON:-{\"a\":{\"b\":1}}} $FIRST", "{\"json\":2} first"),
        ("${NONE:-{\"a\":\"${FIRST}\"}}", "{\"a\":\"first\"}"),
        ("${NONE:-{}}", "{}"),
        ("${NONE:-{}", "{"),
        ("{{{ ${NONE:-a} ${FIRST:-b} }}}", "{{{ a first }}}"),
        ("${NONE:-a} }}}", "a }}}"),
        ("${FIRST-a} }}}", "first }}}"),
        ("${NONE:-a}.${FIRST:?}", "a.first"),
    ];
    for (text, expected) in cases {
        check(text, Ok(expected));
    }
}

#[test]
fn texts_that_the_reference_refuses_are_refused() {
    for text in ["${", "${FIRST", "${NONE:-${FIRST}"] {
        check(text, Err(InterpolationError::Unclosed));
    }
    for text in [
        "${}",
        "${ }",
        "${ FIRST}",
        "${FIRST }",
        "${FIRST!}",
        "${1}",
        "${FIRST:}",
        "${FIRST=x}",
    ] {
        check(text, Err(InterpolationError::Malformed));
    }
    for (text, name, message) in [
        ("${NONE:?say this}", "NONE", "say this"),
        ("${NONE?say this}", "NONE", "say this"),
        ("${EMPTY:?say this}", "EMPTY", "say this"),
        ("${NONE:?}", "NONE", ""),
        ("${NONE?}", "NONE", ""),
        ("${NONE:?val?ue}", "NONE", "val?ue"),
        ("${NONE?va-lu+e:?e}", "NONE", "va-lu+e:?e"),
        ("a ${NONE:?x} ${FIRST:-y} z", "NONE", "x"),
        // The first one that lacks its value is named.
        ("${NONE:?x} ${NOT:?y}", "NONE", "x"),
        // The reference fills in the variables of a message. Here an error shows no value.
        ("${NONE:?not ${FIRST}}", "NONE", "not ${FIRST}"),
    ] {
        check(text, Err(required(name, message)));
    }
}

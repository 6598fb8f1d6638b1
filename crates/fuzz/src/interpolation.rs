//! Variables in a text.

use compose::{interpolate, interpolate_noting};

fn lookup(name: &str) -> Option<String> {
    let value = match name {
        "A" => "a value",
        "EMPTY" => "",
        "SIGNS" => "${A} $$ }",
        _ => return None,
    };
    Some(value.to_owned())
}

pub(crate) fn run(text: &str) {
    let ended = interpolate(text, &lookup);
    assert_eq!(interpolate_noting(text, &lookup, &|_| ()), ended);
    if let Err(error) = &ended {
        assert!(!error.to_string().is_empty());
    }
    if !text.contains('$') {
        assert_eq!(ended.as_deref(), Ok(text));
    }
    // A doubled sign stands for itself.
    assert_eq!(
        interpolate(&text.replace('$', "$$"), &lookup).as_deref(),
        Ok(text)
    );
}

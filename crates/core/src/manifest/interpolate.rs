//! Compose's variables in text: `$NAME`, `${NAME}`, `${NAME:-default}`, `${NAME-default}`, and `$$`
//! for a dollar sign.
//!
//! Source: the Compose Specification, "Interpolation". Unlike Compose, an unknown variable is an
//! error, because an empty text in its place is never what the person meant.

use std::collections::BTreeMap;

/// Why a text cannot be interpolated. A variable without braces may be part of a password, so it is
/// not named.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Error {
    #[error("a `${{` without its `}}`; a dollar sign is written `$$`")]
    Unclosed,
    #[error("a lone `$`; a dollar sign is written `$$`")]
    Lone,
    #[error(
        "this form is not understood: there are ${{NAME}}, ${{NAME:-default}} and ${{NAME-default}}"
    )]
    Form,
    #[error(
        "there is no variable {name:?}; those of this app are its settings: {}. Declare it under `x-archipelago.settings`, or write `${{{name}:-default}}`",
        listed(.known)
    )]
    Unknown { name: String, known: Vec<String> },
    #[error(
        "`$` begins a variable, and there is none of this name; those of this app are its settings: {}. A dollar sign is written `$$`",
        listed(.known)
    )]
    UnknownBare { known: Vec<String> },
}

fn listed(known: &[String]) -> String {
    match known {
        [] => "none".to_owned(),
        known => known.join(", "),
    }
}

/// Replaces the variables in `text`.
pub(crate) fn interpolate(
    text: &str,
    variables: &BTreeMap<String, String>,
) -> Result<String, Error> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('$') {
        out.push_str(&rest[..start]);
        rest = &rest[start + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            out.push('$');
            rest = after;
        } else if let Some(after) = rest.strip_prefix('{') {
            let end = after.find('}').ok_or(Error::Unclosed)?;
            out.push_str(&expand(&after[..end], variables)?);
            rest = &after[end + 1..];
        } else {
            let length = rest
                .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
                .unwrap_or(rest.len());
            if length == 0 {
                return Err(Error::Lone);
            }
            let value = variables.get(&rest[..length]);
            out.push_str(value.ok_or_else(|| Error::UnknownBare {
                known: names(variables),
            })?);
            rest = &rest[length..];
        }
    }
    out.push_str(rest);
    Ok(out)
}

fn expand(expression: &str, variables: &BTreeMap<String, String>) -> Result<String, Error> {
    let end = expression
        .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .unwrap_or(expression.len());
    let (name, operator) = expression.split_at(end);
    let value = variables.get(name);
    if operator.is_empty() {
        return value.cloned().ok_or_else(|| Error::Unknown {
            name: name.to_owned(),
            known: names(variables),
        });
    }
    if let Some(default) = operator.strip_prefix(":-") {
        return Ok(value
            .filter(|value| !value.is_empty())
            .map_or(default, String::as_str)
            .to_owned());
    }
    if let Some(default) = operator.strip_prefix('-') {
        return Ok(value.map_or(default, String::as_str).to_owned());
    }
    Err(Error::Form)
}

fn names(variables: &BTreeMap<String, String>) -> Vec<String> {
    variables.keys().cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<&str, &str>) {
        let variables = BTreeMap::from([
            ("port".to_owned(), "80".to_owned()),
            ("empty".to_owned(), String::new()),
        ]);
        match (interpolate(text, &variables), expected) {
            (Ok(out), Ok(wanted)) => assert_eq!(out, wanted, "for {text:?}"),
            (Err(problem), Err(part)) => {
                assert!(
                    problem.to_string().contains(part),
                    "{problem:?} for {text:?}"
                );
            }
            (got, _) => panic!("{got:?} for {text:?}"),
        }
    }

    #[test]
    fn variables_are_filled_in_as_compose_does() {
        check("${port}:80", Ok("80:80"));
        check("$port:80", Ok("80:80"));
        check("a$$b$${port}", Ok("a$b${port}"));
        check("${none:-x}/${empty:-x}/${empty-x}/${none-y}", Ok("x/x//y"));
        check("ünï", Ok("ünï"));
    }

    #[test]
    fn what_has_no_value_is_an_error() {
        check("${none}", Err("there is no variable \"none\""));
        check("${none}", Err("write `${none:-default}`"));
        check("$none", Err("its settings: empty, port. A dollar sign"));
        check("${port", Err("without its `}`"));
        check("5 $ off", Err("a lone `$`"));
        check("${port:?must}", Err("there are ${NAME}, ${NAME:-default}"));
    }
}

//! Compose's variables in text: `$NAME`, `${NAME}`, `${NAME:-default}`, `${NAME-default}`, and `$$`
//! for a dollar sign.
//!
//! Source: the Compose Specification, "Interpolation". Unlike Compose, an unknown variable is an
//! error, because an empty text in its place is never what the person meant.

use std::collections::BTreeMap;

/// Replaces the variables in `text`.
pub(crate) fn interpolate(
    text: &str,
    variables: &BTreeMap<String, String>,
) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('$') {
        out.push_str(&rest[..start]);
        rest = &rest[start + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            out.push('$');
            rest = after;
        } else if let Some(after) = rest.strip_prefix('{') {
            let end = after.find('}').ok_or_else(|| {
                "a `${` without its `}`; a dollar sign is written `$$`".to_owned()
            })?;
            out.push_str(&expand(&after[..end], variables)?);
            rest = &after[end + 1..];
        } else {
            let length = rest
                .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
                .unwrap_or(rest.len());
            if length == 0 {
                return Err("a lone `$`; a dollar sign is written `$$`".to_owned());
            }
            // It may be a part of a password with a dollar sign in it, so only what stands in
            // braces is named.
            let value = variables.get(&rest[..length]);
            out.push_str(value.ok_or_else(|| unknown(None, variables))?);
            rest = &rest[length..];
        }
    }
    out.push_str(rest);
    Ok(out)
}

fn expand(expression: &str, variables: &BTreeMap<String, String>) -> Result<String, String> {
    let end = expression
        .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .unwrap_or(expression.len());
    let (name, operator) = expression.split_at(end);
    let value = variables.get(name);
    if operator.is_empty() {
        return value.cloned().ok_or_else(|| unknown(Some(name), variables));
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
    Err(
        "this form is not understood: there are ${NAME}, ${NAME:-default} and ${NAME-default}"
            .to_owned(),
    )
}

fn unknown(name: Option<&str>, variables: &BTreeMap<String, String>) -> String {
    let known = variables
        .keys()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(", ");
    let known = if known.is_empty() { "none" } else { &known };
    match name {
        Some(name) => format!(
            "there is no variable {name:?}; those of this app are its settings: {known}. Declare it under `x-archipelago.settings`, or write `${{{name}:-default}}`"
        ),
        None => format!(
            "`$` begins a variable, and there is none of this name; those of this app are its settings: {known}. A dollar sign is written `$$`"
        ),
    }
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
                assert!(problem.contains(part), "{problem:?} for {text:?}")
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
        check("${port", Err("without its `}`"));
        check("5 $ off", Err("a lone `$`"));
        check("${port:?must}", Err("is not understood"));
    }
}

//! A caller's additions to a load: keys of its own, secrets of its own, and leniency.

use std::collections::BTreeSet;

use compose::{Loaded, ReadError, Request, Variables, load};

fn read(text: &str, lenient: bool) -> Loaded {
    let bytes = |path: &str| match path {
        "/app/compose.yaml" => Ok(text.as_bytes().to_vec()),
        _ => Err(ReadError::Absent),
    };
    load(&Request {
        name: "app",
        folder: "/app",
        files: &["/app/compose.yaml".to_owned()],
        variables: &Variables::new(),
        home: None,
        set_aside: &["x-own"],
        secrets: &BTreeSet::from(["token".to_owned(), "other".to_owned()]),
        lenient,
        profiles: &[],
        read: &bytes,
    })
}

fn check(text: &str, lenient: bool, expected: &[&str]) -> Loaded {
    let loaded = read(text, lenient);
    let said = loaded.diagnostics.iter().map(ToString::to_string);
    let said: Vec<String> = said
        .map(|line| line.replace("/app/compose.yaml:", ""))
        .collect();
    assert_eq!(said, expected, "for {text}");
    loaded
}

#[test]
fn a_key_that_is_set_aside_is_not_read() {
    let loaded = check(
        "services: {web: {image: w}}\nx-own: {a: \"${open\", b: $none}\nx-other: {c: d}\n",
        false,
        &[],
    );
    let project = loaded.project.unwrap();
    let extensions: Vec<&String> = project.extensions.keys().collect();
    assert_eq!(extensions, ["x-other"]);
}

#[test]
fn an_empty_value_that_the_reference_reads_is_kept() {
    let text = "services: {web: {provider: {type: cloud, options: {fast: , size: [1, ]}}}}\n";
    let strict = check(text, false, &[]);
    let lenient = check(text, true, &[]);
    assert!(strict.project.is_some());
    assert_eq!(strict.project, lenient.project);
}

#[test]
fn a_secret_of_the_caller_needs_no_declaration() {
    let loaded = check(
        "services: {web: {image: w, secrets: [token, other]}}\nsecrets: {token: }\n",
        false,
        &[],
    );
    let project = loaded.project.unwrap();
    let external: Vec<bool> = project.secrets.values().map(|it| it.0.external).collect();
    assert_eq!(external, [true, true]);
    check(
        "services: {web: {image: w, secrets: [third]}}\n",
        false,
        &[
            "1:38: services.web.secrets[0]: there is no secret `third`; declare the secret `third` or correct the name",
        ],
    );
}

#[test]
fn a_plain_meaning_is_read_with_a_warning_where_that_is_asked_for() {
    let text = "services:\n  web: {image: w, user: 1000, command: [sleep, 10], labels: , dns: 1}\n  ui:\nvolumes:\n";
    check(
        text,
        false,
        &[
            "2:25: services.web.user: this must be text (in quotes) and is a number; write text (in quotes)",
            "2:48: services.web.command[1]: this must be text (in quotes) and is a number; write text (in quotes)",
            "2:59: services.web.labels: this must be a mapping or a list and is nothing; write a mapping or a list",
            "2:68: services.web.dns: this must be text (in quotes) or a list and is a number; write text (in quotes) or a list",
            "3:5: services.ui: this must be a mapping and is nothing; write a mapping",
            "4:8: volumes: this must be a mapping and is nothing; write a mapping",
        ],
    );
    let text = text.replace("  ui:\n", "");
    let read =
        "Compose refuses a number where text is due; here it is read as text; write it in quotes";
    let empty = "this is empty and left out; remove it";
    let loaded = check(
        &text,
        true,
        &[
            &format!("2:25: services.web.user: {read}"),
            &format!("2:48: services.web.command[1]: {read}"),
            &format!("2:59: services.web.labels: {empty}"),
            &format!("2:68: services.web.dns: {read}"),
            &format!("3:8: volumes: {empty}"),
        ],
    );
    let project = loaded.project.unwrap();
    let container = &project.services["web"].container;
    assert_eq!(container.user.as_deref(), Some("1000"));
    let words = ["sleep", "10"].map(str::to_owned).to_vec();
    assert_eq!(container.command, Some(words));
    // A service without anything is a mistake all the same.
    check(
        "services: {web: {image: w}, ui: }\n",
        true,
        &["1:31: services.ui: this must be a mapping and is nothing; write a mapping"],
    );
}

#[test]
fn permission_bits_in_decimal_digits_are_warned_about() {
    let mode = |mode: &str| {
        format!("services: {{web: {{image: w, secrets: [{{source: token, mode: {mode}}}]}}}}\n")
    };
    for octal in ["0440", "0o440", "\"440\""] {
        check(&mode(octal), false, &[]);
    }
    check(
        &mode("440"),
        false,
        &[
            "1:60: services.web.secrets[0].mode: Compose reads these permission bits as a decimal number, which makes 0670 of them; write octal digits in quotes, such as \"0440\"",
        ],
    );
    // No octal number, so a decimal one.
    let loaded = read(&mode("0889"), false);
    assert_eq!(
        (loaded.project.is_some(), loaded.diagnostics.len()),
        (true, 1)
    );
}

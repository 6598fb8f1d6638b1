//! Secrets whose texts come from variables.

use super::compose::*;
use super::*;
use crate::file_error::FileError;
use crate::manifest::Recipe;

const TEXT: &str = "services:\n  a: {image: x, secrets: [{source: db-password, uid: '70', mode: 0400}]}\nsecrets: {db-password: {environment: PASSWORD}}\n";

fn with(password: &str, kept: Option<&str>) -> Inputs {
    let env = format!("PASSWORD={password}\n");
    let mut inputs = app(TEXT, &[(".env", env.as_bytes())]);
    let kept = kept.map(|text| ("db_password".to_owned(), text.to_owned()));
    inputs.secrets.insert(id("a"), kept.into_iter().collect());
    inputs
}

#[test]
fn a_secret_from_a_variable_is_kept_and_reaches_its_container_through_podman_alone() {
    for kept in [None, Some("before")] {
        let desired = assembled(&with("hunter2", kept));
        let App::NeedsSecrets { missing } = &desired.apps[&id("a")] else {
            panic!("{}", said(&desired.apps[&id("a")]));
        };
        let recipe = missing.get("db_password");
        assert!(
            matches!(recipe, Some(Recipe::Given(given)) if given.text() == "hunter2"),
            "{missing:?}"
        );
        assert!(!format!("{missing:?}").contains("hunter2"));
    }
    let inputs = with("hunter2", Some("hunter2"));
    let present = present(&inputs);
    let stored = &present.secrets["archy-a-db_password"];
    assert_eq!(stored.secret, "db_password");
    assert!(present.files.is_empty() && present.mounted.is_empty());
    let line = "Secret=\"archy-a-db_password,type=mount,target=/run/secrets/db-password,uid=70,mode=0400\"";
    let content = content(&inputs);
    assert!(content.lines().any(|other| other == line), "{content}");
    assert!(!content.contains("hunter2"), "{content}");
    // Another text is another start.
    let other = compose::present(&with("other", Some("other")));
    let revision = |present: &Present| present.units["archy-a.container"].file.revision.clone();
    assert_ne!(revision(&present), revision(&other));
}

#[test]
fn a_given_secret_that_cannot_be_read_is_not_written_over() {
    let mut inputs = with("hunter2", None);
    let path = PathBuf::from("/data/secrets/a/db_password");
    let why = FileError::Disk("why".to_owned());
    inputs.found.unreadable.insert(path, why);
    let expected = "a secret of a cannot be read, so nothing is changed: why";
    assert_eq!(cause(&inputs), expected);
}

//! `docs/compose.md`: the support for each Compose key, from the tables of the translation.

use anyhow::{Context, Result};
use archipelago_core::manifest::keys::{
    BUILD, DEPLOY, NETWORK, SERVICE, TOP, Table, Treatment, VOLUME,
};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/compose.md");

const OPENING: &str = "# Compose files

Compose files are read as Docker Compose reads them: variables, `.env`, `env_file`, anchors, `extends`, `include`,
`compose.override.yaml`, short and long forms. Then each key is supported, ignored (with a warning if that makes a
difference), or refused with file, line, reason and the way out. This page is made from the code (`cargo xtask compose-keys`).

";

const ENDING: &str = "## Jobs

A service that another awaits with `service_completed_successfully` is a job. So is one with `restart: \"no\"` that has neither
ports nor a health check. It runs once at each start of its app, before what depends on it, and is not started again when it
fails ([manifest.md](manifest.md#compose-keys)).
";

/// The tables, each with the sections that lead to its keys.
const TABLES: [(&str, &[&str], Table); 6] = [
    ("The file", &[], TOP),
    ("A service", &["services"], SERVICE),
    ("`build`", &["services", "build"], BUILD),
    ("`deploy`", &["services", "deploy"], DEPLOY),
    ("A network", &["networks"], NETWORK),
    ("A volume", &["volumes"], VOLUME),
];

pub(crate) fn run() -> Result<()> {
    std::fs::write(FILE, page()).with_context(|| format!("write {FILE}"))
}

fn page() -> String {
    let mut page = OPENING.to_owned();
    for (title, _, table) in TABLES {
        page.push_str(&format!(
            "## {title}\n\n| key | support | note |\n|---|---|---|\n"
        ));
        for (key, treatment) in table {
            let (effect, words) = match treatment {
                Treatment::Translated(words) => ("supported", words),
                Treatment::Unneeded(words) => ("ignored", words),
                Treatment::Warned(words) => ("ignored, with a warning", words),
                Treatment::Refused(words) => ("refused", words),
            };
            page.push_str(&format!("| `{key}` | {effect} | {words} |\n"));
        }
        page.push('\n');
    }
    page.push_str(ENDING);
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_what_the_code_says() {
        let kept = std::fs::read_to_string(FILE).expect("the page is there");
        assert!(kept == page(), "run cargo xtask compose-keys");
    }

    #[test]
    fn each_key_of_compose_is_in_a_table_once_and_in_order() {
        for (title, sections, table) in TABLES {
            let keys: Vec<&str> = table.iter().map(|(key, _)| *key).collect();
            assert_eq!(keys, compose::known_keys(sections), "{title}");
        }
    }
}

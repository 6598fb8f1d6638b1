//! Two pages that are made from tables in the code: `docs/compose.md`, the support for each Compose
//! key, and `docs/podman.md`, the versions of Podman that know the keys of our units.

use anyhow::{Context, Result};
use archipelago_core::manifest::keys::{
    BUILD, DEPLOY, NETWORK, SERVICE, TOP, Table, Treatment, VOLUME,
};
use archipelago_core::quadlet::versions::{INSTEAD_OF_KEYS, SECTIONS};

const PODMAN_FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/podman.md");

const PODMAN_OPENING: &str = "# Versions of Podman

Archipelago runs with Podman 4.9 and newer. It is tested with 5.4 (Debian 13) and 5.8 (Debian testing). This page is made
from the code (`cargo xtask compose-keys`).

One key that Quadlet does not know costs the whole unit. So units have only keys that the Quadlet of Podman 4.9 knows; a test
compares these tables with the renderer. For newer keys, units have the options of `podman run`, which are older. For
every version, the host's own generator must accept a unit before it is written, and an app whose units it does not accept is
refused with the generator's words.

";

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
    for (file, page) in [(FILE, page()), (PODMAN_FILE, podman_page())] {
        std::fs::write(file, page).with_context(|| format!("write {file}"))?;
    }
    Ok(())
}

fn podman_page() -> String {
    let mut page = PODMAN_OPENING.to_owned();
    for (section, keys) in SECTIONS {
        page.push_str(&format!(
            "## Keys of `[{section}]`\n\n| key | in Quadlet since |\n|---|---|\n"
        ));
        for (key, (major, minor)) in keys {
            page.push_str(&format!("| `{key}` | {major}.{minor} |\n"));
        }
        page.push('\n');
    }
    page.push_str(
        "## Options instead of newer keys\n\n| option | key | in Quadlet since |\n|---|---|---|\n",
    );
    for (option, key, (major, minor)) in INSTEAD_OF_KEYS {
        page.push_str(&format!("| `{option}` | `{key}` | {major}.{minor} |\n"));
    }
    page
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
    fn the_pages_are_what_the_code_says() {
        for (file, page) in [(FILE, page()), (PODMAN_FILE, podman_page())] {
            let kept = std::fs::read_to_string(file).expect("the page is there");
            assert!(kept == page, "run cargo xtask compose-keys");
        }
    }

    #[test]
    fn each_key_of_compose_is_in_a_table_once_and_in_order() {
        for (title, sections, table) in TABLES {
            let keys: Vec<&str> = table.iter().map(|(key, _)| *key).collect();
            assert_eq!(keys, compose::known_keys(sections), "{title}");
        }
    }
}

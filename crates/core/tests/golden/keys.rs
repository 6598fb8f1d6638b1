//! The keys that the renderer can write, compared with those of the snapshots.

use archipelago_core::check::PODMAN_OLDEST;
use archipelago_core::quadlet::versions::{INSTEAD_OF_KEYS, SECTIONS};

use super::*;

/// Compares the keys in the renderer's source with those in the snapshots above.
#[test]
fn every_key_of_the_renderer_is_in_a_snapshot() {
    let source = [
        include_str!("../../src/quadlet/render.rs"),
        include_str!("../../src/quadlet/lines.rs"),
    ];
    let written = keys_by_function(&source.concat());
    let of = |functions: &[&str]| -> BTreeSet<String> {
        functions
            .iter()
            .flat_map(|function| written[*function].iter().cloned())
            .collect()
    };
    let common = ["unit_section", "service_section", "render"];
    let in_a_container = [
        "container",
        "process",
        "resolver",
        "limits",
        "podman_options",
        "health",
        "podman_option",
    ];
    for (unit, functions) in [
        (
            every(),
            [&common[..], &in_a_container[..], &["network_join"]].concat(),
        ),
        (volume_with_folder(), vec!["volume"]),
        (network(), vec!["network"]),
    ] {
        let mut shown = keys_of(&render(&unit));
        let expected = of(&functions);
        if functions.len() == 1 {
            // The keys that every unit has are compared once, for the container.
            assert!(shown.remove("Description"));
        }
        assert_eq!(shown, expected, "{}", unit.file_name());
    }
    let known: BTreeSet<&str> = [
        &common[..],
        &in_a_container[..],
        &["network_join", "volume", "network"],
    ]
    .concat()
    .into_iter()
    .collect();
    let all: BTreeSet<&str> = written.keys().map(String::as_str).collect();
    assert_eq!(
        all, known,
        "each function of the renderer must be compared with a snapshot"
    );
}

#[test]
fn the_oldest_podman_knows_every_key_of_the_renderer() {
    let units = [every(), volume_with_folder(), network()];
    for (unit, (section, keys)) in units.iter().zip(SECTIONS) {
        let content = render(unit);
        let own = content.split(&format!("[{section}]\n")).nth(1);
        let own = own.and_then(|rest| rest.split("\n[").next());
        let written = keys_of(own.expect("the section of its kind"));
        let known: BTreeSet<String> = keys.iter().map(|(key, _)| (*key).to_owned()).collect();
        assert_eq!(written, known, "[{section}]");
        for (key, since) in keys {
            assert!(*since <= PODMAN_OLDEST, "{key}");
        }
    }
    let content = render(&units[0]);
    for (option, key, since) in INSTEAD_OF_KEYS {
        assert!(since > PODMAN_OLDEST, "write {key} instead of {option}");
        assert!(
            content.contains(&format!("PodmanArgs=\"{option}")),
            "{option}"
        );
    }
}

/// The keys of a unit file, without those of our mark.
fn keys_of(content: &str) -> BTreeSet<String> {
    content
        .lines()
        .take_while(|line| *line != "[X-Archipelago]")
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once('='))
        .map(|(key, _)| key.to_owned())
        .collect()
}

/// The first argument of each call of the renderer's writing methods, by the calling function.
fn keys_by_function(source: &str) -> BTreeMap<String, BTreeSet<String>> {
    const WRITERS: [&str; 8] = [
        "plain",
        "escaped",
        "optional",
        "list",
        "pairs",
        "flag",
        "seconds",
        "milliseconds",
    ];
    let mut keys: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for function in source.split("fn ").skip(1) {
        let name = function.split(['(', '<']).next().unwrap_or_default();
        for writer in WRITERS {
            for call in function.split(&format!(".{writer}(")).skip(1) {
                if let Some(key) = call
                    .trim_start()
                    .strip_prefix('"')
                    .and_then(|rest| rest.split('"').next())
                {
                    keys.entry(name.to_owned())
                        .or_default()
                        .insert(key.to_owned());
                }
            }
        }
    }
    keys
}

//! The golden units of `crates/core/tests/golden.rs` through Podman's real generator, which drops a
//! unit that it does not understand without a word: only its dry run says so.

use std::collections::BTreeMap;
use std::path::Path;

use testhost::{Account, Host, Options, Output};

const UNITS: &str = "/home/archy/.config/containers/systemd";
const GENERATOR: [&str; 4] = [
    "/usr/libexec/podman/quadlet",
    "-user",
    "-no-kmsg-log",
    "-dryrun",
];

/// The golden units by file name.
fn goldens() -> BTreeMap<String, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../core/tests/snapshots");
    let mut units = BTreeMap::new();
    for entry in std::fs::read_dir(&folder).expect("the snapshots of core") {
        let path = entry.expect("a snapshot").path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .expect("a name");
        let Some(unit) = name
            .strip_prefix("golden__")
            .and_then(|name| name.strip_suffix(".snap"))
        else {
            continue;
        };
        let snapshot = std::fs::read_to_string(&path).expect("a snapshot");
        let (_, content) = snapshot.split_once("\n---\n").expect("a snapshot's header");
        units.insert(unit.to_owned(), content.to_owned());
    }
    units
}

/// The service that Quadlet makes of a unit: podman-systemd.unit(5), "Service unit names".
fn service_of(unit: &str) -> String {
    match unit.rsplit_once('.') {
        Some((stem, "container")) => format!("{stem}.service"),
        Some((stem, kind)) => format!("{stem}-{kind}.service"),
        None => panic!("{unit} has no suffix"),
    }
}

fn write(host: &Host, unit: &str, content: &str) {
    host.write_file(
        Account::User,
        &format!("{UNITS}/{unit}"),
        content.as_bytes(),
    )
    .expect("the unit");
}

fn generate(host: &Host) -> Output {
    host.run_user(&GENERATOR).expect("a run of the generator")
}

#[test]
fn podmans_generator_accepts_every_golden_unit() {
    let goldens = goldens();
    for kind in [".container", ".volume", ".network"] {
        assert!(
            goldens.keys().any(|unit| unit.ends_with(kind)),
            "no golden {kind}"
        );
    }
    let host = Host::boot(Options::default()).expect("a host");
    for (unit, content) in &goldens {
        write(&host, unit, content);
    }

    let accepted = generate(&host);
    assert!(
        accepted.success(),
        "the generator ended with {}: {}",
        accepted.status,
        accepted.stderr
    );
    // With everything in order it says nothing but which files it read.
    let complaints: Vec<&str> = accepted
        .stderr
        .lines()
        .filter(|line| !line.contains("Loading source unit file"))
        .collect();
    assert!(complaints.is_empty(), "{complaints:#?}");
    let mut services: Vec<&str> = accepted
        .stdout
        .lines()
        .filter_map(|line| line.strip_prefix("---")?.strip_suffix("---"))
        .collect();
    services.sort_unstable();
    let mut expected: Vec<String> = goldens.keys().map(|unit| service_of(unit)).collect();
    expected.sort_unstable();
    assert_eq!(services, expected);
}

#[test]
fn the_dry_run_tells_a_unit_that_podman_does_not_understand() {
    let host = Host::boot(Options::default()).expect("a host");
    let unit = "archy-golden-host.container";
    let golden = &goldens()[unit];
    // The last one is a key of a Podman that Debian 13 does not have yet.
    for key in ["Imagine=1", "ReloadCmd=true"] {
        let broken = golden.replace("[Container]\n", &format!("[Container]\n{key}\n"));
        assert_ne!(broken, *golden);
        write(&host, unit, &broken);
        let refused = generate(&host);
        assert!(!refused.success(), "{key} was accepted");
        let name = key.split('=').next().unwrap_or_default();
        assert!(
            refused.stderr.contains(unit) && refused.stderr.contains(name),
            "{}",
            refused.stderr
        );
    }
    write(&host, unit, golden);
    assert!(generate(&host).success());
}

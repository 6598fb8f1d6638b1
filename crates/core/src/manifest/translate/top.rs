//! The top-level sections other than `services` and `networks`.

use std::collections::BTreeSet;

use compose::model::{FileObject, Volume};
use compose::{Project, Trail};

use super::keys::{TOP, VOLUME, left_out};
use crate::manifest::report::Report;
use crate::name::check_part;

/// Translates the sections other than `services` and `networks`; notes the names of volumes.
pub(super) fn sections(project: &Project, names: &mut BTreeSet<String>, report: &mut Report<'_>) {
    let Project {
        name: _,
        services: _,
        disabled_services,
        jobs,
        disabled_jobs: _,
        networks: _,
        volumes,
        secrets,
        // Of the services that use them.
        configs: _,
        models: _,
        extensions: _,
    } = project;
    for name in disabled_services.keys() {
        report.warn(
            &Trail::of(["services", name, "profiles"]),
            "the service is left out: services of profiles are for work on an app, and no profile is on",
        );
    }
    left_out(report, TOP, &Trail::top(), "jobs", !jobs.is_empty());
    for (name, volume) in volumes {
        let at = Trail::of(["volumes", name]);
        if let Err(error) = check_part("a volume", name) {
            report.error(&at, error.to_string());
        }
        self::volume(project, name, volume, report);
        names.insert(name.clone());
    }
    for (name, secret) in secrets {
        self::secret(name, &secret.0, report);
    }
}

fn volume(project: &Project, name: &str, volume: &Volume, report: &mut Report<'_>) {
    let Volume {
        name: full,
        driver,
        driver_opts,
        external,
        labels: _,
        extensions: _,
    } = volume;
    let at = Trail::of(["volumes", name]);
    if !matches!(driver.as_deref(), None | Some("" | "local" | "default")) {
        report.error(
            &at.key("driver"),
            "volumes take no options here: their data lie in the node's data folder (docs/manifest.md)",
        );
    }
    let is_own_name = *external || *full == Some(format!("{}_{name}", project.name));
    for (key, is_written) in [
        ("external", *external),
        ("driver_opts", !driver_opts.0.is_empty()),
        ("name", !is_own_name),
    ] {
        left_out(report, VOLUME, &at, key, is_written);
    }
}

/// A secret is one of `x-archipelago.secrets`, which is generated per node and has no source, or a
/// file of the app. The reader has made the former external.
fn secret(name: &str, secret: &FileObject, report: &mut Report<'_>) {
    let FileObject {
        name: _,
        file,
        environment,
        // The value of `environment`.
        content: _,
        external: _,
        labels: _,
        driver,
        driver_opts: _,
        template_driver: _,
        extensions: _,
    } = secret;
    let at = Trail::of(["secrets", name]);
    let sources = [
        ("file", file.is_some()),
        ("environment", environment.is_some()),
        ("driver", driver.is_some()),
    ];
    let source = sources.iter().find(|(_, is_written)| *is_written);
    match (report.secrets.contains(name), source) {
        (true, None) | (false, Some(("file", _))) => {}
        (true, Some((key, _))) => report.error(
            &at.key(key),
            "secrets are generated per node, from no source; remove this key",
        ),
        (false, _) => report.error(
            &at,
            "declare it under `x-archipelago.secrets` instead, which generates it per node, or name a `file` of the app",
        ),
    }
}

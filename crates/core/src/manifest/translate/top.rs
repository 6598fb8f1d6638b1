//! The top-level sections other than `services` and `networks`.

use std::collections::{BTreeMap, BTreeSet};

use compose::model::FileObject;
use compose::{Project, Trail};

use super::keys::{TOP, VOLUME, left_out};
use super::volume::{self, Kind};
use crate::manifest::report::Report;
use crate::manifest::secret::{GivenText, kept_name};
use crate::name::check_part;

/// Translates the sections other than `services` and `networks`.
pub(super) fn sections(
    project: &Project,
    own_volumes: &mut BTreeSet<String>,
    given_secrets: &mut BTreeMap<String, GivenText>,
    report: &mut Report<'_>,
) {
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
        match volume::kind(name, volume) {
            Ok(Kind::Own) => {
                let is_own_name = volume.name == Some(format!("{}_{name}", project.name));
                left_out(report, VOLUME, &at, "name", !is_own_name);
                own_volumes.insert(name.clone());
            }
            Ok(Kind::Memory(_)) if mounts_of(project, name) > 1 => report.error(
                &at.key("driver_opts"),
                "several mounts of one memory file system are not supported; remove `driver_opts`, so that it is a volume",
            ),
            Ok(Kind::External(_) | Kind::Folder { .. } | Kind::Memory(_)) => {}
            Err(problem) => report.error(&at.key(problem.key()), problem.to_string()),
        }
    }
    for (name, secret) in secrets {
        self::secret(name, &secret.0, given_secrets, report);
    }
}

fn mounts_of(project: &Project, name: &str) -> usize {
    let services = project.services.values();
    let mounts = services.flat_map(|service| &service.container.volumes);
    mounts
        .filter(|mount| mount.kind == "volume" && mount.source.as_deref() == Some(name))
        .count()
}

/// A secret is one of `x-archipelago.secrets`, which is generated per node and has no source, or a
/// file of the app, or the value of a variable. The reader has made the first external.
fn secret(
    name: &str,
    secret: &FileObject,
    given: &mut BTreeMap<String, GivenText>,
    report: &mut Report<'_>,
) {
    let FileObject {
        name: _,
        file,
        environment,
        // The value of `environment`.
        content,
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
        (false, Some(("environment", _))) => {
            let text = content.as_deref().and_then(GivenText::of);
            let kept = kept_name(name);
            let problem = match (check_part("a secret", name), text) {
                (Err(error), _) => error.to_string(),
                (Ok(()), None) => "the variable has no value, or one that is too long for Podman; give it one in the app's `.env`".to_owned(),
                (Ok(()), Some(_)) if given.contains_key(&kept) || report.secrets.contains(&kept) => {
                    "another secret is kept under this name, in which `-` and `.` become `_`; rename one of the two".to_owned()
                }
                (Ok(()), Some(text)) => {
                    given.insert(kept, text);
                    return;
                }
            };
            report.error(&at.key("environment"), problem);
        }
        (true, Some((key, _))) => report.error(
            &at.key(key),
            "secrets are generated per node, from no source; remove this key",
        ),
        (false, _) => report.error(
            &at,
            "declare it under `x-archipelago.secrets` instead, which generates it per node, or name a `file` of the app or a variable (`environment`)",
        ),
    }
}

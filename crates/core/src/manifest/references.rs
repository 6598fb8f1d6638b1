//! References from one part of a manifest to another that is not there, or not fit for it.

use std::collections::{BTreeMap, BTreeSet};

use compose::Trail;

use super::extension::EXTENSION;
use super::field::Field;
use super::report::Report;
use super::{Awaited, Extension, Joint, Manifest, ManifestError, NetworkMode, Secret, Service};
use crate::name::AppId;

/// Reports every reference that cannot be followed. The reader has checked those of Compose's own.
pub(super) fn check(manifest: &Manifest, top: &Field<'_>, report: &mut Report<'_>) {
    for (name, service) in &manifest.services {
        let at = Trail::of(["services", name]);
        for (dependency, awaited) in &service.depends_on {
            let at = at.key("depends_on").key(dependency);
            let other = manifest.services.get(dependency);
            if *awaited == Awaited::Healthy && other.is_some_and(|other| !other.starts_healthy()) {
                let reason = match other.and_then(|other| other.job) {
                    None => "has no `healthcheck`",
                    Some(_) => "runs to its end (`service_completed_successfully`)",
                };
                report.error(
                    &at.key("condition"),
                    format!("{dependency} {reason}, so its health cannot be waited for"),
                );
            }
            if manifest.is_companion(dependency) && !manifest.is_companion(name) {
                report.error(
                    &at,
                    format!(
                        "{dependency} is a companion; a companion depends on its app, never the other way round"
                    ),
                );
            }
        }
        let known = &manifest.extension.secrets;
        let at = at.key("x-environment-secrets");
        let mut secrets = service.environment_secrets.values();
        if secrets.any(|secret| !known.contains_key(secret)) {
            report.error(
                &at,
                "a secret here is not declared; add its name, not its text, under `x-archipelago.secrets`",
            );
        }
        let secrets = service.environment_secrets.values();
        let mut joints = secrets
            .filter_map(|secret| known.get(secret))
            .flat_map(Secret::joints);
        if joints.any(|joint| matches!(joint, Joint::OtherFile { .. })) {
            report.error(
                &at,
                "a secret here has a file of another app, whose bytes may be no text; mount it with `secrets`",
            );
        }
    }
    check_extension(manifest, &top.at(&[EXTENSION]), &mut report.errors);
}

/// Reports every reference of `x-archipelago` to a service, volume or port that the app does not
/// have.
fn check_extension(manifest: &Manifest, field: &Field<'_>, errors: &mut Vec<ManifestError>) {
    let Manifest {
        extension,
        services,
        volumes,
        ..
    } = manifest;
    // It would wait for itself at each start, and for ever when it is to be removed.
    if extension.requires.apps.contains(&extension.id) {
        let at = field.at(&["requires"]);
        errors.push(at.error("an app cannot require itself"));
    }
    let mut companions = extension.companions.iter();
    if !companions.all(|name| services.contains_key(name)) {
        let at = field.at(&["companions"]);
        errors.push(at.error(no_service(services)));
    }
    let at = field.at(&["templates"]);
    let mut rendered = BTreeSet::new();
    for template in &extension.templates {
        if !services.contains_key(&template.service) {
            errors.push(at.error(no_service(services)));
        } else if !rendered.insert((&template.service, template.file_name())) {
            errors.push(at.error(format!(
                "two templates of {} have targets of one name; give them different file names",
                template.service
            )));
        }
    }
    for (name, capture) in &extension.captures {
        if !volumes.contains(&capture.volume) {
            let at = field.at(&["captures", name]);
            errors.push(
                at.error("there is no such volume; declare it under the top-level `volumes`"),
            );
        }
    }
    check_others(extension, field, errors);
    errors.extend(check_exports(extension, services, &field.at(&["exports"])).err());
    errors.extend(check_requirements(services, &field.at(&["requires", "apps"])).err());
    let urls = extension.urls.iter();
    let urls = urls.map(|url| ("urls", &url.service, url.port));
    let probes = extension.readiness.iter();
    let probes = probes.map(|probe| ("readiness", &probe.service, probe.port));
    for (key, name, port) in urls.chain(probes) {
        let at = field.at(&[key]);
        match services.get(name) {
            None => errors.push(at.error(no_service(services))),
            Some(service) if service.published(port).is_none() => {
                errors.push(at.error(format!(
                    "the service {name} publishes no such port; add it to its `ports`"
                )));
            }
            Some(_) => {}
        }
    }
}

/// Reports variables and joined secrets that are made of something that is not there, or of an app
/// that is not required.
fn check_others(extension: &Extension, field: &Field<'_>, errors: &mut Vec<ManifestError>) {
    let Extension {
        settings,
        variables,
        secrets,
        requires,
        ..
    } = extension;
    let mut check_app = |at: &Field<'_>, app: &AppId| {
        if !requires.apps.contains(app) {
            errors.push(at.error(format!(
                "this app does not require {app}; add it to `requires.apps`"
            )));
        }
    };
    for (name, followed) in variables {
        check_app(&field.at(&["variables", name]), &followed.app);
    }
    for (name, secret) in secrets {
        let at = field.at(&["secrets", name]);
        let others = secret.joints().iter().filter_map(Joint::other);
        others.for_each(|app| check_app(&at, app));
    }
    for name in variables.keys().filter(|name| settings.contains_key(*name)) {
        let at = field.at(&["variables", name]);
        errors.push(at.error("there is a setting of that name; rename one of the two"));
    }
    for (name, secret) in secrets {
        let is_known = |joint: &Joint| match joint {
            Joint::Setting(name) => settings.contains_key(name) || variables.contains_key(name),
            Joint::Secret(name) => secrets.get(name).is_some_and(|it| it.recipe().is_some()),
            Joint::Text(_) | Joint::OtherSecret { .. } | Joint::OtherFile { .. } => true,
        };
        if !secret.joints().iter().all(is_known) {
            let at = field.at(&["secrets", name, "joined"]);
            errors.push(at.error(
                "a part names a setting, a variable or a generated secret that this app does not have",
            ));
        }
    }
}

/// Refuses an export that the app does not have.
fn check_exports(
    extension: &Extension,
    services: &BTreeMap<String, Service>,
    field: &Field<'_>,
) -> Result<(), ManifestError> {
    let exports = &extension.exports;
    for name in exports.services.keys() {
        let at = field.at(&["services", name]);
        let service = services
            .get(name)
            .ok_or_else(|| at.error(format!("there is no service {name:?}")))?;
        if service.network != NetworkMode::App {
            return Err(at.error(format!(
                "{name:?} has a `network_mode`, so it cannot join the network on which others would reach it; remove one of the two"
            )));
        }
    }
    let mut joined = services
        .values()
        .flat_map(|service| service.networks.keys());
    if exports.has_network() && joined.any(|network| network == "exports") {
        return Err(field.error(
            "the app has a network `exports` of its own already; give that one another name",
        ));
    }
    let check = |key, names: &BTreeSet<String>, kind, is_known: &dyn Fn(&String) -> bool| {
        let unknown = names.iter().find(|name| !is_known(name));
        unknown.map_or(Ok(()), |unknown| {
            let at = field.at(&[key]).item(unknown);
            Err(at.error(format!("there is no {kind} of that name")))
        })
    };
    let (settings, secrets) = (&extension.settings, &extension.secrets);
    let captures = &extension.captures;
    check("settings", &exports.settings, "setting", &|name| {
        settings.contains_key(name)
    })?;
    check("secrets", &exports.secrets, "secret", &|name| {
        secrets.get(name).is_some_and(|it| it.recipe().is_some())
    })?;
    check("files", &exports.files, "capture", &|name| {
        captures.contains_key(name)
    })
}

/// Refuses a service that is to join the network of a required app, and cannot.
fn check_requirements(
    services: &BTreeMap<String, Service>,
    field: &Field<'_>,
) -> Result<(), ManifestError> {
    for item in field.items().unwrap_or_default() {
        let Some(joining) = item.get("services") else {
            continue;
        };
        for at in joining.items()? {
            let name = at.text()?;
            match services.get(&name) {
                None => return Err(at.error(no_service(services))),
                Some(service) if service.network != NetworkMode::App => {
                    return Err(at.error(format!(
                        "{name:?} has a `network_mode`, so it cannot join the network of another app; remove one of the two"
                    )));
                }
                Some(_) => {}
            }
        }
    }
    Ok(())
}

/// The words for a name that no service has. They list the services and leave the name out, because
/// it is a value.
fn no_service(services: &BTreeMap<String, Service>) -> String {
    let names: Vec<&str> = services.keys().map(String::as_str).collect();
    format!(
        "there is no service of that name; the services are {}",
        names.join(", ")
    )
}

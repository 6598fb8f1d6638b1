//! References from one part of a manifest to another that is not there, or not fit for it.

use compose::Trail;

use super::field::Field;
use super::report::Report;
use super::{Awaited, EXTENSION, Manifest};

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
        let mut secrets = service.environment_secrets.values();
        if secrets.any(|secret| !known.contains_key(secret)) {
            report.error(
                &at.key("x-environment-secrets"),
                "a secret here is not declared; add its name, not its text, under `x-archipelago.secrets`",
            );
        }
    }
    let extension = top.at(&[EXTENSION]);
    manifest
        .extension
        .check_references(&extension, manifest, &mut report.errors);
}

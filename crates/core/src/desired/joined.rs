//! The contents of joined secrets: of an app's own texts, and of secrets and files that other apps
//! export.

use std::collections::{BTreeMap, BTreeSet};

use super::apps::Apps;
use super::compose::capture_paths;
use super::error::Error;
use super::inputs::Inputs;
use crate::manifest::{Exports, Joint, Manifest};
use crate::name::AppId;

/// Why a secret cannot be joined.
pub(super) enum Unjoined {
    /// The app has not written the file yet.
    NoFile {
        app: AppId,
        file: String,
    },
    Refused(Error),
}

/// The contents of an app's joined secrets, by name.
pub(super) fn contents(
    inputs: &Inputs,
    apps: &Apps,
    manifest: &Manifest,
) -> Result<BTreeMap<String, Vec<u8>>, Unjoined> {
    let mut joined = BTreeMap::new();
    for (name, secret) in &manifest.extension.secrets {
        let joints = secret.joints();
        if joints.is_empty() {
            continue;
        }
        let mut content = Vec::new();
        for joint in joints {
            content.extend(part(inputs, apps, manifest, joint)?);
        }
        joined.insert(name.clone(), content);
    }
    Ok(joined)
}

fn part(
    inputs: &Inputs,
    apps: &Apps,
    manifest: &Manifest,
    joint: &Joint,
) -> Result<Vec<u8>, Unjoined> {
    let kept = |app: &AppId, name: &str| {
        let text = inputs.secrets.get(app).and_then(|all| all.get(name));
        text.cloned().unwrap_or_default().into_bytes()
    };
    match joint {
        Joint::Text(text) => Ok(text.clone().into_bytes()),
        Joint::Setting(name) => {
            let value = manifest.settings.0.get(name);
            Ok(value.map(ToString::to_string).unwrap_or_default().into())
        }
        Joint::Secret(name) => Ok(kept(manifest.id(), name)),
        Joint::OtherSecret { app, name } => {
            exported(apps, app, "secrets", name, |exports| &exports.secrets)?;
            Ok(kept(app, name))
        }
        Joint::OtherFile { app, name } => {
            let other = exported(apps, app, "files", name, |exports| &exports.files)?;
            let paths = capture_paths(&inputs.layout, app, other);
            let path = paths.get(name);
            if let Some(cause) = path.and_then(|path| inputs.found.unreadable.get(path)) {
                return Err(Unjoined::Refused(Error::Capture {
                    app: app.clone(),
                    name: name.clone(),
                    cause: Box::new(cause.clone()),
                }));
            }
            let content = path.and_then(|path| inputs.captured.get(path));
            let content = content.filter(|content| !content.is_empty());
            content.cloned().ok_or_else(|| Unjoined::NoFile {
                app: app.clone(),
                file: name.clone(),
            })
        }
    }
}

/// The manifest of an app that exports this name.
fn exported<'a>(
    apps: &'a Apps,
    app: &AppId,
    list: &'static str,
    name: &str,
    names: impl Fn(&Exports) -> &BTreeSet<String>,
) -> Result<&'a Manifest, Unjoined> {
    let manifest = apps.manifest(app);
    let manifest = manifest.ok_or_else(|| Unjoined::Refused(Error::Requires(app.clone())))?;
    if names(&manifest.extension.exports).contains(name) {
        return Ok(manifest);
    }
    Err(Unjoined::Refused(Error::NotExported {
        app: app.clone(),
        list,
        name: name.to_owned(),
    }))
}

//! Mounts of folders that exist only on the store's own system.

use compose::View;
use serde_json::{Map, Value, json};

use super::compose_file::{ComposeFile, json};
use super::overlay::Overlay;
use super::variables::setting;

/// The setting that names the folder which apps share.
pub(super) const SHARED: &str = "shared_folder";

/// A mount as it is written.
pub(super) struct Written<'a> {
    pub service: &'a str,
    pub source: &'a str,
    pub target: &'a str,
    pub place: &'a compose::Place,
}

/// The new form of a mount.
pub(super) enum Mapped {
    /// It stays as it is.
    Same,
    /// It has this source instead.
    Source(String),
    /// It is taken out.
    Gone,
}

/// Replaces or removes the mounts of each service, as `mapped` says.
pub(super) fn map<E>(
    source: &ComposeFile<'_>,
    overlay: &mut Overlay,
    mut mapped: impl FnMut(&Written<'_>) -> Result<Mapped, E>,
) -> Result<(), E> {
    for (name, service) in source.services() {
        if overlay.removed.contains(name) {
            continue;
        }
        let Some(volumes) = service.get("volumes").map(|entry| entry.value) else {
            continue;
        };
        let mut all = Vec::new();
        let mut any = false;
        for item in volumes.items().into_iter().flatten() {
            let new = match ends(item) {
                Some((source, target)) => mapped(&Written {
                    service: name,
                    source: &source,
                    target: &target,
                    place: item.place(),
                })?,
                None => Mapped::Same,
            };
            any |= !matches!(new, Mapped::Same);
            match new {
                Mapped::Same => all.push(json(item)),
                Mapped::Source(new) => all.push(with_source(item, &new)),
                Mapped::Gone => {}
            }
        }
        if any {
            let volumes = Value::Array(all);
            overlay
                .service(name)
                .instead
                .insert("volumes".to_owned(), volumes);
        }
    }
    Ok(())
}

/// The sources of all mounts, in the order of the file.
pub(super) fn sources(source: &ComposeFile<'_>, overlay: &Overlay) -> Vec<String> {
    let services = source.services().into_iter();
    let services = services.filter(|(name, _)| !overlay.removed.contains(*name));
    services
        .flat_map(|(_, service)| sources_of(service))
        .collect()
}

/// The owner of folders in the systems of Umbrel and CasaOS: their own user.
const OWNER: &str = "1000:1000";

/// Lets the folders that are made for a service belong to the user of the store's own system,
/// unless the service names another.
pub(super) fn owned(overlay: &mut Overlay, service: &str) {
    let added = &mut overlay.service(service).added;
    added.insert("x-data-owner".to_owned(), json!(OWNER));
}

/// The shared folder as a prefix of a mount's source: the variable of its setting.
pub(super) fn shared(overlay: &mut Overlay, folder: &str, store: &str) {
    let begin = format!("${{{SHARED}}}");
    let mounts_it = |service: &&String| {
        let volumes = overlay.services[*service].instead.get("volumes");
        volumes.is_some_and(|volumes| volumes.to_string().contains(&begin))
    };
    let services: Vec<String> = overlay.services.keys().filter(mounts_it).cloned().collect();
    services.iter().for_each(|service| owned(overlay, service));
    let description = format!(
        "The folder of this host that stands for the shared folders of {store}. The folders in it that the app uses are made."
    );
    let mut setting = setting(Some(folder), &description);
    setting["type"] = json!("path");
    overlay.settings.insert(SHARED.to_owned(), setting);
}

/// The sources of a service's mounts, as they are written.
pub(super) fn sources_of(service: View<'_>) -> Vec<String> {
    let volumes = service.get("volumes").map(|entry| entry.value);
    let items = volumes.and_then(View::items).into_iter().flatten();
    items.filter_map(|item| Some(ends(item)?.0)).collect()
}

/// Source and target of a mount, as they are written.
fn ends(item: View<'_>) -> Option<(String, String)> {
    if let Some(text) = item.text() {
        let (source, rest) = split(&text)?;
        let target = split(rest).map_or(rest, |(target, _)| target);
        return Some((source.to_owned(), target.to_owned()));
    }
    let end = |key| Some(item.get(key)?.value.text()?.into_owned());
    Some((end("source")?, end("target").unwrap_or_default()))
}

/// Splits at the first colon outside of a variable.
fn split(text: &str) -> Option<(&str, &str)> {
    let mut depth = 0_usize;
    for (at, character) in text.char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ':' if depth == 0 => return Some((&text[..at], &text[at + 1..])),
            _ => {}
        }
    }
    None
}

fn with_source(item: View<'_>, source: &str) -> Value {
    if let Some(text) = item.text() {
        let rest = split(&text).map_or("", |(_, rest)| rest);
        return Value::String(format!("{source}:{rest}"));
    }
    let mut all = match json(item) {
        Value::Object(all) => all,
        _ => Map::new(),
    };
    all.insert("source".to_owned(), json!(source));
    Value::Object(all)
}

//! Apps of CasaOS's stores: a Compose file with `x-casaos`.
//!
//! Source: the README of github.com/IceWhaleTech/CasaOS-AppStore.

use std::collections::{BTreeMap, BTreeSet};

use compose::View;
use serde_json::{Value, json};

use super::compose_file::{ComposeFile, json, text_at};
use super::error::Error;
use super::notice::Notice;
use super::overlay::Overlay;
use super::translated::{NodeFacts, Translated};
use super::variables::setting;
use super::volumes::Mapped;
use super::{clean, plain, volumes};
use crate::file::Files;
use crate::name::AppId;

/// The key that marks an app of CasaOS.
pub(super) const EXTENSION: &str = "x-casaos";

/// The beginning of a value that a person must change.
const PLACEHOLDER: &str = "[CHANGE_TO_";

/// The parts of `x-casaos` that we use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct About {
    pub title: String,
    pub tagline: String,
    pub category: String,
    pub icon: Option<String>,
    /// The port of the page on the host.
    pub port: Option<u16>,
    main: String,
    path: String,
    architectures: Vec<String>,
    tips: String,
}

impl About {
    pub(super) fn read(source: &ComposeFile<'_>) -> Self {
        let Some(top) = source.get(EXTENSION) else {
            return Self::default();
        };
        let raw = |key: &str| text_at(top, &[key]).unwrap_or_default();
        let words = |key: &str| clean::line(&translated(top, &[key]));
        let architectures = top.get("architectures").and_then(|list| list.value.items());
        let architectures = architectures.into_iter().flatten().filter_map(View::text);
        Self {
            title: words("title"),
            tagline: words("tagline"),
            category: words("category"),
            icon: clean::web_address(&raw("icon")),
            port: raw("port_map").parse().ok().filter(|port| *port > 0),
            main: raw("main"),
            path: raw("index"),
            architectures: architectures.map(|text| clean::line(&text)).collect(),
            tips: clean::text(&translated(top, &["tips", "before_install"])),
        }
    }
}

/// A text, or a mapping of languages to texts.
fn translated(top: View<'_>, keys: &[&str]) -> String {
    let found = keys
        .iter()
        .try_fold(top, |view, key| Some(view.get(key)?.value));
    let Some(found) = found else {
        return String::new();
    };
    if let Some(text) = found.text() {
        return text.into_owned();
    }
    let languages = ["en_us", "en_US", "en_GB", "en_gb"];
    let english = languages
        .iter()
        .find_map(|language| text_at(found, &[*language]));
    let any = || {
        let mut entries = found.entries()?;
        Some(entries.find_map(|entry| entry.value.text())?.into_owned())
    };
    english.or_else(any).unwrap_or_default()
}

pub(super) fn translate(
    app: &AppId,
    source: &ComposeFile<'_>,
    files: &Files,
    node: &NodeFacts,
) -> Result<Translated, Error> {
    let about = About::read(source);
    let is_supported =
        about.architectures.is_empty() || about.architectures.contains(&node.architecture);
    if !is_supported {
        return Err(Error::Architecture {
            file: source.file.clone(),
            supported: about.architectures,
            node: node.architecture.clone(),
        });
    }
    let (text, placeholders) = without_placeholders(source.text);
    let source = &ComposeFile::of(source.file.clone(), source.name, &text)?;
    let mut overlay = Overlay::default();
    let pairs = [
        ("AppID", app.as_str()),
        ("PUID", "1000"),
        ("PGID", "1000"),
        ("TZ", &node.time_zone),
    ];
    for (name, value) in pairs {
        overlay.variables.insert(name.to_owned(), value.to_owned());
    }
    for name in &placeholders {
        let wanted = name.trim_start_matches("CHANGE_TO_").replace('_', " ");
        let description = format!("The app asks for this: {}.", wanted.to_lowercase());
        let setting = setting(None, &description);
        overlay.settings.insert(name.clone(), setting);
    }
    plain::settings(source, files, &mut overlay);
    let data = map_volumes(source, node, &mut overlay)?;
    let has_page = page(source, &about, &mut overlay);
    let extension = &mut overlay.extension;
    for (key, value) in [
        ("title", &about.title),
        ("description", &about.tagline),
        ("category", &about.category),
    ] {
        if !value.is_empty() {
            extension.insert(key.to_owned(), json!(value));
        }
    }
    let version = version(source, &about);
    extension.insert("version".to_owned(), json!(version));
    let mut notices = Vec::new();
    if about.port.is_some() && !has_page {
        notices.push(Notice::NoAddress);
    }
    if !about.tips.is_empty() {
        notices.push(Notice::Tips(about.tips));
    }
    Ok(Translated {
        files: overlay.laid_over(app, source, files)?,
        notices,
        data,
    })
}

/// The tag of the main image, because CasaOS's apps have no version of their own.
pub(super) fn version(source: &ComposeFile<'_>, about: &About) -> String {
    let services = source.services();
    let main = services.get(about.main.as_str()).copied();
    let main = main.or_else(|| services.values().next().copied());
    let image = main.and_then(|main| text_at(main, &["image"]));
    let image = image.unwrap_or_default();
    let name = image.split('@').next().unwrap_or_default();
    let tag = name.rsplit_once(':').map(|(_, tag)| tag);
    let tag = tag.filter(|tag| !tag.contains(['/', '$']));
    clean::line(tag.unwrap_or_default())
}

/// The text with a variable for each placeholder, and their names.
fn without_placeholders(text: &str) -> (String, Vec<String>) {
    let mut out = String::with_capacity(text.len());
    let mut names: Vec<String> = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find(PLACEHOLDER) {
        out.push_str(&rest[..start]);
        let inside = &rest[start + 1..];
        let is_name = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
        let end = inside.find(|c| !is_name(c)).unwrap_or(inside.len());
        let (name, after) = inside.split_at(end);
        match after.strip_prefix(']') {
            Some(after) if name.len() <= 64 => {
                out.push_str(&format!("${{{name}}}"));
                if !names.iter().any(|known| known == name) {
                    names.push(name.to_owned());
                }
                rest = after;
            }
            _ => {
                out.push('[');
                rest = inside;
            }
        }
    }
    out.push_str(rest);
    (out, names)
}

/// `/DATA/AppData/ID` is the app's own data; other parts of `/DATA` are shared. Returns the folders
/// on CasaOS by their paths in the app's data.
fn map_volumes(
    source: &ComposeFile<'_>,
    node: &NodeFacts,
    overlay: &mut Overlay,
) -> Result<BTreeMap<String, BTreeSet<String>>, Error> {
    let project = source.tops().find_map(|top| text_at(top, &["name"]));
    let own: Vec<String> = ["$AppID", "${AppID}"]
        .into_iter()
        .map(str::to_owned)
        .chain(project)
        .collect();
    let is_shared = std::cell::Cell::new(false);
    let mut folders = BTreeMap::new();
    volumes::map(source, overlay, |written| {
        let Some(inside) = beneath(written.source, "/DATA") else {
            return Ok::<_, Error>(Mapped::Same);
        };
        if let Some(data) = beneath(inside, "/AppData") {
            let of_app = own.iter().find_map(|id| beneath(data, &format!("/{id}")));
            let path = of_app.unwrap_or(data).trim_matches('/');
            let path = if path.is_empty() { "all" } else { path };
            let theirs: &mut BTreeSet<String> = folders.entry(path.to_owned()).or_default();
            theirs.insert(written.source.to_owned());
            return Ok(Mapped::Source(format!("./{path}")));
        }
        is_shared.set(true);
        Ok(Mapped::Source(format!("${{{}}}{inside}", volumes::SHARED)))
    })?;
    if is_shared.get() {
        volumes::shared(overlay, &node.shared_folder, "CasaOS");
    }
    Ok(folders)
}

/// The rest of a path beneath a folder, with its slash; empty for the folder itself.
fn beneath<'a>(path: &'a str, folder: &str) -> Option<&'a str> {
    let rest = path.strip_prefix(folder)?;
    (rest.is_empty() || rest.starts_with('/')).then_some(rest)
}

/// The page of the app's main service. Its port on the host becomes a setting.
fn page(source: &ComposeFile<'_>, about: &About, overlay: &mut Overlay) -> bool {
    let Some(published) = about.port else {
        return false;
    };
    let services = source.services();
    let main = services.get_key_value(about.main.as_str());
    let ordered = main.into_iter().chain(services.iter());
    for (name, service) in ordered {
        if service.get("network_mode").is_some_and(|mode| {
            mode.value
                .text()
                .is_none_or(|mode| mode != "bridge" && mode != "default")
        }) {
            continue;
        }
        let ports = service.get("ports").and_then(|ports| ports.value.items());
        let mut port = None;
        let items: Vec<Value> = ports
            .into_iter()
            .flatten()
            .map(|item| match published_as(item, published) {
                Some((found, item)) if port.is_none() => {
                    port = Some(found);
                    item
                }
                _ => json(item),
            })
            .collect();
        let Some(port) = port else { continue };
        overlay
            .service(name)
            .instead
            .insert("ports".to_owned(), Value::Array(items));
        let setting = json!({
            "type": "port", "default": published,
            "description": "The port of the app's page on this host.",
        });
        overlay.settings.insert("port".to_owned(), setting);
        let is_path =
            about.path.starts_with('/') && about.path.bytes().all(|b| b.is_ascii_graphic());
        overlay.page(name, port, if is_path { &about.path } else { "/" });
        return true;
    }
    false
}

/// The container's port of an item that publishes this port of the host over TCP, and the same item
/// with the setting instead of the port.
fn published_as(item: View<'_>, published: u16) -> Option<(u16, Value)> {
    if let Some(text) = item.text() {
        let (ports, protocol) = match text.split_once('/') {
            Some((ports, protocol)) => (ports, protocol),
            None => (&*text, "tcp"),
        };
        let (before, container) = ports.rsplit_once(':')?;
        let (address, host) = match before.rsplit_once(':') {
            Some((address, host)) => (format!("{address}:"), host),
            None => (String::new(), before),
        };
        let is_this = protocol == "tcp" && host.parse() == Ok(published);
        let container = container.parse().ok().filter(|_| is_this)?;
        return Some((container, json!(format!("{address}${{port}}:{container}"))));
    }
    let is_this = text_at(item, &["published"])?.parse() == Ok(published)
        && text_at(item, &["protocol"]).is_none_or(|protocol| protocol == "tcp");
    let container = text_at(item, &["target"])?
        .parse()
        .ok()
        .filter(|_| is_this)?;
    let mut all = json(item);
    all["published"] = json!("${port}");
    Some((container, all))
}

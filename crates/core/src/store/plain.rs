//! Folders of Compose files, and apps that are written for Archipelago.

use std::collections::BTreeMap;

use compose::read_dotenv;

use super::compose_file::{ComposeFile, text_at};
use super::error::Error;
use super::overlay::Overlay;
use super::translated::Translated;
use super::variables::{in_words, to_settings, used};
use crate::file::{File, Files};
use crate::manifest::COMPOSE_FILE;
use crate::name::AppId;

/// An app that is written for Archipelago.
pub(super) fn as_it_is(
    app: &AppId,
    source: &ComposeFile<'_>,
    files: &Files,
) -> Result<Translated, Error> {
    let own = source.get("x-archipelago");
    let own = own.and_then(|own| text_at(own, &["id"]));
    let own = own.or_else(|| source.tops().find_map(|top| text_at(top, &["name"])));
    if let Some(Ok(own)) = own.map(|own| AppId::parse(&own))
        && own != *app
    {
        return Err(Error::OtherId {
            file: source.file.clone(),
            own,
            app: app.clone(),
        });
    }
    let mut files = files.clone();
    if let Some(file) = files.remove(source.name) {
        files.insert(COMPOSE_FILE.to_owned(), file);
    }
    Ok(Translated {
        files,
        notices: Vec::new(),
        data: BTreeMap::new(),
    })
}

/// A Compose file. Its variables become settings.
pub(super) fn translate(
    app: &AppId,
    source: &ComposeFile<'_>,
    files: &Files,
) -> Result<Translated, Error> {
    let mut overlay = Overlay::default();
    settings(source, files, &mut overlay);
    Ok(Translated {
        files: overlay.laid_over(app, source, files)?,
        notices: Vec::new(),
        data: BTreeMap::new(),
    })
}

/// Makes settings of the variables of a Compose file.
pub(super) fn settings(source: &ComposeFile<'_>, files: &Files, overlay: &mut Overlay) {
    let known = variables_of(files);
    to_settings(&used(source), &known, overlay);
    // A dollar sign in a text for people does not begin a variable.
    let words = in_words(source).into_iter();
    let words: Vec<String> = words.filter(|name| !known.contains_key(name)).collect();
    for name in words {
        overlay.variables.entry(name).or_default();
    }
}

/// The variables in the app's own `.env`. Errors in it are reported when the app is read.
pub(super) fn variables_of(files: &Files) -> BTreeMap<String, String> {
    let text = files.get(".env").and_then(File::text).unwrap_or_default();
    read_dotenv(text, &|_| None).unwrap_or_default()
}

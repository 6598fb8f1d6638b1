//! The folder of releases: sets of files under the hash of what is in them, and the earlier intents
//! that name them.

use std::collections::{BTreeMap, BTreeSet};

use archipelago_core::desired::Desired;
use archipelago_core::file::Files;
use archipelago_core::held::Granted;
use archipelago_core::intent::Intent;
use archipelago_core::layout::Layout;
use archipelago_core::name::AppId;
use archipelago_core::operation::IntentRevision;
use archipelago_core::release::ReleaseId;
use archipelago_core::releases::{KEPT, Stored};

use crate::cache::{Cached, ReadSet};
use crate::{definition, disk};

/// Definitions may hold credentials.
const PRIVATE_FOLDER: u32 = 0o700;
/// A container may mount the folder of a release, and its user is another one than ours.
const RELEASE_FOLDER: u32 = 0o755;
/// Settings may be passwords.
const PRIVATE: u32 = 0o600;

/// Whether stored releases are as they were stored, as far as containers mount them.
#[derive(Debug, Default)]
pub struct Known(BTreeMap<ReleaseId, Cached<bool>>);

/// Stores a release, whole or not at all.
///
/// # Errors
/// When the disk refuses.
pub fn store(layout: &Layout, release: &ReleaseId, files: &Files) -> Result<(), disk::Error> {
    let place = layout.release(release);
    if is_whole(&definition::read_folder(&place), files) {
        return Ok(());
    }
    let name = format!("{}{release}", disk::TEMPORARY_PREFIX);
    let new = layout.releases().join(name);
    disk::make_private(&layout.releases())?;
    disk::remove_folder(&new)?;
    disk::make_folder(&new, RELEASE_FOLDER)?;
    for (path, file) in files {
        let target = new.join(path);
        disk::make_folder(target.parent().unwrap_or(&new), RELEASE_FOLDER)?;
        disk::write_if_changed(&target, &file.content, file.mode.bits())?;
    }
    disk::replace_folder(&new, &place)
}

fn is_whole(found: &Result<Files, definition::Error>, files: &Files) -> bool {
    found.as_ref().is_ok_and(|found| found == files)
}

/// Observes the stored releases, and which apps still have a folder of version 0.1.0.
///
/// # Errors
/// When a folder cannot be listed.
pub fn observe(desired: &Desired, known: &mut Known) -> Result<Stored, disk::Error> {
    let layout = &desired.layout;
    let names = disk::names(&layout.releases())?;
    let all: BTreeSet<ReleaseId> = names
        .iter()
        .filter_map(|name| ReleaseId::parse(name).ok())
        .collect();
    let mut before = std::mem::take(&mut known.0);
    let mut whole = BTreeSet::new();
    let mounted = desired.present().flat_map(|(_, present)| &present.mounted);
    for (release, files) in mounted {
        let seen = known.0.entry(release.clone());
        let seen = seen.or_insert_with(|| before.remove(release).unwrap_or_default());
        let is_as_stored = seen.get_or_read(|read_set: &mut ReadSet| {
            let found = definition::read_traced(&layout.release(release), read_set);
            Ok::<_, disk::Error>(is_whole(&found, files))
        })?;
        if *is_as_stored {
            whole.insert(release.clone());
        }
    }
    let mut former = BTreeSet::new();
    for name in disk::names(&layout.apps())? {
        if let Ok(app) = AppId::parse(&name)
            && disk::file_type(&layout.definition(&app))?.is_some_and(|kind| kind.is_dir())
        {
            former.insert(app);
        }
    }
    Ok(Stored { all, whole, former })
}

/// Writes an intent. What it replaces is kept first, if it is another version of the app, so that
/// there is something to go back to.
///
/// # Errors
/// When the disk refuses.
pub fn switch(layout: &Layout, app: &AppId, intent: &Intent) -> Result<(), disk::Error> {
    disk::make_private(&layout.apps())?;
    let path = layout.intent(app);
    let text = intent.to_text();
    if let Some(before) = disk::read_text(&path)?
        && Intent::parse("", &before).is_ok_and(|before| !before.is_same_version(intent))
    {
        keep(layout, app, &before)?;
    }
    disk::write_if_changed(&path, text.as_bytes(), PRIVATE).map(drop)
}

/// Keeps the present intent of an app, to go back to.
///
/// # Errors
/// When the disk refuses.
pub fn keep_present(layout: &Layout, app: &AppId) -> Result<(), disk::Error> {
    match disk::read_text(&layout.intent(app))? {
        Some(text) => keep(layout, app, &text),
        None => Ok(()),
    }
}

/// Writes the text of an intent, and keeps nothing of what it replaces.
///
/// # Errors
/// When the disk refuses.
pub fn put(layout: &Layout, app: &AppId, text: &str) -> Result<(), disk::Error> {
    disk::make_private(&layout.apps())?;
    disk::write_if_changed(&layout.intent(app), text.as_bytes(), PRIVATE).map(drop)
}

/// The text of the last earlier intent of an app with this revision.
///
/// # Errors
/// When the folder cannot be listed, or an intent not be read.
pub fn kept(
    layout: &Layout,
    app: &AppId,
    revision: &IntentRevision,
) -> Result<Option<String>, disk::Error> {
    let numbers = numbers(&disk::names(&layout.history(app))?);
    for number in numbers.into_iter().rev() {
        let text = disk::read_text(&layout.earlier_intent(app, number))?;
        let is_it = |text: &String| IntentRevision::of(text.as_bytes()) == *revision;
        if let Some(text) = text.filter(is_it) {
            return Ok(Some(text));
        }
    }
    Ok(None)
}

/// Keeps an earlier intent under the next number, and forgets the oldest beyond the bound.
fn keep(layout: &Layout, app: &AppId, text: &str) -> Result<(), disk::Error> {
    let folder = layout.history(app);
    let mut numbers: Vec<u64> = numbers(&disk::names(&folder)?);
    let path = |number: u64| layout.earlier_intent(app, number);
    let last = numbers.last().copied().unwrap_or(0);
    // A killed process may have kept it already.
    if last > 0 && disk::read_text(&path(last))?.as_deref() == Some(text) {
        return Ok(());
    }
    disk::make_folder(&folder, PRIVATE_FOLDER)?;
    disk::write_if_changed(&path(last + 1), text.as_bytes(), PRIVATE)?;
    numbers.push(last + 1);
    let beyond = numbers.len().saturating_sub(KEPT);
    for number in &numbers[..beyond] {
        disk::remove(&path(*number))?;
    }
    Ok(())
}

/// Keeps an intent as the version of the app that a person has agreed to.
///
/// # Errors
/// When the disk refuses.
pub fn keep_granted(layout: &Layout, app: &AppId, intent: &Intent) -> Result<(), disk::Error> {
    disk::make_folder(&layout.history(app), PRIVATE_FOLDER)?;
    let text = Granted::to_text(intent);
    disk::write_if_changed(&layout.granted(app), text.as_bytes(), PRIVATE).map(drop)
}

/// The numbers of the earlier intents among the files of a history, in order.
pub(crate) fn numbers(names: &[String]) -> Vec<u64> {
    let mut numbers: Vec<u64> = names
        .iter()
        .filter_map(|name| name.strip_suffix(".toml")?.parse().ok())
        .collect();
    numbers.sort_unstable();
    numbers
}

/// The releases that earlier intents name; `None` when one cannot be read, so that what it names is
/// not known.
pub fn named_by_history(layout: &Layout, read_set: &mut ReadSet) -> Option<BTreeSet<ReleaseId>> {
    let folder = layout.history_of_all();
    let mut named = BTreeSet::new();
    for app in read_set.names(&folder).ok()? {
        let folder = folder.join(&app);
        for name in read_set.names(&folder).ok()? {
            // Beside the intents lies what is known of the changes.
            if name.starts_with(disk::TEMPORARY_PREFIX) || !name.ends_with(".toml") {
                continue;
            }
            let text = read_set.read_text(&folder.join(&name)).ok()??;
            named.extend(Intent::parse(&name, &text).ok()?.release);
        }
    }
    Some(named)
}

/// Lets an intent of version 0.1.0 name its release, which is stored, and the words of its rights.
///
/// # Errors
/// When the intent cannot be read, or the disk refuses.
pub fn name(
    layout: &Layout,
    app: &AppId,
    release: &ReleaseId,
    allow: &BTreeSet<String>,
) -> Result<(), NameError> {
    let path = layout.intent(app);
    let Some(text) = disk::read_text(&path)? else {
        return Ok(());
    };
    let mut intent = Intent::parse(&path.display().to_string(), &text)?;
    if intent.release.is_none() {
        intent.name_release(release, allow);
        disk::make_private(&layout.apps())?;
        disk::write_if_changed(&path, intent.to_text().as_bytes(), PRIVATE)?;
    }
    Ok(())
}

/// Why an intent does not name its release.
#[derive(Debug, thiserror::Error)]
pub enum NameError {
    #[error(transparent)]
    Disk(#[from] disk::Error),
    #[error(transparent)]
    Intent(#[from] archipelago_core::manifest::ManifestError),
}

/// Removes what is kept of an app: its earlier intents, and the folder in which version 0.1.0 kept
/// its definition.
///
/// # Errors
/// When the disk refuses.
pub fn forget(layout: &Layout, app: &AppId) -> Result<(), disk::Error> {
    disk::remove_folder(&layout.history(app))?;
    disk::remove_if_empty(&layout.history_of_all())?;
    disk::remove_folder(&layout.definition(app))
}

/// Removes a release.
///
/// # Errors
/// When the disk refuses.
pub fn remove(layout: &Layout, release: &ReleaseId) -> Result<(), disk::Error> {
    disk::remove_folder(&layout.release(release))?;
    disk::remove_if_empty(&layout.releases())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use archipelago_core::file::{File, FileMode};

    use super::*;

    /// A host's folders, which end with it.
    struct Scene {
        layout: Layout,
        root: PathBuf,
    }

    impl Scene {
        fn new(name: &str) -> Self {
            let name = format!("archipelago-releases-{name}-{}", std::process::id());
            let root = std::env::temp_dir().join(name);
            let layout = Layout::under(&root);
            Self { layout, root }
        }
    }

    impl Drop for Scene {
        fn drop(&mut self) {
            let _ = disk::remove_folder(&self.root);
        }
    }

    fn files(text: &str) -> Files {
        let file = |mode| File {
            content: text.as_bytes().into(),
            mode: FileMode::of_bits(mode),
        };
        Files::from([
            ("compose.yaml".to_owned(), file(0o644)),
            (".env".to_owned(), file(0o600)),
            ("bin/run".to_owned(), file(0o755)),
        ])
    }

    #[test]
    fn a_release_is_stored_with_its_modes_and_mended_when_it_was_changed() {
        let scene = Scene::new("modes");
        let layout = &scene.layout;
        let files = files("text");
        let release = ReleaseId::of(&files);
        let place = layout.release(&release);
        for damage in [".env", "compose.yaml", "bin/run"] {
            store(layout, &release, &files).unwrap();
            assert_eq!(definition::read_folder(&place).unwrap(), files, "{damage}");
            std::fs::write(place.join(damage), "else").unwrap();
        }
        store(layout, &release, &files).unwrap();
        assert_eq!(definition::read_folder(&place).unwrap(), files);
        assert_eq!(disk::mode(&place.join(".env")), Some(0o600));
        assert_eq!(disk::mode(&layout.releases()), Some(0o700));
        assert_eq!(disk::names(&layout.releases()).unwrap(), [release.as_str()]);
    }

    #[test]
    fn the_last_earlier_intents_are_kept_and_name_their_releases() {
        let scene = Scene::new("history");
        let layout = &scene.layout;
        let app = AppId::parse("web").unwrap();
        let release = |number: usize| ReleaseId::of(&files(&number.to_string()));
        let version = |number: usize| Intent {
            release: Some(release(number)),
            ..Intent::default()
        };
        let count = KEPT + 3;
        for number in 0..=count {
            switch(layout, &app, &version(number)).unwrap();
            // A switch that was made is made again by a command that did not hear of it.
            switch(layout, &app, &version(number)).unwrap();
        }
        let named = named_by_history(layout, &mut ReadSet::begin()).unwrap();
        let last: BTreeSet<ReleaseId> = (count - KEPT..count).map(release).collect();
        assert_eq!(named, last);
        assert_eq!(disk::mode(&layout.apps()), Some(0o700));
        // To stop an app makes no other version of it.
        let stopped = Intent {
            state: archipelago_core::intent::WantedState::Stopped,
            ..version(count)
        };
        switch(layout, &app, &stopped).unwrap();
        assert_eq!(named_by_history(layout, &mut ReadSet::begin()), Some(named));
        std::fs::write(layout.history(&app).join("9.toml"), "[").unwrap();
        assert_eq!(named_by_history(layout, &mut ReadSet::begin()), None);
        forget(layout, &app).unwrap();
        assert_eq!(
            named_by_history(layout, &mut ReadSet::begin()),
            Some(BTreeSet::new())
        );
    }
}

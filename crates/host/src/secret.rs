//! Generates the secrets of apps, and the node's seed.

use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use archipelago_core::hex::hex;
use archipelago_core::layout::Layout;
use archipelago_core::manifest::Recipe;
use archipelago_core::name::AppId;
use archipelago_core::seed::NodeSeed;

use super::{data_folder, disk};

const PRIVATE: u32 = 0o600;
const PRIVATE_FOLDER: u32 = 0o700;

/// The number of random bytes of a secret.
const SECRET_BYTES: usize = 32;

/// Why a secret could not be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Disk(#[from] disk::Error),
    #[error(transparent)]
    DataFolder(#[from] data_folder::Error),
    #[error("generate a secret")]
    Random(#[from] getrandom::Error),
    /// There is a file of this name that the pass could not read.
    #[error("{} exists, but cannot be read", .0.display())]
    Unreadable(PathBuf),
    #[error(
        "{} does not hold a seed; put the file of a backup there: the passwords of store apps were made of it",
        .0.display()
    )]
    Seed(PathBuf),
}

/// Writes a secret. A generated one does not replace another, because it would lock out the data
/// made with the old one. If another process takes the name meanwhile, the secret of that process
/// stays.
///
/// # Errors
/// When it cannot be written, or the name of one to be generated is taken.
pub fn make(layout: &Layout, app: &AppId, name: &str, recipe: &Recipe) -> Result<(), Error> {
    let folder = layout.secrets(app);
    data_folder::make_folder(layout, &folder, PRIVATE_FOLDER)?;
    let path = folder.join(name);
    let text = match recipe {
        Recipe::Given(given) => {
            disk::write_if_changed(&path, given.text().as_bytes(), PRIVATE)?;
            return Ok(());
        }
        _ if disk::may_exist(&path) => return Err(Error::Unreadable(path)),
        Recipe::Random => random::<SECRET_BYTES>().map(|bytes| hex(&bytes))?,
        Recipe::Seeded(parts) => seed(layout)?.secret(app, parts),
    };
    link_new(&path, &text)
}

/// Reads the node's seed; generates it the first time.
fn seed(layout: &Layout) -> Result<NodeSeed, Error> {
    let path = layout.seed();
    if !disk::may_exist(&path) {
        let seed = NodeSeed::from_random(random()?);
        data_folder::make_folder(layout, &layout.data, PRIVATE_FOLDER)?;
        link_new(&path, &seed.to_text())?;
    }
    let text = disk::read_text(&path)?.unwrap_or_default();
    NodeSeed::parse(&text).ok_or(Error::Seed(path))
}

fn random<const COUNT: usize>() -> Result<[u8; COUNT], getrandom::Error> {
    let mut bytes = [0; COUNT];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

/// Writes a file, unless it exists.
fn link_new(path: &Path, text: &str) -> Result<(), Error> {
    let folder = path.parent().unwrap_or(path);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = folder.join(format!("{}{name}", disk::TEMPORARY_PREFIX));
    write_new(&temporary, text.as_bytes()).map_err(disk::failed("write", &temporary))?;
    // A hard link, not a rename: if two processes generate the secret at once, only the first one
    // gets the name.
    let linked = std::fs::hard_link(&temporary, path);
    disk::remove(&temporary)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            Err(disk::failed("make", path)(error).into())
        }
        _ => {
            let lasts = disk::sync_folder(folder);
            if lasts.is_err() {
                // If it were used now, a power loss could remove it, and the data made with it
                // would be lost.
                disk::remove(path)?;
            }
            Ok(lasts?)
        }
    }
}

fn write_new(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(PRIVATE)
        .open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use archipelago_core::manifest::{GivenText, Part};

    use super::*;

    #[test]
    fn secrets_of_the_seed_are_made_again_as_they_were() {
        let name = format!("archipelago-secret-{}", std::process::id());
        let root = std::env::temp_dir().join(name);
        let layout = Layout::under(&root);
        disk::make_folder(&root, 0o755).unwrap();
        data_folder::take(&layout, None).unwrap();
        let app = AppId::parse("notes").unwrap();
        let recipe = Recipe::Seeded(vec![Part::Entropy("seed".to_owned())]);
        let path = layout.secrets(&app).join("app_seed");
        let text = || disk::read_text(&path).unwrap().unwrap();

        make(&layout, &app, "app_seed", &recipe).unwrap();
        let first = text();
        assert_eq!(first.len(), 64);
        assert_eq!(disk::mode(&path), Some(PRIVATE));
        assert_eq!(disk::mode(&layout.seed()), Some(PRIVATE));
        assert!(make(&layout, &app, "app_seed", &recipe).is_err());
        disk::remove(&path).unwrap();
        make(&layout, &app, "app_seed", &recipe).unwrap();
        assert_eq!(text(), first);

        // A secret that a person gives replaces the present one.
        let given = |text| Recipe::Given(GivenText::of(text).unwrap());
        for text in ["one", "two"] {
            make(&layout, &app, "given", &given(text)).unwrap();
            let path = layout.secrets(&app).join("given");
            assert_eq!(disk::read_text(&path).unwrap().as_deref(), Some(text));
            assert_eq!(disk::mode(&path), Some(PRIVATE));
        }

        make(&layout, &app, "other", &Recipe::Random).unwrap();
        // A seed that was damaged is not replaced.
        disk::remove(&path).unwrap();
        std::fs::write(layout.seed(), "half").unwrap();
        let error = make(&layout, &app, "app_seed", &recipe).unwrap_err();
        assert!(matches!(error, Error::Seed(_)), "{error}");
        assert!(!disk::may_exist(&path));
        disk::remove_folder(&root).unwrap();
    }
}

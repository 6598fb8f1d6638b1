//! The paths of all files and folders that Archipelago uses. No other file knows them.

use std::path::{Path, PathBuf};

use crate::name::AppId;
use crate::operation::id::OperationId;
use crate::release::ReleaseId;
use crate::store::StoreName;

/// The folders that Archipelago uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The user's home.
    pub home: PathBuf,
    /// The operator's intent and the definitions of the installed apps: `~/.config/archipelago`.
    pub config: PathBuf,
    /// Data, secrets and rendered files: `/var/lib/archipelago`, or under `$XDG_DATA_HOME`.
    pub data: PathBuf,
    /// Quadlet's folder: `~/.config/containers/systemd`.
    pub units: PathBuf,
    /// The user's own systemd units, where a mask or a foreign unit may stand:
    /// `~/.config/systemd/user`.
    pub systemd: PathBuf,
    /// Files that last until the next reboot: `$XDG_RUNTIME_DIR`.
    pub runtime: PathBuf,
}

impl Layout {
    /// A path of the host as a manifest names it: absolute, or in the operator's home (`~/films`).
    #[must_use]
    pub fn on_host(&self, path: &str) -> PathBuf {
        match path.strip_prefix('~') {
            Some(inside) => self.home.join(inside.trim_start_matches('/')),
            None => PathBuf::from(path),
        }
    }

    /// Each folder in one that holds them all. A test has its own.
    #[must_use]
    pub fn under(root: impl AsRef<Path>) -> Self {
        let root = root.as_ref();
        Self {
            home: root.join("home"),
            config: root.join("config"),
            data: root.join("data"),
            units: root.join("units"),
            systemd: root.join("systemd"),
            runtime: root.join("run"),
        }
    }

    /// The folders by which mounts are judged.
    #[must_use]
    pub fn folders(&self) -> [&Path; 6] {
        let Self {
            home,
            config,
            data,
            units,
            systemd,
            runtime,
        } = self;
        [home, config, data, units, systemd, runtime].map(PathBuf::as_path)
    }

    /// The node's configuration.
    #[must_use]
    pub fn config_file(&self) -> PathBuf {
        self.config.join("config.toml")
    }

    /// The node's id, and where its data are.
    #[must_use]
    pub fn identity(&self) -> PathBuf {
        Self::identity_in(&self.config)
    }

    /// The same, before it is known where the data are.
    #[must_use]
    pub fn identity_in(config: &Path) -> PathBuf {
        config.join("node.toml")
    }

    /// The node's id in the data folder: what tells it from an empty one.
    #[must_use]
    pub fn marker(&self) -> PathBuf {
        self.data.join("node-id")
    }

    /// The node's seed, from which the secrets of store apps are derived. It is in the data folder,
    /// because data that were encrypted with such a secret need it.
    #[must_use]
    pub fn seed(&self) -> PathBuf {
        self.data.join("node-seed")
    }

    /// The store of an app whose data are kept.
    #[must_use]
    pub fn origin(&self, app: &AppId) -> PathBuf {
        self.data.join("origins").join(app.as_str())
    }

    /// The folder of the added stores.
    #[must_use]
    pub fn stores(&self) -> PathBuf {
        self.config.join("stores")
    }

    /// A store: its files, its index and its source.
    #[must_use]
    pub fn store(&self, name: &StoreName) -> PathBuf {
        self.stores().join(name.as_str())
    }

    /// The file of facts about the images that apps use.
    #[must_use]
    pub fn images(&self) -> PathBuf {
        self.data.join("images.json")
    }

    /// The folder of intents.
    #[must_use]
    pub fn apps(&self) -> PathBuf {
        self.config.join("apps")
    }

    /// An app's intent.
    #[must_use]
    pub fn intent(&self, app: &AppId) -> PathBuf {
        self.apps().join(format!("{app}.toml"))
    }

    /// The folder of releases: the definitions of the installed apps, and what containers mount of
    /// them.
    #[must_use]
    pub fn releases(&self) -> PathBuf {
        self.config.join("releases")
    }

    /// A release: its files, under the hash of what is in them.
    #[must_use]
    pub fn release(&self, id: &ReleaseId) -> PathBuf {
        self.releases().join(id.as_str())
    }

    /// The earlier intents of the apps, a folder for each.
    #[must_use]
    pub fn history_of_all(&self) -> PathBuf {
        self.config.join("history")
    }

    /// The folder of an app's earlier intents.
    #[must_use]
    pub fn history(&self, app: &AppId) -> PathBuf {
        self.history_of_all().join(app.as_str())
    }

    /// The version of an app that a person has agreed to. It lies among the earlier intents,
    /// because its release is kept as theirs are.
    #[must_use]
    pub fn granted(&self, app: &AppId) -> PathBuf {
        self.history(app).join("granted.toml")
    }

    /// An earlier intent of an app. Later ones have higher numbers.
    #[must_use]
    pub fn earlier_intent(&self, app: &AppId, number: u64) -> PathBuf {
        self.history(app).join(format!("{number}.toml"))
    }

    /// The last changes of an app, and how they ended.
    #[must_use]
    pub fn changes(&self, app: &AppId) -> PathBuf {
        self.history(app).join("changes.json")
    }

    /// The records of operations that are under way. They lie beside the intents, on the same disk:
    /// the one is there when the other is, and the disk of the data may not be mounted.
    #[must_use]
    pub fn operations(&self) -> PathBuf {
        self.config.join("operations")
    }

    /// An operation's record.
    #[must_use]
    pub fn operation(&self, id: OperationId) -> PathBuf {
        self.operations().join(format!("{id}.json"))
    }

    /// The folder in which version 0.1.0 kept an app's definition.
    #[must_use]
    pub fn definition(&self, app: &AppId) -> PathBuf {
        self.apps().join(app.as_str())
    }

    /// The folder of an app's secrets.
    #[must_use]
    pub fn secrets(&self, app: &AppId) -> PathBuf {
        self.data.join("secrets").join(app.as_str())
    }

    /// The folder of an app's volumes.
    #[must_use]
    pub fn volumes(&self, app: &AppId) -> PathBuf {
        self.data.join("volumes").join(app.as_str())
    }

    /// The folder of an app's relative bind mounts.
    #[must_use]
    pub fn files(&self, app: &AppId) -> PathBuf {
        self.data.join("files").join(app.as_str())
    }

    /// The copies of data that go back with an update that does not work, a folder for each app.
    #[must_use]
    pub fn undo_of_all(&self) -> PathBuf {
        self.data.join("undo")
    }

    /// The copy of an app's data while it is updated.
    #[must_use]
    pub fn undo(&self, app: &AppId) -> PathBuf {
        self.undo_of_all().join(app.as_str())
    }

    /// Copies of data that are needed no more, until they are removed.
    #[must_use]
    pub fn discarded(&self) -> PathBuf {
        self.data.join("discarded")
    }

    /// The folder of imports that are under way.
    #[must_use]
    pub fn imports(&self) -> PathBuf {
        self.data.join("imports")
    }

    /// The data of an app that is imported, until they are whole.
    #[must_use]
    pub fn import(&self, app: &AppId) -> PathBuf {
        self.imports().join(app.as_str())
    }

    /// The folder of a container's rendered files.
    #[must_use]
    pub fn rendered(&self, container: &str) -> PathBuf {
        self.data.join(container)
    }

    /// A unit file.
    #[must_use]
    pub fn unit(&self, file_name: &str) -> PathBuf {
        self.units.join(file_name)
    }

    /// The units that systemd's generators wrote at the last reload.
    #[must_use]
    pub fn generated(&self) -> PathBuf {
        self.runtime.join("systemd/generator")
    }

    /// The folder in which systemd links the invocation ids of its running units.
    #[must_use]
    pub fn invocations(&self) -> PathBuf {
        self.runtime.join("systemd/units")
    }

    /// The memory of passes: notes that must outlive a killed pass and that a reboot makes void.
    #[must_use]
    pub fn pending(&self) -> PathBuf {
        self.runtime.join("archipelago/pending.json")
    }

    /// The failed attempts, shared by all processes that make passes.
    #[must_use]
    pub fn retries(&self) -> PathBuf {
        self.runtime.join("archipelago/progress.json")
    }

    /// The lock of the daemon, of which each user has one.
    #[must_use]
    pub fn daemon_lock(&self) -> PathBuf {
        self.runtime.join("archipelago/daemon.lock")
    }

    /// The socket on which the daemon answers this user alone.
    #[must_use]
    pub fn api_socket(&self) -> PathBuf {
        self.runtime.join("archipelago/api.sock")
    }

    /// The socket of this user's Podman (podman-system-service(1)).
    #[must_use]
    pub fn podman_socket(&self) -> PathBuf {
        Self::podman_socket_in(&self.runtime)
    }

    /// The same in a runtime folder that a link leads to.
    #[must_use]
    pub fn podman_socket_in(runtime: &Path) -> PathBuf {
        runtime.join("podman/podman.sock")
    }

    /// A path as text, as units and templates need it.
    ///
    /// # Errors
    /// When the path is not UTF-8.
    pub fn text(path: &Path) -> Result<&str, LayoutError> {
        path.to_str().ok_or_else(|| LayoutError(path.to_owned()))
    }
}

/// A path that cannot stand in a unit file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the path {0:?} is not UTF-8, so no unit file can name it; move it or choose another folder"
)]
pub struct LayoutError(pub PathBuf);

#[cfg(test)]
mod tests {
    use super::*;

    /// The next version must find the files of this one; systemd decides on its own folders.
    #[test]
    fn things_stay_where_they_are() {
        let layout = Layout {
            home: PathBuf::from("/home/op"),
            config: PathBuf::from("/config"),
            data: PathBuf::from("/data"),
            units: PathBuf::from("/units"),
            systemd: PathBuf::from("/systemd"),
            runtime: PathBuf::from("/run/user/1000"),
        };
        let web = AppId::parse("web").unwrap();
        let operation = OperationId::parse("000000000005-00000006").unwrap();
        for (path, expected) in [
            (layout.config_file(), "/config/config.toml"),
            (layout.identity(), "/config/node.toml"),
            (layout.marker(), "/data/node-id"),
            (layout.images(), "/data/images.json"),
            (layout.seed(), "/data/node-seed"),
            (layout.origin(&web), "/data/origins/web"),
            (
                layout.store(&StoreName::parse("umbrel").unwrap()),
                "/config/stores/umbrel",
            ),
            (layout.intent(&web), "/config/apps/web.toml"),
            (layout.definition(&web), "/config/apps/web"),
            (layout.releases(), "/config/releases"),
            (layout.history(&web), "/config/history/web"),
            (
                layout.operation(operation),
                "/config/operations/000000000005-00000006.json",
            ),
            (layout.secrets(&web), "/data/secrets/web"),
            (layout.volumes(&web), "/data/volumes/web"),
            (layout.files(&web), "/data/files/web"),
            (layout.import(&web), "/data/imports/web"),
            (layout.rendered("archy-web-ui"), "/data/archy-web-ui"),
            (
                layout.unit("archy-web.container"),
                "/units/archy-web.container",
            ),
            (layout.generated(), "/run/user/1000/systemd/generator"),
            (layout.invocations(), "/run/user/1000/systemd/units"),
            (layout.pending(), "/run/user/1000/archipelago/pending.json"),
            (layout.retries(), "/run/user/1000/archipelago/progress.json"),
            (
                layout.daemon_lock(),
                "/run/user/1000/archipelago/daemon.lock",
            ),
            (layout.api_socket(), "/run/user/1000/archipelago/api.sock"),
            (layout.podman_socket(), "/run/user/1000/podman/podman.sock"),
        ] {
            assert_eq!(path, Path::new(expected));
        }
    }

    #[test]
    fn a_path_that_no_unit_file_can_name_is_refused() {
        use std::os::unix::ffi::OsStrExt;
        let path = Path::new(std::ffi::OsStr::from_bytes(b"/data\xff"));
        assert_eq!(
            Layout::text(path).unwrap_err().to_string(),
            "the path \"/data\\xFF\" is not UTF-8, so no unit file can name it; move it or choose another folder"
        );
        assert_eq!(Layout::text(Path::new("/data/ü")), Ok("/data/ü"));
    }
}

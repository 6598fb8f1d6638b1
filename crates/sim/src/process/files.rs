//! A process's writes to the disk, with one call for each system call that can be interrupted.

use std::path::Path;

use archipelago_core::cause::Cause;
use archipelago_core::data_folder::{Claim, Identity, NodeId};
use archipelago_core::name::AppId;

use crate::host::disk::{DiskError, TEMPORARY_PREFIX};
use crate::mutation::Mutation;
use crate::process::call::CallError;
use crate::world::state::World;

type Done = Result<(), CallError>;

impl World {
    /// Writes a temporary file, fsyncs it, renames it and fsyncs the folder. A file that has the
    /// content already is not written.
    pub(crate) fn write(&mut self, path: &Path, content: &[u8], mode: u32) -> Done {
        let current = self.disk.read(path);
        let is_same = current.is_some_and(|current| *current == *content);
        if is_same && self.disk.mode(path) == Some(mode) {
            return Ok(());
        }
        let folder = path.parent().unwrap_or(Path::new("/")).to_owned();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let temporary = folder.join(format!("{TEMPORARY_PREFIX}{}", name.replace('.', "_")));
        let written = self.replace(path, &temporary, content, mode);
        if matches!(written, Err(CallError::Failed(_))) {
            let _ = self.disk.remove(&temporary);
        }
        written?;
        self.sync_folder(&folder)
    }

    fn replace(&mut self, path: &Path, temporary: &Path, content: &[u8], mode: u32) -> Done {
        let syncs = self.mutation != Some(Mutation::SkipFsync);
        self.disk_call("write", |world| world.disk.write(temporary, content, mode))?;
        self.disk_call("fsync", |world| {
            if syncs {
                world.disk.sync_file(temporary)?;
            }
            Ok(())
        })?;
        self.disk_call("rename", |world| {
            if world.disk.exists(temporary) {
                world.disk.rename(temporary, path)?;
            }
            Ok(())
        })
    }

    pub(crate) fn sync_folder(&mut self, folder: &Path) -> Done {
        let syncs = self.mutation != Some(Mutation::SkipFsync);
        self.disk_call("fsync of the folder", |world| {
            if syncs {
                world.disk.sync_folder(folder);
            }
            Ok(())
        })
    }

    /// Makes a folder and syncs each new one in its parent, because its content is no more durable
    /// than its name.
    pub(crate) fn make_folder(&mut self, path: &Path) -> Done {
        if self.disk.is_folder(path) {
            return Ok(());
        }
        let is_data = path.starts_with(&self.layout.data);
        self.disk_call("make a folder", |world| {
            // The program makes it inside the data folder in which it has found the marker.
            if is_data && matches!(world.claim(), Claim::Refused(_)) {
                return Err(DiskError::NoFolder(path.to_owned()));
            }
            for folder in world.disk.make_folder(path)? {
                let parent = folder.parent().unwrap_or(Path::new("/"));
                world.disk.sync_folder(parent);
            }
            Ok(())
        })
    }

    pub(crate) fn remove(&mut self, path: &Path) -> Done {
        if !self.disk.exists(path) {
            return Ok(());
        }
        self.disk_call("remove", |world| world.disk.remove(path).map(drop))?;
        self.sync_folder(path.parent().unwrap_or(Path::new("/")))
    }

    /// Writes the marker before the id in the configuration: an id without its marker means that
    /// the disk is not mounted.
    pub(crate) fn claim_data(&mut self, id: Option<&NodeId>) -> Done {
        let layout = self.layout.clone();
        let id = id.cloned().unwrap_or_else(|| NodeId::from_random([1; 16]));
        let identity = Identity {
            id,
            data: layout.data.clone(),
        };
        self.make_folder(&layout.data)?;
        self.write(&layout.marker(), identity.id.to_text().as_bytes(), 0o600)?;
        self.make_folder(&layout.config)?;
        let text = identity.to_text().unwrap_or_default();
        self.write(&layout.identity(), text.as_bytes(), 0o600)
    }

    /// Links the secret into place, so that an existing one is never replaced.
    pub(crate) fn generate_secret(&mut self, app: &AppId, name: &str) -> Done {
        let folder = self.layout.secrets(app);
        self.make_folder(&folder)?;
        let path = folder.join(name);
        if self.disk.exists(&path) {
            return Err(CallError::Failed(Cause::SecretUnreadable(path)));
        }
        self.secrets_made += 1;
        let predrawn = self.predrawn_secrets.get(&path).cloned();
        let text = predrawn.unwrap_or_else(|| format!("secret-{}", self.secrets_made));
        let temporary = folder.join(format!("{TEMPORARY_PREFIX}{name}"));
        self.disk_call("write a secret", |world| {
            world.disk.write(&temporary, text.as_bytes(), 0o600)?;
            world.disk.sync_file(&temporary)
        })?;
        self.disk_call("link a secret", |world| {
            let linked = world.disk.link_file(&temporary, &path);
            world.disk.remove(&temporary)?;
            linked
        })?;
        let synced = self.sync_folder(&folder);
        if matches!(synced, Err(CallError::Failed(_))) {
            // A loss of power could remove the secret, and with it the access to data that were
            // made with it.
            let _ = self.disk.remove(&path);
        }
        synced
    }

    /// Removes the temporary files of interrupted writes. A failure does no harm.
    pub(crate) fn remove_temporary_files(&mut self) -> Done {
        let history = self.layout.history_of_all();
        let kept = self.disk.names(&history);
        let kept = kept.into_iter().map(|app| history.join(app));
        let folders = [
            self.layout.units.clone(),
            self.layout.apps(),
            self.layout.releases(),
            self.layout.operations(),
        ];
        for folder in folders.into_iter().chain(kept) {
            for name in self.disk.names(&folder) {
                if name.starts_with(TEMPORARY_PREFIX) {
                    let path = folder.join(&name);
                    let removed = self.disk_call("remove a temporary file", |world| {
                        world.disk.remove(&path).map(drop)
                    });
                    if removed == Err(CallError::Killed) {
                        return removed;
                    }
                }
            }
        }
        Ok(())
    }
}

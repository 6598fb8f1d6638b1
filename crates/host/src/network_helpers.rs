//! The processes that all rootless networks of a user share, as Podman's files and `/proc` show
//! them: aardvark-dns, which resolves containers' names, and pasta or slirp4netns, which connects
//! them with the outside. Looking starts no process. Podman runs each in a transient scope or
//! service of the user's systemd, so its end is a change of a unit, which wakes the loop.
//!
//! Podman writes their ids below its folder for the run; where `storage.conf` puts that elsewhere,
//! nothing is seen.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use archipelago_core::name::PREFIX;
use archipelago_core::observed::Helper;
use rustix::process::Pid;
use tokio::process::Command;

use super::folders;

const HELPERS: [Helper; 2] = [Helper::Resolver, Helper::Uplink];

/// The time limit for Podman to set up networks again.
const RELOAD_LIMIT: Duration = Duration::from_secs(30);

/// Why networks could not be set up again.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("run podman network reload: {0}")]
    Run(#[from] std::io::Error),
    #[error("podman network reload did not end within {} s", RELOAD_LIMIT.as_secs())]
    Late,
    #[error("podman network reload: {0}")]
    Failed(String),
}

/// The helpers that have ended, and the containers of ours that are on networks: those are looked
/// for only when one has.
#[must_use]
pub fn observe() -> (BTreeSet<Helper>, BTreeSet<String>) {
    observe_in(&networks(), Path::new("/proc"))
}

fn observe_in(networks: &Path, proc: &Path) -> (BTreeSet<Helper>, BTreeSet<String>) {
    let has_ended =
        |helper: &Helper| pid(networks, *helper).is_some_and(|pid| !is_alive(proc, pid, *helper));
    let gone: BTreeSet<Helper> = HELPERS.into_iter().filter(has_ended).collect();
    let members = if gone.is_empty() {
        BTreeSet::new()
    } else {
        members(networks)
    };
    (gone, members)
}

fn networks() -> PathBuf {
    folders::runtime().join("containers/networks")
}

fn pid(networks: &Path, helper: Helper) -> Option<Pid> {
    let file = networks.join(match helper {
        Helper::Resolver => "aardvark-dns/aardvark.pid",
        Helper::Uplink => "rootless-netns/rootless-netns-conn.pid",
    });
    let text = std::fs::read_to_string(file).ok()?;
    Pid::from_raw(text.trim().parse().ok()?)
}

/// `/proc/PID/stat` (`proc_pid_stat(5)`): the id, the program's name in parentheses, the state.
/// Another process may have got the id.
fn is_alive(proc: &Path, pid: Pid, helper: Helper) -> bool {
    let file = proc.join(pid.as_raw_nonzero().to_string()).join("stat");
    let Ok(stat) = std::fs::read_to_string(file) else {
        return false;
    };
    let Some((before, after)) = stat.rsplit_once(") ") else {
        return false;
    };
    let program = before.split_once('(').map_or("", |(_, program)| program);
    let is_it = match helper {
        Helper::Resolver => program.starts_with("aardvark-dns"),
        // It may be `pasta.avx2`.
        Helper::Uplink => program.starts_with("pasta") || program.starts_with("slirp4netns"),
    };
    is_it && !after.starts_with(['Z', 'X'])
}

/// netavark writes a file for each network, with a line for each container on it that ends with the
/// container's names.
fn members(networks: &Path) -> BTreeSet<String> {
    let files = std::fs::read_dir(networks.join("aardvark-dns"));
    let texts = files
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|file| std::fs::read_to_string(file.path()).ok());
    let mut members = BTreeSet::new();
    for text in texts {
        let words = text.split([' ', ',', '\n']);
        members.extend(
            words
                .filter(|word| word.starts_with(PREFIX))
                .map(str::to_owned),
        );
    }
    members
}

/// Lets Podman set up the networks of these containers again. It starts the helpers that do not
/// run; the containers go on.
///
/// # Errors
/// When it fails for one of them.
pub async fn reload(containers: &BTreeSet<String>) -> Result<(), Error> {
    let output = Command::new("podman")
        .args(["network", "reload"])
        .args(containers)
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(RELOAD_LIMIT, output)
        .await
        .map_err(|_| Error::Late)??;
    if output.status.success() {
        return Ok(());
    }
    let words = String::from_utf8_lossy(&output.stderr);
    let last = words.lines().rev().find(|line| !line.trim().is_empty());
    Err(Error::Failed(last.unwrap_or_default().trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Scene(PathBuf);

    impl Scene {
        fn new(name: &str) -> Self {
            let folder = format!("archipelago-helpers-{name}-{}", std::process::id());
            let scene = Self(std::env::temp_dir().join(folder));
            scene.write("networks/aardvark-dns/aardvark.pid", "432");
            scene.write("networks/rootless-netns/rootless-netns-conn.pid", "422\n");
            scene.write(
                "networks/aardvark-dns/archy-a",
                "10.89.0.1\nff7 10.89.0.2  archy-a-db,db,ff7\n990 10.89.0.3  archy-a-web,web,990\n",
            );
            scene.write("proc/432/stat", "432 (aardvark-dns) S 77 432 432 0");
            scene.write("proc/422/stat", "422 (pasta.avx2) S 77 422 422 0");
            scene
        }

        fn write(&self, file: &str, text: &str) {
            let file = self.0.join(file);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text).unwrap();
        }

        fn gone(&self) -> Vec<Helper> {
            let (gone, members) = observe_in(&self.0.join("networks"), &self.0.join("proc"));
            let ours = ["archy-a-db", "archy-a-web"];
            assert!(gone.is_empty() || members.iter().eq(ours), "{members:?}");
            gone.into_iter().collect()
        }
    }

    impl Drop for Scene {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_helper_is_gone_when_the_process_of_its_id_is_gone_dead_or_another() {
        let scene = Scene::new("gone");
        assert_eq!(scene.gone(), []);
        scene.write("proc/422/stat", "422 (slirp4netns) S 77");
        assert_eq!(scene.gone(), []);
        scene.write("proc/432/stat", "432 (aardvark-dns) Z 77");
        assert_eq!(scene.gone(), [Helper::Resolver]);
        scene.write("proc/432/stat", "432 (a) aardvark-dns) S 77");
        assert_eq!(scene.gone(), [Helper::Resolver]);
        std::fs::remove_dir_all(scene.0.join("proc/422")).unwrap();
        assert_eq!(scene.gone(), [Helper::Resolver, Helper::Uplink]);
    }

    #[test]
    fn without_an_id_nothing_is_said() {
        let scene = Scene::new("absent");
        scene.write("networks/aardvark-dns/aardvark.pid", "");
        std::fs::remove_dir_all(scene.0.join("networks/rootless-netns")).unwrap();
        std::fs::remove_dir_all(scene.0.join("proc")).unwrap();
        assert_eq!(scene.gone(), []);
    }
}

//! Mount points: those that this program sees, and those in the namespace in which rootless Podman
//! makes its own mounts.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use archipelago_core::layout::Layout;

/// The table of this process (`proc_pid_mountinfo(5)`).
const OWN: &str = "/proc/self/mountinfo";

/// The mount points at or beneath a folder.
///
/// # Errors
/// When a table that is there cannot be read.
pub fn beneath(layout: &Layout, folder: &Path) -> io::Result<BTreeSet<PathBuf>> {
    let mut found = points(&std::fs::read_to_string(OWN)?, folder);
    if let Some(table) = of_podman(layout)? {
        found.extend(points(&table, folder));
    }
    Ok(found)
}

/// The table of the process that keeps Podman's namespace; `None` when there is none, so that
/// Podman would make another one.
fn of_podman(layout: &Layout) -> io::Result<Option<String>> {
    let path = layout.runtime.join("libpod/tmp/pause.pid");
    let pid = match std::fs::read_to_string(path) {
        Ok(pid) => pid,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let Ok(pid) = pid.trim().parse::<u32>() else {
        return Ok(None);
    };
    match std::fs::read_to_string(format!("/proc/{pid}/mountinfo")) {
        Ok(table) => Ok(Some(table)),
        // It has ended, or is ending.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::INVAL.raw_os_error()) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn points(table: &str, folder: &Path) -> BTreeSet<PathBuf> {
    let points = table.lines().filter_map(|line| line.split(' ').nth(4));
    points
        .map(|point| PathBuf::from(unescaped(point)))
        .filter(|point| point.starts_with(folder))
        .collect()
}

/// The kernel writes space, tab, newline and backslash as octal numbers.
fn unescaped(text: &str) -> String {
    let codes = [
        ("\\040", " "),
        ("\\011", "\t"),
        ("\\012", "\n"),
        ("\\134", "\\"),
    ];
    codes
        .into_iter()
        .fold(text.to_owned(), |text, (code, character)| {
            text.replace(code, character)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
29 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 29 8:2 /x /data/volumes/a\\040b rw,relatime - ext4 /dev/sdb rw
31 29 8:3 / /data/volumes rw - xfs /dev/sdc rw
32 29 8:3 / /data/volumes-of-others rw - xfs /dev/sdc rw
";

    #[test]
    fn mount_points_are_found_at_and_beneath_a_folder() {
        let check = |folder: &str, expected: &[&str]| {
            let found = points(TABLE, Path::new(folder));
            let expected: BTreeSet<PathBuf> = expected.iter().map(PathBuf::from).collect();
            assert_eq!(found, expected, "{folder}");
        };
        check("/data/volumes", &["/data/volumes", "/data/volumes/a b"]);
        check("/data/volumes/a b", &["/data/volumes/a b"]);
        check("/data/volumes/a", &[]);
    }

    #[test]
    fn without_a_namespace_of_podmans_its_own_table_is_enough() {
        let root = std::env::temp_dir().join(format!("archipelago-mounts-{}", std::process::id()));
        let layout = Layout {
            home: root.clone(),
            config: root.clone(),
            data: root.clone(),
            units: root.clone(),
            systemd: root.clone(),
            runtime: root.join("run"),
        };
        assert_eq!(of_podman(&layout).unwrap(), None);
        let folder = layout.runtime.join("libpod/tmp");
        std::fs::create_dir_all(&folder).unwrap();
        // No process has this number.
        for pid in ["4194305", "", "x"] {
            std::fs::write(folder.join("pause.pid"), pid).unwrap();
            assert_eq!(of_podman(&layout).unwrap(), None, "{pid:?}");
        }
        let own = std::process::id().to_string();
        std::fs::write(folder.join("pause.pid"), own).unwrap();
        assert!(of_podman(&layout).unwrap().is_some());
        assert!(
            beneath(&layout, Path::new("/proc"))
                .unwrap()
                .contains(Path::new("/proc"))
        );
        assert_eq!(beneath(&layout, &root).unwrap(), BTreeSet::new());
        std::fs::remove_dir_all(&root).unwrap();
    }
}

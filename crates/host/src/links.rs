//! The links on the way of a path, in the order in which the kernel follows them.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::path::{Component, Path, PathBuf};

/// The kernel gives up after as many (`path_resolution(7)`).
const LINKS_MAX: usize = 40;

/// Each symbolic link on the way of an absolute path, then the place itself; what is not there
/// leads nowhere else.
#[must_use]
pub fn trail(path: &Path) -> Vec<PathBuf> {
    let mut trail = Vec::new();
    let mut place = PathBuf::from("/");
    let mut left: VecDeque<OsString> = parts(path).map(OsStr::to_owned).collect();
    while let Some(part) = left.pop_front() {
        if part == ".." {
            place.pop();
            continue;
        }
        let next = place.join(&part);
        match std::fs::read_link(&next) {
            Ok(target) if trail.len() < LINKS_MAX => {
                if target.is_absolute() {
                    place = PathBuf::from("/");
                }
                trail.push(next);
                for part in parts(&target).rev() {
                    left.push_front(part.to_owned());
                }
            }
            Ok(_) | Err(_) => place = next,
        }
    }
    trail.push(place);
    trail
}

fn parts(path: &Path) -> impl DoubleEndedIterator<Item = &OsStr> {
    path.components().filter_map(|component| match component {
        Component::Normal(_) | Component::ParentDir => Some(component.as_os_str()),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::disk;

    #[test]
    fn a_trail_has_each_link_and_ends_at_the_place() {
        let root = std::env::temp_dir().join(format!("archipelago-links-{}", std::process::id()));
        disk::make_folder(&root.join("real/inside"), 0o755).unwrap();
        // The folder of temporary files may itself be behind a link.
        let root = std::fs::canonicalize(root).unwrap();
        let at = |path: &str| root.join(path);
        symlink("real", at("relative")).unwrap();
        symlink(at("relative"), at("absolute")).unwrap();
        symlink("../relative/none", at("real/up")).unwrap();
        symlink("loop", at("loop")).unwrap();
        let check = |path: &str, expected: &[&str]| {
            let expected: Vec<PathBuf> = expected.iter().map(|path| at(path)).collect();
            assert_eq!(trail(&at(path)), expected, "{path}");
        };
        check("real/inside", &["real/inside"]);
        check("none/there", &["none/there"]);
        check("relative/inside", &["relative", "real/inside"]);
        check("absolute/x", &["absolute", "relative", "real/x"]);
        check("real/up", &["real/up", "relative", "real/none"]);
        check("real/../real/inside", &["real/inside"]);
        assert_eq!(trail(&at("loop")).len(), LINKS_MAX + 1);
        disk::remove_folder(&root).unwrap();
    }
}

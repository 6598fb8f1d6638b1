use std::collections::BTreeSet;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::*;
use crate::disk;

fn folder(test: &str) -> PathBuf {
    let name = format!("archipelago-imports-{test}-{}", std::process::id());
    let folder = std::env::temp_dir().join(name);
    disk::make_folder(&folder, 0o755).unwrap();
    folder
}

#[test]
fn a_definition_is_all_but_the_data() {
    let root = folder("read");
    for path in [
        "compose.yaml",
        "conf/app.conf",
        // A stored release is read without it, and would count as changed.
        "conf/app.conf~",
        "data/db/rows",
        ".git/config",
        "data/conf.yml",
    ] {
        let path = root.join(path);
        disk::make_folder(path.parent().unwrap(), 0o755).unwrap();
        std::fs::write(path, "text").unwrap();
    }
    symlink("/etc/passwd", root.join("link")).unwrap();
    std::fs::write(root.join("backup.tar"), vec![0; 2 << 20]).unwrap();
    let names = |files: archipelago_core::manifest::Files| files.into_keys().collect::<Vec<_>>();
    assert_eq!(names(top_files(&root).unwrap()), ["compose.yaml"]);
    let mounted = BTreeSet::from(["data/db".to_owned(), "data/conf.yml".to_owned()]);
    assert_eq!(
        names(definition_files(&root, &mounted).unwrap()),
        [
            "backup.tar",
            "compose.yaml",
            "conf/app.conf",
            "data/conf.yml"
        ]
    );
    disk::remove_folder(&root).unwrap();
}

#[test]
fn a_link_on_the_way_is_found() {
    let root = folder("link");
    disk::make_folder(&root.join("real/data"), 0o755).unwrap();
    symlink("real", root.join("old")).unwrap();
    assert_eq!(first_link(&root, &root.join("real/data")), None);
    assert_eq!(
        first_link(&root, &root.join("old/data")),
        Some(root.join("old"))
    );
    // A person may name a folder by a link.
    assert_eq!(first_link(&root.join("old"), &root.join("old/data")), None);
    assert_eq!(first_link(&root, Path::new("/elsewhere")), None);
    let paths = [root.join("old"), root.join("none")];
    assert_eq!(there(&paths), BTreeSet::from([root.join("old")]));
    disk::remove_folder(&root).unwrap();
}

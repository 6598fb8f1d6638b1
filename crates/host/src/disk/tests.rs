use std::os::unix::fs::MetadataExt;

use super::*;

fn folder(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("archipelago-disk-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&path);
    make_folder(&path, 0o755).unwrap();
    path
}

#[test]
fn the_same_bytes_are_not_written_again() {
    let folder = folder("same");
    let path = folder.join("a.container");
    assert!(write_if_changed(&path, b"one", 0o600).unwrap());
    let before = fs::metadata(&path).unwrap();
    assert!(!write_if_changed(&path, b"one", 0o600).unwrap());
    let after = fs::metadata(&path).unwrap();
    assert_eq!(
        (before.ino(), before.mtime_nsec()),
        (after.ino(), after.mtime_nsec())
    );
    assert!(write_if_changed(&path, b"two", 0o600).unwrap());
    assert_ne!(before.ino(), fs::metadata(&path).unwrap().ino());
    assert!(
        write_if_changed(&path, b"two", 0o644).unwrap(),
        "a wrong mode is repaired"
    );
    assert_eq!(mode(&path), Some(0o644));
    assert_eq!(names(&folder).unwrap(), ["a.container"]);
    remove_folder(&folder).unwrap();
}

#[test]
fn a_folder_has_the_mode_that_was_asked_for_and_one_that_is_there_keeps_its_own() {
    let folder = folder("mode");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o750)).unwrap();
    // More than any usual umask leaves.
    make_folder(&folder.join("a/b"), 0o777).unwrap();
    let modes = ["", "a", "a/b"].map(|name| mode(&folder.join(name)));
    assert_eq!(modes, [Some(0o750), Some(0o777), Some(0o777)]);
    remove_folder(&folder).unwrap();
}

#[test]
fn what_a_crash_left_is_swept_up_and_never_read_as_a_unit() {
    let folder = folder("sweep");
    let left = folder.join(format!("{TEMPORARY_PREFIX}a_container"));
    fs::write(&left, "half").unwrap();
    assert!(!archipelago_core::quadlet::is_unit_file(&format!(
        "{TEMPORARY_PREFIX}a_container"
    )));
    fs::write(folder.join("b.container"), "theirs").unwrap();
    sweep(&folder).unwrap();
    assert_eq!(names(&folder).unwrap(), ["b.container"]);
    remove_folder(&folder).unwrap();
}

#[test]
fn a_folder_takes_the_place_of_another_whole() {
    let folder = folder("replace");
    for (name, content) in [("old", "1"), ("new", "2")] {
        make_folder(&folder.join(name), 0o755).unwrap();
        fs::write(folder.join(name).join("x"), content).unwrap();
    }
    replace_folder(&folder.join("new"), &folder.join("old")).unwrap();
    assert_eq!(names(&folder).unwrap(), ["old"]);
    assert_eq!(read(&folder.join("old/x")).unwrap().unwrap(), b"2");
    remove_folder(&folder).unwrap();
}

#[test]
fn what_cannot_be_looked_at_is_not_taken_for_absent() {
    use std::os::unix::fs::symlink;
    let folder = folder("there");
    symlink("nowhere", folder.join("link")).unwrap();
    symlink("loop", folder.join("loop")).unwrap();
    fs::write(folder.join("file"), "").unwrap();
    for (name, there) in [
        ("link", true),
        ("loop", true),
        ("loop/x", true),
        ("file", true),
        ("file/x", false),
        ("none", false),
    ] {
        assert_eq!(may_exist(&folder.join(name)), there, "{name}");
    }
    for (name, expected) in [
        ("link", Some(false)),
        ("loop", None),
        ("loop/x", None),
        ("file", Some(true)),
        ("file/x", Some(false)),
        ("none", Some(false)),
    ] {
        assert_eq!(exists(&folder.join(name)).ok(), expected, "{name}");
    }
    let is_link = |name: &str| read_link(&folder.join(name)).map(|target| target.is_some());
    for (name, expected) in [
        ("link", Some(true)),
        ("loop", Some(true)),
        ("loop/x", None),
        ("file", Some(false)),
        ("none", Some(false)),
    ] {
        assert_eq!(is_link(name).ok(), expected, "{name}");
    }
    assert_eq!(nearest(&folder.join("none/x")).unwrap(), Some(&*folder));
    assert!(make_folder(&folder.join("loop/x"), 0o755).is_err());
    remove_folder(&folder).unwrap();
}

#[test]
fn running_out_of_files_says_nothing_of_a_file() {
    let is_exhaustion = |errno: Errno| {
        let error = failed("read", Path::new("/x"))(errno.into());
        error.is_exhaustion()
    };
    for errno in [Errno::MFILE, Errno::NFILE, Errno::NOMEM] {
        assert!(is_exhaustion(errno));
    }
    for errno in [Errno::IO, Errno::ACCESS, Errno::ISDIR] {
        assert!(!is_exhaustion(errno));
    }
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let error = write_if_changed(Path::new("/proc/archipelago/x"), b"", 0o600).unwrap_err();
    assert_eq!(
        error.to_string(),
        "create /proc/archipelago/.archipelago-new-x"
    );
}

use std::process::Command;

use super::*;

const APP: &str = "services: {web: {image: docker.io/library/a:1}}\n";

struct Scene {
    root: PathBuf,
    layout: Layout,
}

impl Scene {
    fn new(name: &str) -> Self {
        let name = format!("archipelago-stores-{name}-{}", std::process::id());
        let root = std::env::temp_dir().join(name);
        disk::remove_folder(&root).unwrap();
        let layout = Layout::under(root.join("node"));
        let scene = Self { root, layout };
        for app in ["one", "two"] {
            scene.put(&format!("{app}/docker-compose.yml"), APP);
        }
        scene
    }

    fn source(&self) -> PathBuf {
        self.root.join("source")
    }

    fn put(&self, path: &str, text: &str) {
        let path = self.source().join(path);
        disk::make_folder(path.parent().unwrap(), 0o755).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn git(&self, arguments: &[&str]) {
        let status = Command::new("git")
            .arg("-C")
            .arg(self.source())
            .args([
                "-c",
                "user.name=a",
                "-c",
                "user.email=a@b",
                "-c",
                "commit.gpgsign=false",
            ])
            .args(arguments)
            .status()
            .unwrap();
        assert!(status.success(), "{arguments:?}");
    }

    fn commit(&self) {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-qm", "x"]);
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        let _ = disk::remove_folder(&self.root);
    }
}

fn changed(changes: &[Change]) -> Vec<String> {
    changes.iter().map(|change| format!("{change:?}")).collect()
}

/// Adds, changes and updates a store. It is as it was until it is updated.
fn check_update(scene: &Scene, source: &str, save: impl Fn()) {
    let layout = &scene.layout;
    let name = StoreName::parse("friends").unwrap();
    let store = add(layout, &name, source).unwrap();
    assert_eq!(store.entries.len(), 2);
    assert!(matches!(add(layout, &name, source), Err(Error::Exists(_))));
    assert_eq!(names(layout).unwrap(), std::slice::from_ref(&name));
    let entry = &store.entries[0];
    let known = files(layout, &name, entry).unwrap();
    assert_eq!(known["docker-compose.yml"].text(), Some(APP));

    let (_, changes) = update(layout, &name).unwrap();
    assert_eq!(changed(&changes), Vec::<String>::new());
    disk::remove_folder(&scene.source().join("two")).unwrap();
    scene.put("one/more", "x");
    scene.put("three/compose.yaml", APP);
    save();
    assert_eq!(files(layout, &name, entry).unwrap(), known);
    assert_eq!(read(layout, &name).unwrap(), store);
    let (after, changes) = update(layout, &name).unwrap();
    assert_ne!(after.pin, store.pin);
    assert_eq!(
        changed(&changes),
        [
            "Changed { app: AppId(\"one\"), from: \"\", to: \"\" }",
            "New { app: AppId(\"three\"), version: \"\" }",
            "Gone { app: AppId(\"two\") }",
        ]
    );
    assert_eq!(files(layout, &name, entry).unwrap().len(), 2);
    remove(layout, &name).unwrap();
    assert!(matches!(remove(layout, &name), Err(Error::Unknown { .. })));
    assert!(!disk::may_exist(&layout.stores()));
}

#[test]
fn a_folder_is_copied_and_changes_only_with_an_update() {
    let scene = Scene::new("folder");
    let source = scene.source().display().to_string();
    check_update(&scene, &source, || {});
}

#[test]
fn a_repository_is_read_without_a_checkout() {
    let scene = Scene::new("git");
    scene.git(&["init", "-q"]);
    scene.commit();
    let url = format!("file://{}", scene.source().display());
    check_update(&scene, &url, || scene.commit());
    // A link leads nowhere: its app is told to be unreadable.
    std::os::unix::fs::symlink("/etc/passwd", scene.source().join("one/link")).unwrap();
    scene.commit();
    let name = StoreName::parse("links").unwrap();
    let store = add(&scene.layout, &name, &url).unwrap();
    assert!(store.entries[0].problem.is_some(), "{store:?}");
    assert!(store.entries[1].problem.is_none(), "{store:?}");
}

#[test]
fn what_is_no_store_is_refused() {
    let scene = Scene::new("none");
    let layout = &scene.layout;
    let name = StoreName::parse("none").unwrap();
    let app = scene.source().join("one").display().to_string();
    assert!(matches!(add(layout, &name, &app), Err(Error::IsApp(_))));
    let gone = scene.root.join("gone").display().to_string();
    assert!(matches!(add(layout, &name, &gone), Err(Error::NoSource(_))));
    let url = format!("file://{gone}");
    assert!(matches!(
        add(layout, &name, &url),
        Err(Error::Git(git::Error::Failed { .. }))
    ));
    assert!(names(layout).unwrap().is_empty());
}

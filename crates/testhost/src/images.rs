//! The prepared images: a read-only store that every host can run containers from without a
//! registry.
//!
//! Each image has the name that Containerfiles and Compose files use, and holds Debian's packages,
//! so builds on top of it and containers of it behave as they do elsewhere. The table below lists
//! all.

use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::{Context, Result};

use crate::cache;
use crate::debian::{Root, Suite, Variant};
use crate::enter::Account;
use crate::host::{Host, USER_ID};
use crate::options::Options;

/// Where the store is bound while it is built.
const BUILDING: &str = "/var/lib/images-being-built";

/// The recipe of one image.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Recipe {
    /// The full reference, as in Containerfiles and Compose files.
    pub(crate) name: &'static str,
    /// The files of the image.
    pub(crate) root: Root<'static>,
    /// Lines of a Containerfile that set how the image runs: CMD, EXPOSE, …
    pub(crate) changes: &'static [&'static str],
}

/// An image whose files are built already.
#[derive(Debug, Clone)]
pub(crate) struct Built {
    /// The full reference.
    pub(crate) name: &'static str,
    /// The text of the Containerfile, which starts from another image of the store.
    pub(crate) containerfile: &'static str,
    /// The context of the Containerfile: a folder in the cache, whose name changes with its
    /// content.
    pub(crate) files: PathBuf,
}

/// Every prepared image.
const RECIPES: [Recipe; 3] = [
    Recipe {
        name: "docker.io/library/nginx:stable",
        root: Root {
            suite: Suite::Trixie,
            variant: Variant::Minimal,
            packages: &[
                "nginx-light",
                "libnginx-mod-http-js",
                "libnginx-mod-stream-js",
                "curl",
                "ca-certificates",
            ],
            script: include_str!("images/nginx.sh"),
        },
        changes: &[
            r#"ENTRYPOINT ["/docker-entrypoint.sh"]"#,
            r#"CMD ["nginx", "-g", "daemon off;"]"#,
            "EXPOSE 80",
            "STOPSIGNAL SIGQUIT",
        ],
    },
    Recipe {
        name: "docker.io/library/debian:trixie-slim",
        root: Root {
            suite: Suite::Trixie,
            variant: Variant::Minimal,
            packages: &[],
            script: include_str!("images/debian.sh"),
        },
        changes: &[r#"CMD ["bash"]"#],
    },
    Recipe {
        name: "docker.io/library/busybox:stable",
        root: Root {
            suite: Suite::Trixie,
            variant: Variant::FilesOnly,
            packages: &["busybox-static"],
            script: include_str!("images/busybox.sh"),
        },
        changes: &[r#"CMD ["sh"]"#],
    },
];

/// The finished store in the cache, built now if it is not there (about a minute).
pub(crate) fn ensure(root: &Path) -> Result<PathBuf> {
    store(root, &RECIPES, &[])
}

/// As [`ensure`], with `base` in the store as well, and the built images on top of it.
pub(crate) fn ensure_with(root: &Path, base: Recipe, built: &[Built]) -> Result<PathBuf> {
    store(root, &[RECIPES.as_slice(), &[base]].concat(), built)
}

fn store(root: &Path, recipes: &[Recipe], built: &[Built]) -> Result<PathBuf> {
    // The format of a store depends on the version of Podman, which depends on the root.
    let root_name = file_name(root);
    let built_names: Vec<String> = built.iter().map(|image| file_name(&image.files)).collect();
    let parts: Vec<&str> = recipes
        .iter()
        .flat_map(|recipe| -> Vec<&str> { recipe.parts() })
        .chain([root_name.as_str()])
        .chain(
            built
                .iter()
                .flat_map(|image| [image.name, image.containerfile]),
        )
        .chain(built_names.iter().map(String::as_str))
        .collect();
    cache::artifact("images", &parts, |store: &Path| {
        eprintln!("preparing the images of the test hosts, once (about a minute)");
        let archives = thread::scope(|scope| {
            let building: Vec<_> = recipes
                .iter()
                .map(|recipe| scope.spawn(|| recipe.archive()))
                .collect();
            building
                .into_iter()
                .map(|thread| thread.join().expect("building an archive does not panic"))
                .collect::<Result<Vec<_>>>()
        })?;
        build_store(root, store, recipes, &archives, built)
    })
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}

impl Recipe {
    /// The image's files as an archive in the cache.
    fn archive(&self) -> Result<PathBuf> {
        let Self {
            name,
            root,
            changes: _,
        } = self;
        let short = name.rsplit('/').next().unwrap_or(name).replace(':', "-");
        cache::artifact(&format!("image-{short}"), &root.recipe(), |target| {
            eprintln!("building {name} from Debian's packages");
            // mmdebstrap makes an archive when the name ends in `.tar`.
            let archive = target.with_extension("tar");
            cache::remove(&archive)?;
            root.build(&archive)?;
            fs::rename(&archive, target).with_context(|| format!("renaming {}", archive.display()))
        })
    }

    fn parts(&self) -> Vec<&'static str> {
        let Self {
            name,
            root,
            changes,
        } = self;
        [&[*name], root.recipe().as_slice(), *changes].concat()
    }
}

/// Imports the archives as the user of a host: a store works only for the user and group ids of the
/// account that made it.
fn build_store(
    root: &Path,
    store: &Path,
    recipes: &[Recipe],
    archives: &[PathBuf],
    built: &[Built],
) -> Result<()> {
    fs::create_dir_all(store).with_context(|| format!("making {}", store.display()))?;
    chown(store, Some(USER_ID), Some(USER_ID))
        .with_context(|| format!("giving {} to the user", store.display()))?;
    let name = format!("images-{}", std::process::id());
    let options = Options::named(&name).bind(store, BUILDING);
    let host = Host::boot_on(root, None, &options)?;
    for (recipe, archive) in recipes.iter().zip(archives) {
        let inside = "/var/tmp/image.tar";
        host.copy_in(archive, inside)?;
        let mut command = vec!["podman", "--root", BUILDING, "import", "--quiet"];
        for change in recipe.changes {
            command.extend(["--change", change]);
        }
        command.extend([inside, recipe.name]);
        host.run_user(&command)?
            .checked()
            .with_context(|| format!("importing {}", recipe.name))?;
    }
    for image in built {
        image.build(&host)?;
    }
    host.down()
}

impl Built {
    fn build(&self, host: &Host) -> Result<()> {
        let Self {
            name,
            containerfile,
            files,
        } = self;
        let context = format!("/home/archy/{}", file_name(files));
        host.copy_in(files, &context)?;
        let recipe = format!("{context}/Containerfile");
        host.write_file(Account::User, &recipe, containerfile.as_bytes())?;
        let command = [
            "podman",
            "--root",
            BUILDING,
            "build",
            "--quiet",
            "--pull=never",
        ];
        host.run_user(&[command.as_slice(), &["--tag", name, &context]].concat())?
            .checked()
            .with_context(|| format!("building {name}"))?;
        Ok(())
    }
}

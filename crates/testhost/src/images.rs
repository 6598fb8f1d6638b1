//! The prepared images: a read-only store that every host can run containers from without a registry.
//!
//! Each image stands under the very name that a Containerfile or Compose file says, and holds what Debian ships, so a
//! build on top of it and a container of it do what they would do elsewhere. The table below is the whole list.

use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::host::{USER_ID, boot_for_building};
use crate::cache;
use crate::debian::{self, Variant};

/// Where the store is bound while it is built.
const BUILDING: &str = "/var/lib/images-being-built";

/// How one image is made: a Debian root with packages, changed by a script.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Recipe {
    /// The full reference, as Containerfiles and Compose files say it.
    pub(crate) name: &'static str,
    /// What it begins with.
    pub(crate) variant: Variant,
    /// Debian packages in it.
    pub(crate) packages: &'static [&'static str],
    /// A shell script that runs on the machine with the root's path as `$1`.
    pub(crate) script: &'static str,
    /// Lines of a Containerfile that say how it runs: CMD, EXPOSE, …
    pub(crate) changes: &'static [&'static str],
}

/// Every prepared image.
const RECIPES: [Recipe; 3] = [
    Recipe {
        name: "docker.io/library/nginx:stable",
        variant: Variant::Minimal,
        packages: &["nginx-light", "curl", "ca-certificates"],
        script: include_str!("images/nginx.sh"),
        changes: &[
            r#"ENTRYPOINT ["/docker-entrypoint.sh"]"#,
            r#"CMD ["nginx", "-g", "daemon off;"]"#,
            "EXPOSE 80",
            "STOPSIGNAL SIGQUIT",
        ],
    },
    Recipe {
        name: "docker.io/library/debian:trixie-slim",
        variant: Variant::Minimal,
        packages: &[],
        script: include_str!("images/debian.sh"),
        changes: &[r#"CMD ["bash"]"#],
    },
    Recipe {
        name: "docker.io/library/busybox:stable",
        variant: Variant::FilesOnly,
        packages: &["busybox-static"],
        script: include_str!("images/busybox.sh"),
        changes: &[r#"CMD ["sh"]"#],
    },
];

/// The finished store in the cache, built now if it is not there (about a minute).
pub(crate) fn ensure(root: &Path) -> Result<PathBuf> {
    // Podman's own version decides how a store looks inside.
    let root_name = root.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let parts: Vec<&str> =
        RECIPES.iter().flat_map(|recipe| recipe.parts()).chain([root_name.as_str()]).collect();
    cache::artifact("images", &parts, |store: &Path| {
        eprintln!("preparing the images of the test hosts, once (about a minute)");
        let archives = RECIPES.iter().map(Recipe::archive).collect::<Result<Vec<_>>>()?;
        build_store(store, &archives)
    })
}

impl Recipe {
    /// The image's root as an archive in the cache.
    fn archive(&self) -> Result<PathBuf> {
        let Self { name, variant, packages, script, changes: _ } = self;
        let short = name.rsplit('/').next().unwrap_or(name).replace(':', "-");
        let packages_line = packages.join(" ");
        cache::artifact(&format!("image-{short}"), &[&format!("{variant:?}"), &packages_line, script], |target| {
            eprintln!("building {name} from Debian's packages");
            // mmdebstrap tells from the name that an archive is wanted.
            let archive = target.with_extension("tar");
            cache::remove(&archive)?;
            debian::build(*variant, packages, script, &archive)?;
            fs::rename(&archive, target).with_context(|| format!("renaming {}", archive.display()))
        })
    }

    fn parts(&self) -> Vec<&str> {
        let Self { name, variant, packages, script, changes } = self;
        let variant = match variant {
            Variant::Minimal => "minimal",
            Variant::FilesOnly => "files only",
        };
        [&[*name, variant, *script], *packages, *changes].concat()
    }
}

/// Imports the archives as the user of a host, because a store belongs to the ids of the account that made it.
fn build_store(store: &Path, archives: &[PathBuf]) -> Result<()> {
    fs::create_dir_all(store).with_context(|| format!("making {}", store.display()))?;
    chown(store, Some(USER_ID), Some(USER_ID)).with_context(|| format!("giving {} to the user", store.display()))?;
    let host = boot_for_building(&format!("images-{}", std::process::id()), store, Path::new(BUILDING))?;
    for (recipe, archive) in RECIPES.iter().zip(archives) {
        let inside = "/var/tmp/image.tar";
        host.copy_in(archive, inside)?;
        let mut command = vec!["podman", "--root", BUILDING, "import", "--quiet"];
        for change in recipe.changes {
            command.extend(["--change", change]);
        }
        command.extend([inside, recipe.name]);
        host.run_user(&command)?.checked().with_context(|| format!("importing {}", recipe.name))?;
    }
    host.down()
}

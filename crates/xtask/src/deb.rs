//! `cargo xtask deb`: the Debian package, built from this tree.
//!
//! cargo-deb is used as a library, not as the tool of that name. Installing the tool takes minutes
//! on a fresh machine, because it is compiled optimised with its whole command line. The library is
//! compiled with the rest, and our Cargo.lock pins it.
//!
//! `crates/archipelago/Cargo.toml` lists the files of the package. This module prepares those that
//! the list has under `target/release/package`. cargo-deb looks for them in `release/package` of
//! the target folder, also when the target folder is elsewhere or another profile was compiled.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use cargo_deb::compress::{CompressConfig, Format};
use cargo_deb::config::{BuildOptions, DebugSymbolOptions, Multiarch};
use cargo_deb::listener::NoOpListener;
use cargo_deb::{BuildProfile, CargoDeb, CargoLockingFlags, OutputPath};

/// The profile with which the program is compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Profile {
    /// Unoptimised, as `cargo build`; reuses everything that was compiled for tests.
    Dev,
    /// Optimised, as in a release.
    Release,
}

impl Profile {
    fn cargo_name(self) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::Release => "release",
        }
    }

    fn folder(self) -> &'static str {
        match self {
            Self::Dev => "debug",
            Self::Release => "release",
        }
    }
}

/// Builds the package for tests and the demo. It differs from a release by the compiler's
/// optimisations, which take most of the time of a build, and by features of dependencies that only
/// tests need.
///
/// # Errors
/// When the program cannot be compiled or packed.
pub(crate) fn build() -> Result<PathBuf> {
    build_with(Profile::Dev)
}

/// Builds the package and returns its path.
///
/// # Errors
/// As [`build`].
pub(crate) fn build_with(profile: Profile) -> Result<PathBuf> {
    let target = target_folder()?;
    fs::create_dir_all(&target).with_context(|| format!("making {}", target.display()))?;
    // Two builds at once would prepare the same folder.
    let lock = target.join("package.lock");
    let lock = fs::File::create(&lock).with_context(|| format!("making {}", lock.display()))?;
    lock.lock()
        .context("waiting for another build of the package")?;
    compile(profile)?;
    prepare(
        &target.join(profile.folder()).join("archipelago"),
        &target.join("release/package"),
    )?;
    pack(&target, profile)
}

fn compile(profile: Profile) -> Result<()> {
    // With the features that the tests of the workspace give its dependencies, these are compiled.
    let chosen: &[&str] = match profile {
        Profile::Dev => &["--workspace", "--bin", "archipelago"],
        Profile::Release => &["--package", "archipelago"],
    };
    let status = cargo()
        .args(["build", "--profile", profile.cargo_name()])
        .args(chosen)
        .status()
        .context("running cargo build")?;
    if !status.success() {
        bail!("compiling archipelago failed");
    }
    Ok(())
}

/// Prepares the files that the list of assets names: the stripped program, its documents, the
/// catalog.
fn prepare(program: &Path, folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("deleting {}", folder.display()))?;
    }
    let documents = folder.join("documents");
    fs::create_dir_all(&documents).with_context(|| format!("making {}", documents.display()))?;
    let stripped = folder.join("archipelago");
    run(Command::new("strip").arg("-o").arg(&stripped).arg(program))?;
    run(Command::new(&stripped).arg("documents").arg(&documents))?;
    compress_manual(&documents)?;
    let catalog = folder.join("catalog");
    copy_tree(&repository().join("catalog"), &catalog)?;
    // The tests lie beside the pages, and everything in that folder would go into an image.
    for tests in ["node-ui/test", "node-ui/e2e"] {
        let tests = catalog.join(tests);
        fs::remove_dir_all(&tests).with_context(|| format!("deleting {}", tests.display()))?;
    }
    Ok(())
}

/// Compresses the manual pages, as Debian's policy asks (12.1). cargo-deb skips files
/// that it takes for build products.
fn compress_manual(folder: &Path) -> Result<()> {
    let what = || format!("reading {}", folder.display());
    let mut gzip = Command::new("gzip");
    gzip.args(["-9", "--no-name"]);
    for entry in fs::read_dir(folder).with_context(what)? {
        let path = entry.with_context(what)?.path();
        if path.extension().is_some_and(|extension| extension == "1") {
            gzip.arg(path);
        }
    }
    run(&mut gzip)
}

/// Copies files with the only two modes that git knows, because the umask of the checkout may have
/// changed them.
fn copy_tree(source: &Path, target: &Path) -> Result<()> {
    let what = || format!("copying {} to {}", source.display(), target.display());
    fs::create_dir_all(target).with_context(what)?;
    for entry in fs::read_dir(source).with_context(what)? {
        let entry = entry.with_context(what)?;
        let to = target.join(entry.file_name());
        if entry.file_type().with_context(what)?.is_dir() {
            copy_tree(&entry.path(), &to)?;
            continue;
        }
        fs::copy(entry.path(), &to).with_context(what)?;
        let executable = entry.metadata().with_context(what)?.permissions().mode() & 0o100 != 0;
        let mode = if executable { 0o755 } else { 0o644 };
        fs::set_permissions(&to, fs::Permissions::from_mode(mode)).with_context(what)?;
    }
    Ok(())
}

fn pack(target: &Path, profile: Profile) -> Result<PathBuf> {
    let package = target.join("archipelago.deb");
    let unfinished = target.join("archipelago-unfinished.deb");
    let manifest = repository().join("crates/archipelago/Cargo.toml");
    CargoDeb {
        options: BuildOptions {
            manifest_path: Some(&manifest),
            selected_package_name: None,
            rust_target_triples: Vec::new(),
            config_variant: None,
            overrides: cargo_deb::config::DebConfigOverrides::default(),
            build_profile: BuildProfile {
                profile_name: None,
                override_debug: None,
                override_lto: None,
            },
            debug: DebugSymbolOptions {
                strip_override: Some(false),
                ..DebugSymbolOptions::default()
            },
            cargo_locking_flags: CargoLockingFlags::default(),
            multiarch: Multiarch::None,
            cargo_build_cmd: None,
            cargo_build_flags: Vec::new(),
        },
        no_build: true,
        verbose_cargo_build: false,
        verbose: false,
        compress_config: CompressConfig {
            // Better compression takes more time than it saves in one installation on a test host.
            fast: profile == Profile::Dev,
            compress_type: Format::Xz,
            compress_system: true,
            rsyncable: false,
        },
        deb_output: Some(OutputPath {
            path: &unfinished,
            is_dir: false,
        }),
        install: (false, false),
    }
    .process(&NoOpListener)
    .context("packing with cargo-deb")?;
    // Another process may be installing the previous package, so it is replaced in one step.
    fs::rename(&unfinished, &package).with_context(|| format!("writing {}", package.display()))?;
    Ok(package)
}

fn run(command: &mut Command) -> Result<()> {
    let output = command
        .output()
        .with_context(|| format!("running {command:?}"))?;
    if !output.status.success() {
        bail!(
            "{command:?} failed: {}",
            String::from_utf8_lossy(&output.stderr).trim_end()
        );
    }
    Ok(())
}

/// Cargo's target folder. Cargo is asked, because both the environment and its configuration can
/// set it.
pub(crate) fn target_folder() -> Result<PathBuf> {
    let output = cargo()
        .args(["metadata", "--no-deps", "--format-version=1"])
        .output()
        .context("running cargo metadata")?;
    let text = String::from_utf8(output.stdout).context("reading cargo's metadata")?;
    let metadata: serde_json::Value =
        serde_json::from_str(&text).context("reading cargo's metadata")?;
    let folder = metadata["target_directory"]
        .as_str()
        .context("cargo's metadata name no target folder")?;
    Ok(PathBuf::from(folder))
}

/// A command of cargo that runs in this repository.
pub(crate) fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(repository());
    cargo
}

/// The repository in which `cargo xtask` was started. It may differ from the one that this program
/// was compiled in: two checkouts that share a target folder share the compiled program too.
pub(crate) fn repository() -> PathBuf {
    let package = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    package.ancestors().nth(2).unwrap_or(&package).to_owned()
}

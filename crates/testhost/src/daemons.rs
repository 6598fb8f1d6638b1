//! The real daemons of the catalog's Bitcoin apps, built once from the package registries, and
//! images of them.
//!
//! A test host has no network to pull the catalog's images from, so these images replace them: a
//! node maps the catalog's images to them with [`image_map`]. They have the layout of the catalog's
//! images (paths, user, entrypoint), on Debian 13. All daemons are built in one build root of
//! Debian 13. No source code is kept, only the recipes.
//!
//! Each daemon is an artifact of the cache: two runs at once build it once, and a run after an
//! interrupted one starts over with the daemon that was not finished. Compilers are niced and
//! bounded in time; there are as many as the processors and the memory allow.
//!
//! Differences from the catalog's images: bitcoind is a later version without ZeroMQ and wallet
//! (its source is a package on crates.io that has neither), so lnd must be installed with
//! `bitcoin_events=polling`, and blocks are mined to an address of another wallet. electrs is
//! 0.12.0, which asks that bitcoind over REST. lnd is the version that the catalog pins.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::cache;
use crate::debian::{Root, Suite, Variant};
use crate::images::{self, Built, Recipe};

/// The recipe of one daemon and its image.
#[derive(Debug, Clone, Copy)]
struct Daemon {
    name: &'static str,
    /// The app of the catalog whose image this image replaces.
    app: &'static str,
    source: Source,
    /// A shell script that runs in the build root, in the folder of the build. It makes programs in
    /// `./out` from `./source`.
    build: &'static str,
    /// The time that the build takes on two idle cores.
    minutes: u32,
    programs: &'static [&'static str],
    image: &'static str,
    containerfile: &'static str,
}

#[derive(Debug, Clone, Copy)]
enum Source {
    /// A package of crates.io, and a shell script that fetches what it depends on.
    Crate {
        package: &'static str,
        version: &'static str,
        fetch: &'static str,
    },
    /// A Go module of ours that requires the daemon. Go fetches the source during the build.
    Module {
        go_mod: &'static str,
        go_sum: &'static str,
    },
}

const DAEMONS: [Daemon; 3] = [
    Daemon {
        name: "bitcoind",
        app: "bitcoin",
        source: Source::Crate {
            package: "libbitcoinkernel-sys",
            version: "0.4.1",
            fetch: "",
        },
        build: include_str!("daemons/bitcoind/build.sh"),
        minutes: 10,
        programs: &["bitcoind", "bitcoin-cli"],
        image: "localhost/bitcoind:31.99",
        containerfile: include_str!("daemons/bitcoind/Containerfile"),
    },
    Daemon {
        name: "electrs",
        app: "electrs",
        source: Source::Crate {
            package: "electrs",
            version: "0.12.0",
            fetch: include_str!("daemons/electrs/fetch.sh"),
        },
        build: include_str!("daemons/electrs/build.sh"),
        minutes: 2,
        programs: &["electrs"],
        image: "localhost/electrs:0.12.0",
        containerfile: include_str!("daemons/electrs/Containerfile"),
    },
    Daemon {
        name: "lnd",
        app: "lnd",
        source: Source::Module {
            go_mod: include_str!("daemons/lnd/go.mod"),
            go_sum: include_str!("daemons/lnd/go.sum"),
        },
        build: include_str!("daemons/lnd/build.sh"),
        minutes: 4,
        programs: &["lnd", "lncli"],
        image: "localhost/lnd:0.21.2-beta",
        containerfile: include_str!("daemons/lnd/Containerfile"),
    },
];

/// The root that all daemons are built in.
const BUILD_ROOT: Root = Root {
    suite: Suite::Trixie,
    variant: Variant::Minimal,
    packages: &[
        "cmake",
        "ninja-build",
        "pkg-config",
        "gcc",
        "g++",
        "libboost-dev",
        "libevent-dev",
        "clang",
        "libclang-dev",
        "librocksdb-dev",
        "golang-go",
        "ca-certificates",
    ],
    script: include_str!("daemons/build-root.sh"),
};

/// The base image of all daemons: the libraries that they are linked to, and the tools of lnd's
/// image.
const BASE: Recipe = Recipe {
    name: "localhost/daemon-base:trixie",
    root: Root {
        suite: Suite::Trixie,
        variant: Variant::Minimal,
        packages: &[
            "libevent-2.1-7t64",
            "libevent-extra-2.1-7t64",
            "libevent-pthreads-2.1-7t64",
            "librocksdb9.10",
            "ca-certificates",
            "jq",
            "wget",
        ],
        script: "",
    },
    changes: &[r#"CMD ["bash"]"#],
};

/// The finished store with the images of the daemons and the prepared images. Builds what the cache
/// lacks.
pub(crate) fn ensure_images(root: &Path) -> Result<PathBuf> {
    let built = DAEMONS
        .iter()
        .map(|daemon| {
            Ok(Built {
                name: daemon.image,
                containerfile: daemon.containerfile,
                files: daemon.ensure()?,
            })
        })
        .collect::<Result<Vec<_>>>()?;
    images::ensure_with(root, BASE, &built)
}

/// The section `[images]` of a node's `config.toml` that makes the apps of this catalog run the
/// images of [`crate::Options::with_bitcoin`] instead of the images that their manifests name.
///
/// # Errors
/// When a manifest cannot be read, or names not exactly one image.
pub fn image_map(catalog: &Path) -> Result<String> {
    let mut section = String::from("[images]\n");
    for daemon in &DAEMONS {
        let path = catalog.join(daemon.app).join("compose.yaml");
        let text =
            fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        let mut images = text
            .lines()
            .filter_map(|line| line.trim_start().strip_prefix("image:"));
        let (Some(image), None) = (images.next(), images.next()) else {
            bail!("{} does not name exactly one image", path.display());
        };
        section += &format!("\"{}\" = \"{}\"\n", image.trim(), daemon.image);
    }
    Ok(section)
}

impl Daemon {
    /// A folder in the cache that holds its programs and nothing else.
    fn ensure(&self) -> Result<PathBuf> {
        let root = cache::artifact("build-root", &BUILD_ROOT.recipe(), |target| {
            let making = Timed::begin("the root that the daemons are built in", 2);
            BUILD_ROOT.build(target)?;
            making.end();
            Ok(())
        })?;
        let root_name = root
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        let recipe = [&[root_name.as_str()], self.recipe().as_slice()].concat();
        cache::artifact(self.name, &recipe, |target| {
            let building = Timed::begin(&format!("{} from source", self.name), self.minutes);
            self.build(&root, target)?;
            building.end();
            Ok(())
        })
    }

    /// Everything that decides the result of the build, except the machine's compilers.
    fn recipe(&self) -> Vec<&'static str> {
        let Self {
            name: _,
            app: _,
            source,
            build,
            minutes: _,
            programs,
            image: _,
            containerfile: _,
        } = *self;
        let source = match source {
            Source::Crate {
                package,
                version,
                fetch,
            } => vec![FETCH, package, version, fetch],
            Source::Module { go_mod, go_sum } => vec![go_mod, go_sum],
        };
        [source.as_slice(), &[INSIDE, build], programs].concat()
    }

    fn build(&self, root: &Path, target: &Path) -> Result<()> {
        let work = target.join("build");
        for folder in ["source", "out", "home"] {
            let folder = work.join(folder);
            fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
        }
        self.fetch(&work)
            .with_context(|| format!("fetching the source of {}", self.name))?;
        let jobs = jobs().to_string();
        run(Command::new("setpriv")
            // The build must end when this process is killed: the next run starts over at the same
            // path.
            .args(["--pdeathsig", "KILL"])
            .args(["unshare", "--mount", "--pid", "--fork", "--kill-child"])
            // Process 1 of the build: all other processes of the build end with it.
            .args(["timeout", BUILD_BOUND, "nice"])
            .args(["sh", "-c", INSIDE, "sh"])
            .args([root, &work, &rust()?])
            .arg(self.build)
            .env_clear()
            .envs(
                NETWORK
                    .iter()
                    .filter_map(|name| Some((*name, std::env::var_os(name)?))),
            )
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("HOME", "/build/home")
            // cargo, Go and `nproc` read the number of compilers from these.
            .envs(
                ["CARGO_BUILD_JOBS", "GOMAXPROCS", "OMP_NUM_THREADS"].map(|name| (name, &jobs)),
            ))?;
        for program in self.programs {
            let path = target.join(program);
            fs::rename(work.join("out").join(program), &path)
                .with_context(|| format!("looking for the program {program} that was built"))?;
        }
        cache::remove(&work)
    }

    /// Fetches into `./source` of the build's folder everything that can be fetched before the
    /// build.
    fn fetch(&self, work: &Path) -> Result<()> {
        match self.source {
            Source::Crate {
                package,
                version,
                fetch,
            } => {
                let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
                run(Command::new("setpriv")
                    .args(["--pdeathsig", "KILL", "sh", "-euc"])
                    .arg(format!("{FETCH}\n{fetch}"))
                    .args(["sh", package, version])
                    .env("CARGO", cargo)
                    .current_dir(work))
            }
            Source::Module { go_mod, go_sum } => {
                for (name, text) in [("go.mod", go_mod), ("go.sum", go_sum)] {
                    let path = work.join("source").join(name);
                    fs::write(&path, text)
                        .with_context(|| format!("writing {}", path.display()))?;
                }
                Ok(())
            }
        }
    }
}

/// A long step. Its beginning and its duration are printed.
struct Timed {
    what: String,
    began: Instant,
}

impl Timed {
    fn begin(what: &str, minutes: u32) -> Self {
        eprintln!("building {what}, once (about {minutes} minutes on two cores)");
        Self {
            what: what.to_owned(),
            began: Instant::now(),
        }
    }

    fn end(self) {
        let seconds = self.began.elapsed().as_secs();
        eprintln!(
            "built {} in {} min {:02} s",
            self.what,
            seconds / 60,
            seconds % 60
        );
    }
}

/// The number of compilers at once: one for each processor, if there is memory for them.
fn jobs() -> usize {
    let processors = thread::available_parallelism().map_or(1, usize::from);
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let available_kib = memory
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:")?.strip_suffix("kB"))
        .and_then(|number| number.trim().parse::<usize>().ok());
    let by_memory = available_kib.map_or(processors, |available| available / KIB_PER_COMPILER);
    by_memory.clamp(1, processors)
}

/// The memory that compiling the largest file of Bitcoin Core takes.
const KIB_PER_COMPILER: usize = 1_500_000;
/// Enough for a slow and busy machine. A build that takes longer hangs.
const BUILD_BOUND: &str = "90m";
/// The exit status of `timeout` when the bound is reached.
const STATUS_OF_TIMEOUT: i32 = 124;

const FETCH: &str = include_str!("daemons/fetch.sh");
const INSIDE: &str = include_str!("daemons/inside.sh");

/// Variables that Go in the build root takes over from this machine to reach the registries.
const NETWORK: [&str; 10] = [
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "GOPROXY",
    "GOPRIVATE",
    "GONOSUMDB",
    "GOSUMDB",
];

/// The folder of this machine's Rust. electrs is built with the compiler that built this program.
fn rust() -> Result<PathBuf> {
    let output = Command::new("rustc")
        .args(["--print", "sysroot"])
        .output()
        .context("running rustc: the daemons are built with this machine's Rust")?;
    let folder = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    if !folder.join("bin/cargo").is_file() {
        bail!(
            "no cargo in {}, where rustc is from: install Rust with rustup",
            folder.display()
        );
    }
    Ok(folder)
}

/// Runs a command to its end. An error holds its last lines of output.
fn run(command: &mut Command) -> Result<()> {
    let program = command.get_program().to_owned();
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("running {}", program.display()))?;
    if output.status.code() == Some(STATUS_OF_TIMEOUT) {
        bail!("it took longer than {BUILD_BOUND}");
    }
    if !output.status.success() {
        // Compilers write errors to standard error, and ninja copies them to standard output.
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        let lines: Vec<&str> = said.lines().collect();
        let tail = lines
            .get(lines.len().saturating_sub(40)..)
            .unwrap_or_default()
            .join("\n");
        bail!("it ended with {}:\n{tail}", output.status);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::image_map;
    use std::path::Path;

    #[test]
    fn every_daemon_stands_in_for_the_image_that_the_catalog_pins() {
        let catalog = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../catalog");
        let section = image_map(&catalog).expect("the catalog");
        for (image, local) in [
            ("docker-bitcoind:", "localhost/bitcoind:"),
            ("/electrs:", "localhost/electrs:"),
            ("/lnd:", "localhost/lnd:"),
        ] {
            assert!(
                section.lines().any(|line| line.contains(image)
                    && line.contains("@sha256:")
                    && line.contains(&format!("\" = \"{local}"))),
                "{section}"
            );
        }
    }
}

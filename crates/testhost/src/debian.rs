//! Making Debian root file systems with `mmdebstrap`, from the mirror that this machine uses.
//!
//! The mirror is read from the machine's package sources when a root is built. It is written
//! nowhere.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::str::FromStr;

use anyhow::{Context, Result, bail};

/// The Debian release of a root.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Suite {
    /// Debian 13, which Archipelago supports.
    #[default]
    Trixie,
    /// Debian testing: the versions of systemd and Podman that the next stable release will have.
    Forky,
}

/// Documentation and translations are a third of the size, and no test reads them.
const OPTIONS: [&str; 4] = [
    "--mode=root",
    "--dpkgopt=path-exclude=/usr/share/man/*",
    "--dpkgopt=path-exclude=/usr/share/locale/*",
    "--dpkgopt=path-exclude=/usr/share/doc/*",
];

/// The kind of root that mmdebstrap makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Variant {
    /// A working Debian with `apt-get`.
    Minimal,
    /// Only the files of the named packages, without setting the packages up.
    FilesOnly,
}

/// The recipe of one root file system.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Root<'a> {
    pub(crate) suite: Suite,
    pub(crate) variant: Variant,
    pub(crate) packages: &'a [&'a str],
    /// A shell script that runs on this machine (not inside the root) with the root's path as `$1`,
    /// after the packages are installed and before the package lists are deleted.
    pub(crate) script: &'static str,
}

impl<'a> Root<'a> {
    /// Everything that decides the files of the root, except the state of the mirror on that day.
    pub(crate) fn recipe(&self) -> Vec<&'a str> {
        let Self {
            suite,
            variant,
            packages,
            script,
        } = *self;
        let (variant, _) = variant.names();
        [
            &OPTIONS,
            suite.options(),
            packages,
            &[suite.name(), variant, script],
        ]
        .concat()
    }

    /// Builds the root at `target`: an archive when the name ends in `.tar`, else a folder.
    pub(crate) fn build(&self, target: &Path) -> Result<()> {
        let Self {
            suite,
            variant,
            packages,
            script,
        } = *self;
        let mirror = mirror()?;
        let (variant, hook) = variant.names();
        let format = if target.extension() == Some(OsStr::new("tar")) {
            "tar"
        } else {
            "directory"
        };
        // mmdebstrap must end when this process is killed: the next run starts over at the same
        // path.
        let output = Command::new("setpriv")
            .args(["--pdeathsig", "TERM", "mmdebstrap"])
            .args(OPTIONS)
            .args(suite.options())
            .arg(format!("--variant={variant}"))
            .arg(format!("--format={format}"))
            .args((!packages.is_empty()).then(|| format!("--include={}", packages.join(","))))
            .arg(format!("--{hook}-hook=set -eu\n{script}"))
            .arg(suite.name())
            .arg(target)
            .arg(&mirror)
            .stdin(Stdio::null())
            .output()
            .context("running mmdebstrap")?;
        if !output.status.success() {
            let log = String::from_utf8_lossy(&output.stderr);
            let lines: Vec<&str> = log.lines().collect();
            let tail = lines
                .get(lines.len().saturating_sub(30)..)
                .unwrap_or_default()
                .join("\n");
            bail!("mmdebstrap from {mirror} failed:\n{tail}");
        }
        Ok(())
    }
}

impl Suite {
    const ALL: [Self; 2] = [Self::Trixie, Self::Forky];

    /// Debian's code name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Trixie => "trixie",
            Self::Forky => "forky",
        }
    }

    /// Options of mmdebstrap for this suite alone.
    fn options(self) -> &'static [&'static str] {
        match self {
            Self::Trixie => &[],
            // A mirror that lags a week behind offers an index of testing that has expired.
            Self::Forky => &[r#"--aptopt=Acquire::Check-Valid-Until "false""#],
        }
    }
}

impl FromStr for Suite {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL
            .into_iter()
            .find(|suite| suite.name() == text)
            .with_context(|| {
                let names = Self::ALL.map(Self::name).join(" and ");
                format!("no suite {text:?}: hosts are made of {names}")
            })
    }
}

impl Variant {
    /// mmdebstrap's name of the variant, and the last hook that it runs for the variant.
    fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Minimal => ("minbase", "customize"),
            Self::FilesOnly => ("extract", "extract"),
        }
    }
}

/// The address of the Debian mirror in this machine's own package sources.
fn mirror() -> Result<String> {
    let mut texts = vec![fs::read_to_string("/etc/apt/sources.list").unwrap_or_default()];
    if let Ok(entries) = fs::read_dir("/etc/apt/sources.list.d") {
        let mut files: Vec<PathBuf> = entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .collect();
        files.sort();
        texts.extend(
            files
                .iter()
                .map(|file| fs::read_to_string(file).unwrap_or_default()),
        );
    }
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let codename = release
        .lines()
        .find_map(|line| line.strip_prefix("VERSION_CODENAME="))
        .map_or(Suite::default().name(), |name| name.trim_matches('"'))
        .to_owned();
    texts
        .iter()
        .find_map(|text| mirror_in(text, &codename))
        .context("found no Debian mirror in /etc/apt/sources.list or /etc/apt/sources.list.d: a test host is built from it")
}

/// The mirror in one file of package sources (sources.list(5), both styles): the address that
/// offers the component `main` of this release itself. Security updates and other repositories do
/// not.
fn mirror_in(text: &str, codename: &str) -> Option<String> {
    let deb822 = text.split("\n\n").find_map(|stanza| {
        let field = |name: &str| {
            stanza
                .lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
                .unwrap_or_default()
                .split_whitespace()
        };
        let fits = field("Types").any(|kind| kind == "deb")
            && field("Suites").any(|suite| suite == codename)
            && field("Components").any(|component| component == "main");
        fits.then(|| field("URIs").next()).flatten()
    });
    let one_line = || {
        text.lines().find_map(|line| {
            let mut words = line
                .strip_prefix("deb ")?
                .split_whitespace()
                .skip_while(|word| !word.contains("://"));
            let address = words.next()?;
            (words.next() == Some(codename) && words.any(|component| component == "main"))
                .then_some(address)
        })
    };
    deb822.or_else(one_line).map(ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use super::{Suite, mirror_in};

    #[test]
    fn an_unknown_suite_is_refused_and_the_known_ones_are_listed() {
        for suite in Suite::ALL {
            assert_eq!(suite.name().parse::<Suite>().expect("a suite"), suite);
        }
        let refused = "sid".parse::<Suite>().expect_err("another suite");
        assert!(
            refused.to_string().contains("trixie and forky"),
            "{refused}"
        );
    }

    #[test]
    fn the_mirror_is_the_source_of_the_release_itself() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(mirror_in(text, "bookworm").as_deref(), expected, "{text}");
        };
        check(
            "Types: deb\nURIs: http://a.example/debian\nSuites: bookworm bookworm-updates\nComponents: main\n",
            Some("http://a.example/debian"),
        );
        check(
            "Types: deb\nURIs: http://a.example/security\nSuites: bookworm-security\nComponents: main\n",
            None,
        );
        check(
            "Types: deb\nURIs: https://b.example\nSuites: nodistro\nComponents: main\n\nTypes: deb\nURIs: http://a.example/debian\nSuites: bookworm\nComponents: main contrib\n",
            Some("http://a.example/debian"),
        );
        check(
            "deb https://c.example cloud main\ndeb [signed-by=/k] http://a.example/debian bookworm main\n",
            Some("http://a.example/debian"),
        );
        check("# deb http://a.example/debian bookworm main\n", None);
        check("", None);
    }
}

//! Making a Debian 13 root file system with `mmdebstrap`, from the mirror that this machine itself uses.
//!
//! The mirror is read from the machine's package sources at the time of building and is written nowhere else.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// The release that hosts and images are made of.
const RELEASE: &str = "trixie";

/// What a root begins with (mmdebstrap's variants).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Variant {
    /// A Debian that works, with `apt-get`.
    Minimal,
    /// Only the files of the named packages, which are not set up.
    FilesOnly,
}

/// Builds a root with `packages` at `target`: a folder, or an archive when its name ends in `.tar`.
///
/// `customize` is a shell script that runs on the machine (not inside the root) with the root's path as `$1`, after
/// the packages are installed and while the package lists are still there.
pub(crate) fn build(variant: Variant, packages: &[&str], customize: &str, target: &Path) -> Result<()> {
    let mirror = mirror()?;
    let format = if target.extension() == Some(OsStr::new("tar")) { "tar" } else { "directory" };
    let (variant, hook) = match variant {
        Variant::Minimal => ("minbase", "customize"),
        // Nothing is set up, so there is no step after that.
        Variant::FilesOnly => ("extract", "extract"),
    };
    let mut command = Command::new("mmdebstrap");
    command
        .arg("--mode=root")
        .arg(format!("--variant={variant}"))
        .arg(format!("--format={format}"))
        // Documentation and translations are a third of the size and nobody reads them in a test.
        .arg("--dpkgopt=path-exclude=/usr/share/man/*")
        .arg("--dpkgopt=path-exclude=/usr/share/locale/*")
        .arg("--dpkgopt=path-exclude=/usr/share/doc/*")
        .arg(format!("--{hook}-hook=set -eu\n{customize}"));
    if !packages.is_empty() {
        command.arg(format!("--include={}", packages.join(",")));
    }
    let output = command
        .arg(RELEASE)
        .arg(target)
        .arg(&mirror)
        .stdin(Stdio::null())
        .output()
        .context("running mmdebstrap")?;
    if !output.status.success() {
        let log = String::from_utf8_lossy(&output.stderr);
        let lines: Vec<&str> = log.lines().collect();
        let tail = lines.get(lines.len().saturating_sub(30)..).unwrap_or_default().join("\n");
        bail!("mmdebstrap from {mirror} failed:\n{tail}");
    }
    Ok(())
}

/// The address of the Debian mirror in this machine's own package sources.
fn mirror() -> Result<String> {
    let mut texts = vec![fs::read_to_string("/etc/apt/sources.list").unwrap_or_default()];
    if let Ok(entries) = fs::read_dir("/etc/apt/sources.list.d") {
        let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        files.sort();
        texts.extend(files.iter().map(|file| fs::read_to_string(file).unwrap_or_default()));
    }
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let codename = release
        .lines()
        .find_map(|line| line.strip_prefix("VERSION_CODENAME="))
        .map_or(RELEASE, |name| name.trim_matches('"'))
        .to_owned();
    texts
        .iter()
        .find_map(|text| mirror_in(text, &codename))
        .context("found no Debian mirror in /etc/apt/sources.list or /etc/apt/sources.list.d: a test host is built from it")
}

/// The mirror in one file of package sources (sources.list(5), both styles): the one that has this very release in its
/// `main` component, which excludes security updates and other people's repositories.
fn mirror_in(text: &str, codename: &str) -> Option<String> {
    let deb822 = text.split("\n\n").find_map(|stanza| {
        let field = |name: &str| {
            stanza.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap_or_default().split_whitespace()
        };
        let fits = field("Types").any(|kind| kind == "deb")
            && field("Suites").any(|suite| suite == codename)
            && field("Components").any(|component| component == "main");
        fits.then(|| field("URIs").next()).flatten()
    });
    let one_line = || {
        text.lines().find_map(|line| {
            let mut words = line.strip_prefix("deb ")?.split_whitespace().skip_while(|word| !word.contains("://"));
            let address = words.next()?;
            (words.next() == Some(codename) && words.any(|component| component == "main")).then_some(address)
        })
    };
    deb822.or_else(one_line).map(ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use super::mirror_in;

    #[test]
    fn the_mirror_is_the_one_that_has_the_release_itself() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(mirror_in(text, "bookworm").as_deref(), expected, "{text}");
        };
        check("Types: deb\nURIs: http://a.example/debian\nSuites: bookworm bookworm-updates\nComponents: main\n", Some("http://a.example/debian"));
        check("Types: deb\nURIs: http://a.example/security\nSuites: bookworm-security\nComponents: main\n", None);
        check("Types: deb\nURIs: https://b.example\nSuites: nodistro\nComponents: main\n\nTypes: deb\nURIs: http://a.example/debian\nSuites: bookworm\nComponents: main contrib\n", Some("http://a.example/debian"));
        check("deb https://c.example cloud main\ndeb [signed-by=/k] http://a.example/debian bookworm main\n", Some("http://a.example/debian"));
        check("# deb http://a.example/debian bookworm main\n", None);
        check("", None);
    }
}

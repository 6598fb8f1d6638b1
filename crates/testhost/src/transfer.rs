//! Copying files and folders into a host and out of it.
//!
//! A `tar` runs on each side. The `tar` in the host follows the host's links and knows its
//! accounts, so no link of a host can lead to a file of the machine.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::enter::Account;
use crate::host::Host;

/// Unpacks an archive of one member, named `$2`, to the path `$1`. The files and the folders that
/// are made for them get the owner of the existing folder above: the user's in the user's home.
const UNPACK: &str = r#"
set -eu
destination=$1
if [ -d "$destination" ]; then destination=$destination/$2; fi
parent=$(dirname "$destination")
owner=$parent
while [ ! -e "$owner" ]; do missing=$owner; owner=$(dirname "$owner"); done
if [ -n "${missing-}" ]; then
    mkdir -p "$parent"
    chown -R --reference="$owner" "$missing"
fi
arriving=$(mktemp -d "$parent/.arriving-XXXXXX")
trap 'rm -rf "$arriving"' EXIT
tar --extract --no-same-owner --directory="$arriving"
chown -R --reference="$parent" "$arriving/$2"
mv --no-target-directory "$arriving/$2" "$destination"
"#;

impl Host {
    /// Copies a file or folder of the machine to `destination` in the host, or into it when that is
    /// a folder. The copy belongs to the owner of the folder above it.
    ///
    /// # Errors
    /// When the source cannot be read or the destination cannot be written.
    pub fn copy_in(&self, source: &Path, destination: &str) -> Result<()> {
        let what = || {
            format!(
                "copying {} to {destination} in the host {}",
                source.display(),
                self.name()
            )
        };
        let source = source.canonicalize().with_context(what)?;
        let (Some(parent), Some(name)) = (
            source.parent(),
            source.file_name().and_then(|name| name.to_str()),
        ) else {
            bail!("{}: it has no name", what());
        };
        let mut pack = Command::new("tar")
            .args(["--create", "--directory"])
            .arg(parent)
            .args(["--", name])
            .stdout(Stdio::piped())
            .spawn()
            .with_context(what)?;
        let archive = pack.stdout.take().with_context(what)?;
        let unpacked = self
            .command(
                Account::Root,
                &["sh", "-c", UNPACK, "sh", destination, name],
            )?
            .stdin(archive)
            .output()
            .with_context(what)?;
        let packed = pack.wait().with_context(what)?;
        if !unpacked.status.success() || !packed.success() {
            bail!(
                "{}: {}",
                what(),
                String::from_utf8_lossy(&unpacked.stderr).trim_end()
            );
        }
        Ok(())
    }

    /// Writes a file with this content as the given account, and makes the folders above it.
    ///
    /// # Errors
    /// When the account may not write there.
    pub fn write_file(&self, account: Account, path: &str, content: &[u8]) -> Result<()> {
        let write = "mkdir -p \"$(dirname \"$1\")\" && cat >\"$1\"";
        self.run(account, &["sh", "-c", write, "sh", path], content)?
            .checked()?;
        Ok(())
    }

    /// Installs a Debian package from this machine without a network. Its dependencies must be in
    /// the root already.
    ///
    /// # Errors
    /// When the host lacks a dependency, or the package does not install.
    pub fn install_package(&self, package: &Path) -> Result<()> {
        // apt takes a name with a slash for a file, and reads the file as its own account.
        let inside = "/var/tmp/package.deb";
        self.copy_in(package, inside)?;
        self.run_root(&["chmod", "644", inside])?.checked()?;
        let install = [
            "env",
            "DEBIAN_FRONTEND=noninteractive",
            "apt-get",
            "install",
            "--yes",
            "--quiet",
            inside,
        ];
        self.run_root(&install)?
            .checked()
            .with_context(|| format!("installing {}", package.display()))?;
        self.run_root(&["rm", inside])?.checked()?;
        Ok(())
    }

    /// Copies a file or folder of the host into an existing folder of the machine, under the same
    /// name.
    ///
    /// # Errors
    /// When the source cannot be read or the folder cannot be written.
    pub fn copy_out(&self, source: &str, folder: &Path) -> Result<()> {
        let what = || {
            format!(
                "copying {source} in the host {} to {}",
                self.name(),
                folder.display()
            )
        };
        let path = Path::new(source);
        let (Some(parent), Some(name)) = (
            path.parent().and_then(Path::to_str),
            path.file_name().and_then(|name| name.to_str()),
        ) else {
            bail!("{}: it has no name", what());
        };
        let mut pack = self
            .command(
                Account::Root,
                &["tar", "--create", "--directory", parent, "--", name],
            )?
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(what)?;
        let archive = pack.stdout.take().with_context(what)?;
        let unpacked = Command::new("tar")
            .args(["--extract", "--no-same-owner", "--directory"])
            .arg(folder)
            .stdin(archive)
            .output()
            .with_context(what)?;
        let packed = pack.wait_with_output().with_context(what)?;
        for side in [packed, unpacked] {
            if !side.status.success() {
                bail!(
                    "{}: {}",
                    what(),
                    String::from_utf8_lossy(&side.stderr).trim_end()
                );
            }
        }
        Ok(())
    }
}

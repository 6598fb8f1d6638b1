//! A real image registry in a host: plain HTTP on its loopback, started on demand.

use std::time::Duration;

use anyhow::{Context, Result};

use crate::host::Host;
use crate::wait;

/// A registry answers some milliseconds after its start. The bound is for a machine under load.
const START_BOUND: Duration = Duration::from_secs(180);

/// A registry that runs in a host. It starts again after a reboot.
#[derive(Debug)]
pub struct Registry<'host> {
    host: &'host Host,
    port: u16,
}

impl Host {
    /// Starts a registry on this loopback port of the host and waits until it answers. Each port
    /// has images of its own.
    ///
    /// # Errors
    /// When the registry does not start.
    pub fn registry(&self, port: u16) -> Result<Registry<'_>> {
        let unit = format!("registry@{port}.service");
        self.run_root(&["systemctl", "enable", "--now", &unit])?
            .checked()?;
        let address = format!("http://127.0.0.1:{port}/v2/");
        wait::until(&format!("the registry at {address}"), START_BOUND, || {
            Ok(self
                .run_root(&["curl", "--fail", "--silent", &address])?
                .success()
                .then_some(()))
        })?;
        Ok(Registry { host: self, port })
    }
}

impl Registry<'_> {
    /// The beginning of image references: `127.0.0.1:<port>`.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Pushes an image of the user under a name such as `web:1` and returns the reference to pull
    /// it by.
    ///
    /// # Errors
    /// When Podman cannot push the image.
    pub fn push(&self, image: &str, name: &str) -> Result<String> {
        let reference = format!("{}/{name}", self.address());
        self.host
            .run_user(&[
                "podman",
                "push",
                "--quiet",
                "--tls-verify=false",
                image,
                &reference,
            ])?
            .checked()
            .with_context(|| format!("pushing {image} to the registry"))?;
        Ok(reference)
    }
}

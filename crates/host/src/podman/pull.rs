//! Pulling an image, layer by layer.

use std::collections::BTreeSet;
use std::time::Duration;

use archipelago_core::cause::Cause;
use archipelago_core::error::chain;
use archipelago_core::image::Platform;
use hyper::Method;
use serde::Deserialize;

use super::http::{Call, Error, Failure, SILENCE_LIMIT, encode};
use super::{Podman, or_default};

/// The longest wait for a registry's list of platforms. Without it the pull itself tells what is
/// wrong.
const LIST_LIMIT: Duration = Duration::from_secs(10);

/// The progress of one layer, or of the image's configuration. It comes once a second for a layer
/// that downloads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// The first 12 hexadecimal digits of the layer's digest.
    pub layer: String,
    pub state: Layer,
}

/// The state of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    Waiting,
    /// In bytes; the total is none where the registry does not tell it.
    Downloading {
        done: u64,
        total: Option<u64>,
    },
    /// It was here already.
    Present,
    Done,
}

impl Error {
    /// Why an image did not come from a registry.
    pub fn cause_of_pull(&self, registry: &str) -> Cause {
        let words = chain(self);
        // Podman says only in words that a registry answered without TLS.
        if words.contains("server gave HTTP response to HTTPS client") {
            let registry = registry.to_owned();
            Cause::RegistryWithoutTls { registry, words }
        } else if is_in_no_registry(&words) {
            Cause::NotInRegistry(words)
        } else {
            Cause::Podman(words)
        }
    }
}

impl Podman {
    /// Pulls an image from its registry, even if one of that name is here; a registry that still
    /// has the same one sends no layers. Dropping the future cancels the pull; layers that are
    /// complete stay.
    ///
    /// Of `name:tag@sha256:…` Podman ignores the tag, and the image gets no tag either. With
    /// `tls_verify` the registry needs a certificate that this machine trusts, unless the operator
    /// marked it `insecure` for Podman in `containers-registries.conf(5)`; without, plain HTTP and
    /// any certificate will do.
    pub async fn pull(
        &self,
        reference: &str,
        tls_verify: bool,
        progress: impl FnMut(Progress) + Send,
    ) -> Result<(), Error> {
        self.pull_for(reference, None, tls_verify, progress).await
    }

    /// The architectures for which a registry has an image, in the words of images (`amd64`).
    /// It costs one small request, which Docker Hub counts as a pull. `None` for an image of one
    /// platform: its manifest does not name that.
    pub async fn architectures_of(
        &self,
        reference: &str,
        tls_verify: bool,
    ) -> Result<Option<BTreeSet<String>>, Error> {
        let query = if tls_verify { "" } else { "?tlsVerify=false" };
        let call = Call::new(
            format!("ask the registry for the platforms of {reference}"),
            Method::GET,
            format!("/manifests/{}/json{query}", encode(reference)),
            LIST_LIMIT,
        );
        let body = self.call(&call, Vec::new()).await?;
        call.json::<ManifestList>(&body)
            .map(ManifestList::architectures)
    }

    /// As [`Podman::pull`], for a given platform.
    pub async fn pull_for(
        &self,
        reference: &str,
        platform: Option<&Platform>,
        tls_verify: bool,
        mut progress: impl FnMut(Progress) + Send,
    ) -> Result<(), Error> {
        // `compatMode` is how this endpoint tells bytes; without it, it prints a line when a layer
        // begins.
        let mut target = format!(
            "/images/pull?reference={}&compatMode=true&policy=always",
            encode(reference)
        );
        if let Some(platform) = platform {
            target.push_str(&of_platform(platform));
        }
        if !tls_verify {
            // Never `true`: that would overrule what the operator wrote.
            target.push_str("&tlsVerify=false");
        }
        let call = Call::new(
            format!("pull {reference}"),
            Method::POST,
            target,
            SILENCE_LIMIT,
        );
        let failed = |message| Error::Pull {
            reference: reference.to_owned(),
            message,
        };
        let mut lines = match self
            .stream(&call, "application/octet-stream", Vec::new())
            .await
        {
            // A failure before the first layer comes as an HTTP status, which is the registry's or
            // 500.
            Err(Error::Api { message, .. }) => return Err(failed(message)),
            lines => lines?,
        };
        let mut pulled = false;
        while let Some(Report {
            status,
            id,
            bytes,
            failure,
        }) = lines.next().await?
        {
            if let Some(message) = failure.message() {
                return Err(failed(message));
            }
            pulled = status == "Download complete";
            progress(Progress {
                layer: id,
                state: layer(&status, &bytes),
            });
        }
        if pulled { Ok(()) } else { Err(call.ended()) }
    }
}

fn of_platform(platform: &Platform) -> String {
    let Platform {
        os,
        architecture,
        variant,
    } = platform;
    let variant = variant
        .iter()
        .map(|variant| format!("&Variant={}", encode(variant)));
    format!(
        "&OS={}&Arch={}{}",
        encode(os),
        encode(architecture),
        variant.collect::<String>()
    )
}

/// An image index of the OCI specification, or a manifest list of Docker. The manifest of one image
/// has no such list.
#[derive(Deserialize)]
struct ManifestList {
    #[serde(default, deserialize_with = "or_default")]
    manifests: Vec<ListedManifest>,
}

#[derive(Deserialize)]
struct ListedManifest {
    platform: Option<ListedPlatform>,
}

#[derive(Deserialize)]
struct ListedPlatform {
    #[serde(default)]
    architecture: String,
    #[serde(default)]
    os: String,
}

impl ManifestList {
    /// `None` when it does not say it of each image. Signatures and the like stand in the list as
    /// `unknown/unknown`.
    fn architectures(self) -> Option<BTreeSet<String>> {
        let platforms: Option<Vec<ListedPlatform>> = self
            .manifests
            .into_iter()
            .map(|listed| listed.platform)
            .collect();
        let architectures: BTreeSet<String> = platforms?
            .into_iter()
            .filter(|platform| platform.os == "linux")
            .map(|platform| platform.architecture)
            .collect();
        (!architectures.is_empty() && !architectures.contains("")).then_some(architectures)
    }
}

/// A line of the stream. Success ends with `Download complete` and the image's id.
#[derive(Deserialize)]
struct Report {
    #[serde(default)]
    status: String,
    #[serde(default)]
    id: String,
    #[serde(default, rename = "progressDetail")]
    bytes: Bytes,
    #[serde(flatten)]
    failure: Failure,
}

#[derive(Default, Deserialize)]
struct Bytes {
    #[serde(default)]
    current: i64,
    #[serde(default)]
    total: i64,
}

/// The state of a layer in a line of progress.
fn layer(status: &str, bytes: &Bytes) -> Layer {
    match status {
        "Downloading" => Layer::Downloading {
            done: u64::try_from(bytes.current).unwrap_or_default(),
            // Unknown is -1 on the wire, and 0 is left out.
            total: u64::try_from(bytes.total).ok().filter(|total| *total > 0),
        },
        "Already exists" => Layer::Present,
        "Download complete" => Layer::Done,
        _ => Layer::Waiting,
    }
}

/// Whether an error of Podman means that no registry has the image: the error codes `NAME_UNKNOWN`
/// and `MANIFEST_UNKNOWN` of the OCI distribution specification, or a short name without a
/// configured registry. A registry that cannot be reached, or that denies access, may have it.
fn is_in_no_registry(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    [
        "manifest unknown",
        "name unknown",
        "no unqualified-search registries are defined",
    ]
    .iter()
    .any(|words| message.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_platforms_of_an_image_are_read_from_its_list() {
        for (list, expected) in [
            (r#"{"schemaVersion": 2, "config": {}, "layers": []}"#, None),
            (r#"{"manifests": null}"#, None),
            (r#"{"manifests": [{"digest": "sha256:1"}]}"#, None),
            (
                r#"{"manifests": [{"platform": {"os": "windows", "architecture": "amd64"}}]}"#,
                None,
            ),
            (
                r#"{"manifests": [{"platform": {"os": "linux", "architecture": "arm64", "variant": "v8"}},
                {"platform": {"os": "unknown", "architecture": "unknown"}},
                {"platform": {"os": "linux", "architecture": "s390x"}}]}"#,
                Some(["arm64", "s390x"]),
            ),
        ] {
            let read: ManifestList = serde_json::from_str(list).unwrap();
            let expected = expected.map(|kinds| {
                kinds
                    .into_iter()
                    .map(str::to_owned)
                    .collect::<BTreeSet<_>>()
            });
            assert_eq!(read.architectures(), expected, "{list}");
        }
    }

    #[test]
    fn a_missing_image_is_told_from_a_registry_that_does_not_answer() {
        for (message, expected) in [
            ("manifest unknown: manifest unknown", true),
            (
                "reading manifest 1 in 127.0.0.1:5000/x: name unknown: repository name not known to registry",
                true,
            ),
            (
                "short-name \"x\" did not resolve to an alias and no unqualified-search registries are defined in \"/etc/containers/registries.conf\"",
                true,
            ),
            ("dial tcp: lookup docker.io: no such host", false),
            ("requested access to the resource is denied", false),
            ("http: server gave HTTP response to HTTPS client", false),
        ] {
            assert_eq!(is_in_no_registry(message), expected, "{message}");
        }
    }
}

//! The node's own configuration, `config.toml`: what holds for all apps.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use crate::image::Reference;
use crate::manifest::ManifestError;
use crate::toml_file::{Document, Entry};

/// The port of the daemon on 127.0.0.1.
pub const PORT: u16 = 5678;

/// The node's configuration. Every key is optional.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The address on which ports without an address of their own are published.
    pub publish_address: IpAddr,
    /// Registries (`host` or `host:port`) that are used without TLS.
    pub insecure_registries: BTreeSet<String>,
    /// Images to use in place of others: what a manifest asks for, to what this node uses.
    pub images: BTreeMap<Reference, Reference>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            publish_address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            insecure_registries: BTreeSet::new(),
            images: BTreeMap::new(),
        }
    }
}

impl Config {
    /// Reads the content of the file.
    ///
    /// # Errors
    /// With line and key of what cannot be understood, and no value.
    pub fn parse(file: &str, text: &str) -> Result<Self, ManifestError> {
        let mut config = Self::default();
        let known = ["publish_address", "insecure_registries", "images"];
        let document = Document::parse(file, text)?;
        document.each(&known, |key, value| {
            match key {
                "publish_address" => config.publish_address = address(value)?,
                "insecure_registries" => {
                    let registries = value.texts()?.into_iter().map(str::to_owned);
                    config.insecure_registries = registries.collect();
                }
                "images" => {
                    for entry in value.entries()? {
                        let asked = reference(&entry, entry.name())?;
                        let used = reference(&entry, entry.text()?)?;
                        config.images.insert(asked, used);
                    }
                }
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(config)
    }

    /// Whether an image comes from a registry that the operator allowed to be used without TLS.
    #[must_use]
    pub fn image_uses_insecure_registry(&self, image: &Reference) -> bool {
        self.insecure_registries.contains(image.registry())
    }
}

fn address(entry: &Entry<'_>) -> Result<IpAddr, ManifestError> {
    let address = entry.text().ok().and_then(|text| text.parse().ok());
    address.ok_or_else(|| {
        entry.error("expected an IP address in quotation marks, such as \"127.0.0.1\"")
    })
}

fn reference(entry: &Entry<'_>, text: &str) -> Result<Reference, ManifestError> {
    Reference::parse(text).map_err(|error| entry.error(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_insecure_until_it_is_listed() {
        let image = Reference::parse("127.0.0.1:5000/a/b:1").unwrap();
        assert!(!Config::default().image_uses_insecure_registry(&image));
        let config =
            Config::parse("config.toml", "insecure_registries = [\"127.0.0.1:5000\"]").unwrap();
        assert!(config.image_uses_insecure_registry(&image));
        let other = Reference::parse("127.0.0.1/a/b:1").unwrap();
        assert!(!config.image_uses_insecure_registry(&other));
        assert_eq!(config.publish_address, IpAddr::V4(Ipv4Addr::LOCALHOST));
    }

    #[test]
    fn what_cannot_be_understood_is_told_with_place_and_key_and_no_value() {
        for (text, expected) in [
            (
                "\npublish_adress = \"0.0.0.0\"",
                "c.toml:2:1: publish_adress: unknown key; there are publish_address, insecure_registries, images",
            ),
            (
                "publish_address = \"hunter2\"",
                "c.toml:1:1: publish_address: expected an IP address in quotation marks, such as \"127.0.0.1\"",
            ),
            (
                "insecure_registries = [\"a\", 1]",
                "c.toml:1:1: insecure_registries: expected a list of texts, such as [\"a\", \"b\"]",
            ),
            (
                "[images]\nnginx = \"user:hunter2@registry.lan/x\"",
                "c.toml:2:1: images.nginx: this is no image reference: the digest is sha256: and 64 lower-case hexadecimal digits",
            ),
            (
                "[images]\nA = \"x\"",
                "c.toml:2:1: images.A: this is no image reference: the path is lower-case letters and digits, separated by one of . _ - /",
            ),
        ] {
            let error = Config::parse("c.toml", text).unwrap_err();
            assert_eq!(error.to_string(), expected, "{text}");
        }
        let text = "publish_address = \"::1\"\n[images]\nnginx = \"registry.lan/web\"";
        let config = Config::parse("c.toml", text).unwrap();
        assert_eq!(config.publish_address, "::1".parse::<IpAddr>().unwrap());
        assert_eq!(config.images.len(), 1);
    }
}

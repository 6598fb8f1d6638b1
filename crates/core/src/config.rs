//! The node's own configuration, `config.toml`: what holds for all apps.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use serde::Deserialize;

use crate::image::Reference;

/// The port of the daemon on 127.0.0.1.
pub const PORT: u16 = 5678;

/// What the operator says about the node; all of it optional.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where ports without an address of their own are published.
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

/// A configuration that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {problem}")]
pub struct ConfigError {
    file: String,
    problem: String,
}

impl Config {
    /// Reads the content of the file.
    ///
    /// # Errors
    /// With line and key of what cannot be understood.
    pub fn parse(file: &str, text: &str) -> Result<Self, ConfigError> {
        toml::from_str(text).map_err(|error| ConfigError {
            file: file.to_owned(),
            problem: error.to_string().trim_end().to_owned(),
        })
    }

    /// Whether an image comes from a registry that the operator allowed to be used without TLS.
    #[must_use]
    pub fn image_uses_insecure_registry(&self, image: &Reference) -> bool {
        self.insecure_registries.contains(image.registry())
    }
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
    fn an_unknown_key_is_named() {
        let error = Config::parse("config.toml", "\npublish_adress = \"0.0.0.0\"")
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("line 2") && error.contains("publish_adress"),
            "{error}"
        );
    }
}

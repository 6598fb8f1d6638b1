//! Networks, volumes, configs, secrets and models.

use serde::Serialize;

use super::keys::model;
use super::values::Pairs;

model! {
    Network {
        /// As Podman knows it.
        name: Option<String>,
        driver: Option<String>,
        driver_opts: Pairs,
        external: bool,
        internal: bool,
        attachable: bool,
        labels: Pairs,
        enable_ipv4: Option<bool>,
        enable_ipv6: Option<bool>,
    }
    always { ipam: Ipam }
}

model! {
    Ipam { driver: Option<String>, config: Vec<Pool>, options: Pairs }
}

model! {
    Pool {
        subnet: Option<String>,
        gateway: Option<String>,
        ip_range: Option<String>,
        aux_addresses: Pairs,
    }
}

model! {
    Volume {
        /// As Podman knows it.
        name: Option<String>,
        driver: Option<String>,
        driver_opts: Pairs,
        external: bool,
        labels: Pairs,
    }
}

model! {
    /// The source of a config or secret: a file, a variable or a text.
    FileObject {
        name: Option<String>,
        /// Absolute.
        file: Option<String>,
        environment: Option<String>,
        /// The text itself, or the variable's value.
        content: Option<String>,
        external: bool,
        labels: Pairs,
        driver: Option<String>,
        driver_opts: Pairs,
        template_driver: Option<String>,
    }
}

/// A secret. Its content is never serialised.
#[derive(Clone, Default, PartialEq, serde::Deserialize)]
#[serde(transparent)]
pub struct Secret(pub FileObject);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shown = FileObject {
            content: None,
            ..self.0.clone()
        };
        f.debug_tuple("Secret").field(&shown).finish()
    }
}

impl Serialize for Secret {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        FileObject {
            content: None,
            ..self.0.clone()
        }
        .serialize(serializer)
    }
}

/// A config. Its content is serialised only where the file itself holds it.
#[derive(Clone, Debug, Default, PartialEq, serde::Deserialize)]
#[serde(transparent)]
pub struct Config(pub FileObject);

impl Serialize for Config {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut file = self.0.clone();
        file.content = file.content.filter(|_| file.environment.is_none());
        file.serialize(serializer)
    }
}

model! {
    /// A language model that services use.
    Model {
        name: Option<String>,
        model: Option<String>,
        context_size: i64,
        runtime_flags: Vec<String>,
    }
}

//! The secrets of an app: which containers get which, and how Podman keeps them.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use super::Work;
use crate::desired::app::{PodmanSecret, SecretContent};
use crate::hex::hex;
use crate::manifest::Service;
use crate::quadlet::{self, SecretDelivery};

impl Work<'_> {
    pub(super) fn add_secrets(
        &self,
        container: &mut quadlet::Container,
        inputs: &mut Vec<Vec<u8>>,
        name: &str,
        service: &Service,
    ) {
        for mount in &service.secrets {
            container.secrets.push(quadlet::Secret {
                name: self.id.podman_secret(&mount.secret),
                delivery: SecretDelivery::File {
                    target: Some(mount.target.clone().unwrap_or_else(|| mount.secret.clone())),
                    uid: mount.uid,
                    gid: mount.gid,
                    mode: mount.mode.clone(),
                },
            });
        }
        for (variable, secret) in &service.environment_secrets {
            container.secrets.push(quadlet::Secret {
                name: self.id.podman_secret(secret),
                delivery: SecretDelivery::Environment(variable.clone()),
            });
        }
        for secret in self.used_secrets(name) {
            inputs.push(self.secret_content(secret).to_vec());
        }
    }

    pub(super) fn used_secrets(&self, service: &str) -> BTreeSet<&str> {
        let Some(service) = self.manifest.services.get(service) else {
            return BTreeSet::new();
        };
        let mounted = service.secrets.iter().map(|mount| mount.secret.as_str());
        mounted
            .chain(service.environment_secrets.values().map(String::as_str))
            .collect()
    }

    pub(super) fn podman_secrets(&self) -> BTreeMap<String, PodmanSecret> {
        self.manifest
            .services
            .keys()
            .flat_map(|service| self.used_secrets(service))
            .map(|secret| {
                let content = self.secret_content(secret);
                let desired = PodmanSecret {
                    app: self.id.clone(),
                    secret: secret.to_owned(),
                    revision: hex(&Sha256::digest(content)[..8]),
                    content: SecretContent(content.to_vec()),
                };
                (self.id.podman_secret(secret), desired)
            })
            .collect()
    }

    fn secret_content(&self, name: &str) -> &[u8] {
        if let Some(joined) = self.joined_secrets.get(name) {
            return joined;
        }
        let kept = self.inputs.secrets.get(self.id);
        let kept = kept.and_then(|secrets| secrets.get(name));
        kept.map_or(&[], String::as_bytes)
    }
}

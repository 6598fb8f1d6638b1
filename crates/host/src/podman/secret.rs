//! Podman's secrets: stored, listed and removed, never read.

use std::collections::BTreeMap;

use hyper::Method;
use serde::Deserialize;
use serde_json::json;

use super::http::{CALL_LIMIT, Call, Error, encode};
use super::{Podman, or_default};

/// A secret, without its bytes: no call here reads those.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secret {
    pub name: String,
    pub id: String,
    pub labels: BTreeMap<String, String>,
}

impl Podman {
    /// All secrets, by name and label.
    pub async fn secrets(&self) -> Result<Vec<Secret>, Error> {
        #[derive(Deserialize)]
        struct Answer {
            #[serde(rename = "ID")]
            id: String,
            #[serde(rename = "Spec")]
            spec: Spec,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Spec {
            name: String,
            #[serde(default, deserialize_with = "or_default")]
            labels: BTreeMap<String, String>,
        }
        let answer: Vec<Answer> = self.get("list secrets", "/secrets/json").await?;
        let secrets = answer.into_iter().map(|Answer { id, spec }| Secret {
            name: spec.name,
            id,
            labels: spec.labels,
        });
        Ok(secrets.collect())
    }

    /// Stores a secret of 1 to 511,999 bytes. A name that is taken is refused unless `replace`;
    /// containers that run keep the old bytes until they start anew.
    ///
    /// The bytes travel in the request's body alone: in no error and no log. The name and the
    /// labels do not: `podman.service` writes every request's path and query to the journal.
    pub async fn create_secret(
        &self,
        name: &str,
        bytes: Vec<u8>,
        labels: &BTreeMap<String, String>,
        replace: bool,
    ) -> Result<(), Error> {
        let labels = encode(&json!(labels).to_string());
        let target = format!(
            "/secrets/create?name={}&labels={labels}&replace={replace}",
            encode(name)
        );
        let call = Call::new(
            format!("store the secret {name}"),
            Method::POST,
            target,
            CALL_LIMIT,
        );
        self.call(&call, bytes).await.map(drop)
    }

    /// Removes a secret. Podman does so even while a container uses it.
    pub async fn remove_secret(&self, name: &str) -> Result<(), Error> {
        self.remove("secret", name, "").await
    }
}

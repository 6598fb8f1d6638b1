//! The node's seed, and the secrets derived from it. The seed is never shown.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::hex::hex;
use crate::manifest::Part;
use crate::name::AppId;

/// The number of random bytes of a seed.
pub const SEED_BYTES: usize = 32;

/// The node's seed.
pub struct NodeSeed([u8; SEED_BYTES]);

/// The seed of an Umbrel, from which its apps have their passwords.
pub struct UmbrelSeed(Vec<u8>);

impl fmt::Debug for UmbrelSeed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("UmbrelSeed")
    }
}

impl UmbrelSeed {
    /// Reads the content of `db/umbrel-seed/seed`; `None` when it is empty. Umbrel takes the text
    /// itself as the key, without line feeds at its end.
    #[must_use]
    pub fn parse(content: &[u8]) -> Option<Self> {
        let end = content.iter().rposition(|byte| *byte != b'\n')?;
        Some(Self(content[..=end].to_vec()))
    }

    /// The text of a secret of the app with this id in Umbrel.
    #[must_use]
    pub fn secret(&self, id: &str, parts: &[Part]) -> String {
        joined(&self.0, id, parts)
    }
}

impl fmt::Debug for NodeSeed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("NodeSeed")
    }
}

impl NodeSeed {
    #[must_use]
    pub fn from_random(bytes: [u8; SEED_BYTES]) -> Self {
        Self(bytes)
    }

    /// Reads the content of its file; `None` for anything else than a seed.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.trim_end_matches('\n').as_bytes();
        if digits.len() != 2 * SEED_BYTES {
            return None;
        }
        let mut bytes = [0; SEED_BYTES];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some(Self(bytes))
    }

    /// The content of its file.
    #[must_use]
    pub fn to_text(&self) -> String {
        hex(&self.0)
    }

    /// The text of a secret of an app. No other app has the same.
    #[must_use]
    pub fn secret(&self, app: &AppId, parts: &[Part]) -> String {
        joined(&self.0, app.as_str(), parts)
    }
}

fn joined(key: &[u8], app: &str, parts: &[Part]) -> String {
    let parts = parts.iter().map(|part| match part {
        Part::Text(text) => text.clone(),
        Part::Entropy(name) => entropy(key, &format!("app-{app}-{name}")),
    });
    parts.collect()
}

/// HMAC-SHA256 under the seed, as Umbrel derives its entropy.
///
/// # Panics
/// Never: HMAC takes keys of every length (RFC 2104).
fn entropy(key: &[u8], name: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of every length");
    mac.update(name.as_bytes());
    hex(&mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_the_same_each_time_and_another_one_for_each_app() {
        let seed = NodeSeed::from_random([7; SEED_BYTES]);
        let again = NodeSeed::parse(&format!("{}\n", seed.to_text())).unwrap();
        let id = |id: &str| AppId::parse(id).unwrap();
        let entropy = [Part::Entropy("seed".to_owned())];
        let text = seed.secret(&id("notes"), &entropy);
        // printf app-notes-seed | openssl dgst -sha256 -mac HMAC -macopt hexkey:0707…
        assert_eq!(
            text,
            "01cd0d35258e9b6f541011cb2ff1a7f5c47debb8e356ecec7385b695d8cbce59"
        );
        assert_eq!(again.secret(&id("notes"), &entropy), text);
        assert_ne!(seed.secret(&id("other"), &entropy), text);
        let joint = [
            Part::Text("user:".to_owned()),
            Part::Entropy("seed".to_owned()),
            Part::Text("@db".to_owned()),
        ];
        assert_eq!(seed.secret(&id("notes"), &joint), format!("user:{text}@db"));
    }

    #[test]
    fn a_secret_of_umbrel_is_the_one_that_umbrel_made() {
        let text = "6f5e".repeat(16);
        let seed = UmbrelSeed::parse(format!("{text}\n").as_bytes()).unwrap();
        let password = [Part::Entropy("seed-APP_PASSWORD".to_owned())];
        // printf app-notes-seed-APP_PASSWORD | openssl dgst -sha256 -hmac 6f5e…
        assert_eq!(
            seed.secret("notes", &password),
            "516176a81c267a4fb6145cc1d9512aae895158b47cd8bebeeea3ca0b59d013d5"
        );
        assert_eq!(format!("{seed:?}"), "UmbrelSeed");
        assert!(UmbrelSeed::parse(b"\n").is_none());
    }

    #[test]
    fn a_seed_is_not_shown_and_half_a_seed_is_none() {
        let seed = NodeSeed::from_random([7; SEED_BYTES]);
        assert_eq!(format!("{seed:?}"), "NodeSeed");
        let text = seed.to_text();
        for wrong in [
            "",
            &text[..62],
            &format!("{text}00"),
            &text.replace('0', "g"),
        ] {
            assert!(NodeSeed::parse(wrong).is_none());
        }
    }
}

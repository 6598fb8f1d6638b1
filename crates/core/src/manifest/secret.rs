//! The secrets of a service.

use super::ManifestError;
use super::field::Field;

/// A secret mounted as a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretMount {
    /// The secret's name in `x-archipelago.secrets`.
    pub secret: String,
    /// The file name under `/run/secrets`, or an absolute path.
    pub target: Option<String>,
    /// Owner in the container.
    pub uid: Option<u32>,
    /// Group in the container.
    pub gid: Option<u32>,
    /// Mode, as octal digits.
    pub mode: Option<String>,
}

impl SecretMount {
    pub(super) fn read(field: &Field<'_>) -> Result<Self, ManifestError> {
        let mut mount = Self {
            secret: String::new(),
            target: None,
            uid: None,
            gid: None,
            mode: None,
        };
        if !field.is_map() {
            mount.secret = field.text()?;
            return Ok(mount);
        }
        mount.secret = field.required("source")?.text()?;
        field.each(|key, value| {
            match key {
                "source" => {}
                "target" => mount.target = Some(secret_target(value)?),
                "uid" => mount.uid = Some(id(value)?),
                "gid" => mount.gid = Some(id(value)?),
                "mode" => mount.mode = Some(mode(value)?),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(mount)
    }
}

fn id(field: &Field<'_>) -> Result<u32, ManifestError> {
    u32::try_from(field.count()?).map_err(|_| field.error("user and group ids end at 4294967295"))
}

/// Podman separates a secret's options by commas.
fn secret_target(field: &Field<'_>) -> Result<String, ManifestError> {
    let text = field.text()?;
    if text.is_empty() || text.contains(|c: char| c == ',' || c.is_control()) {
        return Err(field.error("a secret's target holds neither commas nor control characters"));
    }
    Ok(text)
}

fn mode(field: &Field<'_>) -> Result<String, ManifestError> {
    let text = field.text()?;
    let digits = text.strip_prefix("0o").unwrap_or(&text);
    if (3..=4).contains(&digits.len()) && digits.bytes().all(|b| (b'0'..=b'7').contains(&b)) {
        Ok(format!("{digits:0>4}"))
    } else {
        Err(field.error("expected a mode in octal digits such as 0440"))
    }
}

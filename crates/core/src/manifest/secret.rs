//! The secrets of a service.

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

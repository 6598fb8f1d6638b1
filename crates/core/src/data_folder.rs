//! The marker of the data folder. It tells the empty mount point of a disk that is not mounted from
//! a folder that is really new.
//!
//! The node has an id, made once and kept in its configuration with the path of its data folder.
//! The data folder holds the same id in its marker file. Without the marker nothing is started,
//! made or generated: every app would begin anew on empty data.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::hex::hex;
use crate::layout::Layout;

/// The id of a node: 32 lower-case hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NodeId(String);

/// A text that is no node's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it does not contain a node id (32 hexadecimal digits)")]
pub struct NoNodeId;

/// The node's id and the path of its data folder, as its configuration keeps them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    pub id: NodeId,
    /// The folder that holds its data.
    pub data: PathBuf,
}

/// Why `node.toml` cannot be understood. Nothing of it is quoted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// The parser's words.
    #[error("{0}")]
    Syntax(String),
    #[error("`data` is not an absolute path")]
    Relative,
}

/// Why one of the two files exists and does not tell the owner of the data folder.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// The file cannot be read. The text names it.
    #[error("{0}")]
    Disk(String),
    #[error("{}: {source}", path.display())]
    Identity {
        path: PathBuf,
        source: IdentityError,
    },
    #[error(
        "{} names another data folder, {}, than this program was started with; systemctl --user restart archipelago",
        path.display(), data.display()
    )]
    Moved { path: PathBuf, data: PathBuf },
    #[error("{}: {source}", path.display())]
    Marker { path: PathBuf, source: NoNodeId },
}

/// The findings on the disk. `Err` says why something that is there cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// The identity in the configuration.
    pub identity: Result<Option<Identity>, Unreadable>,
    /// The marker in the data folder.
    pub marker: Result<Option<NodeId>, Unreadable>,
    /// Whether units of ours mount something of a data folder that is empty or not there.
    pub data_missing: bool,
}

/// The owner of the data folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Claim {
    /// This node's, and all goes on.
    #[default]
    Held,
    /// It is to become this node's: with this id, or where there is none yet, a new one.
    Take(Option<NodeId>),
    /// Not this node's, as far as can be told. Nothing is started, made or changed.
    Refused(Refusal),
}

/// Why a data folder is not taken for this node's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The marker is missing.
    NoMarker,
    /// The marker is that of another node.
    OtherNode,
    /// The units of version 0.1.0 mount what is not there.
    NoData,
    Unreadable(Unreadable),
}

/// Why nothing is done in a data folder that is not this node's, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}, so nothing is started or changed; to do: {}", refusal.finding(layout), refusal.cure(layout))]
pub struct NotOurs {
    refusal: Refusal,
    layout: Box<Layout>,
}

impl NodeId {
    /// From random bytes.
    #[must_use]
    pub fn from_random(bytes: [u8; 16]) -> Self {
        Self(hex(&bytes))
    }

    /// Reads the marker's file.
    ///
    /// # Errors
    /// When it holds something else.
    pub fn parse(text: &str) -> Result<Self, NoNodeId> {
        let text = text.trim_end();
        let is_digit = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
        if text.len() == 32 && text.chars().all(is_digit) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NoNodeId)
        }
    }

    /// The marker's file.
    #[must_use]
    pub fn to_text(&self) -> String {
        format!("{}\n", self.0)
    }
}

impl TryFrom<String> for NodeId {
    type Error = NoNodeId;

    fn try_from(text: String) -> Result<Self, NoNodeId> {
        Self::parse(&text)
    }
}

impl From<NodeId> for String {
    fn from(id: NodeId) -> Self {
        id.0
    }
}

impl Identity {
    /// Reads `node.toml`.
    ///
    /// # Errors
    /// When it cannot be understood.
    pub fn parse(text: &str) -> Result<Self, IdentityError> {
        let identity: Self = toml::from_str(text)
            .map_err(|error| IdentityError::Syntax(error.message().to_owned()))?;
        if identity.data.is_absolute() {
            Ok(identity)
        } else {
            Err(IdentityError::Relative)
        }
    }

    /// `node.toml`. A path that is not UTF-8 cannot stand in it.
    #[must_use]
    pub fn to_text(&self) -> Option<String> {
        let values = toml::to_string(self).ok()?;
        Some(format!(
            "# Made by Archipelago. The same id stands in the data folder, so that a disk that is not mounted is not taken\n\
             # for an empty one.\n{values}"
        ))
    }
}

/// Judges what was found.
#[must_use]
pub fn judge(evidence: &Evidence) -> Claim {
    let Evidence {
        identity,
        marker,
        data_missing,
    } = evidence;
    match (identity, marker) {
        (Err(cause), _) | (_, Err(cause)) => Claim::Refused(Refusal::Unreadable(cause.clone())),
        (Ok(Some(identity)), Ok(Some(marker))) if identity.id == *marker => Claim::Held,
        (Ok(Some(_)), Ok(Some(_))) => Claim::Refused(Refusal::OtherNode),
        (Ok(Some(_)), Ok(None)) => Claim::Refused(Refusal::NoMarker),
        // The configuration is new, the data are not.
        (Ok(None), Ok(Some(marker))) => Claim::Take(Some(marker.clone())),
        (Ok(None), Ok(None)) if *data_missing => Claim::Refused(Refusal::NoData),
        (Ok(None), Ok(None)) => Claim::Take(None),
    }
}

/// The claim after the operator accepts the folder, whatever was found: the folder keeps the id in
/// its marker; without one it gets the node's.
#[must_use]
pub fn accept(evidence: &Evidence) -> Claim {
    if judge(evidence) == Claim::Held {
        return Claim::Held;
    }
    let marker = evidence.marker.clone().ok().flatten();
    let known = || {
        let identity = evidence.identity.clone().ok().flatten();
        identity.map(|identity| identity.id)
    };
    Claim::Take(marker.or_else(known))
}

impl Refusal {
    /// The problem, in one sentence.
    #[must_use]
    pub fn finding(&self, layout: &Layout) -> String {
        let data = layout.data.display();
        match self {
            Self::NoMarker => format!(
                "the data folder {data} does not hold this node's data: its marker {} is missing",
                layout.marker().display()
            ),
            Self::OtherNode => format!(
                "the data folder {data} holds the data of another node: its marker {} is not the id in {}",
                layout.marker().display(),
                layout.identity().display()
            ),
            Self::NoData => {
                format!("the data folder {data} is empty, but the apps' units mount folders in it")
            }
            Self::Unreadable(cause) => {
                format!(
                    "the marker of the data folder {data} cannot be read, so nobody knows whether it is this node's: {cause}"
                )
            }
        }
    }

    /// The way out for the operator.
    #[must_use]
    pub fn cure(&self, layout: &Layout) -> String {
        let data = layout.data.display();
        let accept = "archipelago setup --accept-data";
        match self {
            Self::NoMarker | Self::NoData => format!(
                "mount the disk that holds {data}; the apps then continue. If that folder is the right one, new or restored: {accept}"
            ),
            Self::OtherNode => format!(
                "mount this node's own disk at {data}; the apps then continue. If that folder is the right one: {accept}"
            ),
            Self::Unreadable(_) => format!(
                "make the file readable; the apps then continue. If it is damaged and {data} is the right folder: {accept}"
            ),
        }
    }
}

impl NotOurs {
    #[must_use]
    pub fn new(refusal: Refusal, layout: &Layout) -> Self {
        Self {
            refusal,
            layout: Box::new(layout.clone()),
        }
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(byte: u8) -> NodeId {
        NodeId::from_random([byte; 16])
    }

    fn identity(byte: u8) -> Identity {
        Identity {
            id: id(byte),
            data: PathBuf::from("/var/lib/archipelago"),
        }
    }

    #[test]
    fn only_a_folder_with_the_same_id_is_this_nodes() {
        let denied = || Unreadable::Disk("read /x: denied".to_owned());
        let unreadable = || Err(denied());
        let refused = Claim::Refused;
        let cannot = || refused(Refusal::Unreadable(denied()));
        let (one, other) = (|| Ok(Some(identity(1))), || Ok(Some(id(2))));
        for (identity, marker, data_missing, expected, accepted) in [
            (one(), Ok(Some(id(1))), false, Claim::Held, Claim::Held),
            (
                one(),
                Ok(None),
                false,
                refused(Refusal::NoMarker),
                Claim::Take(Some(id(1))),
            ),
            (
                one(),
                other(),
                false,
                refused(Refusal::OtherNode),
                Claim::Take(Some(id(2))),
            ),
            (
                Ok(None),
                other(),
                true,
                Claim::Take(Some(id(2))),
                Claim::Take(Some(id(2))),
            ),
            (
                Ok(None),
                Ok(None),
                false,
                Claim::Take(None),
                Claim::Take(None),
            ),
            (
                Ok(None),
                Ok(None),
                true,
                refused(Refusal::NoData),
                Claim::Take(None),
            ),
            (
                unreadable(),
                other(),
                false,
                cannot(),
                Claim::Take(Some(id(2))),
            ),
            (unreadable(), Ok(None), false, cannot(), Claim::Take(None)),
            (
                one(),
                Err(denied()),
                false,
                cannot(),
                Claim::Take(Some(id(1))),
            ),
        ] {
            let evidence = Evidence {
                identity,
                marker,
                data_missing,
            };
            assert_eq!(judge(&evidence), expected, "{evidence:?}");
            assert_eq!(accept(&evidence), accepted, "{evidence:?}");
        }
    }

    #[test]
    fn its_files_are_read_as_they_were_written() {
        let known = identity(0xab);
        let text = known.to_text().unwrap();
        assert!(text.starts_with("# Made by Archipelago."), "{text}");
        assert_eq!(Identity::parse(&text), Ok(known.clone()));
        assert_eq!(NodeId::parse(&known.id.to_text()), Ok(known.id));
        for wrong in [
            "",
            "abab",
            &"g".repeat(32),
            &"A".repeat(32),
            &"a".repeat(33),
        ] {
            assert_eq!(NodeId::parse(wrong), Err(NoNodeId), "{wrong}");
            let text = text.replace(&"ab".repeat(16), wrong);
            let cause = Identity::parse(&text).unwrap_err();
            assert!(
                wrong.is_empty() || !cause.to_string().contains(wrong),
                "{cause}"
            );
        }
        assert!(Identity::parse(&text.replace("/var", "var")).is_err());
        assert!(Identity::parse(&format!("{text}more = 1\n")).is_err());
    }

    #[test]
    fn a_refusal_says_what_to_do() {
        let layout = Layout::under("/");
        for refusal in [
            Refusal::NoMarker,
            Refusal::OtherNode,
            Refusal::NoData,
            Refusal::Unreadable(Unreadable::Disk("read /data/node-id: denied".to_owned())),
        ] {
            let cause = NotOurs::new(refusal, &layout).to_string();
            for words in [
                "/data",
                "nothing is started",
                "archipelago setup --accept-data",
            ] {
                assert!(cause.contains(words), "{words} is missing in: {cause}");
            }
        }
    }
}

//! The notes that a person should read before an app is imported.

use std::fmt;
use std::path::PathBuf;

use super::System;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// Secrets of the app that are new ones, because Umbrel's seed is not there.
    NoSeed { seed: PathBuf, secrets: Vec<String> },
    /// The folders that several apps of the system share stay where they are.
    Shared(System),
    /// Docker's containers cannot be listed.
    DockerUnseen,
}

impl fmt::Display for Note {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSeed { seed, secrets } => write!(
                formatter,
                "the app gets new secrets ({}), because {} is not there; passwords that the app has set with the old ones do not fit any more",
                secrets.join(", "),
                seed.display()
            ),
            Self::Shared(system) => write!(
                formatter,
                "the folders that apps share ({}) are not imported; move what is in them to the folder of the setting shared_folder",
                match system {
                    System::Umbrel => "data/storage and home of Umbrel",
                    System::CasaOs => "all of /DATA outside of /DATA/AppData",
                    System::Compose => "outside of the app's folder",
                }
            ),
            Self::DockerUnseen => formatter.write_str(
                "this user cannot ask Docker whether the app still runs; stop it there first (sudo docker ps shows its containers)",
            ),
        }
    }
}

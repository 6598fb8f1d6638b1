//! The app as it is before an installation. What it already has is not asked for again: a running
//! app may go on without a device that is away for a while.

use std::collections::BTreeSet;

use crate::check::needs::{self, Unmet};
use crate::desired::{App, Present};
use crate::needs::Offers;

/// The app before an installation.
#[derive(Clone, Debug)]
pub(super) enum Before {
    /// It is not installed, or is being removed.
    Absent,
    /// It stays as it is, or it cannot be resolved. Its containers may have any need already.
    Unknown,
    Present {
        present: Box<Present>,
        disk_mib: u64,
    },
}

impl Before {
    /// `disk_mib` is the room that its definition asks for.
    pub(super) fn of(app: Option<&App>, disk_mib: u64) -> Self {
        match app {
            None | Some(App::Removed { .. }) => Self::Absent,
            Some(App::Present(present)) => Self::Present {
                present: present.clone(),
                disk_mib,
            },
            Some(
                App::Broken { .. }
                | App::NeedsSecrets { .. }
                | App::NeedsApp { .. }
                | App::NeedsFile { .. },
            ) => Self::Unknown,
        }
    }

    /// Whether it has this need already, though the host does not meet it.
    pub(super) fn has(&self, unmet: &Unmet, offers: &Offers) -> bool {
        match self {
            Self::Absent => false,
            Self::Unknown => true,
            Self::Present { present, .. } => needs::unmet(present, offers).contains(unmet),
        }
    }

    /// The room that an app which asks for `disk_mib` needs beyond that of its present data.
    pub(super) fn further_mib(&self, disk_mib: u64) -> u64 {
        match self {
            Self::Absent => disk_mib,
            Self::Unknown => 0,
            Self::Present {
                disk_mib: before, ..
            } => disk_mib.saturating_sub(*before),
        }
    }

    /// ` more` when [`Before::further_mib`] is a part of the whole.
    pub(super) fn word_for_more(&self) -> &'static str {
        match self {
            Self::Present { .. } => " more",
            Self::Absent | Self::Unknown => "",
        }
    }

    /// Those of these images that it does not use yet.
    pub(super) fn new_images(&self, present: &Present) -> BTreeSet<String> {
        let all = images(present);
        match self {
            Self::Absent => all,
            Self::Unknown => BTreeSet::new(),
            Self::Present { present, .. } => all.difference(&images(present)).cloned().collect(),
        }
    }
}

/// The names of all images of an app, and of the images that its own are built of.
fn images(present: &Present) -> BTreeSet<String> {
    let images = present.containers().map(|(_, container)| &container.image);
    let names = images.flat_map(|image| {
        let sources = image.sources().into_keys();
        sources.chain([image.reference.to_string()])
    });
    names.collect()
}

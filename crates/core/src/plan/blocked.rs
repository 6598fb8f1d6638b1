//! Why nothing may be done for an app: a name of it is taken, the generator refused its units, or a
//! network that it joins is missing.

use std::fmt;
use std::path::PathBuf;

use crate::cause::UnitsRefused;
use crate::desired::{App, Desired, Present, Role};
use crate::layout::Layout;
use crate::name::AppId;
use crate::observed::{Observed, Override};
use crate::retries::{Retries, Subject};

/// Why an app's units are not touched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Blocked {
    #[error(
        "the unit file {} is empty or cannot be read, so nobody knows whose it is; correct it or move it away, and the app continues",
        .0.display()
    )]
    UnitOfNobody(PathBuf),
    #[error("the unit file {} was not written for this app; move it away, and the app continues", .0.display())]
    UnitOfAnother(PathBuf),
    #[error("{} hides its unit; move that file away, or use a drop-in", .0.display())]
    UnitHidden(PathBuf),
    /// Podman has an object of that name.
    #[error(
        "Podman has a {kind} {name} that was not made for this app; rename or remove it (podman {kind} rm {name})"
    )]
    Object { kind: Kind, name: String },
    #[error(transparent)]
    UnitsRefused(#[from] UnitsRefused),
}

/// The kinds of Podman's objects that an app names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Network,
    Volume,
    Container,
    Secret,
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Network => "network",
            Self::Volume => "volume",
            Self::Container => "container",
            Self::Secret => "secret",
        })
    }
}

/// Why an app's units are not touched, if so: a name of it is taken, or the generator refused them.
#[must_use]
pub fn blocked(
    layout: &Layout,
    id: &AppId,
    present: &Present,
    observed: &Observed,
    retries: &Retries,
) -> Option<Blocked> {
    name_taken(layout, id, present, observed).or_else(|| {
        let words = refused(id, present, retries)?;
        Some(UnitsRefused(words.to_owned()).into())
    })
}

/// Why the generator refused an app's units, if it refused these very ones.
pub(super) fn refused<'a>(
    id: &AppId,
    present: &Present,
    retries: &'a Retries,
) -> Option<&'a [String]> {
    let rejection = retries.rejection(id)?;
    (rejection.revisions == revisions(present)).then_some(rejection.words.as_slice())
}

/// The app that this one requires and whose network has no unit file because that app has failed:
/// the generator would refuse every unit that joins it.
#[must_use]
pub fn without_network<'a>(
    desired: &'a Desired,
    present: &'a Present,
    observed: &Observed,
    retries: &Retries,
) -> Option<&'a AppId> {
    let (id, _) = required(desired, present).find(|(id, required)| {
        let failed = || {
            retries.attempts(&Subject::App((*id).clone())).is_some()
                || blocked(&desired.layout, id, required, observed, retries).is_some()
                || without_network(desired, required, observed, retries).is_some()
        };
        !has_network_files(present, required, observed) && failed()
    })?;
    Some(id)
}

/// The apps that this one requires.
pub(super) fn required<'a>(
    desired: &'a Desired,
    present: &'a Present,
) -> impl Iterator<Item = (&'a AppId, &'a Present)> {
    let all = present.requires.keys();
    all.filter_map(|id| match desired.apps.get(id)? {
        App::Present(required) => Some((id, required.as_ref())),
        _ => None,
    })
}

/// Whether there are unit files of those networks of a required app that this one joins.
pub(super) fn has_network_files(
    present: &Present,
    required: &Present,
    observed: &Observed,
) -> bool {
    let joins = |network: &String| {
        let mut containers = present.containers();
        containers.any(|(_, container)| container.networks.contains(network))
    };
    let mut networks = required
        .units
        .values()
        .filter(|unit| matches!(&unit.role, Role::Network(network) if joins(network)));
    networks.all(|unit| observed.mark(&unit.file.name).is_some())
}

/// A name of the app that someone else has.
pub(super) fn name_taken(
    layout: &Layout,
    id: &AppId,
    present: &Present,
    observed: &Observed,
) -> Option<Blocked> {
    let units = present.units.values().find_map(|unit| {
        let name = &unit.file.name;
        // A file with the very bytes that are wanted holds the mark as well.
        let file_taken = observed.unit_files.get(name).is_some_and(|found| {
            found != unit.file.content.as_bytes()
                && observed.mark(name).is_none_or(|mark| mark.app != *id)
        });
        let is_bare = observed.unit_files.get(name).is_some_and(Vec::is_empty);
        if file_taken && is_bare {
            return Some(Blocked::UnitOfNobody(layout.unit(name)));
        }
        if file_taken {
            return Some(Blocked::UnitOfAnother(layout.unit(name)));
        }
        if observed.overrides.get(&unit.service) == Some(&Override::Foreign) {
            return Some(Blocked::UnitHidden(layout.systemd.join(&unit.service)));
        }
        let view = observed.podman_view()?;
        let (kind, name, owner) = match &unit.role {
            Role::Network(name) => (Kind::Network, name, &view.networks.get(name)?.owner),
            Role::Volume(name) => (Kind::Volume, name, view.volumes.get(name)?),
            Role::Container(container) => {
                let name = &container.name;
                (Kind::Container, name, view.containers.get(name)?)
            }
        };
        let name = name.clone();
        (owner.as_ref() != Some(id)).then_some(Blocked::Object { kind, name })
    });
    units.or_else(|| {
        let secrets = &observed.podman_view()?.secrets;
        let taken = present.secrets.keys().find(|name| {
            let owner = secrets
                .get(*name)
                .map(|known| known.as_ref().map(|(app, _)| app));
            owner.is_some_and(|owner| owner != Some(id))
        })?;
        Some(Blocked::Object {
            kind: Kind::Secret,
            name: taken.clone(),
        })
    })
}

/// The revisions of an app's units, by which a refusal is remembered.
#[must_use]
pub fn revisions(present: &Present) -> Vec<String> {
    present
        .units
        .values()
        .map(|unit| unit.file.revision.clone())
        .collect()
}

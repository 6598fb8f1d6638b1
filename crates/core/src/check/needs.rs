//! The needs of containers that the host does not meet. Podman says so only when it starts the
//! container; a person reads it before the installation.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;

use crate::desired::{DesiredContainer, Present};
use crate::needs::{Controller, Device, Limit, Needs, Offers};

/// A need that the host does not meet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmet {
    pub container: String,
    pub need: Need,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Need {
    /// There is no such device.
    Device(PathBuf),
    /// There is, but this user may not open it.
    ClosedDevice(PathBuf),
    /// More than a service of this user may have.
    Limit { name: String, asked: u64, most: u64 },
    /// As much as is allowed, which is bounded.
    Unbounded { name: String, most: u64 },
    /// The registry has the image, or one that it is built of, for other architectures only.
    RegistryImage {
        image: String,
        offered: BTreeSet<String>,
        architecture: String,
        /// Whether the app asks for this architecture, not this machine.
        is_chosen: bool,
    },
    /// Podman does not have the external network.
    Network(String),
    /// Podman does not have the external volume.
    Volume(String),
    /// Services of this user do not have the controller.
    Controller(Controller),
    /// The image is for another architecture.
    Image {
        image: String,
        built_for: String,
        architecture: String,
    },
}

impl Need {
    /// Whether it is why a container does not start, if that does not.
    #[must_use]
    pub fn keeps_from_starting(&self) -> bool {
        match self {
            Self::Device(_)
            | Self::Limit { .. }
            | Self::RegistryImage { .. }
            | Self::Network(_)
            | Self::Volume(_)
            | Self::Controller(_)
            | Self::Image { .. } => true,
            Self::ClosedDevice(_) | Self::Unbounded { .. } => false,
        }
    }

    /// Whether a container certainly does not start without it. What an image says of its
    /// architecture may be wrong: some are built without care for it, and run. But Podman fetches
    /// no image that its registry does not have for this machine's kind.
    #[must_use]
    pub fn is_certain(&self) -> bool {
        match self {
            Self::Device(_)
            | Self::Limit { .. }
            | Self::RegistryImage { .. }
            | Self::Network(_)
            | Self::Volume(_)
            | Self::Controller(_) => true,
            Self::ClosedDevice(_) | Self::Unbounded { .. } | Self::Image { .. } => false,
        }
    }
}

/// The needs of an app's containers that the host does not meet.
#[must_use]
pub fn unmet(present: &Present, offers: &Offers) -> Vec<Unmet> {
    let containers = present.containers();
    let all = containers.flat_map(|(_, container)| {
        let needs = unmet_by(container, offers).into_iter();
        needs.map(|need| Unmet {
            container: container.name.clone(),
            need,
        })
    });
    all.collect()
}

/// Those of one container.
#[must_use]
pub fn unmet_by(container: &DesiredContainer, offers: &Offers) -> Vec<Need> {
    let Needs {
        devices,
        limits,
        networks,
        volumes,
        controllers,
    } = &container.needs;
    let image = container.image.reference.to_string();
    // The kind that the app asks for, or else this machine's.
    let asked = container
        .image
        .architecture()
        .unwrap_or(&offers.architecture);
    let chosen = Some(asked).filter(|asked| **asked != offers.architecture);
    let built_for = offers.foreign_images.get(&image).map(String::as_str);
    let foreign = built_for.or(chosen).map(|built_for| Need::Image {
        image,
        built_for: built_for.to_owned(),
        architecture: offers.architecture.clone(),
    });
    let sources = container.image.sources().into_keys();
    let unavailable = sources.filter_map(|image| {
        let offered = offers.registry_images.get(&image)?;
        (!offered.contains(asked)).then(|| Need::RegistryImage {
            offered: offered.clone(),
            architecture: asked.to_owned(),
            is_chosen: chosen.is_some(),
            image,
        })
    });
    let devices = devices
        .iter()
        .filter_map(|path| match offers.devices.get(path) {
            Some(Device::Missing) => Some(Need::Device(path.clone())),
            Some(Device::Closed) => Some(Need::ClosedDevice(path.clone())),
            Some(Device::Usable) | None => None,
        });
    let limits = limits.iter().filter_map(|(name, limit)| {
        let most = (*offers.limits.get(name)?)?;
        limit.unmet(name, most)
    });
    let controllers = controllers.iter().filter(|controller| {
        let delegated = offers.controllers.as_ref();
        delegated.is_some_and(|delegated| !delegated.contains(controller))
    });
    let controllers = controllers.copied().map(Need::Controller);
    let networks = networks.intersection(&offers.missing_networks);
    let networks = networks.cloned().map(Need::Network);
    let volumes = volumes.intersection(&offers.missing_volumes);
    let volumes = volumes.cloned().map(Need::Volume);
    foreign
        .into_iter()
        .chain(unavailable)
        .chain(devices)
        .chain(limits)
        .chain(networks)
        .chain(volumes)
        .chain(controllers)
        .collect()
}

impl Limit {
    /// Only root may give more than the user has (`setrlimit(2)`), and nothing in a rootless
    /// container is that root. For what is as much as is allowed, Podman takes the user's own.
    fn unmet(self, name: &str, most: u64) -> Option<Need> {
        let name = name.to_owned();
        let asked = [self.soft, self.hard].into_iter().flatten().max();
        match asked {
            Some(asked) if asked > most => Some(Need::Limit { name, asked, most }),
            _ if self.hard.is_none() => Some(Need::Unbounded { name, most }),
            _ => None,
        }
    }
}

impl fmt::Display for Unmet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.container, self.need)
    }
}

impl fmt::Display for Need {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Device(path) => write!(
                formatter,
                "it needs the device {}, which this machine does not have; connect it or load its driver, or remove it from `devices` in \
                 compose.yaml",
                path.display()
            ),
            Self::ClosedDevice(path) => write!(
                formatter,
                "it uses the device {}, which this user may not open; ls -l {} shows the group that may",
                path.display(),
                path.display()
            ),
            Self::Limit { name, asked, most } => write!(
                formatter,
                "it asks for the limit {name}={asked}, and services of this user may have {most} at most; lower it in compose.yaml, or {}",
                Raise(name)
            ),
            Self::Unbounded { name, most } => write!(
                formatter,
                "it asks for {name} without limit, and gets {most}, the most that services of this user may have; for more: {}",
                Raise(name)
            ),
            Self::RegistryImage {
                image,
                offered,
                architecture,
                is_chosen,
            } => {
                let who = match is_chosen {
                    true => "its `platform` is",
                    false => "this machine is",
                };
                let offered: Vec<&str> = offered.iter().map(String::as_str).collect();
                write!(
                    formatter,
                    "its registry has the image {image} for {} only, and {who} {architecture}; use an image for {architecture}",
                    offered.join(", ")
                )
            }
            Self::Controller(controller) => write!(
                formatter,
                "it has a limit that needs the control group controller {}, which services of this user do not have; remove the limit \
                 from compose.yaml, or {}",
                controller.name(),
                Delegate
            ),
            Self::Network(name) => write!(
                formatter,
                "it joins the network {name}, which Podman does not have; make it (podman network create {name}), or remove it from \
                 compose.yaml"
            ),
            Self::Volume(name) => write!(
                formatter,
                "it mounts the volume {name}, which Podman does not have; make it (podman volume create {name}), or remove `external` \
                 from compose.yaml: the app gets a volume of its own"
            ),
            Self::Image {
                image,
                built_for,
                architecture,
            } => write!(
                formatter,
                "the image {image} is for {built_for}, and this machine is {architecture}; use an image for {architecture}, or install an \
                 emulator (sudo apt install qemu-user-binfmt)"
            ),
        }
    }
}

/// The command by which root raises a limit of this user's services.
struct Raise<'a>(&'a str);

impl fmt::Display for Raise<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.0.to_uppercase();
        write!(
            formatter,
            "sudo systemctl edit user@$(id -u).service, [Service] Limit{name}=, and reboot"
        )
    }
}

/// The command by which root lets services of users have all controllers.
pub(super) struct Delegate;

impl fmt::Display for Delegate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = Controller::ALL.map(Controller::name).join(" ");
        write!(
            formatter,
            "sudo sh -c 'mkdir -p /etc/systemd/system/user@.service.d && printf \"[Service]\\nDelegate={all}\\n\" \
             >/etc/systemd/system/user@.service.d/delegate.conf', and reboot"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(limit: (Option<u64>, Option<u64>), most: u64, expected: Option<&str>) {
        let (soft, hard) = limit;
        let need = Limit { soft, hard }.unmet("memlock", most);
        let told = need.as_ref().map(|need| {
            let kind = if need.keeps_from_starting() {
                "refused"
            } else {
                "warned"
            };
            format!("{kind}: {need}")
        });
        let starts = match (&told, expected) {
            (None, None) => true,
            (Some(told), Some(expected)) => told.starts_with(expected),
            _ => false,
        };
        assert!(starts, "{limit:?} of {most}: {told:?}");
    }

    #[test]
    fn devices_and_limits_are_read_as_podman_writes_them() {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let devices: Vec<String> = texts(&[
            "/dev/dri",
            "/dev/ttyUSB0:/dev/tty0:rw",
            "nvidia.com/gpu=all",
        ]);
        let ulimits: Vec<String> = texts(&["nofile=1:2", "memlock=-1", "nproc=7:-1"]);
        let needs = Needs::of(&devices, &ulimits);
        let paths = ["/dev/dri", "/dev/ttyUSB0"].map(PathBuf::from);
        assert!(needs.devices.into_iter().eq(paths));
        let limits = [
            ("memlock", None, None),
            ("nofile", Some(1), Some(2)),
            ("nproc", Some(7), None),
        ];
        let limits = limits.map(|(name, soft, hard)| (name.to_owned(), Limit { soft, hard }));
        assert!(needs.limits.into_iter().eq(limits));
    }

    /// As Podman 5.4 and crun do with them for a user whose hard limit is `most`.
    #[test]
    fn a_limit_above_the_users_is_refused_and_one_without_bound_warned_of() {
        check((Some(10), Some(10)), 10, None);
        check((Some(1), Some(10)), 10, None);
        let refused = Some("refused: it asks for the limit memlock=11");
        check((Some(11), Some(11)), 10, refused);
        check((Some(1), Some(11)), 10, refused);
        check((Some(11), None), 10, refused);
        let warned = Some("warned: it asks for memlock without limit, and gets 10");
        check((None, None), 10, warned);
        check((Some(1), None), 10, warned);
    }
}

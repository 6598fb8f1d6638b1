//! Interventions: changes of the host by anything but Archipelago's processes, such as the
//! operator, a person with a shell, or a power cut.

use serde::{Deserialize, Serialize};

use crate::host::disk::Unsynced;
use crate::host::registry::PullOutcome;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Intervention {
    /// `archipelago install`, of a version of the app.
    Install(String, u8),
    /// The same by an earlier version of Archipelago, which accepted what this one may refuse.
    InstallUnjudged(String, u8),
    /// `archipelago start`
    Start(String),
    /// `archipelago stop`
    Stop(String),
    /// `archipelago set shop port=…`
    SetPort(u16),
    /// `archipelago uninstall`
    Uninstall(String),
    /// `archipelago uninstall --purge`
    Purge(String),
    /// Edits the intent of the shop: its release is one that asks for a capability.
    EditIntent,
    /// Adds the word for that capability to the intent of the shop.
    Agree,
    /// Removes the file with the version of the shop that a person has agreed to.
    LoseGranted,
    /// Cuts off the end of that file.
    DamageGranted,
    /// `archipelago restart`
    Restart(String),
    /// `archipelago rebuild` of the shop, after the base image of its companion has changed.
    Rebuild,
    /// Removes a unit file.
    DeleteUnit(String),
    /// Adds a comment to a unit file.
    EditUnit(String),
    /// Adds a key that Quadlet does not know to a unit file.
    SpoilUnit(String),
    /// `systemctl --user edit`: a drop-in for a service.
    DropIn(String),
    /// A drop-in for Quadlet beside a unit file, with a key that Quadlet does not know.
    SpoilingDropIn(String),
    /// Removes the drop-ins beside a unit file.
    RemoveDropIns(String),
    /// `systemctl --user daemon-reload`
    Reload,
    /// `systemctl --user stop`
    StopService(String),
    /// `kill -9` of a container's process.
    KillService(String),
    /// `systemctl --user mask`
    Mask(String),
    /// `systemctl --user unmask`
    Unmask(String),
    /// `podman rm -f`
    RemoveContainer(String),
    /// `podman network rm -f`
    RemoveNetwork(String),
    /// Removes the isolation of a network, as version 0.1.0 made it. Its containers stay on it.
    OpenNetwork(String),
    /// `podman volume rm -f`
    RemoveVolume(String),
    /// `podman secret rm`
    RemoveSecret(String),
    /// `podman rmi -f`
    RemoveImage(String),
    /// `podman system prune -af --volumes`
    Prune,
    /// `podman system reset`
    PodmanReset,
    /// Removes every unit file of the two apps.
    DeleteAllUnits,
    /// Removes the rendered files of a container.
    DeleteRendered(String),
    /// Changes the rendered files of a container.
    EditRendered(String),
    /// The disk runs out of space.
    FillDisk,
    /// The disk is remounted read-only.
    MountReadOnly,
    /// The disk accepts writes again.
    MendDisk,
    /// Unmounts the disk that holds the data folder's content.
    UnmountData,
    /// Mounts that disk again.
    MountData,
    /// Removes Podman's socket from the disk.
    RemoveSocket,
    /// `kill -9` of aardvark-dns.
    KillResolver,
    /// Podman no longer answers.
    BreakPodman,
    /// Podman answers again.
    MendPodman,
    /// From now on, pulls and builds have this outcome.
    Registry(PullOutcome),
    /// Moves the time of day by this many seconds, forward or back.
    SetClock(i64),
    /// A clean reboot.
    Reboot,
    PowerLoss(Unsynced),
}

impl Intervention {
    /// Whether it ends all processes of the host.
    pub(crate) fn reboots(&self) -> bool {
        matches!(self, Self::Reboot | Self::PowerLoss(_))
    }
}

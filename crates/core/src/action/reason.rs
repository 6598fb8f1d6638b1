//! Why an action is planned.

use serde::{Deserialize, Serialize, Serializer};

use crate::name::AppId;
use crate::observed::network_helpers::Helper;
use crate::release::ReleaseId;

/// Why an action is planned: what was seen to differ from what is wanted, or what the operator
/// asked for.
///
/// The planner knows it where it plans the action. A restart may happen passes later, so its reason
/// is kept in
/// [`Memory`](crate::observed::Memory).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Reason {
    /// The file, folder, image or Podman secret is not there.
    Missing,
    /// The file does not hold what Archipelago wrote into it.
    ChangedByOthers { file: String },
    /// The file has these permission bits instead of its own.
    ModeChanged { file: String, mode: u32 },
    /// The folder is to belong to another user of the containers.
    OwnerDiffers { file: String },
    /// The file was written for an earlier configuration: another definition, setting, image or
    /// goal, or another value of something that it quotes.
    Outdated { file: String },
    /// The file differs from what is wanted, and it cannot be told since when: its unit file is
    /// gone, and systemd has forgotten it.
    Differs { file: String },
    /// The unit file was gone while the service ran, and systemd had forgotten it: it is not known
    /// what the service runs with.
    UnitForgotten { unit: String },
    /// The file was written by this other version of Archipelago.
    OtherVersion { version: String },
    /// Podman's copy of the secret has another revision than the app's.
    SecretChanged,
    /// It is not kept yet what the image declares.
    ImageNotRecorded,
    /// The unit file is right, and systemd has not read it.
    NotRead { unit: String },
    /// The service does not run.
    NotRunning,
    /// The service ended with this result of systemd's and this status.
    Failed { result: String, status: i32 },
    /// Podman no longer has the network or volume that the service has made.
    Vanished,
    /// This service, which it follows, has begun anew since it did.
    FellBehind { service: String },
    /// Nothing listens on its published ports.
    PortsClosed,
    /// The network is not isolated.
    NotIsolated { network: String },
    /// The stored files of this name, which containers mount, are not whole.
    ReleaseDamaged { release: ReleaseId },
    /// The app's definition lies where version 0.1.0 kept it.
    FormerDefinition,
    /// A person has agreed to what the intent asks for.
    Agreed,
    /// Nothing needs it any more.
    Unneeded,
    /// The operator asked for a restart.
    RestartAsked,
    /// A restart was noted as due by a version of Archipelago that kept no reason.
    RestartPending,
    /// The operator wants the app stopped.
    StopAsked,
    /// It requires this app, which is stopped or masked by the operator.
    RequiredStopped { app: AppId },
    /// It ends again and again, because this app, which it requires, cannot be reached.
    RequiredUnreachable { app: AppId },
    /// This service would start only when the stop has ended.
    DelaysStart { service: String },
    /// The app's definition no longer has it.
    LeftOver,
    /// The operator uninstalled the app.
    UninstallAsked,
    /// The operator asked to remove the app's data as well.
    PurgeAsked,
    /// The data folder is not marked as this node's yet.
    DataUnclaimed,
    /// It is about to do, or has done, what must survive a crash.
    NotRemembered,
    /// This pass changes unit files.
    UnitsChange,
    /// An earlier pass changed unit files, and systemd has not read them since, as far as is known.
    ReloadPending,
    /// Podman does not answer.
    PodmanUnreachable,
    /// This helper of the containers' networks does not run.
    HelperGone { helper: Helper },
}

impl Reason {
    /// Its kind, as a word that stays the same: in JSON and in the journal.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::ChangedByOthers { .. } => "changed_by_others",
            Self::ModeChanged { .. } => "mode_changed",
            Self::OwnerDiffers { .. } => "owner_differs",
            Self::Outdated { .. } => "outdated",
            Self::Differs { .. } => "differs",
            Self::UnitForgotten { .. } => "unit_forgotten",
            Self::OtherVersion { .. } => "other_version",
            Self::SecretChanged => "secret_changed",
            Self::ImageNotRecorded => "image_not_recorded",
            Self::NotRead { .. } => "not_read",
            Self::NotRunning => "not_running",
            Self::Failed { .. } => "failed",
            Self::Vanished => "vanished",
            Self::FellBehind { .. } => "fell_behind",
            Self::PortsClosed => "ports_closed",
            Self::NotIsolated { .. } => "not_isolated",
            Self::ReleaseDamaged { .. } => "release_damaged",
            Self::FormerDefinition => "former_definition",
            Self::Agreed => "agreed",
            Self::Unneeded => "unneeded",
            Self::RestartAsked => "restart_asked",
            Self::RestartPending => "restart_pending",
            Self::StopAsked => "stop_asked",
            Self::RequiredStopped { .. } => "required_stopped",
            Self::RequiredUnreachable { .. } => "required_unreachable",
            Self::DelaysStart { .. } => "delays_start",
            Self::LeftOver => "left_over",
            Self::UninstallAsked => "uninstall_asked",
            Self::PurgeAsked => "purge_asked",
            Self::DataUnclaimed => "data_unclaimed",
            Self::NotRemembered => "not_remembered",
            Self::UnitsChange => "units_change",
            Self::ReloadPending => "reload_pending",
            Self::PodmanUnreachable => "podman_unreachable",
            Self::HelperGone { .. } => "helper_gone",
        }
    }
}

/// A reason with its sentence.
#[derive(Serialize)]
struct Told<'a> {
    #[serde(flatten)]
    reason: &'a Reason,
    message: String,
}

/// For JSON: a reason with its sentence.
///
/// # Errors
/// Those of the serializer.
pub(crate) fn with_message<S: Serializer>(
    reason: &Reason,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let message = reason.to_string();
    Told { reason, message }.serialize(serializer)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In JSON, a reason has the word that the journal has.
    #[test]
    fn a_kind_is_the_same_everywhere() {
        let text = || "x".to_owned();
        let app = AppId::parse("web").unwrap();
        for reason in [
            Reason::Missing,
            Reason::ChangedByOthers { file: text() },
            Reason::OtherVersion { version: text() },
            Reason::FellBehind { service: text() },
            Reason::RequiredStopped { app },
            Reason::HelperGone {
                helper: Helper::Uplink,
            },
        ] {
            let json = serde_json::to_value(&reason).unwrap();
            assert_eq!(json["kind"], reason.kind());
            assert_eq!(serde_json::from_value::<Reason>(json).unwrap(), reason);
        }
    }
}

//! Actions and their reasons in words, for doors: never what a file or a secret holds.

use std::fmt;

use super::{Action, AppAction, AppStep, HostStep, Reason};
use crate::manifest::Recipe;

impl fmt::Display for Action {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::App(action) => action.fmt(formatter),
            Self::Host(action) => action.step.fmt(formatter),
        }
    }
}

impl fmt::Display for AppAction {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { app, step, .. } = self;
        match step {
            AppStep::GenerateSecret { name, recipe } => {
                let verb = match recipe {
                    Recipe::Random | Recipe::Seeded(_) => "generate",
                    Recipe::Given(_) => "keep",
                };
                write!(formatter, "{verb} the secret {name} of {app}")
            }
            AppStep::MakeFolder(path) => write!(formatter, "make the folder {}", path.display()),
            AppStep::GiveFolder { path, owner } => write!(
                formatter,
                "let the folder {} belong to the user {owner} of its containers",
                path.display()
            ),
            AppStep::RememberImages(learnt) => {
                let names: Vec<&str> = learnt.keys().map(String::as_str).collect();
                write!(formatter, "remember the images {}", names.join(" "))
            }
            AppStep::EnsureImage(image) => write!(formatter, "get the image {}", image.reference),
            AppStep::WriteFile { path, .. } => write!(formatter, "write {}", path.display()),
            AppStep::StoreSecret { podman_name, .. } => {
                write!(formatter, "store the Podman secret {podman_name}")
            }
            AppStep::WriteUnit { name, .. } => write!(formatter, "write the unit {name}"),
            AppStep::RemoveUnit(name) => write!(formatter, "remove the unit {name}"),
            AppStep::Start(service) => write!(formatter, "start {service}"),
            AppStep::Restart(service) => write!(formatter, "restart {service}"),
            AppStep::Stop(service) => write!(formatter, "stop {service}"),
            AppStep::CancelJob(service) => {
                write!(formatter, "cancel the stop job of {service}")
            }
            AppStep::RemoveRendered(name) => {
                write!(formatter, "remove the rendered files of {name}")
            }
            AppStep::RemoveContainer(name) => write!(formatter, "remove the container {name}"),
            AppStep::RemoveNetwork(name) => write!(formatter, "remove the network {name}"),
            AppStep::RemoveVolume(name) => write!(formatter, "remove the volume {name}"),
            AppStep::RemoveSecret(name) => write!(formatter, "remove the Podman secret {name}"),
            AppStep::RemoveImage(name) => write!(formatter, "remove the image {name}"),
            AppStep::RemoveData => write!(formatter, "remove the data of {app}"),
            AppStep::StoreRelease { release, .. } => {
                write!(formatter, "store the release {release}")
            }
            AppStep::NameRelease { release, .. } => {
                write!(
                    formatter,
                    "write the release {release} into the intent of {app}"
                )
            }
            AppStep::KeepGranted(_) => {
                write!(formatter, "keep the intent of {app} as agreed to")
            }
            AppStep::RemoveFormer => {
                write!(
                    formatter,
                    "remove the former folder of the definition of {app}"
                )
            }
            AppStep::Forget => write!(formatter, "remove the intent of {app}"),
        }
    }
}

impl fmt::Display for HostStep {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ClaimData(_) => formatter.write_str("mark the data folder as this node's"),
            Self::CheckUnits { units, .. } => {
                write!(formatter, "check {} units with Quadlet", units.len())
            }
            Self::Remember(_) => formatter.write_str("record what this pass does"),
            Self::Reload => formatter.write_str("reload systemd"),
            Self::RemoveRelease(release) => write!(formatter, "remove the release {release}"),
            Self::RestartPodmanSocket => formatter.write_str("restart podman.socket"),
            Self::ReloadNetworks(names) => {
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                write!(
                    formatter,
                    "set up the networks of {} again",
                    names.join(", ")
                )
            }
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => formatter.write_str("it is missing"),
            Self::ChangedByOthers { file } => {
                write!(formatter, "something else has changed {file}")
            }
            Self::ModeChanged { file, mode } => {
                write!(formatter, "{file} has the permissions {mode:04o}")
            }
            Self::OwnerDiffers { file } => {
                write!(formatter, "{file} belongs to root in containers")
            }
            Self::Outdated { file } => {
                write!(formatter, "{file} was written for an earlier configuration")
            }
            Self::Differs { file } => write!(formatter, "{file} differs from what it should be"),
            Self::UnitForgotten { unit } => {
                write!(
                    formatter,
                    "{unit} was missing, and systemd had not loaded it"
                )
            }
            Self::OtherVersion { version } => {
                write!(formatter, "it was written by Archipelago {version}")
            }
            Self::SecretChanged => formatter.write_str("Podman has another revision of the secret"),
            Self::ImageNotRecorded => {
                formatter.write_str("the volumes that the image declares were not recorded yet")
            }
            Self::NotRead { unit } => {
                write!(formatter, "systemd has not loaded the current {unit}")
            }
            Self::NotRunning => formatter.write_str("it does not run"),
            Self::Failed { result, status } => {
                write!(formatter, "it ended with {result} (status {status})")
            }
            Self::Vanished => formatter.write_str("Podman no longer has it"),
            Self::FellBehind { service } => {
                write!(
                    formatter,
                    "{service}, whose address it uses, was restarted after it"
                )
            }
            Self::PortsClosed => formatter.write_str("nothing listens on its published ports"),
            Self::NotIsolated { network } => {
                write!(formatter, "the network {network} is not isolated")
            }
            Self::ReleaseDamaged { release } => {
                write!(formatter, "the stored release {release} is damaged")
            }
            Self::FormerDefinition => {
                formatter.write_str("the definition lies where version 0.1.0 kept it")
            }
            Self::Agreed => formatter.write_str("a person has agreed to what it asks for"),
            Self::Unneeded => formatter.write_str("nothing needs it any more"),
            Self::RestartAsked => formatter.write_str("a restart was asked for"),
            Self::RestartPending => formatter.write_str("a restart was due"),
            Self::StopAsked => formatter.write_str("the app is to be stopped"),
            Self::RequiredStopped { app } => {
                write!(formatter, "{app}, which it requires, is stopped or masked")
            }
            Self::RequiredUnreachable { app } => {
                write!(formatter, "{app}, which it requires, cannot be reached")
            }
            Self::DelaysStart { service } => {
                write!(formatter, "{service} cannot start until it has stopped")
            }
            Self::LeftOver => formatter.write_str("the app's definition no longer has it"),
            Self::UninstallAsked => formatter.write_str("the app is to be uninstalled"),
            Self::PurgeAsked => formatter.write_str("the app's data are to be removed"),
            Self::DataUnclaimed => formatter.write_str("the data folder is not marked yet"),
            Self::NotRemembered => formatter.write_str("a crash must not lose this record"),
            Self::UnitsChange => formatter.write_str("unit files change"),
            Self::ReloadPending => {
                formatter.write_str("systemd may not have read units that were changed")
            }
            Self::PodmanUnreachable => formatter.write_str("Podman does not answer"),
            Self::HelperGone { helper } => formatter.write_str(helper.loss()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::AppId;

    #[test]
    fn actions_and_reasons_name_their_object() {
        let service = || "archy-web.service".to_owned();
        let text = |step, reason: Reason| {
            let action = AppAction {
                app: AppId::parse("web").unwrap(),
                step,
                reason: reason.clone(),
                operation: None,
            };
            format!("{action}: {reason}")
        };
        assert_eq!(
            text(
                AppStep::CancelJob("archy-top.service".to_owned()),
                Reason::DelaysStart { service: service() }
            ),
            "cancel the stop job of archy-top.service: archy-web.service cannot start until it has stopped"
        );
        assert_eq!(
            text(
                AppStep::Restart("archy-top.service".to_owned()),
                Reason::FellBehind { service: service() }
            ),
            "restart archy-top.service: archy-web.service, whose address it uses, was restarted after it"
        );
        assert_eq!(
            text(AppStep::Forget, Reason::UninstallAsked),
            "remove the intent of web: the app is to be uninstalled"
        );
        assert_eq!(
            HostStep::RestartPodmanSocket.to_string(),
            "restart podman.socket"
        );
    }
}

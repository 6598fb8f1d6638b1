//! Actions as short lines, by which plans are compared.

use std::path::Path;

use crate::action::{Action, AppAction, AppStep, HostAction, HostStep, Reason};
use crate::name::AppId;

pub(super) fn of_app(app: &str, step: AppStep) -> Action {
    Action::App(AppAction {
        app: AppId::parse(app).unwrap(),
        step,
        reason: Reason::Missing,
        operation: None,
    })
}

pub(super) fn of_host(step: HostStep) -> Action {
    let reason = Reason::ReloadPending;
    Action::Host(HostAction { step, reason })
}

pub(super) fn changes_unit(action: &Action) -> bool {
    matches!(
        action.app_step(),
        Some(AppStep::WriteUnit { .. } | AppStep::RemoveUnit(_))
    )
}

pub(super) fn is_reload(action: &Action) -> bool {
    action.host_step() == Some(&HostStep::Reload)
}

pub(super) fn brief(action: &Action) -> String {
    match action {
        Action::App(action) => brief_of_app(&action.app, &action.step),
        Action::Host(action) => brief_of_host(&action.step),
    }
}

fn brief_of_app(app: &AppId, step: &AppStep) -> String {
    let inside = |path: &Path| path.strip_prefix("/data").unwrap().display().to_string();
    match step {
        AppStep::RememberImages(learnt) => {
            let names: Vec<&str> = learnt.keys().map(String::as_str).collect();
            format!("remember images {}", names.join(" "))
        }
        AppStep::GenerateSecret { name, .. } => format!("generate secret {app}/{name}"),
        AppStep::GiveFolder { path, owner } => format!("give folder {} to {owner}", inside(path)),
        AppStep::MakeFolder(path) => format!("make folder {}", inside(path)),
        AppStep::EnsureImage(image) => format!("ensure image {}", image.reference),
        AppStep::WriteFile { path, .. } => format!("write file {}", inside(path)),
        AppStep::StoreSecret { podman_name, .. } => format!("store secret {podman_name}"),
        AppStep::WriteUnit { name, .. } => format!("write {name}"),
        AppStep::RemoveUnit(name) => format!("remove {name}"),
        AppStep::Start(service) => format!("start {service}"),
        AppStep::Restart(service) => format!("restart {service}"),
        AppStep::Stop(service) => format!("stop {service}"),
        AppStep::CancelJob(service) => format!("cancel job of {service}"),
        AppStep::RemoveRendered(container) => format!("remove rendered files of {container}"),
        AppStep::RemoveContainer(name) => format!("remove container {name}"),
        AppStep::RemoveNetwork(name) => format!("remove network {name}"),
        AppStep::RemoveVolume(name) => format!("remove volume {name}"),
        AppStep::RemoveSecret(name) => format!("remove secret {name}"),
        AppStep::RemoveImage(name) => format!("remove image {name}"),
        AppStep::RemoveData => format!("remove data of {app}"),
        AppStep::StoreRelease { files, .. } => {
            let names: Vec<&str> = files.keys().map(String::as_str).collect();
            format!("store {}", names.join(" "))
        }
        AppStep::NameRelease { .. } => format!("name release of {app}"),
        AppStep::KeepGranted(_) => format!("keep {app} as granted"),
        AppStep::RemoveFormer => format!("remove former folder of {app}"),
        AppStep::Forget => format!("forget {app}"),
    }
}

fn brief_of_host(step: &HostStep) -> String {
    match step {
        HostStep::ClaimData(_) => "claim data".to_owned(),
        HostStep::CheckUnits { units, .. } => format!("check {} units", units.len()),
        HostStep::Remember(memory) => {
            let mut text = "remember".to_owned();
            if memory.reload {
                text.push_str(" reload");
            }
            for (service, invocation) in &memory.restarts {
                text.push_str(&format!(" {service}@{invocation}"));
            }
            text
        }
        HostStep::Reload => "reload".to_owned(),
        HostStep::RemoveRelease(release) => format!("remove release {}", &release.as_str()[..4]),
        HostStep::RestartPodmanSocket => "restart podman.socket".to_owned(),
        HostStep::ReloadNetworks(names) => {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            format!("reload networks of {}", names.join(" "))
        }
    }
}

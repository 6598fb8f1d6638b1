//! `start`, `stop`, `restart`, `uninstall`: a change of the intent, then passes until it is met.

use archipelago_core::intent::{Goal as Wanted, Intent};
use archipelago_core::layout::Layout;
use archipelago_core::name::AppId;
use clap::Args;
use serde_json::json;

use super::follow::{self, Goal};
use super::{Code, Failure, Output, app_id, installed, print_json, print_line, show};
use archipelago_host::lock::Lock;
use archipelago_host::{disk, inputs};
use archipelago_node::driver::Driver;

/// A command for one app.
#[derive(Debug, Args)]
pub struct One {
    /// The app.
    app: String,
}

/// `uninstall`
#[derive(Debug, Args)]
pub struct Uninstall {
    /// The app.
    app: String,
    /// Remove its data, secrets and built images as well. There is no way back.
    #[arg(long)]
    purge: bool,
}

pub(super) async fn start(layout: Layout, one: One, output: Output) -> Result<(), Failure> {
    let id = installed(&layout, &one.app)?;
    change(&layout, &id, |intent| {
        intent.state = Wanted::Running;
        intent.purge = false;
    })
    .await?;
    let mut driver = Driver::new(layout).await?;
    driver.retry_now(&id).await?;
    finish(follow::until(&mut driver, &id, Goal::Ready).await?, output)
}

pub(super) async fn stop(layout: Layout, one: One, output: Output) -> Result<(), Failure> {
    let id = installed(&layout, &one.app)?;
    change(&layout, &id, |intent| intent.state = Wanted::Stopped).await?;
    let mut driver = Driver::new(layout).await?;
    driver.retry_now(&id).await?;
    finish(
        follow::until(&mut driver, &id, Goal::Stopped).await?,
        output,
    )
}

pub(super) async fn restart(layout: Layout, one: One, output: Output) -> Result<(), Failure> {
    let id = installed(&layout, &one.app)?;
    if read(&layout, &id)?.state != Wanted::Running {
        return Err(Failure::new(
            Code::Input,
            format!("{id} is stopped; archipelago start {id} starts it"),
        ));
    }
    let mut driver = Driver::new(layout).await?;
    driver.request_restart(&id).await?;
    finish(follow::until(&mut driver, &id, Goal::Ready).await?, output)
}

pub(super) async fn uninstall(
    layout: Layout,
    arguments: Uninstall,
    output: Output,
) -> Result<(), Failure> {
    let id = match installed(&layout, &arguments.app) {
        Ok(id) => id,
        // Data that an earlier uninstall kept can still be purged.
        Err(failure) => {
            let id = app_id(&arguments.app)?;
            let kept = [layout.volumes(&id), layout.files(&id), layout.secrets(&id)];
            if !arguments.purge || !kept.iter().any(|folder| folder.exists()) {
                return Err(failure);
            }
            id
        }
    };
    let mut driver = Driver::new(layout.clone()).await?;
    let dependants = driver.dependants(&id);
    if !dependants.is_empty() {
        let names: Vec<&str> = dependants.iter().map(AppId::as_str).collect();
        let require = if names.len() == 1 {
            "requires"
        } else {
            "require"
        };
        let names = names.join(" and ");
        return Err(Failure::new(
            Code::Input,
            format!("{names} {require} {id}; uninstall {names} first"),
        ));
    }
    let removed = Intent {
        state: Wanted::Removed,
        purge: arguments.purge,
        // An intent that cannot be read any more is no reason to keep the app.
        ..read(&layout, &id).unwrap_or_default()
    };
    {
        let _lock = Lock::of_passes(&layout).await?;
        write(&layout, &id, &removed)?;
    }
    driver.retry_now(&id).await?;
    follow::until(&mut driver, &id, Goal::Gone).await?;
    match output {
        Output::Json => print_json(&json!({"id": id, "removed": true, "purged": arguments.purge})),
        Output::Text if arguments.purge => {
            print_line(&format!("{id} is gone, and its data with it."));
            Ok(())
        }
        Output::Text => {
            print_line(&format!(
                "{id} is gone. Its data stay in {}: installing it again finds them, and archipelago uninstall {id} --purge removes them.",
                layout.data.display()
            ));
            Ok(())
        }
    }
}

/// Shows how the app ended up.
pub(super) fn finish(
    health: Option<archipelago_core::health::AppHealth>,
    output: Output,
) -> Result<(), Failure> {
    let Some(health) = health else { return Ok(()) };
    match output {
        Output::Json => print_json(&health),
        Output::Text => {
            show::print_app(&health);
            Ok(())
        }
    }
}

fn read(layout: &Layout, id: &AppId) -> Result<Intent, Failure> {
    let intent =
        inputs::intent(layout, id).map_err(|problem| Failure::new(Code::Input, problem))?;
    intent.ok_or_else(|| Failure::new(Code::Input, format!("{id} is not installed")))
}

async fn change(
    layout: &Layout,
    id: &AppId,
    change: impl FnOnce(&mut Intent),
) -> Result<(), Failure> {
    // With a configuration that cannot be read nothing would follow the change.
    inputs::config(layout).map_err(|problem| Failure::new(Code::Input, problem))?;
    let _lock = Lock::of_passes(layout).await?;
    let mut intent = read(layout, id)?;
    change(&mut intent);
    write(layout, id, &intent)
}

/// Writes an intent, under the lock of passes; the same intent is not written again. Settings may hold passwords, as lines for a configuration
/// do.
pub(super) fn write(layout: &Layout, id: &AppId, intent: &Intent) -> Result<(), Failure> {
    disk::make_folder(&layout.apps(), 0o755)?;
    disk::write_if_changed(&layout.intent(id), intent.to_text().as_bytes(), 0o600)?;
    Ok(())
}

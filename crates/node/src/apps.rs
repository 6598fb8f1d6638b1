//! The installed apps, the catalog, the apps' health and their journals. Nothing is changed.

use std::process::Command;
use std::time::Duration;

use archipelago_core::desired::read_schema;
use archipelago_core::file_error::FileError;
use archipelago_core::health::Report;
use archipelago_core::intent::WantedState;
use archipelago_core::layout::Layout;
use archipelago_core::manifest::COMPOSE_FILE;
use archipelago_core::name::AppId;
use archipelago_core::operation::{Definition, Refusal};
use archipelago_core::quadlet::{is_unit_file, mark_of, service_of};
use archipelago_host::{definition, disk, inputs, journal, sockets};
use serde::Serialize;

use crate::driver::Driver;
use crate::error::Error;
use crate::operations;

pub use archipelago_host::journal::Selection;

/// A daemon that takes longer is left out: what `status` shows does not depend on it.
const DAEMON_LIMIT: Duration = Duration::from_millis(200);

/// An installed app.
#[derive(Debug)]
pub struct Installed {
    pub app: AppId,
    pub title: String,
    pub version: String,
    /// The wanted state, or the reason why its intent cannot be read.
    pub wanted: Result<WantedState, FileError>,
}

/// The installed apps.
///
/// # Errors
/// When it cannot be told which there are.
pub fn list(layout: &Layout) -> Result<Vec<Installed>, Error> {
    let known = inputs::read(layout)?;
    let apps = known.intents.iter().map(|(app, intent)| {
        let file = known.definition_folder(app).join(COMPOSE_FILE);
        let schema = known
            .definitions
            .get(app)
            .and_then(|files| read_schema(&file.display().to_string(), files, app.as_str()).ok());
        let (title, version) = schema
            .map(|schema| (schema.extension.title, schema.extension.version))
            .unwrap_or_default();
        Installed {
            app: app.clone(),
            title,
            version,
            wanted: intent
                .as_ref()
                .map(|intent| intent.state)
                .map_err(Clone::clone),
        }
    });
    Ok(apps.collect())
}

/// The id of an app, as a person typed it.
///
/// # Errors
/// When no app can be called so.
pub fn app_id(name: &str) -> Result<AppId, Error> {
    AppId::parse(name).map_err(|source| Error::Name {
        name: name.to_owned(),
        source,
    })
}

/// The id of an installed app.
///
/// # Errors
/// When there is none of that name.
pub fn installed(layout: &Layout, name: &str) -> Result<AppId, Error> {
    let app = app_id(name)?;
    if disk::exists(&layout.intent(&app))? {
        return Ok(app);
    }
    Err(Refusal::NotInstalled(app).into())
}

/// The apps that the catalog has.
///
/// # Errors
/// When the catalog, or an app in it, cannot be read.
pub fn catalog() -> Result<Vec<Definition>, Error> {
    let mut apps = Vec::new();
    for id in definition::catalog_ids()? {
        apps.push(definition::find(id.as_str())?);
    }
    Ok(apps)
}

/// Finds an app: by its id in the catalog, or by the path of its folder or Compose file.
///
/// # Errors
/// When there is none, or it cannot be accepted.
pub fn find(name: &str) -> Result<Definition, Error> {
    Ok(definition::find(name)?)
}

/// The health of the apps, and the daemon's last pass.
#[derive(Debug, Serialize)]
pub struct Status {
    #[serde(flatten)]
    pub report: Report,
    /// The operations that have not come to their end.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub operations: Vec<operations::Open>,
    /// The updates that were undone, where nothing has changed the version since.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub undone: Vec<operations::Undone>,
    /// As the daemon's socket gives it; absent when no daemon answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_pass: Option<serde_json::Value>,
}

/// Observes the apps now: the daemon's last observation may be half a minute old. The outcome of
/// the daemon's last pass comes from the daemon.
///
/// # Errors
/// When the host cannot be observed.
pub async fn status(layout: Layout) -> Result<Status, Error> {
    let socket = layout.api_socket();
    let operations = operations::open(&layout)?;
    let known = layout.clone();
    let mut driver = Driver::new(layout).await?;
    let (report, last_pass) = tokio::join!(
        driver.report(),
        sockets::ask(&socket, "/v1/last-pass", DAEMON_LIMIT)
    );
    let report = report?;
    let apps = report.apps.iter();
    Ok(Status {
        undone: apps
            .filter_map(|health| operations::undone(&known, &health.id))
            .collect(),
        report,
        operations,
        last_pass,
    })
}

/// The command that shows the logs of an app's containers.
///
/// # Errors
/// When the app has no units yet.
pub fn logs(layout: &Layout, app: &AppId, selection: Selection) -> Result<Command, Error> {
    let services = services(layout, app)?;
    if services.is_empty() {
        return Err(Error::NoUnits { app: app.clone() });
    }
    Ok(journal::command(&services, selection))
}

fn services(layout: &Layout, app: &AppId) -> Result<Vec<String>, Error> {
    let mut services = Vec::new();
    for name in disk::names(&layout.units)? {
        if !is_unit_file(&name) || !name.ends_with(".container") {
            continue;
        }
        let content = disk::read_file(&layout.unit(&name)).unwrap_or_default();
        if mark_of(&content).is_some_and(|mark| mark.app == *app) {
            services.push(service_of(&name));
        }
    }
    Ok(services)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_app_whose_intent_cannot_be_looked_at_is_not_called_absent() {
        let folder = format!("archipelago-installed-{}", std::process::id());
        let layout = Layout::under(std::env::temp_dir().join(&folder));
        disk::make_folder(&layout.apps(), 0o700).unwrap();
        let found = || installed(&layout, "web");
        assert!(matches!(
            found(),
            Err(Error::Refused(Refusal::NotInstalled(_)))
        ));
        let intent = layout.intent(&AppId::parse("web").unwrap());
        // Nobody, not even root, gets behind this link.
        std::os::unix::fs::symlink("web.toml", &intent).unwrap();
        assert!(matches!(found(), Err(Error::Disk(_))));
        disk::remove(&intent).unwrap();
        std::fs::write(&intent, "").unwrap();
        assert!(found().is_ok());
        disk::remove_folder(&std::env::temp_dir().join(folder)).unwrap();
    }
}

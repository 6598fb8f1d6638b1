//! Why a definition cannot be read, or an app cannot be resolved, and what to do. No variant
//! holds the value of a setting or a secret.

use std::net::SocketAddr;
use std::path::PathBuf;

use ipnet::IpNet;

use crate::data_folder::NotOurs;
use crate::file_error::FileError;
use crate::image::ReferenceError;
use crate::layout::LayoutError;
use crate::manifest::{COMPOSE_FILE, ManifestError, ManifestErrors, SettingError};
use crate::name::AppId;
use crate::quadlet::RenderError;
use crate::releases::Unusable;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The configuration, an intent or a definition.
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Release(#[from] Unusable),
    #[error(transparent)]
    DataFolder(#[from] NotOurs),
    #[error("{file} is missing; an app is a folder with a {COMPOSE_FILE}")]
    NoComposeFile { file: String },
    #[error("{file} is not UTF-8 text; save it as UTF-8")]
    NotText { file: String },
    #[error(transparent)]
    Manifest(#[from] ManifestErrors),
    /// A template, or a mount that may not be.
    #[error(transparent)]
    Place(#[from] ManifestError),
    #[error(
        "{file} is the app {:?}, but its intent is named {intent}; install it under its own name",
        app.as_str()
    )]
    OtherName {
        file: String,
        app: AppId,
        intent: AppId,
    },
    #[error("{}: {source}", intent.display())]
    Setting {
        intent: PathBuf,
        source: SettingError,
    },
    #[error("{file} is missing, but x-archipelago.templates names it")]
    NoTemplate { file: String },
    #[error("{0}: {source}; change it in the app's compose.yaml or its settings", source = .0.source)]
    Unit(RenderError),
    #[error(
        "{one} and {other} both become the service {service}; rename the service or the volume in compose.yaml"
    )]
    SameService {
        one: String,
        other: String,
        service: String,
    },
    #[error("{service}: the label {label:?} is Archipelago's own; rename it")]
    OwnLabel { service: String, label: String },
    #[error("services.{service}.image: {source}")]
    Image {
        service: String,
        source: ReferenceError,
    },
    #[error("services.{service}.build: the folder of its context is missing or empty")]
    NoContext { service: String },
    #[error("services.{service}.build: there is no Containerfile or Dockerfile in its context")]
    NoContainerfile { service: String },
    #[error(
        "services.{service}.build: there is no file of the name that `dockerfile` gives in its context"
    )]
    NoSuchContainerfile { service: String },
    /// Podman would make the name one of the container's on every network.
    #[error(
        "services.{service}.hostname: other apps on the network {network} would hear this name too; remove it, write {own_name}, or keep the service off that network (docs/manifest.md, Exports)"
    )]
    HeardHostname {
        service: String,
        network: String,
        own_name: String,
    },
    #[error(transparent)]
    Path(#[from] LayoutError),
    #[error("the captured file {name} of {app} cannot be read, so nothing is changed: {cause}")]
    Capture {
        app: AppId,
        name: String,
        cause: Box<FileError>,
    },
    #[error("the captured file {name} of {app} is not UTF-8 text; use `encoding: hex`")]
    CaptureNotText { app: AppId, name: String },
    #[error(
        "it uses {name} of {app}, which {app} does not export; the definition of {app} must list it under `x-archipelago.exports.{list}` (archipelago install {app} renews an app of the catalog)"
    )]
    NotExported {
        app: AppId,
        list: &'static str,
        name: String,
    },
    #[error("a secret of {app} cannot be read, so nothing is changed: {cause}")]
    Secret { app: AppId, cause: FileError },
    #[error(
        "it requires {0}, which requires it in turn, so neither could start first; correct `requires` in one of the two"
    )]
    Circle(AppId),
    #[error("it requires {0}, which is not installed or cannot be read; archipelago install {0}")]
    Requires(AppId),
    #[error("its unit {unit} has the same name as one of {other}; uninstall one of the two")]
    UnitTaken { unit: String, other: AppId },
    #[error(
        "its port {address} is already that of {other}; choose another with --set, or uninstall one of the two"
    )]
    PortTaken { address: SocketAddr, other: AppId },
    #[error(
        "its addresses {subnet} are already those of a network of {other}; choose others under `networks`, or uninstall one of the two"
    )]
    SubnetTaken { subnet: IpNet, other: AppId },
}

//! The Compose model: every key in its one form, with defaults filled in and paths absolute.
//!
//! A text that is empty, a number that is 0 and a list without items are as good as not written, as in the reference,
//! unless a type says otherwise. Serialised, the model is the JSON of the reference.

mod container;
mod decode;
mod resource;
mod service;
mod values;

use std::collections::BTreeMap;

use serde::Serialize;

pub use container::{
    BindOptions, BlkioConfig, Container, CredentialSpec, Device, DeviceRequest, EnvFile,
    FileReference, Logging, Mount, MountImage, MountTmpfs, MountVolume, ServiceModel,
    ServiceNetwork, ThrottleDevice, WeightDevice,
};
pub use resource::{Config, FileObject, Ipam, Model, Network, Pool, Secret, Volume};
pub use service::{
    Build, Dependency, Deploy, Develop, DiscreteResource, GenericResource, Healthcheck, Hook, Job,
    Placement, PlacementPreference, Port, PreStart, Provider, Resource, Resources, RestartPolicy,
    Schedule, Service, Triggers, UpdateConfig, WatchRule, Workload,
};
pub use values::{
    Choice, Count, Environment, Hosts, Mode, MultiOptions, OptOut, Pairs, Size, SshKeys, Ulimit,
};

pub(crate) use decode::Decoder;

use crate::node::{Node, Place};

/// Keys that begin with `x-`, as JSON.
pub type Extensions = BTreeMap<String, serde_json::Value>;

/// A whole app.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Project {
    /// What networks and volumes are named after.
    pub name: String,
    pub services: BTreeMap<String, Service>,
    /// Services of which no profile is on.
    #[serde(skip)]
    pub disabled_services: BTreeMap<String, Service>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub jobs: BTreeMap<String, Job>,
    /// Jobs of which no profile is on.
    #[serde(skip)]
    pub disabled_jobs: BTreeMap<String, Job>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub networks: BTreeMap<String, Network>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub volumes: BTreeMap<String, Volume>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<String, Secret>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub configs: BTreeMap<String, Config>,
    /// The reference leaves them out of its JSON.
    #[serde(skip)]
    pub models: BTreeMap<String, Model>,
    #[serde(flatten)]
    pub extensions: Extensions,
}

impl Project {
    /// Moves services and jobs aside of which no profile is on.
    pub(crate) fn select(&mut self, profiles: &[String]) {
        let on = |own: &[String]| {
            own.is_empty()
                || profiles
                    .iter()
                    .any(|profile| profile == "*" || own.contains(profile))
        };
        let services = std::mem::take(&mut self.services);
        (self.services, self.disabled_services) = services
            .into_iter()
            .partition(|(_, service)| on(&service.profiles));
        let jobs = std::mem::take(&mut self.jobs);
        (self.jobs, self.disabled_jobs) = jobs.into_iter().partition(|(_, job)| on(&job.profiles));
    }
}

/// Where and why a tree is not a model. The tables of keys let nothing of that kind pass.
#[derive(Debug)]
pub(crate) struct DecodeError {
    pub place: Option<Place>,
    pub words: String,
}

/// Makes a model of an expanded tree.
pub(crate) fn decode(top: &Node, name: &str) -> Result<Project, DecodeError> {
    let section = |key: &str| top.get(key).and_then(Node::as_map).into_iter().flatten();
    let mut project = Project {
        name: name.to_owned(),
        extensions: decode::extensions(top)?,
        ..Project::default()
    };
    for (name, entry) in section("services") {
        project
            .services
            .insert(name.clone(), Service::decode(&entry.node)?);
    }
    for (name, entry) in section("jobs") {
        project.jobs.insert(name.clone(), Job::decode(&entry.node)?);
    }
    project.networks = named(section("networks"))?;
    project.volumes = named(section("volumes"))?;
    project.secrets = named(section("secrets"))?;
    project.configs = named(section("configs"))?;
    project.models = named(section("models"))?;
    Ok(project)
}

fn named<'a, T: serde::Deserialize<'a> + Default>(
    entries: impl Iterator<Item = (&'a String, &'a crate::node::Entry)>,
) -> Result<BTreeMap<String, T>, DecodeError> {
    entries
        .map(|(name, entry)| Ok((name.clone(), Decoder::value(&entry.node)?)))
        .collect()
}

/// A struct of keys with defaults, whose serialised form leaves out what is not written.
macro_rules! model {
    (
        $(#[$meta:meta])*
        $name:ident { $( $(#[$field_meta:meta])* $field:ident : $type:ty ),* $(,)? }
        $( always { $( $(#[$always_meta:meta])* $always:ident : $always_type:ty ),* $(,)? } )?
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(default)]
        pub struct $name {
            $(
                $(#[$field_meta])*
                #[serde(skip_serializing_if = "crate::model::is_default")]
                pub $field: $type,
            )*
            $( $( $(#[$always_meta])* pub $always: $always_type, )* )?
            /// Keys that begin with `x-`.
            #[serde(rename = "#extensions", skip_serializing)]
            pub extensions: crate::model::Extensions,
        }
    };
}
pub(crate) use model;

/// Whether a value is as good as not written.
pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

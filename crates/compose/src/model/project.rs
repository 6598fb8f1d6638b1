//! A whole app.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::decode::{DecodeError, Decoder, extensions};
use super::keys::Extensions;
use super::resource::{Config, Model, Network, Secret, Volume};
use super::service::{Job, Service};
use crate::node::{Entry, Node};

/// A whole app.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Project {
    /// The prefix of the names of networks and volumes.
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

/// Makes a model of an expanded tree.
pub(crate) fn decode(top: &Node, name: &str) -> Result<Project, DecodeError> {
    let section = |key: &str| top.get(key).and_then(Node::as_map).into_iter().flatten();
    let mut project = Project {
        name: name.to_owned(),
        extensions: extensions(top)?,
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

fn named<'a, T: Deserialize<'a> + Default>(
    entries: impl Iterator<Item = (&'a String, &'a Entry)>,
) -> Result<BTreeMap<String, T>, DecodeError> {
    entries
        .map(|(name, entry)| Ok((name.clone(), Decoder::value(&entry.node)?)))
        .collect()
}

//! Variables, order, health and restarts of a service.

use std::collections::BTreeMap;

use compose::model::{Dependency, Environment, Extensions, Healthcheck};

use super::Work;
use crate::manifest::healthcheck::Health;
use crate::manifest::job::Awaited;
use crate::manifest::service::{NetworkMode, Service};
use crate::owner::Owner;

const SECRETS: &str = "x-environment-secrets";
const DATA_OWNER: &str = "x-data-owner";
const SCRIPT: &str = "x-script";

impl Work<'_, '_> {
    /// A name without a value takes that of a setting or of `.env`; the reader has filled those in.
    pub(super) fn environment(&mut self, source: &Environment) -> BTreeMap<String, String> {
        let mut variables = BTreeMap::new();
        for (name, value) in &source.0 {
            match value {
                Some(value) => {
                    variables.insert(name.clone(), value.clone());
                }
                None => self.report.warn(
                    &self.trail.key("environment").key(name),
                    "left out: a variable without a value takes it from the shell in Compose, and here is none; write NAME=value",
                ),
            }
        }
        variables
    }

    pub(super) fn environment_secrets(
        &mut self,
        extensions: &Extensions,
    ) -> BTreeMap<String, String> {
        let mut secrets = BTreeMap::new();
        let Some(source) = extensions.get(SECRETS) else {
            return secrets;
        };
        let pairs: Option<Vec<(String, String)>> = match source {
            serde_json::Value::Null => Some(Vec::new()),
            serde_json::Value::Object(map) => map
                .iter()
                .map(|(name, secret)| Some((name.clone(), secret.as_str()?.to_owned())))
                .collect(),
            serde_json::Value::Array(items) => items
                .iter()
                .map(|item| item.as_str()?.split_once('='))
                .map(|pair| pair.map(|(name, secret)| (name.to_owned(), secret.to_owned())))
                .collect(),
            _ => None,
        };
        match pairs {
            Some(pairs) => secrets.extend(pairs),
            None => self.report.error(
                &self.trail.key(SECRETS),
                "expected a mapping of variables to names of secrets",
            ),
        }
        secrets
    }

    pub(super) fn data_owner(&mut self, extensions: &Extensions) -> Option<Owner> {
        let owner = extensions.get(DATA_OWNER)?.as_str().and_then(Owner::parse);
        if owner.is_none() {
            self.report.error(
                &self.trail.key(DATA_OWNER),
                "expected the numbers of a user and a group, such as \"1000:1000\"",
            );
        }
        owner
    }

    /// The person is told that a script reaches nothing else, so it has no network.
    pub(super) fn script(&mut self, service: &Service, extensions: &Extensions) -> Option<String> {
        let script = extensions.get(SCRIPT)?.as_str();
        let problem = match script {
            None => "expected the path of a script in the app's folder",
            Some(_) if service.network != NetworkMode::None => {
                "a script has no network; write `network_mode: none`"
            }
            Some(script) => return Some(script.to_owned()),
        };
        self.report.error(&self.trail.key(SCRIPT), problem);
        None
    }

    pub(super) fn depends_on(
        &mut self,
        source: &BTreeMap<String, Dependency>,
    ) -> BTreeMap<String, Awaited> {
        let mut dependencies = BTreeMap::new();
        for (name, dependency) in source {
            let Dependency {
                condition,
                restart: _,
                required: _,
                extensions: _,
            } = dependency;
            // One of a profile, which is not required.
            if !self.project.services.contains_key(name) {
                continue;
            }
            // The reader has checked that it is one of Compose's three.
            let awaited = match condition.as_str() {
                "service_healthy" => Awaited::Healthy,
                "service_completed_successfully" => Awaited::Completed,
                _ => Awaited::Started,
            };
            dependencies.insert(name.clone(), awaited);
        }
        dependencies
    }

    pub(super) fn health(&mut self, source: &Healthcheck) -> Option<Health> {
        let Healthcheck {
            test,
            timeout,
            interval,
            retries,
            start_period,
            start_interval,
            disable,
            extensions: _,
        } = source;
        let mut time = |key: &str, time: &Option<compose::Duration>| {
            let time = (*time)?;
            let at = self.trail.key("healthcheck").key(key);
            match duration(time) {
                Some(time) => Some(time),
                None => {
                    self.report.error(&at, NEGATIVE);
                    None
                }
            }
        };
        let health = Health {
            interval: time("interval", interval),
            timeout: time("timeout", timeout),
            retries: *retries,
            start_period: time("start_period", start_period),
            start_interval: time("start_interval", start_interval),
            test: match disable {
                true => vec!["NONE".to_owned()],
                false => test.clone(),
            },
        };
        let at = self.trail.key("healthcheck");
        match health.test.first().map(String::as_str) {
            Some("CMD" | "CMD-SHELL") if health.test.len() > 1 => Some(health),
            Some("NONE") => Some(health),
            None if health != Health::default() => {
                self.report.error(
                    &at,
                    "`test` is missing; an image's own check cannot be adjusted",
                );
                None
            }
            None => None,
            Some(_) => {
                self.report.error(
                    &at.key("test"),
                    "expected [\"CMD\", …], [\"CMD-SHELL\", \"…\"] or [\"NONE\"]",
                );
                None
            }
        }
    }

    /// A time of the service itself.
    pub(super) fn time(
        &mut self,
        key: &str,
        time: compose::Duration,
    ) -> Option<std::time::Duration> {
        let found = duration(time);
        if found.is_none() {
            self.report.error(&self.trail.key(key), NEGATIVE);
        }
        found
    }
}

const NEGATIVE: &str = "this time is below zero; write a duration like 90s";

fn duration(time: compose::Duration) -> Option<std::time::Duration> {
    u64::try_from(time.0)
        .ok()
        .map(std::time::Duration::from_nanos)
}

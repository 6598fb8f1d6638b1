//! From the Compose model to the services of an app, key by key. Each struct of the model is taken
//! apart in full, so that a new key cannot be forgotten here.

mod app_network;
mod container;
mod deploy;
mod files;
mod hooks;
mod image;
mod jobs;
pub mod keys;
mod limits;
mod mount;
mod network;
mod port;
mod privileges;
mod process;
mod top;
mod volume;
mod volumes_from;

use std::collections::{BTreeMap, BTreeSet};

use compose::model::{self, ServiceKeys, Workload};
use compose::{Project, Trail};

use super::build::ImageSource;
use super::networks::AppNetwork;
use super::report::Report;
use super::secret::GivenText;
use super::service::Service;
use crate::name::check_part;
pub use privileges::capability;

use keys::{SERVICE, Table, left_out};

/// The services and volumes of an app.
#[derive(Default)]
pub(super) struct Translated {
    pub(super) services: BTreeMap<String, Service>,
    pub(super) given_secrets: BTreeMap<String, GivenText>,
    pub(super) networks: BTreeMap<String, AppNetwork>,
    pub(super) volumes: BTreeSet<String>,
}

/// Translates a project. What cannot be translated is reported.
pub(super) fn translate(project: &Project, report: &mut Report<'_>) -> Translated {
    let mut translated = Translated::default();
    top::sections(
        project,
        &mut translated.volumes,
        &mut translated.given_secrets,
        report,
    );
    for (name, source) in &project.services {
        let trail = Trail::of(["services", name]);
        if let Err(error) = check_part("a service", name) {
            report.error(&trail, error.to_string());
        }
        let mut work = Work {
            project,
            report: &mut *report,
            volumes: &mut translated.volumes,
            name,
            trail,
        };
        let service = work.service(source);
        translated.services.insert(name.clone(), service);
    }
    if project.services.is_empty() {
        report.error(&Trail::top(), "no services: an app has at least one");
    }
    app_network::link(project, &mut translated.services, report);
    translated.networks = app_network::declared(project, &translated.services, report);
    volumes_from::take_over(project, &mut translated.services, report);
    jobs::find(project, &mut translated.services, report);
    translated
}

/// The translation of one service.
struct Work<'a, 'r> {
    project: &'a Project,
    report: &'a mut Report<'r>,
    /// Volumes of the app; those without a name of their own are added.
    volumes: &'a mut BTreeSet<String>,
    name: &'a str,
    trail: Trail,
}

impl Work<'_, '_> {
    fn service(&mut self, source: &model::Service) -> Service {
        let model::Service {
            container,
            workload,
            own,
            pre_start,
        } = source;
        let Workload {
            build,
            depends_on,
            expose: _,
            healthcheck,
            ports,
            stdin_open,
            tty,
            extensions: _,
        } = workload;
        let ServiceKeys {
            profiles: _,
            deploy,
            develop: _,
            // Of all services at once, later.
            restart: _,
            scale,
            attach: _,
            container_name,
            provider,
            external_links,
            links: _,
            post_start,
            pre_stop,
            extensions: _,
        } = own;
        let image = self.image(container.image.as_deref(), build.as_ref());
        let nothing = || ImageSource::Reference(String::new());
        let mut service = Service::of(image.unwrap_or_else(nothing));
        self.container(&mut service, container);
        if matches!(service.image, ImageSource::Build(_)) && service.platform.take().is_some() {
            self.report.warn(
                &self.trail.key("platform"),
                "left out: images are built for this machine",
            );
        }
        service.ports = self.ports(ports);
        service.depends_on = self.depends_on(depends_on);
        service.health = healthcheck
            .as_ref()
            .and_then(|healthcheck| self.health(healthcheck));
        service.stdin_open = *stdin_open;
        service.tty = *tty;
        if let Some(deploy) = deploy {
            self.deploy(&mut service, deploy);
        }
        if let Some(name) = container_name {
            self.alias(&mut service, name, &self.trail.key("container_name"));
        }
        let replicas = source.replicas();
        if replicas != 1 {
            let key = if scale.is_some() { "scale" } else { "deploy" };
            let at = self.trail.key(key);
            self.report.error(
                &at,
                "each service has exactly one container; remove this key or write 1",
            );
        }
        self.left_out(SERVICE, "provider", provider.is_some());
        self.left_out(SERVICE, "external_links", !external_links.is_empty());
        self.left_out(SERVICE, "pre_start", !pre_start.is_empty());
        service.post_start = self.hooks("post_start", post_start);
        service.pre_stop = self.hooks("pre_stop", pre_stop);
        self.check_ports(&mut service);
        service
    }

    /// Reports a key of the service that has no translation, if it is written.
    fn left_out(&mut self, table: Table, key: &str, is_written: bool) {
        let trail = self.trail.clone();
        left_out(self.report, table, &trail, key, is_written);
    }
}

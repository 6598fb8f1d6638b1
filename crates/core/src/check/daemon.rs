//! Archipelago's own service and its port.

use super::facts::{Port, Service, ServiceFile};
use super::judgement::{Check, Remedy, UserStep, failed, ok, warning};

pub(super) fn judge_service(version: &str, service: &Service) -> Check {
    let Service {
        file,
        active,
        running_version,
    } = service;
    let cure = |problem: String| {
        failed(
            "service",
            problem,
            "archipelago setup",
            Remedy::User(UserStep::Service),
        )
    };
    match (file, active, running_version) {
        (ServiceFile::Masked, ..) => warning(
            "service",
            "archipelago.service is masked: apps run, but nothing repairs them",
            "systemctl --user unmask archipelago.service, then: archipelago setup",
        ),
        (ServiceFile::Missing, ..) => cure("archipelago.service is not installed".to_owned()),
        (ServiceFile::Disabled, ..) => cure(
            "archipelago.service is not enabled: after the next boot nothing repairs the apps"
                .to_owned(),
        ),
        (ServiceFile::Enabled, false, _) => {
            cure("archipelago.service is not running: nothing repairs the apps".to_owned())
        }
        (ServiceFile::Enabled, true, Some(running)) if running != version => cure(format!(
            "archipelago.service runs version {running}, this is {version}"
        )),
        (ServiceFile::Enabled, true, _) => ok(
            "service",
            format!("archipelago.service is enabled and runs {version}"),
        ),
    }
}

pub(super) fn judge_port(port: Port, service: Option<&Service>) -> Check {
    match (port, service) {
        (Port::Free, _) => ok("port", "port 5678 is free"),
        (Port::Answers, Some(service)) if !service.active => failed(
            "port",
            "an archipelago daemon that is not this user's service has port 5678",
            "ss -ltnp 'sport = :5678' tells which; stop it, then: systemctl --user restart archipelago",
            Remedy::Person,
        ),
        (Port::Answers, _) => ok("port", "the daemon answers on port 5678"),
        (Port::Taken, _) => warning(
            "port",
            "another program, or another user's daemon, has port 5678: apps are repaired nevertheless, but /health of this user is not answered",
            "ss -ltnp 'sport = :5678' tells which; once it is stopped, the daemon takes the port",
        ),
    }
}

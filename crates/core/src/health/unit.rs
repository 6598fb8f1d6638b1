//! The health of one container, and its cause.

use std::path::PathBuf;

use super::state::{AwaitedImage, UnitHealth, UnitState};
use crate::check::needs::{self, Need};
use crate::desired::{DesiredContainer, DesiredUnit};
use crate::image_facts::ImageState;
use crate::name::AppId;
use crate::observed::{Failure, Load, Observed, Override, Podman, Service, awaited_job};
use crate::printable::one_line;
use crate::progress::{Progress, Subject};

pub(super) fn leftover_units(id: &AppId, observed: &Observed) -> Vec<UnitHealth> {
    let units = observed
        .units_of(id)
        .filter(|(name, _)| name.ends_with(".container"));
    units
        .map(|(name, mark)| {
            let service = crate::quadlet::service_of(name);
            let found = observed.services.get(&service);
            UnitHealth {
                state: UnitState::of(found),
                sub_state: found.map(|found| found.sub.clone()),
                is_restarting: found.is_some_and(Service::is_restarting),
                awaited_image: None,
                is_job: false,
                awaited_job: None,
                companion: mark.companion,
                restarts: 0,
                message: String::new(),
                drop_ins: drop_ins(&service, observed),
                name: service,
            }
        })
        .collect()
}

pub(super) fn judge_unit(
    app: &AppId,
    unit: &DesiredUnit,
    container: &DesiredContainer,
    observed: &Observed,
    progress: &Progress,
) -> UnitHealth {
    let found = observed.services.get(&unit.service);
    let masked = observed.overrides.get(&unit.service) == Some(&Override::Masked)
        || found.is_some_and(|found| found.load == Load::Masked);
    let failure = found.and_then(|found| found.failure.as_ref());
    let awaited_image = awaited_image(container, observed, progress);
    let problem = || {
        let awaited = awaited_image.as_ref();
        unit_problem(app, unit, container, awaited, found, observed, progress)
    };
    UnitHealth {
        drop_ins: drop_ins(&unit.service, observed),
        name: unit.service.clone(),
        state: if masked {
            UnitState::Masked
        } else {
            UnitState::of(found)
        },
        sub_state: found.map(|found| found.sub.clone()),
        is_restarting: found.is_some_and(Service::is_restarting),
        companion: container.companion,
        restarts: failure.map_or(0, |failure| failure.restarts),
        message: if masked {
            format!(
                "masked by the operator; systemctl --user unmask {} undoes that",
                unit.service
            )
        } else {
            problem()
        },
        awaited_image,
        is_job: container.is_job,
        awaited_job: awaited_job(container, observed)
            .filter(|_| found.is_none_or(|found| !found.is_up()))
            .cloned(),
    }
}

fn awaited_image(
    container: &DesiredContainer,
    observed: &Observed,
    progress: &Progress,
) -> Option<AwaitedImage> {
    let image = container.image.reference.to_string();
    if let Some(progress) = observed.images_underway.get(&image) {
        let progress = progress.clone();
        return Some(AwaitedImage::UnderWay { image, progress });
    }
    let attempts = progress.attempts(&container.image.subject())?;
    Some(AwaitedImage::Failed {
        image,
        cause: attempts.cause.clone(),
    })
}

fn drop_ins(service: &str, observed: &Observed) -> Vec<PathBuf> {
    let files = observed.drop_ins.get(service).into_iter().flatten();
    files.cloned().collect()
}

fn unit_problem(
    app: &AppId,
    unit: &DesiredUnit,
    container: &DesiredContainer,
    awaited_image: Option<&AwaitedImage>,
    found: Option<&Service>,
    observed: &Observed,
    progress: &Progress,
) -> String {
    if let Some(awaited @ AwaitedImage::UnderWay { .. }) = awaited_image {
        return awaited.to_string();
    }
    let image = container.image.reference.to_string();
    let up = found.is_some_and(Service::is_up);
    if let Some(ImageState::Damaged(cause)) = observed.images.get(&image)
        && !up
    {
        return format!(
            "the image {image} is damaged: {cause}; archipelago doctor says how to remove it, then it is fetched again"
        );
    }
    if let Some(awaited @ AwaitedImage::Failed { .. }) = awaited_image
        && !up
    {
        return awaited.to_string();
    }
    if let Some(attempts) = progress.attempts(&Subject::Generate(unit.file.name.clone())) {
        let cause = attempts.cause.as_ref();
        return cause.map(ToString::to_string).unwrap_or_default();
    }
    let mut unmet = needs::unmet_by(container, &observed.offers).into_iter();
    if let Some(need) = unmet.find(Need::keeps_from_starting)
        && !up
    {
        return need.to_string();
    }
    if let Podman::Unreachable(cause) = &observed.podman
        && !up
    {
        return cause.to_string();
    }
    if let Some(failure) = found.and_then(|found| found.failure.as_ref())
        && found.is_some_and(|found| found.is_restarting() || found.has_failed())
    {
        return ended(app, unit, container, failure);
    }
    String::new()
}

fn ended(
    app: &AppId,
    unit: &DesiredUnit,
    container: &DesiredContainer,
    failure: &Failure,
) -> String {
    let Failure {
        result,
        status,
        restarts,
        last_line,
    } = failure;
    let service = &unit.service;
    let said = match last_line {
        Some(line) => format!("; its last line: {}", one_line(line)),
        None => String::new(),
    };
    let see = format!("see: archipelago logs {app}, or journalctl --user -u {service}");
    if container.is_job && *restarts == 0 && failure.is_of_program() {
        return format!(
            "the job ended with {result} (status {status}){said}; it is not repeated by itself, and the services after it do not \
             start; {see}; to run it again: archipelago start {app}"
        );
    }
    format!(
        "it ended with {result} (status {status}) and was restarted {restarts} times{said}; {see}"
    )
}

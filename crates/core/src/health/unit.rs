//! The health of one container, and its cause.

use std::path::PathBuf;

use super::model::UnitHealth;
use super::state::{AwaitedImage, UnitState};
use super::why::Why;
use crate::check::needs::{self, Need};
use crate::desired::{DesiredContainer, DesiredUnit};
use crate::image_facts::ImageState;
use crate::name::AppId;
use crate::observed::{Load, Observed, Override, Podman, Service, awaited_job};
use crate::retries::{Retries, Subject};

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
                is_script: false,
                awaited_job: None,
                companion: mark.companion,
                restarts: 0,
                why: None,
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
    retries: &Retries,
) -> UnitHealth {
    let found = observed.services.get(&unit.service);
    let masked = observed.overrides.get(&unit.service) == Some(&Override::Masked)
        || found.is_some_and(|found| found.load == Load::Masked);
    let failure = found.and_then(|found| found.failure.as_ref());
    let awaited_image = awaited_image(container, observed, retries);
    let why = || {
        let awaited = awaited_image.as_ref();
        unit_problem(app, unit, container, awaited, found, observed, retries)
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
        why: if masked {
            Some(Why::Masked(unit.service.clone()))
        } else {
            why()
        },
        awaited_image,
        is_job: container.is_job,
        is_script: container.is_script,
        awaited_job: awaited_job(container, observed)
            .filter(|_| found.is_none_or(|found| !found.is_up()))
            .cloned(),
    }
}

fn awaited_image(
    container: &DesiredContainer,
    observed: &Observed,
    retries: &Retries,
) -> Option<AwaitedImage> {
    let image = container.image.reference.to_string();
    if let Some(progress) = observed.images_underway.get(&image) {
        let progress = progress.clone();
        return Some(AwaitedImage::UnderWay { image, progress });
    }
    let attempts = retries.attempts(&container.image.subject())?;
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
    retries: &Retries,
) -> Option<Why> {
    if let Some(awaited @ AwaitedImage::UnderWay { .. }) = awaited_image {
        return Some(Why::Image(awaited.clone()));
    }
    let image = container.image.reference.to_string();
    let up = found.is_some_and(Service::is_up);
    if let Some(ImageState::Damaged(cause)) = observed.images.get(&image)
        && !up
    {
        let cause = cause.clone();
        return Some(Why::DamagedImage { image, cause });
    }
    if let Some(awaited @ AwaitedImage::Failed { .. }) = awaited_image
        && !up
    {
        return Some(Why::Image(awaited.clone()));
    }
    if let Some(attempts) = retries.attempts(&Subject::Generate(unit.file.name.clone())) {
        return attempts.cause.clone().map(Why::Attempt);
    }
    let mut unmet = needs::unmet_by(container, &observed.offers).into_iter();
    if let Some(need) = unmet.find(Need::keeps_from_starting)
        && !up
    {
        return Some(Why::Need(need));
    }
    if let Podman::Unreachable(cause) = &observed.podman
        && !up
    {
        return Some(Why::Podman(cause.clone()));
    }
    if let Some(failure) = found.and_then(|found| found.failure.as_ref())
        && found.is_some_and(|found| found.is_restarting() || found.has_failed())
    {
        return Some(Why::Ended {
            app: app.clone(),
            service: unit.service.clone(),
            is_failed_job: container.is_job && failure.restarts == 0 && failure.is_of_program(),
            failure: failure.clone(),
        });
    }
    None
}

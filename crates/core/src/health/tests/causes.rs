//! Why an app is not well.

use super::*;
use crate::cause::Cause;
use crate::image_progress::ImageProgress;

#[test]
fn an_image_under_way_is_progress_and_one_that_failed_is_a_failure() {
    let image = "docker.io/library/web:latest";
    let without = |case: &mut Case| drop(case.observed.services.remove("archy-web.service"));
    let under_way = |case: &mut Case| {
        case.observed.images_underway.insert(
            image.to_owned(),
            ImageProgress::Pulling {
                done: 3_000_000,
                total: 9_000_000,
            },
        );
    };
    let failed = |case: &mut Case| {
        let subject = Subject::Image {
            reference: image.to_owned(),
            without_tls: false,
        };
        case.retries.attempted(
            subject,
            Cause::Podman("no route to the registry".to_owned()),
            Duration::ZERO,
        );
    };
    check(
        |case| {
            without(case);
            under_way(case);
        },
        State::Starting,
        "pulling: 3 of 9 MB",
    );
    // The next attempt decides: one of this process after another's, or one with a new version of
    // what ended.
    check(
        |case| {
            without(case);
            failed(case);
            under_way(case);
        },
        State::Starting,
        "pulling: 3 of 9 MB",
    );
    check(
        |case| {
            under_way(case);
            let service = case.observed.services.get_mut("archy-web.service").unwrap();
            service.active = Active::Failed;
        },
        State::Starting,
        "pulling: 3 of 9 MB",
    );
    check(
        |case| {
            without(case);
            failed(case);
        },
        State::Failed,
        "the image docker.io/library/web:latest could not be pulled or built: no route to the registry",
    );
}

/// systemd shows `failed` for an instant while it restarts a service whose process ended by the
/// signal to stop.
#[test]
fn a_failed_service_that_is_being_restarted_starts() {
    let failed = |job| {
        move |case: &mut Case| {
            let service = case.observed.services.get_mut("archy-web.service").unwrap();
            service.active = Active::Failed;
            service.job = job;
            service.failure = Some(Failure::default());
        }
    };
    check(failed(Some(Job::Other)), State::Starting, "is activating");
    check(failed(None), State::Failed, "it ended with");
}

#[test]
fn what_keeps_an_app_from_being_touched_is_said() {
    check(
        |case| {
            case.observed
                .unit_files
                .insert("archy-web.network".to_owned(), b"[Network]".to_vec());
        },
        State::Failed,
        "the unit file /units/archy-web.network was not written for this app",
    );
    check(
        |case| {
            let subject = Subject::App(AppId::parse("web").unwrap());
            case.retries.attempted(
                subject,
                Cause::File("write /units/x: no space left".to_owned()),
                Duration::ZERO,
            );
        },
        State::Failed,
        "no space left",
    );
}

#[test]
fn units_that_the_generator_refused_are_told_until_they_change() {
    let rejected = |desired: &Desired| {
        let (id, present) = desired
            .present()
            .find(|(id, _)| id.as_str() == "web")
            .unwrap();
        let rejection = crate::retries::Rejection {
            revisions: crate::plan::revisions(present),
            words: vec!["unsupported key 'Foo'".to_owned()],
        };
        let mut case = Case::well();
        case.retries.reject(id.clone(), rejection, Duration::ZERO);
        case
    };
    let before = desired(WantedState::Running);
    let case = rejected(&before);
    let web = told(&before, &case);
    assert_eq!(
        (web.state, web.message().as_str()),
        (
            State::Failed,
            "Podman's generator refuses its units: unsupported key 'Foo'"
        )
    );
    let changed = desired_of(
        WantedState::Running,
        &WEB.replace("image: web", "image: other"),
    );
    assert_eq!(told(&changed, &case).state, State::Ready);
}

#[test]
fn what_is_left_of_an_app_that_cannot_be_worked_out_is_told_as_it_is() {
    let mut case = Case::well();
    let units = unit_files_of(&desired(WantedState::Running));
    case.observed.unit_files.extend(units);
    unwell(
        &mut case,
        "archy-web-ui.service",
        Active::Deactivating,
        "stop-sigterm",
    );
    let broken = told(&desired_of(WantedState::Running, "services: {}"), &case);
    assert_eq!(broken.state, State::Failed);
    assert_eq!(
        broken.message(),
        "/config/apps/web/compose.yaml:1:1: no services: an app has at least one"
    );
    let units: Vec<(&str, &str, &str, bool)> = broken
        .units
        .iter()
        .map(|unit| {
            (
                unit.name.as_str(),
                unit.state.word(),
                unit.sub_state.as_ref().map_or("", SubState::word),
                unit.companion,
            )
        })
        .collect();
    assert_eq!(
        units,
        [
            ("archy-web-ui.service", "deactivating", "stop-sigterm", true),
            ("archy-web.service", "active", "running", false),
        ]
    );
}

/// The unit files of the app `web`.
fn unit_files_of(desired: &Desired) -> Vec<(String, Vec<u8>)> {
    let (_, present) = desired
        .present()
        .find(|(id, _)| id.as_str() == "web")
        .unwrap();
    present
        .units
        .values()
        .map(|unit| {
            (
                unit.file.name.clone(),
                unit.file.content.clone().into_bytes(),
            )
        })
        .collect()
}

#[test]
fn why_a_container_cannot_start_on_this_host_is_named() {
    const MEDIA: &str = "services: {web: {image: web, devices: [/dev/dri], ulimits: {nofile: 30}}}";
    let mut case = Case::well();
    case.observed.offers = Offers {
        devices: [(PathBuf::from("/dev/dri"), Device::Usable)].into(),
        limits: [("nofile".to_owned(), Some(30))].into(),
        foreign_images: BTreeMap::new(),
        registry_images: BTreeMap::new(),
        architecture: "amd64".to_owned(),
        ..Offers::default()
    };
    let message = |case: &Case| {
        let desired = desired_of(WantedState::Running, MEDIA);
        let report = report(&desired, &case.observed, &case.retries);
        let web = report.apps.into_iter().find(|app| app.id.as_str() == "web");
        let web = web.expect("the app web");
        (web.state, web.units[0].message())
    };
    for (name, change) in [
        (
            "the device /dev/dri",
            (|offers| {
                let dri = PathBuf::from("/dev/dri");
                offers.devices.insert(dri, Device::Missing);
            }) as fn(&mut Offers),
        ),
        ("the limit nofile=30", |offers| {
            offers.limits.insert("nofile".to_owned(), Some(29));
        }),
        ("is for arm64, and this machine is amd64", |offers| {
            let image = "docker.io/library/web:latest".to_owned();
            offers.foreign_images.insert(image, "arm64".to_owned());
        }),
    ] {
        let mut case = Case {
            observed: case.observed.clone(),
            ..Case::well()
        };
        change(&mut case.observed.offers);
        assert_eq!(message(&case), (State::Ready, String::new()), "it runs");
        let failed = Service {
            active: Active::Failed,
            failure: Some(Failure::default()),
            ..up()
        };
        let services = &mut case.observed.services;
        services.insert("archy-web.service".to_owned(), failed);
        let (state, told) = message(&case);
        assert_eq!(state, State::Failed);
        assert!(told.contains(name), "{told}");
    }
    // Another cause is not hidden by what is not wrong.
    let failed = Service {
        active: Active::Failed,
        failure: Some(Failure::default()),
        ..up()
    };
    let services = &mut case.observed.services;
    services.insert("archy-web.service".to_owned(), failed);
    assert!(message(&case).1.starts_with("it ended with"));
}

#[test]
fn a_failed_job_is_told_with_its_last_line_and_the_way_to_run_it_again() {
    let text = "services:
  web: {image: web, depends_on: {job: {condition: service_completed_successfully}}}
  job: {image: job}
";
    let mut case = Case::well();
    let failed = Service {
        active: Active::Failed,
        failure: Some(Failure {
            result: "exit-code".to_owned(),
            status: 3,
            restarts: 0,
            last_line: Some("the table is locked".to_owned()),
        }),
        ..up()
    };
    let services = &mut case.observed.services;
    services.insert("archy-web-job.service".to_owned(), failed);
    let web = told(&desired_of(WantedState::Running, text), &case);
    let job = web.units.iter().find(|unit| unit.is_job);
    assert_eq!(
        job.map(|job| job.message()).as_deref(),
        Some(
            "the job ended with exit-code (status 3); its last line: the table is locked; it is not repeated by itself, and the \
             services that await its success do not start; see: archipelago logs web, or journalctl --user -u archy-web-job.service; to run it \
             again: archipelago start web"
        )
    );
}

//! Which services run to their end.

use super::*;

fn of(lines: &str, others: &str) -> (Option<Job>, Vec<String>) {
    let manifest = good(&format!(
        "services:\n  a: {{image: x,\n    {lines}}}\n{others}"
    ));
    let warnings = manifest.warnings.iter().map(|warning| warning.key.clone());
    (manifest.services["a"].job, warnings.collect())
}

#[test]
fn a_service_that_is_awaited_or_not_started_again_is_a_job() {
    let awaiting =
        "  b: {image: y, depends_on: {a: {condition: service_completed_successfully}}}\n";
    let started = "  b: {image: y, depends_on: [a]}\n";
    for (lines, others, job) in [
        ("init: true", "", None),
        ("init: true", started, None),
        ("init: true", awaiting, Some(Job::Once)),
        ("restart: always", awaiting, Some(Job::Once)),
        ("restart: on-failure", awaiting, Some(Job::UntilSuccess)),
        ("restart: 'on-failure:3'", awaiting, Some(Job::UntilSuccess)),
        ("restart: 'no'", "", Some(Job::Once)),
        ("restart: 'no', ports: ['80:80']", awaiting, Some(Job::Once)),
        ("deploy: {mode: replicated-job}", "", Some(Job::Once)),
        (
            "deploy: {restart_policy: {condition: none}}",
            "",
            Some(Job::Once),
        ),
        (
            "restart: always, deploy: {restart_policy: {condition: none}}",
            "",
            None,
        ),
    ] {
        assert_eq!(of(lines, others), (job, vec![]), "{lines} {others}");
    }
    for (lines, key) in [
        ("restart: 'no', ports: ['80:80']", "restart"),
        ("restart: 'no', expose: [80]", "restart"),
        ("restart: 'no', healthcheck: {test: ask}", "restart"),
        ("restart: on-failure", "restart"),
        (
            "deploy: {restart_policy: {condition: on-failure}}",
            "deploy.restart_policy",
        ),
    ] {
        assert_eq!(
            of(lines, ""),
            (None, vec![format!("services.a.{key}")]),
            "{lines}"
        );
    }
}

#[test]
fn the_health_of_a_job_is_not_awaited() {
    check(
        "services:\n  a: {image: x, healthcheck: {test: ask}}\n  b: {image: y, depends_on: {a: {condition: service_completed_successfully}}}\n  c: {image: y, depends_on: {a: {condition: service_healthy}}}\n",
        "4:34: services.c.depends_on.a.condition: a runs to its end (`service_completed_successfully`), so its health cannot be waited for",
    );
}

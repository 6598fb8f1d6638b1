//! Jobs, the order around them, the owners of folders, and the networks of an app.

use super::compose::{app, check_lines, content, present};
use super::*;

const WITH_JOB: &str = "services:
  a: {image: x, depends_on: {job: {condition: service_completed_successfully}, db: {condition: service_started}}}
  db: {image: x, depends_on: [job]}
  job: {image: x, restart: 'no', ports: ['80:80']}
  ui: {image: x, ports: ['81:80']}
x-archipelago: {companions: [ui]}
";

fn lines(inputs: &Inputs, unit: &str) -> Vec<String> {
    let present = present(inputs);
    let content = &present.units[unit].file.content;
    let wanted = [
        "Wants=",
        "Requires=",
        "After=",
        "Type=",
        "Restart=",
        "RemainAfterExit=",
    ];
    let lines = content.lines();
    let lines = lines.filter(|line| wanted.iter().any(|key| line.starts_with(key)));
    lines.map(str::to_owned).collect()
}

/// Starting a service also starts the services that it wants and requires. A failed job must not
/// run again because of that, so only the services that await its success require it.
#[test]
fn a_job_runs_before_its_dependants_and_nothing_else_starts_it() {
    let inputs = app(WITH_JOB, &[]);
    for (unit, expected) in [
        (
            "archy-a.container",
            &[
                "Requires=archy-a-job.service",
                "After=archy-a-db.service",
                "After=archy-a-job.service",
                "Restart=always",
            ][..],
        ),
        (
            "archy-a-db.container",
            &["After=archy-a-job.service", "Restart=always"],
        ),
        (
            "archy-a-job.container",
            &["Type=oneshot", "RemainAfterExit=yes"],
        ),
        ("archy-a-ui.container", &["Restart=always"]),
    ] {
        assert_eq!(lines(&inputs, unit), expected, "{unit}");
    }
    let present = present(&inputs);
    let of = |name: &str| {
        let mut containers = present.containers();
        let found = containers.find(|(_, container)| container.name == name);
        found.map(|(_, container)| container.clone()).unwrap()
    };
    let job = "archy-a-job.service".to_owned();
    assert_eq!(of("archy-a").awaits, BTreeMap::from([(job.clone(), true)]));
    assert_eq!(of("archy-a-db").awaits, BTreeMap::from([(job, false)]));
    // Nothing listens there once it has ended.
    assert!(of("archy-a-job").is_job && of("archy-a-job").ports.is_empty());
}

#[test]
fn a_data_folder_belongs_to_the_user_that_writes_it() {
    for (lines, owner) in [
        ("user: '1000:1001'", Some("1000:1001")),
        ("user: '1000'", Some("1000:0")),
        ("user: '0:0'", None),
        ("user: node", None),
        ("user: '1000', userns_mode: keep-id", None),
        ("init: true", None),
        ("x-data-owner: '7:8'", Some("7:8")),
        ("user: '0:0', x-data-owner: '7:8'", Some("7:8")),
        ("user: '1000', x-data-owner: '7:8'", Some("1000:0")),
        ("userns_mode: keep-id, x-data-owner: '7:8'", None),
    ] {
        let text =
            format!("services: {{a: {{image: x, {lines}, volumes: ['./d:/d', './r:/r:ro']}}}}\n");
        let owners = present(&app(&text, &[])).owners;
        let found: Vec<(String, String)> = owners
            .iter()
            .map(|(path, owner)| (path.display().to_string(), owner.to_string()))
            .collect();
        let folder = "/data/files/a/d".to_owned();
        let expected = owner.map(|owner| (folder, owner.to_owned()));
        assert_eq!(found, expected.into_iter().collect::<Vec<_>>(), "{lines}");
    }
}

#[test]
fn an_app_has_the_networks_that_its_services_join() {
    let text = "services:
  a: {image: x, container_name: page, networks: {front: {ipv4_address: 10.0.0.2}, back: {aliases: [web]}, proxy: {aliases: [site], ipv4_address: 10.9.0.2}}}
  db: {image: y, networks: [back]}
  side: {image: z, network_mode: 'service:db'}
networks:
  front: {ipam: {config: [{subnet: 10.0.0.0/24}]}}
  back: {internal: true}
  proxy: {external: true}
";
    let inputs = app(text, &[]);
    let joins = |unit: &str| {
        let present = present(&inputs);
        let lines = present.units[unit].file.content.lines();
        let lines = lines.filter_map(|line| line.strip_prefix("Network="));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(
        joins("archy-a.container"),
        [
            "archy-a-back.network:alias=a,alias=page,alias=web",
            "archy-a-front.network:alias=a,alias=page,ip=10.0.0.2",
            "proxy:alias=page,alias=site,ip=10.9.0.2",
        ]
    );
    assert_eq!(
        joins("archy-a-db.container"),
        ["archy-a-back.network:alias=db"]
    );
    assert_eq!(joins("archy-a-side.container"), ["container:archy-a-db"]);
    assert_eq!(
        lines(&inputs, "archy-a-side.container"),
        [
            "Requires=archy-a-db.service",
            "After=archy-a-db.service",
            "Restart=always"
        ]
    );
    let present = present(&inputs);
    for (unit, line) in [
        ("archy-a-back.network", "Internal=true"),
        ("archy-a-front.network", "Subnet=10.0.0.0/24"),
    ] {
        let content = &present.units[unit].file.content;
        assert!(content.contains(&format!("\n{line}\n")), "{content}");
        assert!(content.contains("\nOptions=isolate=strict\n"), "{content}");
    }
}

#[test]
fn limits_devices_and_the_home_are_translated() {
    check_lines("cpuset: 0-1", &["PodmanArgs=\"--cpuset-cpus=0-1\""]);
    check_lines("cgroup: host", &["PodmanArgs=\"--cgroupns=host\""]);
    check_lines("umask: '0027'", &["PodmanArgs=\"--umask=0027\""]);
    check_lines("gpus: all", &["AddDevice=nvidia.com/gpu=all"]);
    check_lines(
        "volumes: ['~/films:/films:ro']",
        &["Volume=/home/films:/films:ro"],
    );
    check_lines(
        "healthcheck: {test: [CMD, /healthcheck]}",
        &["HealthCmd=\"CMD /healthcheck\""],
    );
    let text = "services:
  a: {image: x, volumes_from: ['b:ro']}
  b: {image: y, volumes: ['./d:/d']}
";
    let content = content(&app(text, &[]));
    assert!(
        content.contains("\nVolume=/data/files/a/d:/d:ro,z\n"),
        "{content}"
    );
}

//! The time of core's part of a pass, by the number of apps: reading manifests, rendering units,
//! working out the desired state, planning, reporting.
//!
//! `cargo bench -p archipelago-core` runs it. docs/performance.md has the goals and the results.

use std::collections::{BTreeMap, BTreeSet};
use std::hint::black_box;
use std::path::PathBuf;
use std::time::Duration;

use archipelago_core::desired::{APP_LABEL, Apps, Desired, Inputs, Role, assemble};
use archipelago_core::health::report;
use archipelago_core::image_facts::ImageFacts;
use archipelago_core::intent::Intent;
use archipelago_core::layout::Layout;
use archipelago_core::manifest::{COMPOSE_FILE, Files};
use archipelago_core::name::AppId;
use archipelago_core::observed::{
    Active, Load, Observed, Podman, PodmanNetwork, PodmanView, RenderedFile, Service, needs_podman,
};
use archipelago_core::plan::plan;
use archipelago_core::quadlet::{
    Container, Kind, Log, Network, NetworkJoin, ServiceSection, Stamp, Unit, UnitSection, mark_of,
};
use archipelago_core::retries::Retries;
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};

const SIZES: [usize; 3] = [10, 100, 1000];

/// A typical app: a server with a volume and a secret, and a page with a rendered configuration.
const COMPOSE: &str = "
services:
  APP:
    image: docker.io/library/server:1.2
    command: [serve, --listen, '0.0.0.0:80', --data, /data]
    environment: {LOG_LEVEL: info, GREETING: '${greeting}'}
    volumes: [data:/data]
    secrets: [token]
    healthcheck: {test: [CMD, curl, -f, 'http://127.0.0.1/health'], interval: 30s}
  ui:
    image: docker.io/library/nginx:stable
    ports: ['PORT:80']
    depends_on: [APP]
volumes:
  data:
secrets:
  token:
x-archipelago:
  id: APP
  title: An app
  version: '1.2'
  category: test
  companions: [ui]
  settings:
    greeting: {type: string, default: hello, description: What it says.}
  secrets:
    token: {description: A token.}
  templates:
    - {source: default.conf, service: ui, target: /etc/nginx/conf.d/default.conf}
  readiness:
    - {service: ui, port: 80, http: /}
";

const PAGE: &str = "server {
    listen 80;
    location / { proxy_pass http://{{ app.id }}:80; proxy_set_header Authorization \"Bearer {{ secrets.token }}\"; }
    location /greeting { return 200 \"{{ settings.greeting }}\\n\"; }
}
";

fn ids(count: usize) -> impl Iterator<Item = AppId> {
    (0..count).map(|number| AppId::parse(&format!("app{number:04}")).expect("an id"))
}

fn inputs(count: usize) -> Inputs {
    let files = |number: usize, id: &AppId| -> Files {
        let compose = COMPOSE
            .replace("APP", id.as_str())
            .replace("PORT", &(20_000 + number).to_string());
        let files = [(COMPOSE_FILE, compose.as_str()), ("default.conf", PAGE)];
        files
            .into_iter()
            .map(|(path, text)| (path.to_owned(), text.as_bytes().into()))
            .collect()
    };
    let secret = || BTreeMap::from([("token".to_owned(), "0123456789abcdef".repeat(4))]);
    Inputs {
        intents: ids(count).map(|id| (id, Ok(Intent::default()))).collect(),
        definitions: ids(count)
            .enumerate()
            .map(|(number, id)| (id.clone(), files(number, &id)))
            .collect(),
        secrets: ids(count).map(|id| (id, secret())).collect(),
        ..Inputs::new(Layout {
            home: PathBuf::from("/home/archy"),
            config: PathBuf::from("/home/archy/.config/archipelago"),
            data: PathBuf::from("/var/lib/archipelago"),
            units: PathBuf::from("/home/archy/.config/containers/systemd"),
            systemd: PathBuf::from("/home/archy/.config/systemd/user"),
            runtime: PathBuf::from("/run/user/1000"),
        })
    }
}

fn desired(count: usize) -> Desired {
    let mut inputs = inputs(count);
    let first = assemble(&inputs, &Apps::read(&inputs));
    let containers = first
        .present()
        .flat_map(|(_, present)| present.containers());
    inputs.found.images = containers
        .map(|(_, container)| (container.image.reference.to_string(), ImageFacts::default()))
        .collect();
    let desired = assemble(&inputs, &Apps::read(&inputs));
    assert_eq!(
        desired.present().count(),
        count,
        "every app must be resolved"
    );
    desired
}

/// A host on which everything that is desired exists and runs.
fn quiescent(desired: &Desired) -> Observed {
    let mut observed = Observed {
        fingerprint: Some(String::new()),
        starts_max: 8,
        ..Observed::default()
    };
    for (_, present) in desired.present() {
        for unit in present.units.values() {
            let content = unit.file.content.clone().into_bytes();
            let mark = mark_of(&content).expect("our own mark");
            observed.generated.insert(unit.service.clone(), mark);
            observed.unit_files.insert(unit.file.name.clone(), content);
            observed
                .invocations
                .insert(unit.service.clone(), "0".repeat(32));
            let service = Service {
                load: Load::Loaded,
                active: Active::Active,
                sub: "running".into(),
                job: None,
                failure: None,
                began: None,
            };
            observed.services.insert(unit.service.clone(), service);
        }
        let files = present.files.iter().map(|(path, content)| {
            let content = content.clone().into_bytes();
            (
                path.clone(),
                RenderedFile {
                    content,
                    mode: 0o600,
                },
            )
        });
        observed.files.extend(files);
        observed.folders.extend(present.folders.iter().cloned());
    }
    assert!(
        !needs_podman(desired, &observed),
        "a quiescent host must not need Podman"
    );
    observed
}

/// Podman's answer on a host on which everything that is desired exists.
fn podman(desired: &Desired) -> Podman {
    let mut view = PodmanView::default();
    for (id, present) in desired.present() {
        let owner = Some(id.clone());
        for unit in present.units.values() {
            match &unit.role {
                Role::Network(name) => {
                    let network = PodmanNetwork {
                        owner: owner.clone(),
                        isolated: true,
                        containers: BTreeSet::new(),
                    };
                    view.networks.insert(name.clone(), network);
                }
                Role::Volume(name) => {
                    view.volumes.insert(name.clone(), owner.clone());
                }
                Role::Container(container) => {
                    view.containers
                        .insert(container.name.clone(), owner.clone());
                    view.images
                        .insert(container.image.reference.to_string(), None);
                }
            }
        }
        let secrets = present.secrets.iter().map(|(name, secret)| {
            let stored = (id.clone(), secret.revision.clone());
            (name.clone(), Some(stored))
        });
        view.secrets.extend(secrets);
    }
    Podman::Answered(view)
}

/// The two units of the smallest app: its container, like the one of [`COMPOSE`], and its network.
fn units(id: &AppId) -> [Unit; 2] {
    let name = id.container(id.as_str(), true);
    let labels = BTreeMap::from([(APP_LABEL.to_owned(), id.to_string())]);
    let join = NetworkJoin::Named {
        network: format!("{}.network", id.network()),
        aliases: vec![id.as_str().to_owned()],
        addresses: Vec::new(),
        hardware_address: None,
    };
    let words = ["serve", "--listen", "0.0.0.0:80", "--data", "/data"];
    let pairs = [("LOG_LEVEL", "info"), ("GREETING", "hello")];
    let container = Container {
        image: "docker.io/library/server:1.2".to_owned(),
        name: name.clone(),
        never_pulls: true,
        exec: words.map(str::to_owned).to_vec(),
        environment: pairs
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
        labels: labels.clone(),
        networks: vec![join],
        log: Some(Log::Journal),
        ..Container::default()
    };
    let described = |description: &str| UnitSection {
        description: description.to_owned(),
        ..UnitSection::default()
    };
    let network = Unit {
        stem: id.network(),
        unit: described("An app network"),
        kind: Kind::Network(Network {
            name: id.network(),
            isolated: true,
            labels,
            ..Network::default()
        }),
        service: ServiceSection::default(),
        starts_at_boot: false,
    };
    let container = Unit {
        stem: name,
        unit: described("An app"),
        kind: Kind::Container(Box::new(container)),
        service: ServiceSection {
            restart_delay: Some(Duration::from_secs(10)),
            one_shot: false,
            start_limit: Some(Duration::from_secs(300)),
            stop_limit: Some(Duration::from_secs(40)),
            ..ServiceSection::default()
        },
        starts_at_boot: true,
    };
    [container, network]
}

fn render(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("render");
    for count in SIZES {
        let apps: Vec<(AppId, [Unit; 2])> = ids(count).map(|id| (id.clone(), units(&id))).collect();
        group.bench_function(BenchmarkId::from_parameter(count), |bencher| {
            bencher.iter(|| {
                for (id, units) in &apps {
                    for unit in units {
                        let stamp = Stamp {
                            app: id,
                            companion: false,
                            inputs: &[],
                        };
                        black_box(unit.render(stamp).expect("it can be rendered"));
                    }
                }
            });
        });
    }
    group.finish();
}

fn work_out(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("read");
    for count in SIZES {
        let inputs = inputs(count);
        group.bench_function(BenchmarkId::from_parameter(count), |bencher| {
            bencher.iter(|| Apps::read(black_box(&inputs)));
        });
    }
    group.finish();
    let mut group = criterion.benchmark_group("assemble");
    for count in SIZES {
        let inputs = inputs(count);
        let apps = Apps::read(&inputs);
        group.bench_function(BenchmarkId::from_parameter(count), |bencher| {
            bencher.iter(|| assemble(black_box(&inputs), &apps));
        });
    }
    group.finish();
}

/// Makes the observation of a host from the desired state.
type Observe = fn(&Desired) -> Observed;

fn decide(criterion: &mut Criterion) {
    let now = Duration::from_secs(1000);
    let retries = Retries::default();
    let cases: [(&str, Observe, bool); 3] = [
        ("plan, all at rest", quiescent, true),
        (
            "plan, all at rest and Podman asked",
            |desired| Observed {
                podman: podman(desired),
                ..quiescent(desired)
            },
            true,
        ),
        ("plan, nothing there yet", |_| Observed::default(), false),
    ];
    for (name, observe, is_quiescent) in cases {
        let mut group = criterion.benchmark_group(name);
        for count in SIZES {
            let desired = desired(count);
            let observed = observe(&desired);
            let planned = plan(&desired, &observed, &retries, now);
            assert_eq!(
                planned.is_empty(),
                is_quiescent,
                "{:?}",
                planned.actions.first()
            );
            group.bench_function(BenchmarkId::from_parameter(count), |bencher| {
                bencher.iter(|| plan(black_box(&desired), &observed, &retries, now));
            });
        }
        group.finish();
    }
    let mut group = criterion.benchmark_group("report");
    for count in SIZES {
        let desired = desired(count);
        let observed = quiescent(&desired);
        let ready: BTreeSet<&str> = report(&desired, &observed, &retries)
            .apps
            .iter()
            .map(|app| app.state.word())
            .collect();
        assert_eq!(ready, BTreeSet::from(["ready"]));
        group.bench_function(BenchmarkId::from_parameter(count), |bencher| {
            bencher.iter(|| report(black_box(&desired), &observed, &retries));
        });
    }
    group.finish();
}

criterion_group! {
    name = passes;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    targets = render, work_out, decide
}
criterion_main!(passes);

//! The keys of a service and of a job beyond those of every container.

use super::container::{CONTAINER, DEVICE_REQUESTS, FILES, HOSTS, ULIMITS};
use super::{COMMAND, Keys, PAIRS, Shape, TEXT_LIST, TEXT_OR_TEXTS, TEXTS, WHOLE, keys, keys_with};

const TEXT_OR_BOOL: Shape = Shape::Either(&[Shape::Text, Shape::Bool]);

const BUILD: Shape = Shape::Either(&[
    Shape::Text,
    keys(&[&[
        ("context", Shape::Text),
        ("dockerfile", Shape::Text),
        ("dockerfile_inline", Shape::Text),
        ("entitlements", TEXT_LIST),
        ("args", PAIRS),
        ("ssh", PAIRS),
        ("labels", PAIRS),
        ("cache_from", TEXT_LIST),
        ("cache_to", TEXT_LIST),
        ("no_cache", Shape::Bool),
        ("no_cache_filter", TEXT_OR_TEXTS),
        ("additional_contexts", PAIRS),
        ("network", Shape::Text),
        ("provenance", TEXT_OR_BOOL),
        ("sbom", TEXT_OR_BOOL),
        ("pull", Shape::Bool),
        ("target", Shape::Text),
        ("shm_size", Shape::Size(true)),
        ("extra_hosts", HOSTS),
        ("isolation", Shape::Text),
        ("privileged", Shape::Bool),
        ("secrets", FILES),
        ("tags", TEXT_LIST),
        ("ulimits", ULIMITS),
        ("platforms", TEXT_LIST),
    ]]),
]);

const CONDITIONS: &[&str] = &[
    "service_started",
    "service_healthy",
    "service_completed_successfully",
];

const DEPENDS_ON: Shape = Shape::Either(&[
    TEXTS,
    Shape::Named(&keys_with(
        &[&[
            ("restart", Shape::Bool),
            ("required", Shape::Bool),
            ("condition", Shape::OneOf(CONDITIONS)),
        ]],
        &["condition"],
    )),
]);

const HEALTHCHECK: Shape = keys(&[&[
    ("disable", Shape::Bool),
    ("interval", Shape::Duration),
    ("retries", Shape::Whole(0, i64::MAX)),
    ("test", Shape::Either(&[Shape::Text, TEXT_LIST])),
    ("timeout", Shape::Duration),
    ("start_period", Shape::Duration),
    ("start_interval", Shape::Duration),
]]);

const PORTS: Shape = Shape::Set(&Shape::Either(&[
    Shape::Label,
    keys(&[&[
        ("name", Shape::Text),
        ("mode", Shape::Text),
        ("host_ip", Shape::Text),
        ("target", Shape::Whole(0, 65_535)),
        ("published", Shape::Label),
        ("protocol", Shape::Text),
        ("app_protocol", Shape::Text),
    ]]),
]));

const WORKLOAD: &[(&str, Shape)] = &[
    ("build", BUILD),
    ("depends_on", DEPENDS_ON),
    ("healthcheck", HEALTHCHECK),
    ("ports", PORTS),
    ("expose", Shape::Set(&Shape::Label)),
    ("stdin_open", Shape::Bool),
    ("tty", Shape::Bool),
];

const ROLLING: Shape = keys(&[&[
    ("parallelism", Shape::Whole(0, i64::MAX)),
    ("delay", Shape::Duration),
    ("failure_action", Shape::Text),
    ("monitor", Shape::Duration),
    ("max_failure_ratio", Shape::Real),
    ("order", Shape::OneOf(&["start-first", "stop-first"])),
]]);

const GENERIC: Shape = Shape::List(&keys(&[&[(
    "discrete_resource_spec",
    keys(&[&[("kind", Shape::Text), ("value", WHOLE)]]),
)]]));

const RESOURCES: Shape = keys(&[&[
    (
        "limits",
        keys(&[&[
            ("cpus", Shape::Real),
            ("memory", Shape::Size(false)),
            ("pids", WHOLE),
        ]]),
    ),
    (
        "reservations",
        keys(&[&[
            ("cpus", Shape::Real),
            ("memory", Shape::Size(false)),
            ("generic_resources", GENERIC),
            ("devices", DEVICE_REQUESTS),
        ]]),
    ),
]]);

const DEPLOY: Shape = Shape::Maybe(&keys(&[&[
    ("mode", Shape::Text),
    ("endpoint_mode", Shape::Text),
    ("replicas", Shape::Whole(0, i64::MAX)),
    ("labels", PAIRS),
    ("rollback_config", ROLLING),
    ("update_config", ROLLING),
    ("resources", RESOURCES),
    (
        "restart_policy",
        keys(&[&[
            ("condition", Shape::Text),
            ("delay", Shape::Duration),
            ("max_attempts", Shape::Whole(0, i64::MAX)),
            ("window", Shape::Duration),
        ]]),
    ),
    (
        "placement",
        keys(&[&[
            ("constraints", TEXT_LIST),
            (
                "preferences",
                Shape::List(&keys(&[&[("spread", Shape::Text)]])),
            ),
            ("max_replicas_per_node", Shape::Whole(0, i64::MAX)),
        ]]),
    ),
]]));

const HOOK: Shape = keys_with(
    &[&[
        ("command", COMMAND),
        ("user", Shape::Text),
        ("privileged", Shape::Bool),
        ("working_dir", Shape::Text),
        ("environment", PAIRS),
    ]],
    &["command"],
);
const HOOKS: Shape = Shape::List(&HOOK);

const ACTIONS: &[&str] = &["rebuild", "sync", "restart", "sync+restart", "sync+exec"];

const DEVELOP: Shape = Shape::Maybe(&keys(&[&[(
    "watch",
    Shape::List(&keys_with(
        &[&[
            ("ignore", TEXT_OR_TEXTS),
            ("include", TEXT_OR_TEXTS),
            ("path", Shape::Text),
            ("action", Shape::OneOf(ACTIONS)),
            ("target", Shape::Text),
            ("exec", HOOK),
            ("initial_sync", Shape::Bool),
        ]],
        &["path", "action"],
    )),
)]]));

const EXTENDS: Shape = Shape::Either(&[
    Shape::Text,
    Shape::Keys(Keys {
        groups: &[&[("service", Shape::Text), ("file", Shape::Text)]],
        required: &["service"],
        extensions: false,
    }),
]);

const PROVIDER: Shape = keys_with(
    &[&[
        ("type", Shape::Text),
        (
            "options",
            Shape::Map(&Shape::Either(&[
                Shape::List(&Shape::Scalar),
                Shape::Scalar,
            ])),
        ),
    ]],
    &["type"],
);

const PRE_START: Shape = Shape::List(&keys(&[CONTAINER, &[("per_replica", Shape::Bool)]]));

const SERVICE_ONLY: &[(&str, Shape)] = &[
    ("deploy", DEPLOY),
    ("develop", DEVELOP),
    ("profiles", TEXTS),
    ("restart", Shape::Text),
    ("scale", Shape::Whole(0, i64::MAX)),
    ("attach", Shape::Bool),
    ("container_name", Shape::ContainerName),
    ("provider", PROVIDER),
    ("extends", EXTENDS),
    ("links", TEXTS),
    ("external_links", TEXTS),
    ("pre_start", PRE_START),
    ("post_start", HOOKS),
    ("pre_stop", HOOKS),
];

pub(super) const SERVICE: Shape = keys(&[CONTAINER, WORKLOAD, SERVICE_ONLY]);

const SCHEDULE: Shape = Shape::Either(&[
    Shape::Text,
    keys_with(
        &[&[
            ("cron", Shape::Text),
            ("timezone", Shape::Text),
            ("concurrency", Shape::OneOf(&["forbid", "queue"])),
            ("missed_fires", Shape::OneOf(&["one", "skip"])),
        ]],
        &["cron"],
    ),
]);

const JOB_ONLY: &[(&str, Shape)] = &[
    ("profiles", TEXTS),
    (
        "triggers",
        keys(&[&[
            ("manual", Shape::Bool),
            ("schedule", Shape::List(&SCHEDULE)),
        ]]),
    ),
];

pub(super) const JOB: Shape = keys_with(&[CONTAINER, WORKLOAD, JOB_ONLY], &["triggers"]);

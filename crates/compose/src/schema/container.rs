//! The keys of everything that runs a container: services, jobs and `pre_start` containers.

use super::{
    COMMAND, Keys, OPTIONS, PAIRS, Shape, TEXT_LIST, TEXT_OR_TEXTS, TEXTS, WHOLE, keys, keys_with,
};

/// A weight has 16 bits, the mode of a tmpfs 32.
const WEIGHT: Shape = Shape::Whole(0, 0xffff);
const TMPFS_MODE: Shape = Shape::Whole(0, 0xffff_ffff);

const LIMITS: Shape = Shape::List(&Shape::Keys(Keys {
    groups: &[&[("path", Shape::Text), ("rate", Shape::Size(true))]],
    required: &[],
    extensions: false,
}));
const WEIGHTS: Shape = Shape::List(&Shape::Keys(Keys {
    groups: &[&[("path", Shape::Text), ("weight", WEIGHT)]],
    required: &[],
    extensions: false,
}));
const BLKIO: Shape = Shape::Keys(Keys {
    groups: &[&[
        ("device_read_bps", LIMITS),
        ("device_read_iops", LIMITS),
        ("device_write_bps", LIMITS),
        ("device_write_iops", LIMITS),
        ("weight", WEIGHT),
        ("weight_device", WEIGHTS),
    ]],
    required: &[],
    extensions: false,
});

/// A config or secret in a container.
pub(super) const FILES: Shape = Shape::List(&Shape::Either(&[
    Shape::Text,
    keys(&[&[
        ("source", Shape::Text),
        ("target", Shape::Text),
        ("uid", Shape::Text),
        ("gid", Shape::Text),
        ("mode", Shape::Mode),
    ]]),
]));

const DEVICES: Shape = Shape::List(&Shape::Either(&[
    Shape::Text,
    keys_with(
        &[&[
            ("source", Shape::Text),
            ("target", Shape::Text),
            ("permissions", Shape::Text),
        ]],
        &["source"],
    ),
]));

const ENV_FILES: Shape = Shape::Either(&[
    Shape::Text,
    Shape::List(&Shape::Either(&[
        Shape::Text,
        Shape::Keys(Keys {
            groups: &[&[
                ("path", Shape::Text),
                ("format", Shape::Text),
                ("required", Shape::Bool),
            ]],
            required: &["path"],
            extensions: false,
        }),
    ])),
]);

pub(super) const HOSTS: Shape = Shape::Either(&[
    Shape::Hosts(&Shape::Either(&[Shape::Text, TEXT_LIST])),
    Shape::Set(&Shape::Host),
]);

const GPU: &[(&str, Shape)] = &[
    ("capabilities", TEXTS),
    ("count", Shape::Count),
    ("device_ids", TEXTS),
    ("driver", Shape::Text),
    ("options", PAIRS),
];
/// Devices that a service asks for by what they can do.
pub(super) const DEVICE_REQUESTS: Shape = Shape::List(&keys_with(&[GPU], &["capabilities"]));
const GPUS: Shape = Shape::Either(&[Shape::OneOf(&["all"]), Shape::List(&keys(&[GPU]))]);

const LOGGING: Shape = keys(&[&[
    ("driver", Shape::Text),
    ("options", Shape::Map(&Shape::Maybe(&Shape::Label))),
]]);

const MODELS: Shape = Shape::Either(&[
    TEXTS,
    Shape::Named(&Shape::Maybe(&keys(&[&[
        ("endpoint_var", Shape::Text),
        ("model_var", Shape::Text),
    ]]))),
]);

const NETWORKS: Shape = Shape::Either(&[
    TEXTS,
    Shape::Named(&Shape::Maybe(&keys(&[&[
        ("aliases", TEXTS),
        ("interface_name", Shape::Text),
        ("ipv4_address", Shape::Text),
        ("ipv6_address", Shape::Text),
        ("link_local_ips", TEXTS),
        ("mac_address", Shape::Text),
        ("driver_opts", OPTIONS),
        ("priority", WHOLE),
        ("gw_priority", WHOLE),
        ("use_service_name_alias", Shape::Bool),
    ]]))),
]);

pub(super) const ULIMITS: Shape = Shape::Map(&Shape::Either(&[
    WHOLE,
    keys_with(&[&[("hard", WHOLE), ("soft", WHOLE)]], &["soft", "hard"]),
]));

const VOLUMES: Shape = Shape::Set(&Shape::Either(&[
    Shape::Text,
    keys_with(
        &[&[
            (
                "type",
                Shape::OneOf(&["bind", "volume", "tmpfs", "cluster", "npipe", "image"]),
            ),
            ("source", Shape::Text),
            ("target", Shape::Text),
            ("read_only", Shape::Bool),
            ("consistency", Shape::Text),
            (
                "bind",
                keys(&[&[
                    ("propagation", Shape::Text),
                    ("create_host_path", Shape::Bool),
                    (
                        "recursive",
                        Shape::OneOf(&["enabled", "disabled", "writable", "readonly"]),
                    ),
                    ("selinux", Shape::OneOf(&["z", "Z"])),
                ]]),
            ),
            (
                "volume",
                keys(&[&[
                    ("labels", PAIRS),
                    ("nocopy", Shape::Bool),
                    ("subpath", Shape::Text),
                ]]),
            ),
            (
                "tmpfs",
                keys(&[&[("size", Shape::SizeFromZero), ("mode", TMPFS_MODE)]]),
            ),
            ("image", keys(&[&[("subpath", Shape::Text)]])),
        ]],
        &["type"],
    ),
]));

/// Whether everything that runs a container has this key.
pub(crate) fn is_container_key(key: &str) -> bool {
    CONTAINER.iter().any(|(name, _)| *name == key)
}

pub(super) const CONTAINER: &[(&str, Shape)] = &[
    ("annotations", PAIRS),
    ("blkio_config", BLKIO),
    ("cap_add", TEXTS),
    ("cap_drop", TEXTS),
    ("cgroup", Shape::OneOf(&["host", "private"])),
    ("cgroup_parent", Shape::Text),
    ("command", COMMAND),
    ("configs", FILES),
    ("cpu_count", Shape::Whole(0, i64::MAX)),
    ("cpu_percent", Shape::Percent),
    ("cpu_shares", WHOLE),
    ("cpu_quota", WHOLE),
    ("cpu_period", WHOLE),
    ("cpu_rt_period", WHOLE),
    ("cpu_rt_runtime", WHOLE),
    ("cpus", Shape::Real),
    ("cpuset", Shape::Text),
    (
        "credential_spec",
        keys(&[&[
            ("config", Shape::Text),
            ("file", Shape::Text),
            ("registry", Shape::Text),
        ]]),
    ),
    ("device_cgroup_rules", TEXTS),
    ("devices", DEVICES),
    ("dns", TEXT_OR_TEXTS),
    ("dns_opt", TEXTS),
    ("dns_search", TEXT_OR_TEXTS),
    ("domainname", Shape::Text),
    ("entrypoint", COMMAND),
    ("env_file", ENV_FILES),
    ("label_file", Shape::Either(&[Shape::Text, TEXT_LIST])),
    ("environment", PAIRS),
    ("extra_hosts", HOSTS),
    ("gpus", GPUS),
    ("group_add", Shape::Set(&Shape::Label)),
    ("hostname", Shape::Text),
    ("image", Shape::Text),
    ("init", Shape::Bool),
    ("ipc", Shape::Text),
    ("isolation", Shape::Text),
    ("labels", PAIRS),
    ("logging", LOGGING),
    ("mac_address", Shape::Text),
    ("mem_limit", Shape::Size(true)),
    ("mem_reservation", Shape::Size(true)),
    ("mem_swappiness", Shape::Size(true)),
    ("memswap_limit", Shape::Size(true)),
    ("models", MODELS),
    ("network_mode", Shape::Text),
    ("networks", NETWORKS),
    ("oom_kill_disable", Shape::Bool),
    ("oom_score_adj", Shape::Whole(-1000, 1000)),
    ("pid", Shape::Maybe(&Shape::Text)),
    ("pids_limit", WHOLE),
    ("platform", Shape::Text),
    ("privileged", Shape::Bool),
    ("pull_policy", Shape::PullPolicy),
    ("pull_refresh_after", Shape::Text),
    ("read_only", Shape::Bool),
    ("runtime", Shape::Text),
    ("secrets", FILES),
    ("security_opt", TEXTS),
    ("shm_size", Shape::Size(true)),
    ("stop_grace_period", Shape::Duration),
    ("stop_signal", Shape::Text),
    ("storage_opt", Shape::Map(&Shape::Scalar)),
    ("sysctls", PAIRS),
    ("tmpfs", TEXT_OR_TEXTS),
    ("ulimits", ULIMITS),
    ("umask", Shape::Maybe(&Shape::Umask)),
    ("use_api_socket", Shape::Bool),
    ("user", Shape::Text),
    ("userns_mode", Shape::Text),
    ("uts", Shape::Text),
    ("volumes", VOLUMES),
    ("volumes_from", TEXTS),
    ("working_dir", Shape::Text),
];

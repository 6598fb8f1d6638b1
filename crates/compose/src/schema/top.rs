//! The sections of a Compose file, and what stands in them beside services.

use super::service::{JOB, SERVICE};
use super::{Keys, OPTIONS, PAIRS, Shape, TEXT_LIST, TEXT_OR_TEXTS, WHOLE, keys, keys_with};

const EXTERNAL: Shape = Shape::Either(&[keys(&[&[("name", Shape::Text)]]), Shape::Bool]);

const IPAM: Shape = keys(&[&[
    ("driver", Shape::Text),
    (
        "config",
        Shape::List(&keys(&[&[
            ("subnet", Shape::Text),
            ("ip_range", Shape::Text),
            ("gateway", Shape::Text),
            ("aux_addresses", Shape::Map(&Shape::Text)),
        ]])),
    ),
    ("options", Shape::Map(&Shape::Text)),
]]);

const NETWORK: Shape = Shape::Maybe(&keys(&[&[
    ("name", Shape::Text),
    ("driver", Shape::Text),
    ("driver_opts", OPTIONS),
    ("ipam", IPAM),
    ("external", EXTERNAL),
    ("internal", Shape::Bool),
    ("enable_ipv4", Shape::Bool),
    ("enable_ipv6", Shape::Bool),
    ("attachable", Shape::Bool),
    ("labels", PAIRS),
]]));

const VOLUME: Shape = Shape::Maybe(&keys(&[&[
    ("name", Shape::Text),
    ("driver", Shape::Text),
    ("driver_opts", OPTIONS),
    ("external", EXTERNAL),
    ("labels", PAIRS),
]]));

const SECRET: Shape = keys(&[&[
    ("name", Shape::Text),
    ("environment", Shape::Text),
    ("file", Shape::Text),
    ("external", EXTERNAL),
    ("labels", PAIRS),
    ("driver", Shape::Text),
    ("driver_opts", OPTIONS),
    ("template_driver", Shape::Text),
]]);

const CONFIG: Shape = keys(&[&[
    ("name", Shape::Text),
    ("content", Shape::Text),
    ("environment", Shape::Text),
    ("file", Shape::Text),
    ("external", EXTERNAL),
    ("labels", PAIRS),
    ("template_driver", Shape::Text),
]]);

const MODEL: Shape = keys_with(
    &[&[
        ("name", Shape::Text),
        ("model", Shape::Text),
        ("context_size", WHOLE),
        ("runtime_flags", TEXT_LIST),
    ]],
    &["model"],
);

const INCLUDE: Shape = Shape::Either(&[
    Shape::Text,
    Shape::Keys(Keys {
        groups: &[&[
            ("path", TEXT_OR_TEXTS),
            ("env_file", TEXT_OR_TEXTS),
            ("project_directory", Shape::Text),
        ]],
        required: &[],
        extensions: false,
    }),
]);

/// A whole Compose file.
pub(crate) const TOP: Shape = keys(&[&[
    ("version", Shape::Text),
    ("name", Shape::Text),
    ("include", Shape::List(&INCLUDE)),
    ("services", Shape::Named(&SERVICE)),
    ("models", Shape::Named(&MODEL)),
    ("networks", Shape::Named(&NETWORK)),
    ("volumes", Shape::Named(&VOLUME)),
    ("secrets", Shape::Named(&SECRET)),
    ("configs", Shape::Named(&CONFIG)),
    ("jobs", Shape::Named(&JOB)),
]]);

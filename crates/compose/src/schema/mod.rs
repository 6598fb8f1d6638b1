//! The keys of Compose, and the shapes of their values before and after short forms are expanded.
//!
//! The tables follow `compose-spec.json` of the reference. A check of a tree against them reports
//! and removes every value that does not fit, so that reading can go on.

mod check;
mod container;
mod known;
mod service;
mod top;

pub(crate) use check::{check, whole};
pub(crate) use container::is_container_key;
pub use known::known_keys;
pub(crate) use top::TOP;

/// The shape of a value.
#[derive(Debug)]
pub(crate) enum Shape {
    /// Text; a number is refused, because its text may differ from what was written.
    Text,
    /// Text that is not empty of letters and digits: a container's name.
    ContainerName,
    /// `true`, `false`, or text that says so.
    Bool,
    /// A whole number in a range, or text that is one.
    Whole(i64, i64),
    Real,
    /// A whole number from 0 to 100, or any number as text.
    Percent,
    /// An amount of memory; only as text if `false`.
    Size(bool),
    /// The same, not below 0.
    SizeFromZero,
    Duration,
    Umask,
    Mode,
    PullPolicy,
    /// `NAME=ADDRESS` or `NAME:ADDRESS`
    Host,
    /// `all` or a whole number.
    Count,
    /// Text or a number.
    Label,
    /// Text, a number, a truth value or nothing: the value of a variable.
    Scalar,
    OneOf(&'static [&'static str]),
    /// This or nothing.
    Maybe(&'static Self),
    List(&'static Self),
    /// A list without repetitions.
    Set(&'static Self),
    /// A mapping with keys of any kind.
    Map(&'static Self),
    /// A mapping whose keys are names of services, networks and so on.
    Named(&'static Self),
    /// A mapping whose keys are host names.
    Hosts(&'static Self),
    Keys(Keys),
    /// The first that fits the kind of the value.
    Either(&'static [Self]),
}

/// The keys of a mapping that is described whole.
#[derive(Debug)]
pub(crate) struct Keys {
    pub groups: &'static [&'static [(&'static str, Shape)]],
    pub required: &'static [&'static str],
    /// Whether keys with `x-` may be there.
    pub extensions: bool,
}

/// A mapping of these keys and of extensions.
const fn keys(groups: &'static [&'static [(&'static str, Shape)]]) -> Shape {
    Shape::Keys(Keys {
        groups,
        required: &[],
        extensions: true,
    })
}

/// The same, with keys that must be there.
const fn keys_with(
    groups: &'static [&'static [(&'static str, Shape)]],
    required: &'static [&'static str],
) -> Shape {
    Shape::Keys(Keys {
        groups,
        required,
        extensions: true,
    })
}

const WHOLE: Shape = Shape::Whole(i64::MIN, i64::MAX);
const TEXTS: Shape = Shape::Set(&Shape::Text);
const TEXT_LIST: Shape = Shape::List(&Shape::Text);
const TEXT_OR_TEXTS: Shape = Shape::Either(&[Shape::Text, TEXTS]);
/// `[A=1]` or `{A: 1}`
const PAIRS: Shape = Shape::Either(&[Shape::Map(&Shape::Scalar), TEXTS]);
const OPTIONS: Shape = Shape::Map(&Shape::Label);
const COMMAND: Shape = Shape::Maybe(&Shape::Either(&[Shape::Text, TEXT_LIST]));

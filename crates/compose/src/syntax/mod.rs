//! The small languages inside values: durations, sizes, ports, mounts, devices, command lines.

mod amount;
mod duration;
mod host;
mod mount;
mod port;
mod words;

use thiserror::Error;

pub(crate) use amount::{boolean, count, number, real, size, umask};
pub use duration::Duration;
pub(crate) use host::{host, is_host_name};
pub(crate) use mount::{ShortMount, clean, device, mount};
pub(crate) use port::{ShortPort, ports};
pub(crate) use words::{Words, words};

/// Why a text is not written as its key needs.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SyntaxError {
    /// A span of time.
    #[error("this is no duration")]
    Duration,
    /// An amount of memory.
    #[error("this is no size")]
    Size,
    /// A whole number.
    #[error("this is no whole number")]
    Whole,
    /// How many devices.
    #[error("this is neither `all` nor a whole number")]
    Count,
    #[error("this is no number")]
    Number,
    /// A truth value.
    #[error("this is neither `true` nor `false`")]
    Bool,
    /// A port, or several.
    #[error("this is no port")]
    Port,
    /// Ranges of different length.
    #[error("the ranges of host and container ports differ in length")]
    PortRanges,
    /// Neither TCP nor UDP nor SCTP.
    #[error("the protocol is not tcp, udp or sctp")]
    Protocol,
    /// A host address of a port.
    #[error("this is no IP address")]
    Address,
    /// `:/data` or `a::b`
    #[error("a mount with nothing before, between or after its colons")]
    MountSection,
    /// More than three parts.
    #[error("a mount with too many colons")]
    MountColons,
    /// More than three parts.
    #[error("a device with too many colons")]
    Device,
    /// A name without an address, or a name with `:` or `=`.
    #[error("this is no host name with an address")]
    Host,
    /// A quote, backslash or backtick that nothing ends.
    #[error("a command line with an open quote, parenthesis or backslash at its end")]
    CommandOpen,
    #[error("a command line with a parenthesis outside quotes")]
    CommandParenthesis,
    /// Octal permission bits.
    #[error("these are no permission bits")]
    Mode,
    /// `NAME =value`
    #[error("a name of a variable ends with a space")]
    NameSpace,
    /// `NAME` where only `NAME=value` is allowed.
    #[error("this is not written as `name=value`")]
    KeyValue,
    #[error("this is no pull policy")]
    PullPolicy,
}

impl SyntaxError {
    pub(crate) fn way_out(&self) -> String {
        match self {
            Self::Duration => "write it like 90s or 1m30s",
            Self::Size => "write it like 512m or 1g",
            Self::Whole => "write digits",
            Self::Count => "write `all` or digits",
            Self::Number => "write a number like 1.5",
            Self::Bool => "write `true` or `false`",
            Self::Port => "write HOST:CONTAINER, CONTAINER or ADDRESS:HOST:CONTAINER, with ports from 0 to 65535",
            Self::PortRanges => "make them equally long",
            Self::Protocol => "write `/tcp`, `/udp` or `/sctp`",
            Self::Address => "write an address like 127.0.0.1 or [::1]",
            Self::MountSection => "write SOURCE:TARGET or TARGET; a variable without a value leaves nothing",
            Self::MountColons => "write SOURCE:TARGET:OPTIONS, or the long form",
            Self::Device => "write SOURCE:TARGET:PERMISSIONS, or the long form",
            Self::Host => "write NAME=ADDRESS",
            Self::CommandOpen => "close it, or write a list of words",
            Self::CommandParenthesis => "put it in quotes, or write a list of words",
            Self::Mode => "write octal digits like \"0440\"",
            Self::NameSpace => "remove the space before `=`",
            Self::KeyValue => "write `name=value`",
            Self::PullPolicy => "write always, never, missing, build, refresh, daily, weekly or every_…",
        }
        .to_owned()
    }
}

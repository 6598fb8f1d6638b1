//! Everything that the reader may find, each with its reason and the way out.

use thiserror::Error;

use crate::dotenv::DotenvError;
use crate::interpolate::InterpolationError;
use crate::limits::Limit;
use crate::syntax::SyntaxError;

/// Why a Compose file cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Problem {
    /// A bound of the reader.
    #[error("{0}, which no honest file needs")]
    Limit(Limit),
    /// The parser's words.
    #[error("this is not YAML: {0}")]
    Yaml(String),
    /// Bytes that are no text.
    #[error("the file is not UTF-8 text")]
    NotText,
    /// No document at all, or one that is no mapping.
    #[error("the file has no mapping with `services`")]
    Empty,
    /// A file that is needed and absent.
    #[error("the file {path} does not exist")]
    FileAbsent { path: String },
    /// A file that is there and cannot be read.
    #[error("the file {path} cannot be read: {reason}")]
    FileUnreadable {
        path: String,
        /// The system's words.
        reason: String,
    },
    /// One key twice in a mapping.
    #[error("this key stands twice in the same mapping")]
    KeyTwice,
    /// A key that is a number, a list or nothing.
    #[error("a key must be text")]
    KeyNotText,
    /// `&a [*a]`
    #[error("an alias inside its own anchor")]
    AliasInItself,
    /// `<<: 1`
    #[error("`<<` merges a mapping, and this is none")]
    MergeOfNoMapping,
    #[error(transparent)]
    Variable(#[from] InterpolationError),
    /// A line of a file of variables.
    #[error("the file {path}, {error}")]
    Dotenv {
        /// The file's path.
        path: String,
        /// The line and what is wrong there.
        error: DotenvError,
    },
    /// `format:` of an `env_file`.
    #[error("an unknown format of a file of variables")]
    DotenvFormat,
    /// A key that Compose does not have here.
    #[error("Compose has no such key here{}", near.map_or(String::new(), |near| format!("; did you mean `{near}`?")))]
    UnknownKey {
        /// A key of nearly the same letters.
        near: Option<&'static str>,
    },
    /// A name of a service, network or volume.
    #[error("a name has only letters, digits and `._-`")]
    BadName,
    /// The value is of another kind.
    #[error("this must be {expected} and is {found}")]
    Kind {
        /// In words.
        expected: String,
        /// In words.
        found: &'static str,
    },
    /// Not one of a fixed set.
    #[error("this must be one of {}", allowed.join(", "))]
    NotOneOf {
        /// The set.
        allowed: &'static [&'static str],
    },
    /// A key that must be there.
    #[error("the key `{key}` is missing")]
    KeyMissing { key: &'static str },
    /// An item of a list that must not repeat.
    #[error("this stands twice in the same list")]
    ItemTwice,
    /// A text that is not written as its key needs.
    #[error(transparent)]
    Syntax(#[from] SyntaxError),
    /// Two keys of which one may be there.
    #[error("`{one}` and `{other}` exclude each other")]
    Exclusive {
        /// The first key.
        one: &'static str,
        /// The second key.
        other: &'static str,
    },
    /// A resource that exists already may not be described.
    #[error("an external resource cannot have `{key}`")]
    External {
        /// The key beside `external`.
        key: String,
    },
    /// An override of another kind than what it overrides.
    #[error("this is {found} and cannot be merged with {base} of an earlier file")]
    Merge {
        /// The kind of value in the earlier file.
        base: &'static str,
        /// The kind of value in this file.
        found: &'static str,
    },
    /// A name that nothing declares.
    #[error("there is no {what} `{name}`")]
    Undefined {
        /// service, network, volume, config, secret or model.
        what: &'static str,
        name: String,
    },
    /// A service that is there and off.
    #[error("the service `{name}` is off, because none of its profiles is on")]
    Disabled { name: String },
    /// A chain that comes back to itself.
    #[error("a circle: {}", names.join(" → "))]
    Circle {
        /// The chain, from its first link back to it.
        names: Vec<String>,
    },
    #[error("the service has neither `image` nor `build`")]
    NothingToRun,
    /// One path twice in a container.
    #[error("the path is mounted already, at {first}")]
    MountedTwice {
        /// The keys of the other mount.
        first: String,
    },
    /// Two keys that say the same and differ.
    #[error("`{one}` and `{other}` say different things")]
    Differ {
        /// The first key.
        one: &'static str,
        /// The second key.
        other: &'static str,
    },
    /// Neither source of a secret or config.
    #[error("this needs one of {}", keys.join(", "))]
    NoSource {
        /// The keys of which one must be there.
        keys: &'static [&'static str],
    },
    /// A number outside its range.
    #[error("this must be from {least} to {most}")]
    Range {
        /// The least that is allowed.
        least: i64,
        /// The most that is allowed.
        most: i64,
    },
    /// One name for two things.
    #[error("`{name}` is both a service and a job")]
    ServiceAndJob { name: String },
    /// A path of another machine.
    #[error("a file from elsewhere (Git, OCI) is not fetched")]
    Remote,
    /// Our own mistake: the tables of keys let something pass that the model cannot hold.
    #[error("this cannot be held by the model: {0}")]
    Model(String),
}

impl From<Limit> for Problem {
    fn from(limit: Limit) -> Self {
        Self::Limit(limit)
    }
}

impl Problem {
    #[must_use]
    pub fn way_out(&self) -> String {
        match self {
            Self::Limit(_) => "make the file smaller",
            Self::Yaml(_) => "correct the YAML",
            Self::NotText => "save it as UTF-8",
            Self::Empty => "write `services:` with at least one service",
            Self::FileAbsent { .. } => "create it or correct the path",
            Self::FileUnreadable { .. } => "make it readable",
            Self::KeyTwice => "remove one of them",
            Self::KeyNotText => "write it in quotes",
            Self::AliasInItself => "let the alias name an anchor that ends before it",
            Self::MergeOfNoMapping => "let it name a mapping or a list of mappings",
            Self::Variable(InterpolationError::Required { name, .. }) => {
                return format!("set {name}");
            }
            Self::Variable(_) => "correct the variable, or write a plain dollar sign as `$$`",
            Self::Dotenv { .. } => "correct that line",
            Self::DotenvFormat => "leave `format` out, or write `format: raw`",
            Self::UnknownKey { .. } => "correct or remove it, or begin an extension with `x-`",
            Self::BadName => "rename it",
            Self::Kind { expected, .. } => return format!("write {expected}"),
            Self::NotOneOf { .. } | Self::Range { .. } => "write one of these",
            Self::KeyMissing { key } => return format!("add `{key}`"),
            Self::ItemTwice => "remove one of them",
            Self::Syntax(error) => return error.way_out(),
            Self::Exclusive { .. } | Self::NoSource { .. } => "keep exactly one",
            Self::External { .. } => "remove this key or `external`",
            Self::Merge { .. } => {
                "write it in the form of the earlier file, or replace it with `!override`"
            }
            Self::Undefined { what, name } => {
                return format!("declare the {what} `{name}` or correct the name");
            }
            Self::Disabled { .. } => "switch its profile on, or write `required: false`",
            Self::Circle { .. } => "remove one link",
            Self::NothingToRun => "add `image`",
            Self::MountedTwice { .. } => "remove one of the two",
            Self::Differ { .. } => "keep one of them",
            Self::ServiceAndJob { .. } => "rename one of them",
            Self::Remote => "copy the file beside this one and name its path",
            Self::Model(_) => "report this as a fault of Archipelago",
        }
        .to_owned()
    }
}

fn unset(name: Option<&str>) -> String {
    match name {
        Some(name) => format!("the variable {name} is not set and becomes empty"),
        None => "a `$` begins a variable that is not set and becomes empty".to_owned(),
    }
}

/// A warning about a file that can be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Warning {
    /// A number whose text is not what was written. It may be a password, so it is not shown.
    #[error("Compose makes another text of this number, such as 1.1 of 1.10 and 18 of 022")]
    Number,
    /// A variable without a value.
    #[error("{}", unset(name.as_deref()))]
    Unset {
        /// Its name, if it stands in braces. A word after a plain dollar sign may be a part of a
        /// password.
        name: Option<String>,
    },
    /// A number or a truth value where Compose wants text.
    #[error("Compose refuses {found} where text is due; here it is read as text")]
    NotText {
        /// In words.
        found: &'static str,
    },
    /// A list or mapping without anything in it.
    #[error("this is empty and left out")]
    Nothing,
    /// `mode: 440`
    #[error("Compose reads these permission bits as a decimal number, which makes {read} of them")]
    DecimalMode {
        /// The bits in octal digits.
        read: String,
    },
    /// The rest of a command line behind an operator of the shell.
    #[error("Compose drops a command line from `{operator}` on, because no shell reads it")]
    CommandCut {
        /// `;`, `&`, `|`, `<` or `>`.
        operator: char,
    },
    /// `version:`
    #[error("Compose ignores `version`")]
    Version,
    /// `yes` for `true`.
    #[error("YAML 1.2 knows only `true` and `false`")]
    Bool,
    /// An option of a volume's short form.
    #[error("Compose ignores an option that it does not know")]
    VolumeOption,
}

impl Warning {
    #[must_use]
    pub fn way_out(&self) -> String {
        match self {
            Self::Number => "write it in quotes if every character counts",
            Self::Unset { name: Some(name) } => {
                return format!("set {name}, or write a default: ${{{name}:-…}}");
            }
            Self::Unset { name: None } => {
                "write a plain dollar sign as `$$`, and a variable in braces with a default"
            }
            Self::NotText { .. } => "write it in quotes",
            Self::Nothing => "remove it",
            Self::DecimalMode { .. } => "write octal digits in quotes, such as \"0440\"",
            Self::CommandCut { .. } => "write [\"sh\", \"-c\", \"…\"] if a shell is meant",
            Self::Version => "remove it",
            Self::Bool => "write `true` or `false`",
            Self::VolumeOption => "correct or remove it",
        }
        .to_owned()
    }
}

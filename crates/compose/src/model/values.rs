//! Values with a form of their own.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{self, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::syntax;

/// The environment of a container. A variable without a value comes from the environment of the
/// process that starts it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Environment(pub BTreeMap<String, Option<String>>);

/// Labels, annotations, options: names with values.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Pairs(pub BTreeMap<String, String>);

/// Options of a provider, each with one value or several.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct MultiOptions(pub BTreeMap<String, Vec<String>>);

/// Host names with their addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hosts(pub BTreeMap<String, Vec<String>>);

/// SSH keys of a build: by id, the path if one is given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SshKeys(pub BTreeMap<String, Option<String>>);

/// Bytes. 0 is as good as not written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub i64);

/// Permission bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mode(pub i64);

/// A number of devices; -1 is all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Count(pub i64);

/// A truth value that is `true` unless somebody says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct OptOut(pub bool);

/// A limit of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ulimit {
    /// The same for both.
    Single(i64),
    Pair {
        /// The limit with which a process begins.
        soft: i64,
        /// The highest limit that it may set.
        hard: i64,
    },
}

/// One text or a list of texts or numbers, or a mapping of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// A list; a single value is a list of one.
    List(Vec<String>),
    /// A mapping; a key without a value has none.
    Map(BTreeMap<String, Vec<Option<String>>>),
}

impl Default for OptOut {
    fn default() -> Self {
        Self(true)
    }
}

impl<'de> Deserialize<'de> for Choice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Choice;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list or a mapping")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Choice, A::Error> {
                let mut list = Vec::new();
                while let Some(item) = items.next_element()? {
                    list.push(item);
                }
                Ok(Choice::List(list))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Choice, A::Error> {
                let mut map = BTreeMap::new();
                while let Some((key, OneOrMore(values))) = entries.next_entry()? {
                    map.insert(key, values);
                }
                Ok(Choice::Map(map))
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

/// The value of a key in a mapping.
struct OneOrMore(Vec<Option<String>>);

impl<'de> Deserialize<'de> for OneOrMore {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader(PhantomData<()>);
        impl<'de> Visitor<'de> for Reader {
            type Value = OneOrMore;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text or a list of texts")
            }
            fn visit_unit<E: de::Error>(self) -> Result<OneOrMore, E> {
                Ok(OneOrMore(vec![None]))
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<OneOrMore, E> {
                Ok(OneOrMore(vec![Some(text.to_owned())]))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<OneOrMore, A::Error> {
                let mut list = Vec::new();
                while let Some(item) = items.next_element::<String>()? {
                    list.push(Some(item));
                }
                Ok(OneOrMore(list))
            }
        }
        // Asked for an identifier, the decoder gives every scalar as text.
        deserializer.deserialize_identifier(Reader(PhantomData))
    }
}

/// The last of several values of one key counts.
fn single(values: Vec<Option<String>>) -> Option<String> {
    values.into_iter().next_back().flatten()
}

impl<'de> Deserialize<'de> for Environment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(match Choice::deserialize(deserializer)? {
            Choice::Map(map) => map
                .into_iter()
                .map(|(name, values)| (name, single(values)))
                .collect(),
            Choice::List(items) => items
                .into_iter()
                .map(|item| match item.split_once('=') {
                    Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
                    None => (item, None),
                })
                .collect(),
        }))
    }
}

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Environment(pairs) = Environment::deserialize(deserializer)?;
        let pairs = pairs
            .into_iter()
            .map(|(name, value)| (name, value.unwrap_or_default()));
        Ok(Self(pairs.collect()))
    }
}

impl<'de> Deserialize<'de> for SshKeys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Environment::deserialize(deserializer).map(|Environment(keys)| Self(keys))
    }
}

impl<'de> Deserialize<'de> for MultiOptions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Choice::deserialize(deserializer)? {
            Choice::List(_) => Err(de::Error::custom("options are a mapping")),
            Choice::Map(map) => {
                let texts = |values: Vec<Option<String>>| {
                    values.into_iter().map(Option::unwrap_or_default).collect()
                };
                Ok(Self(
                    map.into_iter()
                        .map(|(name, values)| (name, texts(values)))
                        .collect(),
                ))
            }
        }
    }
}

impl<'de> Deserialize<'de> for Hosts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bare = |address: &str| {
            let inner = address
                .strip_prefix('[')
                .and_then(|address| address.strip_suffix(']'));
            inner
                .filter(|inner| !inner.is_empty())
                .unwrap_or(address)
                .to_owned()
        };
        let mut hosts: BTreeMap<String, Vec<String>> = BTreeMap::new();
        match Choice::deserialize(deserializer)? {
            Choice::Map(map) => {
                for (name, values) in map {
                    let values = values
                        .into_iter()
                        .map(|value| bare(&value.unwrap_or_default()));
                    hosts.insert(name, values.collect());
                }
            }
            Choice::List(items) => {
                for item in items {
                    let (name, addresses) = syntax::host(&item).map_err(de::Error::custom)?;
                    hosts
                        .entry(name.to_owned())
                        .or_default()
                        .extend(addresses.split(',').map(bare));
                }
            }
        }
        Ok(Self(hosts))
    }
}

impl Serialize for Hosts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let pairs = self.0.iter().flat_map(|(name, addresses)| {
            addresses
                .iter()
                .map(move |address| format!("{name}={address}"))
        });
        let mut pairs: Vec<String> = pairs.collect();
        pairs.sort();
        pairs.serialize(serializer)
    }
}

impl Serialize for SshKeys {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|(id, path)| match path {
            Some(path) => format!("{id}: {path}"),
            None => id.clone(),
        }))
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        syntax::size(&text).map(Self).map_err(de::Error::custom)
    }
}

impl Serialize for Size {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Mode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl Visitor<'_> for Reader {
            type Value = Mode;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("permission bits")
            }
            fn visit_i64<E: de::Error>(self, bits: i64) -> Result<Mode, E> {
                Ok(Mode(bits))
            }
            /// `0889` is no octal number, so it is one of YAML's other kind.
            fn visit_f64<E: de::Error>(self, bits: f64) -> Result<Mode, E> {
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "the tables of keys check it"
                )]
                Ok(Mode(bits as i64))
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Mode, E> {
                let bits = i64::from_str_radix(text, 8);
                bits.map(Mode)
                    .map_err(|_| E::custom(syntax::SyntaxError::Mode))
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

impl Serialize for Mode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("0{:o}", self.0))
    }
}

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        syntax::count(&text).map(Self).map_err(de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for OptOut {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        bool::deserialize(deserializer).map(Self)
    }
}

impl<'de> Deserialize<'de> for Ulimit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Ulimit;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a limit, or one with `soft` and `hard`")
            }
            fn visit_i64<E: de::Error>(self, limit: i64) -> Result<Ulimit, E> {
                Ok(Ulimit::Single(limit))
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Ulimit, E> {
                syntax::number(text).map(Ulimit::Single).map_err(E::custom)
            }
            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Ulimit, A::Error> {
                let (mut soft, mut hard) = (0, 0);
                while let Some((key, limit)) = entries.next_entry::<String, Limit>()? {
                    match key.as_str() {
                        "soft" => soft = limit.0,
                        "hard" => hard = limit.0,
                        _ => {}
                    }
                }
                Ok(Ulimit::Pair { soft, hard })
            }
        }
        struct Limit(i64);
        impl<'de> Deserialize<'de> for Limit {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                i64::deserialize(deserializer).map(Self)
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

impl Serialize for Ulimit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Both {
            #[serde(skip_serializing_if = "crate::model::keys::is_default")]
            soft: i64,
            #[serde(skip_serializing_if = "crate::model::keys::is_default")]
            hard: i64,
        }
        match *self {
            Self::Single(limit) if limit != 0 => limit.serialize(serializer),
            Self::Single(_) => Both { soft: 0, hard: 0 }.serialize(serializer),
            Self::Pair { soft, hard } => Both { soft, hard }.serialize(serializer),
        }
    }
}

//! Reads types from a tree: a scalar is text, a number or a truth value as the type asks for it.

use serde::Deserialize;
use serde::de::value::{BorrowedStrDeserializer, StrDeserializer};
use serde::de::{
    self, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::keys::Extensions;
use crate::node::{Mapping, Node, Place, Value};
use crate::number::Amount;
use crate::schema::whole;
use crate::syntax;

/// A tree that is not a model: the place and the reason. The tables of keys let no such tree pass.
#[derive(Debug)]
pub(crate) struct DecodeError {
    pub place: Option<Place>,
    pub words: String,
}

impl de::Error for DecodeError {
    fn custom<T: std::fmt::Display>(words: T) -> Self {
        Self {
            place: None,
            words: words.to_string(),
        }
    }
}
impl std::error::Error for DecodeError {}
impl std::fmt::Display for DecodeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.words)
    }
}

/// The name under which a struct takes keys that begin with `x-`.
const EXTENSIONS: &str = "#extensions";

#[derive(Clone, Copy)]
pub(crate) struct Decoder<'de> {
    node: &'de Node,
}

/// The extensions of a mapping.
pub(super) fn extensions(node: &Node) -> Result<Extensions, DecodeError> {
    let entries = node.as_map().into_iter().flatten();
    entries
        .filter(|(key, _)| key.starts_with("x-"))
        .map(|(key, entry)| Ok((key.clone(), Decoder::value(&entry.node)?)))
        .collect()
}

impl<'de> Decoder<'de> {
    /// Reads a value; nothing is the value that is not written.
    pub(crate) fn value<T: Deserialize<'de>>(node: &'de Node) -> Result<T, DecodeError> {
        T::deserialize(Self { node })
    }

    /// Adds the place to an error that has none.
    fn at<T>(self, result: Result<T, DecodeError>) -> Result<T, DecodeError> {
        result.map_err(|error| DecodeError {
            place: Some(error.place.unwrap_or_else(|| self.node.place.clone())),
            ..error
        })
    }

    fn fail<T>(self, expected: &str) -> Result<T, DecodeError> {
        self.at(Err(de::Error::custom(format_args!(
            "{} instead of {expected}",
            self.node.kind()
        ))))
    }

    fn text(self) -> Result<std::borrow::Cow<'de, str>, DecodeError> {
        match (self.node.as_text(), self.node.scalar_text()) {
            (Some(text), _) => Ok(text.into()),
            (None, Some(text)) => Ok(text.into()),
            (None, None) => self.fail("text"),
        }
    }

    fn whole(self) -> Result<i64, DecodeError> {
        self.at(whole(&self.node.value).map_err(de::Error::custom))
    }
}

macro_rules! whole_numbers {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
            let amount = self.whole()?;
            self.at(visitor.visit_i64(amount))
        })*
    };
}

impl<'de> Deserializer<'de> for Decoder<'de> {
    type Error = DecodeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let result = match &self.node.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Number(number) => match number.amount {
                Amount::Whole(amount) => match (i64::try_from(amount), u64::try_from(amount)) {
                    (Ok(amount), _) => visitor.visit_i64(amount),
                    (_, Ok(amount)) => visitor.visit_u64(amount),
                    _ => return self.fail("a number of 64 bits"),
                },
                Amount::Real(amount) => visitor.visit_f64(amount),
            },
            Value::Text(text) => visitor.visit_borrowed_str(text),
            Value::List(items) => visitor.visit_seq(Items(items.iter())),
            Value::Map(map) => visitor.visit_map(Entries::all(map)),
        };
        self.at(result)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.node.is_null() {
            true => visitor.visit_none(),
            false => visitor.visit_some(self),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let value = match &self.node.value {
            Value::Bool(value) => *value,
            Value::Text(text) => self.at(syntax::boolean(text).map_err(de::Error::custom))?,
            _ => return self.fail("true or false"),
        };
        self.at(visitor.visit_bool(value))
    }

    whole_numbers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let amount = self.at(syntax::real(&self.text()?).map_err(de::Error::custom))?;
        self.at(visitor.visit_f64(amount))
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let text = self.text()?;
        self.at(visitor.visit_str(&text))
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.deserialize_str(visitor)
    }

    /// A scalar of any kind as text; nothing, a list or a mapping as it is.
    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match &self.node.value {
            Value::Bool(_) | Value::Number(_) => self.deserialize_str(visitor),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        visitor.visit_newtype_struct(self)
    }

    /// Absent and empty values are left out. Extensions go into one field.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        let result = match &self.node.value {
            Value::Null => visitor.visit_map(Entries::default()),
            Value::Map(map) => visitor.visit_map(Entries::fields(self.node, map, fields)),
            _ => return self.fail("a mapping"),
        };
        self.at(result)
    }

    forward_to_deserialize_any! {
        i128 u128 char bytes byte_buf unit unit_struct seq tuple tuple_struct map enum ignored_any
    }
}

struct Items<'de>(std::slice::Iter<'de, Node>);

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = DecodeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, DecodeError> {
        self.0
            .next()
            .map(|node| seed.deserialize(Decoder { node }))
            .transpose()
    }
}

#[derive(Default)]
struct Entries<'de> {
    rest: Vec<(&'de str, &'de Node)>,
    value: Option<&'de Node>,
    /// The mapping whose extensions come last, as one field.
    extensions: Option<&'de Node>,
}

impl<'de> Entries<'de> {
    fn all(map: &'de Mapping) -> Self {
        let rest = map
            .iter()
            .rev()
            .map(|(key, entry)| (key.as_str(), &entry.node))
            .collect();
        Self {
            rest,
            ..Self::default()
        }
    }

    fn fields(node: &'de Node, map: &'de Mapping, fields: &[&str]) -> Self {
        let written = |node: &Node| !node.is_null() && node.as_text() != Some("");
        let rest = map
            .iter()
            .rev()
            .map(|(key, entry)| (key.as_str(), &entry.node));
        let rest = rest.filter(|(key, node)| !key.starts_with("x-") && written(node));
        Self {
            rest: rest.collect(),
            value: None,
            extensions: fields.contains(&EXTENSIONS).then_some(node),
        }
    }
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = DecodeError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, DecodeError> {
        if let Some((key, node)) = self.rest.pop() {
            self.value = Some(node);
            return seed
                .deserialize(BorrowedStrDeserializer::new(key))
                .map(Some);
        }
        self.value = None;
        if self.extensions.is_some() {
            let key: StrDeserializer<'_, DecodeError> = EXTENSIONS.into_deserializer();
            return seed.deserialize(key).map(Some);
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(
        &mut self,
        seed: V,
    ) -> Result<V::Value, DecodeError> {
        if let Some(node) = self.value.take() {
            return seed.deserialize(Decoder { node });
        }
        match self.extensions.take() {
            Some(node) => seed.deserialize(ExtensionsOf(node)),
            None => Err(de::Error::custom("a value without a key")),
        }
    }
}

/// The extensions of a mapping, as a mapping.
struct ExtensionsOf<'de>(&'de Node);

impl<'de> Deserializer<'de> for ExtensionsOf<'de> {
    type Error = DecodeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let entries = self.0.as_map().into_iter().flatten();
        let entries = entries.filter(|(key, _)| key.starts_with("x-"));
        let rest = entries
            .map(|(key, entry)| (key.as_str(), &entry.node))
            .collect();
        visitor.visit_map(Entries {
            rest,
            ..Entries::default()
        })
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

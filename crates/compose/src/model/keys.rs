//! Declares a struct of keys, with its reading and writing.

use std::collections::BTreeMap;

/// Keys that begin with `x-`, as JSON.
pub type Extensions = BTreeMap<String, serde_json::Value>;

/// A struct of keys with defaults, whose serialised form leaves out what is not written.
macro_rules! model {
    (
        $(#[$meta:meta])*
        $name:ident { $( $(#[$field_meta:meta])* $field:ident : $type:ty ),* $(,)? }
        $( always { $( $(#[$always_meta:meta])* $always:ident : $always_type:ty ),* $(,)? } )?
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(default)]
        pub struct $name {
            $(
                $(#[$field_meta])*
                #[serde(skip_serializing_if = "crate::model::keys::is_default")]
                pub $field: $type,
            )*
            $( $( $(#[$always_meta])* pub $always: $always_type, )* )?
            /// Keys that begin with `x-`.
            #[serde(rename = "#extensions", skip_serializing)]
            pub extensions: crate::model::keys::Extensions,
        }
    };
}
pub(crate) use model;

/// Whether a value is as good as not written.
pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

//! Values of other apps in templates: the exports of the apps that are required.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use minijinja::value::{Enumerator, Object, Value};
use minijinja::{Error, ErrorKind};

use crate::manifest::{Exports, Settings};
use crate::name::AppId;

/// An app that this one requires, with all that it could export.
pub(crate) struct OtherApp<'a> {
    pub exports: &'a Exports,
    pub settings: &'a Settings,
    pub secrets: &'a BTreeMap<String, String>,
    pub captures: BTreeMap<&'a str, String>,
}

/// `apps` in a template.
pub(super) fn apps(others: &BTreeMap<&AppId, OtherApp<'_>>) -> Value {
    let values = others.iter().map(|(id, other)| {
        let OtherApp {
            exports,
            settings,
            secrets,
            captures,
        } = other;
        let parts = [
            offered(id, "settings", &settings.0, &exports.settings),
            offered(id, "secrets", secrets, &exports.secrets),
            offered(id, "files", captures, &exports.files),
        ];
        let parts = parts.into_iter().map(|(key, part)| (key.to_owned(), part));
        (id.to_string(), Value::from_pairs(parts))
    });
    Value::from_object(Named {
        values: values.collect(),
        missing: Missing::App,
    })
}

fn offered<K: Ord + AsRef<str>, V: Clone + serde::Serialize>(
    app: &AppId,
    list: &'static str,
    all: &BTreeMap<K, V>,
    exported: &BTreeSet<String>,
) -> (&'static str, Value) {
    let values = all
        .iter()
        .filter(|(name, _)| exported.contains(name.as_ref()))
        .map(|(name, value)| {
            let value = Value::from(minijinja::value::Serde(value));
            (name.as_ref().to_owned(), value)
        });
    let part = Named {
        values: values.collect(),
        missing: Missing::Part {
            app: app.clone(),
            list,
        },
    };
    (list, Value::from_object(part))
}

/// Values by name. To read another name is an error that says what to do.
#[derive(Debug)]
struct Named {
    values: BTreeMap<String, Value>,
    missing: Missing,
}

#[derive(Debug)]
enum Missing {
    /// An app that is not required.
    App,
    /// A part of an app that it does not export.
    Part { app: AppId, list: &'static str },
}

impl Missing {
    fn error(&self, name: &str) -> Error {
        let message = match self {
            Self::App => {
                format!("apps.{name}: this app does not require {name}; add it to `requires.apps`")
            }
            Self::Part { app, list } => format!(
                "apps.{app}.{list}.{name}: {app} does not export it; the definition of {app} must list it under `x-archipelago.exports.{list}` (archipelago install {app} renews an app of the catalog)"
            ),
        };
        Error::new(ErrorKind::UndefinedError, message)
    }
}

impl Object for Named {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let name = key.as_str()?;
        let value = self.values.get(name).cloned();
        Some(value.unwrap_or_else(|| Value::from(self.missing.error(name))))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.values.keys().map(Value::from).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::SettingValue;
    use crate::template::tests::check_with;

    #[test]
    fn of_another_app_only_what_it_exports_can_be_read() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let exports = Exports {
            services: BTreeMap::new(),
            settings: names(&["network"]),
            secrets: names(&["rpc"]),
            files: names(&["cert"]),
            all: false,
        };
        let settings = Settings(BTreeMap::from([
            ("network".to_owned(), SettingValue::Text("main".to_owned())),
            ("port".to_owned(), SettingValue::Integer(1)),
        ]));
        let secrets = ["rpc", "own"].map(|name| (name.to_owned(), format!("{name}-text")));
        let secrets = BTreeMap::from(secrets);
        let captures = ["cert", "key"].map(|name| (name, format!("{name}-text")));
        let bitcoin = AppId::parse("bitcoin").unwrap();
        let check = |source: &str, expected: Result<&str, &str>| {
            let other = OtherApp {
                exports: &exports,
                settings: &settings,
                secrets: &secrets,
                captures: BTreeMap::from(captures.clone()),
            };
            check_with(BTreeMap::from([(&bitcoin, other)]), source, expected);
        };
        check(
            "{{ apps.bitcoin.settings.network }} {{ apps.bitcoin.secrets.rpc }} {{ apps.bitcoin.files.cert }}",
            Ok("main rpc-text cert-text"),
        );
        check("{{ apps.bitcoin.secrets }}", Ok("{'rpc': 'rpc-text'}"));
        let refused = |list: &str, name: &str| {
            let refusal = format!(
                "t.conf:2:1: apps.bitcoin.{list}.{name}: bitcoin does not export it; the definition of bitcoin must list it under `x-archipelago.exports.{list}`"
            );
            for source in [
                format!("\n{{{{ apps.bitcoin.{list}.{name} }}}}"),
                format!("\n{{% if apps.bitcoin.{list}.{name} %}}{{% endif %}}"),
                format!("\n{{{{ apps.bitcoin.{list}.{name} | default('x') }}}}"),
                format!("\n{{{{ apps['bitcoin'].{list}['{name}'] ~ 'x' }}}}"),
                format!("\n{{{{ basic_auth('x', apps.bitcoin.{list}.{name}) }}}}"),
            ] {
                check(&source, Err(&refusal));
            }
        };
        refused("settings", "port");
        refused("secrets", "own");
        refused("secrets", "absent");
        refused("files", "key");
        check(
            "{{ apps.lnd.settings.network }}",
            Err("t.conf:1:1: apps.lnd: this app does not require lnd; add it to `requires.apps`"),
        );
    }
}

//! Rendering of an app's configuration files.
//!
//! Jinja by `minijinja`, strict: an undefined name is an error with its line. What a template can
//! reach is listed in `docs/manifest.md`; it reaches nothing else, and it cannot include other
//! files.

mod added;
mod host;
mod others;
mod refusal;

pub(crate) use others::OtherApp;

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, Value};
use minijinja::{Environment, UndefinedBehavior};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::hex::hex;
use crate::manifest::{ManifestError, Place, SettingValue, Settings};
use crate::name::AppId;
use refusal::{Refusal, refuse};

/// The most that one rendering may cost. One unit is an instruction, or 64 bytes that are made on
/// the way. The largest template of the catalog takes a small part of it, and all of it takes some
/// milliseconds.
const FUEL: u64 = 100_000;

/// The largest rendered file. A configuration file is a few kilobytes.
const OUTPUT_BYTES_MAX: usize = 1024 * 1024;

/// The values that a template can use.
pub(crate) struct Context<'a> {
    pub app: AppContext<'a>,
    pub settings: &'a Settings,
    pub secrets: &'a BTreeMap<String, String>,
    pub captures: BTreeMap<&'a str, String>,
    /// The apps that this one requires.
    pub apps: BTreeMap<&'a AppId, OtherApp<'a>>,
}

#[derive(Serialize)]
pub(crate) struct AppContext<'a> {
    pub id: &'a AppId,
}

impl Context<'_> {
    fn value(&self) -> Value {
        let Self {
            app,
            settings,
            secrets,
            captures,
            apps,
        } = self;
        Value::from_pairs([
            ("app", Value::from(Serde(app))),
            ("settings", Value::from(Serde(settings))),
            ("secrets", Value::from(Serde(secrets))),
            ("captures", Value::from(Serde(captures))),
            ("apps", others::apps(apps)),
        ])
    }
}

/// Renders `source`, the content of `file`.
pub(crate) fn render(
    file: &str,
    source: &str,
    context: &Context<'_>,
) -> Result<String, ManifestError> {
    let mut environment = Environment::empty();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    let syntax = SyntaxConfig::builder()
        .keep_trailing_newline(true)
        .trim_blocks(true)
        .lstrip_blocks(true)
        .build()
        .expect("the delimiters are the default ones");
    environment.set_syntax(syntax);
    environment.add_filter("default", minijinja::filters::default);
    environment.add_filter("trim", minijinja::filters::trim);
    environment.add_filter("lines", minijinja::filters::lines);
    environment.add_filter("byte_count", |text: &str| text.len());
    environment.add_test("defined", minijinja::tests::is_defined);
    environment.add_function("rpcauth", rpcauth);
    environment.add_function("basic_auth", basic_auth);
    environment.add_function("host_names", host::host_names);
    environment.add_function("host_address", host::host_address);
    environment.add_function("added_lines", added::added_lines);
    environment.add_function("fail", fail);
    let rendered = environment.render_named_str(file, source, context.value());
    let rendered = rendered.map_err(|error| {
        let line = error.line().unwrap_or(1);
        let (setting, problem) = problem(&error, context.settings);
        ManifestError::new(file, Place { line, column: 1 }, setting, problem)
    })?;
    if rendered.len() > OUTPUT_BYTES_MAX {
        let mib = OUTPUT_BYTES_MAX >> 20;
        let problem = format!("what the template renders is larger than {mib} MiB");
        return Err(ManifestError::new(
            file,
            Place { line: 1, column: 1 },
            "",
            problem,
        ));
    }
    Ok(rendered)
}

/// Why a template cannot be rendered: the setting that is refused, if one is, and the reason,
/// without a value that it was rendered with.
fn problem<'a>(error: &minijinja::Error, settings: &'a Settings) -> (&'a str, String) {
    use minijinja::ErrorKind;
    // Our functions refuse a setting in words for the person who set it. Every other error is a
    // mistake of the template.
    let source = std::error::Error::source(error);
    if let Some(Refusal { words, text }) = source.and_then(|source| source.downcast_ref()) {
        let is_refused =
            |(_, value): &(_, &SettingValue)| Some(&value.to_string()) == text.as_ref();
        let setting = settings.0.iter().find(is_refused);
        return (setting.map_or("", |(name, _)| name), words.clone());
    }
    if error.kind() == ErrorKind::OutOfFuel {
        let problem = "the template takes too many steps; a configuration file needs a few loops over a few texts";
        return ("", problem.to_owned());
    }
    let names_only = matches!(
        error.kind(),
        ErrorKind::SyntaxError
            | ErrorKind::UndefinedError
            | ErrorKind::UnknownFilter
            | ErrorKind::UnknownTest
            | ErrorKind::UnknownFunction
            | ErrorKind::UnknownMethod
            | ErrorKind::MissingArgument
            | ErrorKind::TooManyArguments
    );
    let detail = error.detail().filter(|_| names_only);
    let words = detail.map_or_else(|| error.kind().to_string(), str::to_owned);
    let problem = format!("{words} (docs/manifest.md lists what templates can use)");
    ("", problem)
}

/// The value of bitcoind's `rpcauth=`: `user:salt$HMAC-SHA256(salt, password)`.
///
/// The salt is derived from the password, a generated one of 256 bits, so that the line stays the
/// same from pass to pass. Source: Bitcoin Core `share/rpcauth/rpcauth.py`.
fn rpcauth(user: String, password: String) -> String {
    let salt = hex(&Sha256::digest(format!("rpcauth salt for {user}: {password}"))[..16]);
    let mut mac =
        Hmac::<Sha256>::new_from_slice(salt.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(password.as_bytes());
    format!("{user}:{salt}${}", hex(&mac.finalize().into_bytes()))
}

/// The credentials of HTTP's Basic authentication (RFC 7617).
fn basic_auth(user: String, password: String) -> String {
    STANDARD.encode(format!("{user}:{password}"))
}

/// Lets a template refuse settings that do not go together.
fn fail(message: String) -> Result<String, minijinja::Error> {
    Err(refuse(message, None))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(source: &str, expected: Result<&str, &str>) {
        check_with(BTreeMap::new(), source, expected);
    }

    pub(super) fn check_with(
        apps: BTreeMap<&AppId, OtherApp<'_>>,
        source: &str,
        expected: Result<&str, &str>,
    ) {
        let id = AppId::parse("litecoin").unwrap();
        let settings = Settings(BTreeMap::from([
            ("network".into(), SettingValue::Text("regtest".into())),
            ("prune".into(), SettingValue::Integer(0)),
            ("address".into(), SettingValue::Text("hunter2/x".into())),
        ]));
        let secrets = BTreeMap::from([("p".to_owned(), "x".to_owned())]);
        let context = Context {
            app: AppContext { id: &id },
            settings: &settings,
            secrets: &secrets,
            captures: BTreeMap::from([("macaroon", String::new())]),
            apps,
        };
        match (render("t.conf", source, &context), expected) {
            (Ok(text), Ok(wanted)) => assert_eq!(text, wanted),
            (Err(error), Err(part)) => {
                let error = error.to_string();
                assert!(
                    error.contains(part) && !error.contains("hunter2"),
                    "{error}"
                );
            }
            (got, _) => panic!("{got:?} for {source:?}"),
        }
    }

    #[test]
    fn a_template_can_neither_run_on_nor_render_without_end() {
        let loops = "\n{% for a in 'x' * 9999 %}{% for b in 'x' * 9999 %}{% endfor %}{% endfor %}";
        check(loops, Err("t.conf:2:1: the template takes too many steps"));
        check(
            "\n\n{{ 'x' * 9999999999 }}",
            Err("t.conf:3:1: the template takes too many steps"),
        );
        let doubled = "{% set x = x ~ x %}\n".repeat(40);
        let doubled = format!("{{% set x = 'x' %}}\n{doubled}");
        check(&doubled, Err("the template takes too many steps"));
        check(
            "\n{{ 'x' * 1048577 }}",
            Err("t.conf:1:1: what the template renders is larger than 1 MiB"),
        );
        check("{{ 'x' * 5 }}\n", Ok("xxxxx\n"));
    }

    #[test]
    fn templates_reach_settings_and_secrets() {
        check("n={{ settings.network }}\n", Ok("n=regtest\n"));
        check(
            "{% if settings.prune > 0 %}\nprune\n{% endif %}\nend",
            Ok("end"),
        );
        check("{{ basic_auth('ui', secrets.p) }}", Ok("dWk6eA=="));
        check("[{{ captures.macaroon }}]", Ok("[]"));
    }

    #[test]
    fn an_undefined_name_is_an_error_with_its_line() {
        check("a\n{{ settings.netwrk }}", Err("t.conf:2:1: "));
        check("{{ nothing }}", Err("t.conf:1:1: "));
        check("{% include 'x' %}", Err("t.conf:1:1: "));
        // An operand may be a password.
        check(
            "{{ 'hunter2' / 2 }}",
            Err("t.conf:1:1: invalid operation (docs/manifest.md"),
        );
        check(
            "{{ host_names('fine hunter2:80') }}",
            Err("t.conf:1:1: name 2 is no host name"),
        );
        check(
            "{{ host_address(settings.address).host }}",
            Err("t.conf:1:1: address: this is no IP address"),
        );
        check(
            "\n{{ fail('prune and txindex exclude each other') }}",
            Err("t.conf:2:1: prune and txindex"),
        );
    }

    #[test]
    fn added_lines_leave_reserved_keys_alone() {
        let added = |lines: &str| {
            format!("{{{{ added_lines('{lines}', {{'prune': 'prune', 'rest': ''}}, 'no') }}}}")
        };
        let others = "#prune=1\nprune.x=1\npruned=1\nnorth=1\n=\n";
        check(&added(others), Ok(others));
        for (line, problem) in [
            ("prune=550", "sets prune: use --set prune=…, which"),
            ("debug=1\n\t Prune = 550", "sets prune: "),
            ("\"prune\"=1", "sets prune: "),
            ("prune", "sets prune: "),
            ("noprune=1", "sets prune: "),
            ("rest=0", "sets rest, which Archipelago"),
            ("norest=1", "sets rest, which Archipelago"),
        ] {
            check(&added(line), Err(problem));
        }
        let without = "{{ added_lines('noprune=1', {'prune': ''}) }}";
        check(without, Ok("noprune=1"));
    }

    #[test]
    fn rpcauth_is_what_bitcoind_checks() {
        let line = rpcauth("ui".into(), "secret".into());
        let (user, rest) = line.split_once(':').unwrap();
        let (salt, hash) = rest.split_once('$').unwrap();
        assert_eq!((user, salt.len(), hash.len()), ("ui", 32, 64));
        let mut mac = Hmac::<Sha256>::new_from_slice(salt.as_bytes()).unwrap();
        mac.update(b"secret");
        assert_eq!(hash, hex(&mac.finalize().into_bytes()));
        assert_eq!(line, rpcauth("ui".into(), "secret".into()));
    }
}

//! Values that consist of several parts, as Podman reads them.

use std::net::IpAddr;

use super::escape::{EscapeError, arguments, path};
use super::lines::whole_seconds;
use super::{Command, PublishedPort, Secret, SecretDelivery, VolumeMount};

/// The value of `HealthCmd`. Podman reads a JSON list of several words as a program and its
/// arguments, unless the first word is Compose's `CMD`. It gives a list of one word to the shell,
/// which an image may lack; `CMD` and a word without a list is that program alone (podman 5.4
/// `pkg/specgenutil/specgen.go`, `makeHealthCheckFromCli`).
pub(super) fn health_command(test: &[String]) -> String {
    let is_bare =
        |character: char| !character.is_whitespace() && !character.is_control() && character != '"';
    match test {
        [kind, program] if kind == "CMD" && !program.is_empty() && program.chars().all(is_bare) => {
            format!("CMD {program}")
        }
        [kind, program] if kind == "CMD" => {
            let quoted = format!("'{}'", program.replace('\'', r"'\''"));
            json(&["CMD-SHELL".to_owned(), quoted])
        }
        [kind, command @ ..] if kind == "CMD" => json(command),
        _ => json(test),
    }
}

/// Podman reads `Entrypoint` and `HealthCmd` as a JSON list of texts.
pub(super) fn json(texts: &[String]) -> String {
    serde_json::Value::from(texts.to_vec()).to_string()
}

/// A command that is killed after its limit. The minus sign lets it fail.
pub(super) fn command_text(command: &Command) -> Result<String, EscapeError> {
    let Command { words, limit } = command;
    let words = arguments(words.iter().map(String::as_str))?;
    let limit = whole_seconds(*limit);
    Ok(format!("-timeout --kill-after=10 {limit} {words}"))
}

pub(super) fn secret_text(secret: &Secret) -> Result<String, EscapeError> {
    let Secret { name, delivery } = secret;
    let option = |text: &str| {
        if text.contains(',') {
            Err(EscapeError::comma())
        } else {
            Ok(text.to_owned())
        }
    };
    Ok(match delivery {
        SecretDelivery::Environment(variable) => {
            format!("{},type=env,target={}", option(name)?, option(variable)?)
        }
        SecretDelivery::File {
            target,
            uid,
            gid,
            mode,
        } => {
            let mut text = format!("{},type=mount", option(name)?);
            let options = [
                ("target", target.clone()),
                ("uid", uid.map(|id| id.to_string())),
                ("gid", gid.map(|id| id.to_string())),
                ("mode", mode.clone()),
            ];
            for (key, value) in options {
                if let Some(value) = value {
                    text.push_str(&format!(",{key}={}", option(&value)?));
                }
            }
            text
        }
    })
}

pub(super) fn port_text(port: &PublishedPort) -> String {
    let PublishedPort {
        address,
        host,
        container,
        udp,
    } = port;
    let address = match address {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => format!("[{v6}]"),
    };
    format!(
        "{address}:{host}:{container}{}",
        if *udp { "/udp" } else { "" }
    )
}

pub(super) fn volume_text(volume: &VolumeMount) -> Result<String, EscapeError> {
    let VolumeMount {
        source,
        target,
        read_only,
        no_copy,
        relabel,
    } = volume;
    let options = [(*read_only, "ro"), (*no_copy, "nocopy"), (*relabel, "z")];
    let options: Vec<&str> = options
        .iter()
        .filter_map(|(on, option)| on.then_some(*option))
        .collect();
    let mut text = format!("{}:{}", path(source)?, path(target)?);
    if !options.is_empty() {
        text.push_str(&format!(":{}", options.join(",")));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::health_command;

    #[test]
    fn a_program_without_arguments_needs_no_shell() {
        for (test, expected) in [
            (&["CMD", "/healthcheck"][..], "CMD /healthcheck"),
            (&["CMD", "/a b"], r#"["CMD-SHELL","'/a b'"]"#),
            (&["CMD", "a\""], r#"["CMD-SHELL","'a\"'"]"#),
            (&["CMD", "a", "b"], r#"["a","b"]"#),
            (&["CMD-SHELL", "a b"], r#"["CMD-SHELL","a b"]"#),
        ] {
            let test: Vec<String> = test.iter().map(|word| (*word).to_owned()).collect();
            assert_eq!(health_command(&test), expected);
        }
    }
}

//! Values that consist of several parts, as Podman reads them.

use std::net::IpAddr;

use super::escape::{EscapeError, path};
use super::{PublishedPort, Secret, SecretDelivery, VolumeMount};

/// The value of `HealthCmd`. Podman reads a JSON list, but not one that begins with Compose's
/// `CMD`: that it would take for the name of a program, the whole list of it. Several words without
/// it are a command. A single one is not, so it is written as `CMD WORD`, which Podman splits at
/// white space; only a program with white space in its name is run by the shell.
pub(super) fn health_command(test: &[String]) -> String {
    match test {
        [kind, program] if kind == "CMD" && !program.contains(char::is_whitespace) => {
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
        relabel,
    } = volume;
    let options: Vec<&str> = [(*read_only, "ro"), (*relabel, "z")]
        .iter()
        .filter_map(|(on, option)| on.then_some(*option))
        .collect();
    let mut text = format!("{}:{}", path(source)?, path(target)?);
    if !options.is_empty() {
        text.push_str(&format!(":{}", options.join(",")));
    }
    Ok(text)
}

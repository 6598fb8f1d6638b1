//! Names and addresses of hosts in settings, checked and told apart for the templates that write
//! them down. Nothing is looked up.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};

use minijinja::Error;

use super::refusal::refuse;

/// The host names in a text with spaces between them, in small letters.
pub(super) fn host_names(text: String) -> Result<Vec<String>, Error> {
    text.split_whitespace()
        .zip(1..)
        .map(|(name, number)| {
            if is_name(name) {
                return Ok(name.to_ascii_lowercase());
            }
            let words = format!(
                "name {number} is no host name; write names alone, without port or scheme, and spaces between them"
            );
            Err(refuse(words, Some(text.clone())))
        })
        .collect()
}

/// `{host, port, kind}` of an address with or without a port; `port` is empty where none is given,
/// `kind` one of `ip`, `onion` and `name`.
pub(super) fn host_address(text: String) -> Result<BTreeMap<&'static str, String>, Error> {
    let Some((host, port)) = split(&text) else {
        return Err(no_address(text));
    };
    let kind = if host.parse::<Ipv4Addr>().is_ok() || host.parse::<Ipv6Addr>().is_ok() {
        "ip"
    } else if !is_name(host) {
        return Err(no_address(text));
    } else if host.to_ascii_lowercase().ends_with(".onion") {
        "onion"
    } else {
        "name"
    };
    Ok(BTreeMap::from([
        ("host", host.to_owned()),
        ("port", port.to_owned()),
        ("kind", kind.to_owned()),
    ]))
}

fn no_address(text: String) -> Error {
    let words = "this is no IP address and no host name, with or without a port";
    refuse(words, Some(text))
}

/// Host and port, of which the host is not checked yet. An IPv6 address with a port stands in
/// brackets.
fn split(text: &str) -> Option<(&str, &str)> {
    let (host, port) = if let Some(rest) = text.strip_prefix('[') {
        let (host, rest) = rest.split_once(']')?;
        host.parse::<Ipv6Addr>().ok()?;
        (host, rest)
    } else if text.parse::<Ipv6Addr>().is_ok() {
        (text, "")
    } else {
        text.split_at(text.find(':').unwrap_or(text.len()))
    };
    if port.is_empty() {
        return Some((host, ""));
    }
    let port = port.strip_prefix(':')?;
    let digits = port.bytes().all(|byte| byte.is_ascii_digit());
    (digits && port.parse::<u16>().is_ok_and(|port| port > 0)).then_some((host, port))
}

/// RFC 1123, section 2.1. A last label of digits would be read as an address by some programs and
/// as a name by others.
fn is_name(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last = text.rsplit('.').next().unwrap_or(text);
    text.len() <= 253
        && text.split('.').all(is_label)
        && !last.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_names_alone() {
        let names = |text: &str| host_names(text.to_owned()).map_err(|error| error.to_string());
        assert_eq!(names("").unwrap(), [""; 0]);
        assert_eq!(
            names(" Node.Example.org  a-1 ").unwrap(),
            ["node.example.org", "a-1"]
        );
        let label = "a".repeat(63);
        let longest = [label.as_str(), &label, &label, &label[..61]].join(".");
        assert_eq!((longest.len(), names(&longest).unwrap().len()), (253, 1));
        for long in [format!("{longest}a"), format!("{label}a.org")] {
            assert!(names(&long).is_err(), "{} characters", long.len());
        }
        for wrong in [
            "a:80", "http://a", "a;b", "a\"", "*.a", "-a", "a..b", "a.", "a,b", "$host",
            "10.0.0.1", "ü.de",
        ] {
            assert!(names(&format!("fine {wrong}")).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_address_is_told_by_its_shape() {
        for (text, host, port, kind) in [
            ("203.0.113.5", "203.0.113.5", "", "ip"),
            ("203.0.113.5:9736", "203.0.113.5", "9736", "ip"),
            ("2001:db8::1", "2001:db8::1", "", "ip"),
            ("[2001:db8::1]:9736", "2001:db8::1", "9736", "ip"),
            ("[2001:db8::1]", "2001:db8::1", "", "ip"),
            ("cafe.de", "cafe.de", "", "name"),
            ("node.example.org:1", "node.example.org", "1", "name"),
            ("abcdef.onion:9735", "abcdef.onion", "9735", "onion"),
        ] {
            let address = host_address(text.to_owned()).unwrap();
            assert_eq!(
                [&address["host"], &address["port"], &address["kind"]],
                [host, port, kind],
                "{text}"
            );
        }
        for wrong in [
            "",
            "a b",
            "a:",
            "a:0",
            "a:+1",
            "a:65536",
            "a:b",
            "300.1.1.1",
            "[cafe.de]:1",
            "[::1",
            "[::1]1",
            "a\nb",
            "a;b",
            "a=b",
            "http://a",
        ] {
            assert!(host_address(wrong.to_owned()).is_err(), "{wrong:?}");
        }
    }
}

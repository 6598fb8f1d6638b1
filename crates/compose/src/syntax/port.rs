//! The short form of `ports`: `ADDRESS:HOST:CONTAINER/PROTOCOL`, with ranges.
//!
//! Source: docker/go-connections `nat`, which the reference reads with.

use std::net::IpAddr;

use super::SyntaxError;

/// One published port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ShortPort {
    pub address: Option<String>,
    /// A port, a range of which one is chosen, or none.
    pub published: Option<String>,
    pub target: u16,
    pub protocol: String,
}

/// The ports that a short form stands for: one for each container port.
pub(crate) fn ports(text: &str) -> Result<Vec<ShortPort>, SyntaxError> {
    let parts: Vec<&str> = text.split(':').collect();
    let (address, host, container) = match parts.as_slice() {
        [container] => (String::new(), "", *container),
        [host, container] => (String::new(), *host, *container),
        [address @ .., host, container] => (address.join(":"), *host, *container),
        [] => return Err(SyntaxError::Port),
    };
    let (container, protocol) = match container.split_once('/') {
        Some((container, rest)) => (container, rest.split('/').next().unwrap_or_default()),
        None => (container, ""),
    };
    let protocol = match protocol.to_ascii_lowercase().as_str() {
        "" => "tcp".to_owned(),
        protocol @ ("tcp" | "udp" | "sctp") => protocol.to_owned(),
        _ => return Err(SyntaxError::Protocol),
    };
    let address = self::address(&address)?;
    let (first, last) = range(container)?;
    let host = match host {
        "" => None,
        host => Some(range(host)?),
    };
    if let Some((host_first, host_last)) = host
        && first != last
        && last - first != host_last - host_first
    {
        return Err(SyntaxError::PortRanges);
    }
    let mut ports: Vec<ShortPort> = (first..=last)
        .map(|target| ShortPort {
            address: address.clone(),
            published: host.map(|(host_first, host_last)| {
                match first == last && host_first != host_last {
                    true => format!("{host_first}-{host_last}"),
                    false => (host_first + (target - first)).to_string(),
                }
            }),
            target,
            protocol: protocol.clone(),
        })
        .collect();
    // The reference sorts them as text.
    ports.sort_by_cached_key(|port| port.target.to_string());
    Ok(ports)
}

fn address(text: &str) -> Result<Option<String>, SyntaxError> {
    if text.is_empty() {
        return Ok(None);
    }
    let bare = match text.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']').ok_or(SyntaxError::Address)?,
        None if text.contains(':') => return Err(SyntaxError::Address),
        None => text,
    };
    bare.parse::<IpAddr>().map_err(|_| SyntaxError::Address)?;
    Ok(Some(bare.to_owned()))
}

fn range(text: &str) -> Result<(u16, u16), SyntaxError> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (port(first)?, port(last)?);
    if last < first {
        Err(SyntaxError::Port)
    } else {
        Ok((first, last))
    }
}

fn port(text: &str) -> Result<u16, SyntaxError> {
    if !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(SyntaxError::Port);
    }
    text.parse().map_err(|_| SyntaxError::Port)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let shown = match ports(text) {
            Ok(ports) => ports
                .iter()
                .map(|port| {
                    let address = port.address.as_deref().unwrap_or("-");
                    let published = port.published.as_deref().unwrap_or("-");
                    format!("{address} {published} {}/{}", port.target, port.protocol)
                })
                .collect::<Vec<_>>()
                .join(", "),
            Err(error) => format!("{error:?}"),
        };
        assert_eq!(shown, expected, "for {text:?}");
    }

    #[test]
    fn short_ports_are_read_as_the_reference_does() {
        check("80", "- - 80/tcp");
        check("8080:80", "- 8080 80/tcp");
        check("127.0.0.1:8080:80/udp", "127.0.0.1 8080 80/udp");
        check("127.0.0.1::80", "127.0.0.1 - 80/tcp");
        check("[::1]:8080:80", "::1 8080 80/tcp");
        check("8000-8010:80", "- 8000-8010 80/tcp");
        check("9-10:99-100", "- 10 100/tcp, - 9 99/tcp");
        check("53:53/UDP", "- 53 53/udp");
        check("1-3:1-2", "PortRanges");
        check("::1:80:80", "Address");
        check("x:80:80", "Address");
        check("80/icmp", "Protocol");
        check("65536", "Port");
        check("", "Port");
        check("+80", "Port");
        check("5-4", "Port");
    }
}

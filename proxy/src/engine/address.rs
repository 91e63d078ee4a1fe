//! Addresses as users write them: `host:port`.

use super::error::ProxyError;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};

/// Where to listen. No host means loopback: Toxiproxy takes every interface, and a fault proxy has no business there.
///
/// # Errors
/// When there is no port, or the host is not known; in Go's words.
pub fn listen_address(text: &str) -> Result<SocketAddr, ProxyError> {
    if text.is_empty() {
        return Ok((Ipv4Addr::LOCALHOST, 0).into());
    }
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let (host, port) = split(text)?;
    let port = port_number(port)?;
    if host.is_empty() {
        return Ok((Ipv4Addr::LOCALHOST, port).into());
    }
    if let Ok(ip) = host.parse::<IpAddr>() {
        return Ok((ip, port).into());
    }
    let unknown = || ProxyError::Listen(format!("lookup {host}: no such host"));
    let found: Vec<_> = (host, port)
        .to_socket_addrs()
        .map_err(|_| unknown())?
        .collect();
    // Go prefers IPv4 where a name has both.
    let four = found.iter().find(|a| a.is_ipv4());
    four.or(found.first()).copied().ok_or_else(unknown)
}

fn split(text: &str) -> Result<(&str, &str), ProxyError> {
    let error = |what| ProxyError::Listen(format!("address {text}: {what}"));
    let (host, port) = text
        .rsplit_once(':')
        .ok_or_else(|| error("missing port in address"))?;
    match host.strip_prefix('[').and_then(|h| h.strip_suffix(']')) {
        Some(inner) => Ok((inner, port)),
        None if host.contains(':') => Err(error("too many colons in address")),
        None => Ok((host, port)),
    }
}

fn port_number(port: &str) -> Result<u16, ProxyError> {
    let number = port.parse::<u32>();
    match number.map(u16::try_from) {
        Ok(Ok(number)) => Ok(number),
        Ok(Err(_)) => Err(ProxyError::Listen(format!("address {port}: invalid port"))),
        Err(_) => Err(ProxyError::Listen(format!(
            "lookup tcp/{port}: unknown port"
        ))),
    }
}

/// All addresses of an upstream; may ask the system's resolver, and block for it.
pub fn upstream_addresses(text: &str) -> Vec<SocketAddr> {
    let mut found: Vec<_> = text.to_socket_addrs().into_iter().flatten().collect();
    found.sort_by_key(|address| !address.is_ipv4());
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listen_addresses() {
        let cases = [
            ("127.0.0.1:80", Ok("127.0.0.1:80")),
            ("localhost:81", Ok("127.0.0.1:81")),
            ("", Ok("127.0.0.1:0")),
            (":82", Ok("127.0.0.1:82")),
            ("[::1]:83", Ok("[::1]:83")),
            ("nonsense", Err("address nonsense: missing port in address")),
            ("1:2:3", Err("address 1:2:3: too many colons in address")),
            ("localhost:http!", Err("lookup tcp/http!: unknown port")),
            ("localhost:70000", Err("address 70000: invalid port")),
        ];
        for (text, expected) in cases {
            let got = listen_address(text).map(|a| a.to_string());
            let got = got.as_deref().map_err(ToString::to_string);
            assert_eq!(got, expected.map_err(str::to_owned), "{text}");
        }
    }
}

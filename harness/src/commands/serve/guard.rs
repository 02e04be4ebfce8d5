//! Who is answered: requests that only read, and name this server.

use std::net::{IpAddr, SocketAddr};

use hyper::header::HOST;
use hyper::{HeaderMap, Uri};

/// Whether a request names a host that leads here. A page from elsewhere can have its own name lead to this machine (DNS rebinding) and
/// would read everything as if it came from here; the name that the browser then sends gives it away.
///
/// Where the server listens on other addresses than this machine's own, names are whoever's who set it up.
pub fn is_host(listens_on: SocketAddr, uri: &Uri, headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return false;
    };
    let Ok(host) = host.to_str() else { return false };
    if !listens_on.ip().is_loopback() {
        return true;
    }
    // An absolute address in the request's line is a second place for the name.
    names_this_machine(host)
        && uri
            .authority()
            .is_none_or(|authority| names_this_machine(authority.as_str()))
}

/// A host with or without a port: whichever, since it may be forwarded.
fn names_this_machine(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((name, "")) => name,
            Some((name, port)) if is_port(port) => name,
            _ => return false,
        },
        None => match host.find(':') {
            Some(end) if is_port(&host[end..]) => &host[..end],
            Some(_) => return false,
            None => host,
        },
    };
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn is_port(text: &str) -> bool {
    text.strip_prefix(':')
        .is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderValue;

    #[test]
    fn only_names_of_this_machine_lead_here() {
        let is_host = |host: &str, uri: &str| {
            let headers = HeaderMap::from_iter([(HOST, HeaderValue::from_str(host).expect("a value"))]);
            let here = "127.0.0.1:8080".parse().expect("an address");
            is_host(here, &uri.parse().expect("an address"), &headers)
        };
        for host in [
            "127.0.0.1:8080",
            "localhost",
            "LOCALHOST:99",
            "[::1]:8080",
            "127.0.0.2",
            "[::1]",
        ] {
            assert!(is_host(host, "/"), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example:80",
            "localhost:80@evil",
            "[::1",
            "[::1]x",
            "10.0.0.1",
        ] {
            assert!(!is_host(host, "/"), "{host}");
        }
        assert!(is_host("localhost", "http://localhost/"));
        assert!(!is_host("localhost", "http://evil.example/"));
    }
}

//! Where the shop is.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use http::{HeaderValue, Uri};

/// What a target looks like, for error texts.
const EXPECTED: &str = "expected the shop's address, such as http://127.0.0.1:8080";

/// The shop's address: `http://host:port`, with a path before all others if it has one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Target {
    url: String,
    host: String,
    port: u16,
    /// Before each path: empty, or `/shop`.
    prefix: String,
}

/// An address that cannot be used. The text says what can.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0}")]
pub struct TargetError(String);

impl Target {
    /// `host:port`, as the header `host` says it.
    #[must_use]
    pub fn authority(&self) -> String {
        if self.port == 80 { self.host.clone() } else { format!("{}:{}", self.host, self.port) }
    }

    /// What a path has in front of it.
    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    pub(crate) fn host_header(&self) -> Result<HeaderValue, TargetError> {
        HeaderValue::from_str(&self.authority()).map_err(|_| TargetError(format!("{}: {EXPECTED}", self.url)))
    }

    /// The addresses that the host's name stands for.
    pub(crate) async fn resolve(&self) -> std::io::Result<Vec<SocketAddr>> {
        // An IPv6 address stands in brackets in a URL.
        let host = self.host.trim_start_matches('[').trim_end_matches(']');
        Ok(tokio::net::lookup_host((host, self.port)).await?.collect())
    }
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        let wrong = |why: &str| TargetError(format!("{text:?} {why}; {EXPECTED}"));
        let uri: Uri = text.trim().parse().map_err(|_| wrong("is no URL"))?;
        match uri.scheme_str() {
            Some("http") => {}
            Some("https") => return Err(wrong("speaks TLS, and customers here speak plain HTTP")),
            _ => return Err(wrong("does not begin with http://")),
        }
        if uri.query().is_some() {
            return Err(wrong("has a query"));
        }
        let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(|| wrong("names no host"))?.to_owned();
        if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            return Err(wrong("names a user"));
        }
        let prefix = uri.path().trim_end_matches('/').to_owned();
        let port = uri.port_u16().unwrap_or(80);
        Ok(Self { url: text.trim().trim_end_matches('/').to_owned(), host, port, prefix })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_apart() {
        let target: Target = "http://127.0.0.1:8080/".parse().unwrap();
        assert_eq!((target.authority().as_str(), target.prefix()), ("127.0.0.1:8080", ""));
        let target: Target = "http://shop.example/two".parse().unwrap();
        assert_eq!((target.authority().as_str(), target.prefix()), ("shop.example", "/two"));
        assert_eq!(target.to_string(), "http://shop.example/two");
    }

    #[tokio::test]
    async fn an_ipv6_address_is_one() {
        let target: Target = "http://[::1]:8080".parse().unwrap();
        assert_eq!(target.authority(), "[::1]:8080");
        assert_eq!(target.resolve().await.unwrap(), ["[::1]:8080".parse::<SocketAddr>().unwrap()]);
    }

    #[test]
    fn what_is_no_address_is_refused_with_an_example() {
        for (text, why) in [
            ("", "no URL"),
            ("127.0.0.1:8080", "http://"),
            ("ftp://a", "http://"),
            ("https://a", "TLS"),
            ("http://a/?b", "query"),
            ("http://me@a/", "user"),
        ] {
            let error = text.parse::<Target>().unwrap_err().to_string();
            assert!(error.contains(why) && error.contains("http://127.0.0.1:8080"), "{text}: {error}");
        }
    }
}

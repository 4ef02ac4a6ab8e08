//! What a request's target and authority say, without what may be secret in them.

use super::HttpRequest;

impl HttpRequest {
    /// The path, without the query: of `/books?page=2` that is `/books`. Empty where the target has none (`CONNECT`).
    #[must_use]
    pub fn path(&self) -> &str {
        let end = self.target.find(['?', '#']).unwrap_or(self.target.len());
        let target = self.target.get(..end).unwrap_or_default();
        if target.starts_with('/') || target == "*" {
            return target;
        }
        match target.split_once("://") {
            // What proxies are asked (RFC 9112, 3.2.2).
            Some((_, rest)) => rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/"),
            None => "",
        }
    }

    /// Whom the client asked: host and port, without credentials. By the target, `:authority` or `Host`.
    #[must_use]
    pub fn host(&self) -> Option<(&str, Option<u16>)> {
        let in_target = (!self.target.starts_with('/')).then(|| self.target.split_once("://")).flatten();
        let authority = match in_target {
            Some((_, rest)) => rest.split(['/', '?', '#']).next().unwrap_or_default(),
            None => &self.authority,
        };
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        if host.is_empty() {
            return None;
        }
        match host.rsplit_once(':') {
            // Not the colon within an IPv6 address.
            Some((name, port)) if !port.ends_with(']') => Some((name, port.parse().ok())),
            _ => Some((host, None)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_hosts() {
        for (target, authority, path, host) in [
            ("/books?page=2", "shop:80", "/books", Some(("shop", Some(80)))),
            ("/a#b", "shop", "/a", Some(("shop", None))),
            ("/go?to=http://x/y", "[::1]:8080", "/go", Some(("[::1]", Some(8080)))),
            ("/a://b", "[::1]", "/a://b", Some(("[::1]", None))),
            ("*", "", "*", None),
            ("http://ada:secret@shop:81/books?x", "proxy", "/books", Some(("shop", Some(81)))),
            ("http://shop?token", "proxy", "/", Some(("shop", None))),
            ("shop:443", "ada:secret@shop:443", "", Some(("shop", Some(443)))),
            ("", "", "", None),
        ] {
            let request =
                HttpRequest { target: target.to_owned(), authority: authority.to_owned(), ..HttpRequest::default() };
            assert_eq!((request.path(), request.host()), (path, host), "{target}");
        }
    }
}

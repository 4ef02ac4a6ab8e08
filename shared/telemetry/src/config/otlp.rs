//! Where a signal goes: `OTEL_EXPORTER_OTLP_*`, with each signal's own name stronger than the common one.

use std::time::Duration;

use super::Reader;

/// How OTLP travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// `grpc`.
    Grpc,
    /// `http/protobuf`.
    HttpProtobuf,
}

/// One signal's exporter.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Otlp {
    /// How it travels.
    pub(crate) protocol: Protocol,
    /// The collector; with `http/protobuf` the signal's own URL.
    pub(crate) endpoint: http::Uri,
    /// Sent with each request; values may be secrets.
    pub(crate) headers: Vec<(String, String)>,
    /// Time that one request may take.
    pub(crate) timeout: Duration,
    /// Whether requests are compressed.
    pub(crate) gzip: bool,
}

/// The headers' values stay out of it.
impl std::fmt::Debug for Otlp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Otlp")
            .field("protocol", &self.protocol)
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}

impl Reader<'_> {
    /// The exporter of a signal ("TRACES"); none when `none` was asked for, or what cannot be had.
    pub(super) fn exporter(&mut self, signal: &str, path: &str) -> Option<Otlp> {
        let wanted = self.choice(&format!("OTEL_{signal}_EXPORTER"), &[("otlp", true), ("none", false)], true);
        if !wanted {
            return None;
        }
        let protocol = self.set(signal, "PROTOCOL").map_or(Protocol::Grpc, |(name, _)| {
            let choices = [("grpc", Protocol::Grpc), ("http/protobuf", Protocol::HttpProtobuf)];
            self.choice(&name, &choices, Protocol::Grpc)
        });
        let endpoint = self.endpoint(signal, path, protocol)?;
        let headers = self.set(signal, "HEADERS").map(|(name, _)| self.header_pairs(&name)).unwrap_or_default();
        let timeout =
            self.set(signal, "TIMEOUT").map_or(Duration::from_secs(10), |(name, _)| self.milliseconds(&name, 10_000));
        let gzip = self
            .set(signal, "COMPRESSION")
            .is_some_and(|(name, _)| self.choice(&name, &[("gzip", true), ("none", false)], false));
        Some(Otlp { protocol, endpoint, headers, timeout, gzip })
    }

    /// The signal's own variable if set, else the common one: its name and value.
    fn set(&self, signal: &str, what: &str) -> Option<(String, String)> {
        [format!("OTEL_EXPORTER_OTLP_{signal}_{what}"), format!("OTEL_EXPORTER_OTLP_{what}")]
            .into_iter()
            .find_map(|name| self.get(&name).map(|value| (name, value)))
    }

    /// Pairs that are valid as headers.
    fn header_pairs(&mut self, name: &str) -> Vec<(String, String)> {
        let pairs = self.pairs(name);
        let valid = |(key, value): &(String, String)| {
            http::HeaderName::try_from(key.as_str()).is_ok() && http::HeaderValue::try_from(value.as_str()).is_ok()
        };
        if pairs.iter().all(valid) {
            return pairs.into_iter().map(|(key, value)| (key.to_ascii_lowercase(), value)).collect();
        }
        self.warn(name, "a name or value cannot be a header");
        Vec::new()
    }

    fn endpoint(&mut self, signal: &str, path: &str, protocol: Protocol) -> Option<http::Uri> {
        let default = match protocol {
            Protocol::Grpc => "http://localhost:4317",
            Protocol::HttpProtobuf => "http://localhost:4318",
        };
        let insecure = self.set(signal, "INSECURE").is_some_and(|(name, _)| self.flag(&name));
        let (name, mut value) = self
            .set(signal, "ENDPOINT")
            .unwrap_or_else(|| ("OTEL_EXPORTER_OTLP_ENDPOINT".to_owned(), default.to_owned()));
        if value.starts_with("https://") {
            self.warnings.push(format!("{name}: TLS is not in this build; this signal is not exported"));
            return None;
        }
        if insecure && protocol == Protocol::Grpc && !value.contains("://") {
            value = format!("http://{value}");
        }
        let own = name == format!("OTEL_EXPORTER_OTLP_{signal}_ENDPOINT");
        let url = |base: &str| {
            let appended = (protocol == Protocol::HttpProtobuf && !(own && base == value))
                .then(|| format!("{}/{path}", base.trim_end_matches('/')));
            let uri: http::Uri = appended.as_deref().unwrap_or(base).parse().ok()?;
            (uri.scheme_str() == Some("http") && uri.authority().is_some()).then_some(uri)
        };
        url(&value).or_else(|| {
            // A URL may carry a password: it is not shown.
            self.warn(&name, "not a URL that begins with http://");
            url(default)
        })
    }
}

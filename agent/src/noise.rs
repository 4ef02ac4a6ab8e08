//! Requests that nobody wants to see in a trace, and of which there are many: telemetry on its way, and whoever only asks
//! whether a service is well. They make no spans, and are counted.

use crate::wire::{HttpRequest, Request};

/// A kind of request that makes no span.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Noise {
    /// An export of telemetry by OTLP.
    Telemetry,
    /// A look whether the service is well.
    Health,
}

impl Noise {
    /// Its name, in metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Telemetry => "telemetry",
            Self::Health => "health",
        }
    }
}

/// Where OTLP/gRPC and health checks over gRPC go.
const GRPC_TELEMETRY: &str = "/opentelemetry.proto.collector.";
const GRPC_HEALTH: &str = "/grpc.health.v1.Health/";

/// Where OTLP/HTTP goes (OTLP specification, "OTLP/HTTP Request"; profiles are in development there).
const TELEMETRY: [&str; 4] = ["/v1/traces", "/v1/metrics", "/v1/logs", "/v1development/profiles"];

/// Where health checks go: by the names that Kubernetes has in its own components and documents, and Spring Boot's and
/// Prometheus's. Whole paths only: `/health/records/7` may be anything.
const HEALTH: [&str; 18] = [
    "/-/healthy",
    "/-/ready",
    "/actuator/health",
    "/actuator/health/liveness",
    "/actuator/health/readiness",
    "/health",
    "/health/live",
    "/health/liveness",
    "/health/ready",
    "/health/readiness",
    "/health/startup",
    "/healthcheck",
    "/healthz",
    "/livez",
    "/readyz",
    "/startupz",
    "/health/started",
    "/_health",
];

/// How those begin to name themselves that only check: Kubernetes, and load balancers of Google and Amazon.
const CHECKERS: [&str; 3] = ["kube-probe/", "GoogleHC/", "ELB-HealthChecker/"];

/// Whether a request is noise, and which. It needs nothing but its head.
#[must_use]
pub fn of(request: &Request) -> Option<Noise> {
    match request {
        Request::Http(request) if is_telemetry(request) => Some(Noise::Telemetry),
        Request::Http(request) if is_health(request) => Some(Noise::Health),
        Request::Http(_) | Request::Sql(_) => None,
    }
}

fn is_telemetry(request: &HttpRequest) -> bool {
    if request.method != "POST" {
        return false;
    }
    let path = request.path();
    if path.starts_with(GRPC_TELEMETRY) {
        return request.version == "2";
    }
    match content_type(request) {
        // A collector may serve it below a path of its own. Nothing else is protobuf at a path with such an end.
        Some(kind) if kind.eq_ignore_ascii_case("application/x-protobuf") => {
            TELEMETRY.iter().any(|end| path.ends_with(end))
        }
        Some(kind) if kind.eq_ignore_ascii_case("application/json") => TELEMETRY.contains(&path),
        _ => false,
    }
}

fn is_health(request: &HttpRequest) -> bool {
    let path = request.path();
    if request.method == "POST" {
        return request.version == "2" && path.starts_with(GRPC_HEALTH);
    }
    if !matches!(request.method.as_str(), "GET" | "HEAD") {
        return false;
    }
    let checks = |agent: &str| CHECKERS.iter().any(|checker| agent.starts_with(checker));
    HEALTH.contains(&path) || request.header("user-agent").is_some_and(checks)
}

/// Without its parameters.
fn content_type(request: &HttpRequest) -> Option<&str> {
    let value = request.header("content-type")?;
    Some(value.split(';').next().unwrap_or(value).trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(version: &'static str, method: &str, target: &str, headers: &[(&'static str, &str)]) -> Request {
        Request::Http(Box::new(HttpRequest {
            method: method.to_owned(),
            target: target.to_owned(),
            version,
            headers: headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect(),
            ..HttpRequest::default()
        }))
    }

    const PROTOBUF: (&str, &str) = ("content-type", "application/x-protobuf");
    const JSON: (&str, &str) = ("content-type", "application/json; charset=utf-8");
    const GRPC: (&str, &str) = ("content-type", "application/grpc");
    const TRACES: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

    #[test]
    fn exports_of_telemetry() {
        for (version, method, target, header, is) in [
            ("2", "POST", TRACES, GRPC, true),
            ("2", "POST", "/opentelemetry.proto.collector.logs.v1.LogsService/Export", GRPC, true),
            // A connection that is older than the agent may not tell its content type.
            ("2", "POST", TRACES, ("x-hop", "1"), true),
            ("1.1", "POST", "/v1/traces", PROTOBUF, true),
            ("1.1", "POST", "/v1/metrics?tenant=a", JSON, true),
            ("2", "POST", "/v1/logs", ("content-type", "Application/X-Protobuf"), true),
            ("1.1", "POST", "/otlp/v1/traces", PROTOBUF, true),
            // Near misses.
            ("2", "POST", "/shop.opentelemetry.proto.collector.Export", GRPC, false),
            ("2", "GET", TRACES, GRPC, false),
            ("1.1", "POST", TRACES, JSON, false),
            ("1.1", "GET", "/v1/traces", JSON, false),
            ("1.1", "POST", "/v1/traces/7", PROTOBUF, false),
            ("1.1", "POST", "/v1/traces", ("content-type", "text/html"), false),
            ("1.1", "POST", "/v1/traces", ("user-agent", "curl"), false),
            ("1.1", "POST", "/api/v1/logs", JSON, false),
            ("1.1", "POST", "/v1/orders", PROTOBUF, false),
            ("1.1", "POST", "/v1/traces", ("content-type", "application/json-patch+json"), false),
        ] {
            let found = of(&request(version, method, target, &[header]));
            assert_eq!(found == Some(Noise::Telemetry), is, "{version} {method} {target} {header:?}");
        }
    }

    #[test]
    fn looks_at_health() {
        let checker = ("user-agent", "kube-probe/1.31");
        let browser = ("user-agent", "Mozilla/5.0 (not kube-probe/1)");
        for (version, method, target, header, is) in [
            ("1.1", "GET", "/livez", browser, true),
            ("1.1", "GET", "/readyz?verbose", browser, true),
            ("2", "HEAD", "/healthz", browser, true),
            ("1.1", "GET", "/health/live", browser, true),
            ("1.1", "GET", "/", checker, true),
            ("2", "POST", "/grpc.health.v1.Health/Check", GRPC, true),
            ("2", "POST", "/grpc.health.v1.Health/Watch", GRPC, true),
            // Near misses.
            ("1.1", "GET", "/health/records/7", browser, false),
            ("1.1", "GET", "/healthy-recipes", browser, false),
            ("1.1", "GET", "/books/livez", browser, false),
            ("1.1", "GET", "/livez/", browser, false),
            ("1.1", "GET", "/?next=/livez", browser, false),
            ("1.1", "POST", "/health", browser, false),
            ("1.1", "POST", "/orders", checker, false),
            ("2", "POST", "/grpc.health.v1.HealthRecords/Check", GRPC, false),
            ("1.1", "POST", "/grpc.health.v1.Health/Check", JSON, false),
        ] {
            let found = of(&request(version, method, target, &[header]));
            assert_eq!(found == Some(Noise::Health), is, "{version} {method} {target} {header:?}");
        }
    }

    #[test]
    fn a_target_with_a_scheme_and_a_statement() {
        let absolute = request("1.1", "GET", "http://shop:8080/livez?x", &[]);
        assert_eq!(of(&absolute), Some(Noise::Health));
        assert_eq!(of(&Request::Sql(Box::default())), None);
    }
}

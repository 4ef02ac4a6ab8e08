//! The server's side: a span and a duration for each request.

use std::net::SocketAddr;
use std::task::{Context, Poll};
use std::time::Instant;

use axum::extract::{ConnectInfo, MatchedPath};
use http::{HeaderMap, Request, Response, header};
use http_body::Body;
use opentelemetry::trace::TraceContextExt as _;
use opentelemetry::{Array, KeyValue, StringValue, Value};
use opentelemetry_semantic_conventions::attribute as name;
use tower_layer::Layer;
use tower_service::Service;
use tracing::Span;
use tracing::field::Empty;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use super::{error_text, known_method, name_of, version_of};
use crate::exchange::{self, End, Exchange, Fails, Traced, TracedBody};
use crate::live::{self, Live};
use crate::{CallAttributes, instruments, propagation, sensitive};

/// Server spans, `http.server.request.duration` and the `traceresponse` header, for `router.layer(…)`.
///
/// Health checks (`/livez`, `/readyz`) are left out. The route's template is known only inside the router, so this is
/// a layer of the router, not around it.
#[derive(Clone, Copy, Debug, Default)]
pub struct ServerLayer {
    _private: (),
}

impl ServerLayer {
    /// The layer.
    pub fn new() -> Self {
        Self::default()
    }
}

impl<S> Layer<S> for ServerLayer {
    type Service = ServerService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        ServerService { inner }
    }
}

/// What [`ServerLayer`] makes of a service.
#[derive(Clone, Debug)]
pub struct ServerService<S> {
    inner: S,
}

impl<S, Q, A> Service<Request<Q>> for ServerService<S>
where
    S: Service<Request<Q>, Response = Response<A>>,
    A: Body,
{
    type Response = Response<TracedBody<A, ServerExchange>>;
    type Error = S::Error;
    type Future = Traced<S::Future, ServerExchange>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Q>) -> Self::Future {
        let exchange = live::get()
            .filter(|_| !matches!(request.uri().path(), "/livez" | "/readyz"))
            .map(|live| ServerExchange::start(live, &request));
        let future = {
            let _entered = exchange.as_ref().map(|exchange| exchange.span.enter());
            self.inner.call(request)
        };
        Traced::new(future, exchange)
    }
}

/// One request being served.
#[derive(Debug)]
pub struct ServerExchange {
    live: &'static Live,
    span: Span,
    started: Instant,
    method: &'static str,
    scheme: &'static str,
    version: Option<&'static str>,
    route: Option<String>,
    status: Option<u16>,
}

impl ServerExchange {
    fn start<Q>(live: &'static Live, request: &Request<Q>) -> Self {
        let started = Instant::now();
        let method = known_method(request.method());
        let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
        let scheme = if request.uri().scheme_str() == Some("https") { "https" } else { "http" };
        let version = version_of(request.version());
        let (address, port) = server_address(request);
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip().to_string());
        let composed;
        let span_name = match &route {
            Some(route) => {
                composed = format!("{} {route}", name_of(method));
                &composed
            }
            None => name_of(method),
        };
        let span = tracing::info_span!(
            parent: None,
            "http.server",
            otel.kind = "server",
            otel.name = span_name,
            otel.status_code = Empty,
            http.request.method = method,
            http.request.method_original = (method == super::OTHER).then(|| request.method().as_str()),
            url.path = request.uri().path(),
            url.scheme = scheme,
            http.route = route.as_deref(),
            http.response.status_code = Empty,
            "error.type" = Empty,
            bookstore.cancelled = Empty,
            server.address = address,
            server.port = port,
            client.address = peer,
            network.protocol.version = version,
            user_agent.original = text(request.headers(), &header::USER_AGENT),
            bookstore.request.id = Empty,
            bookstore.hop = Empty,
        );
        if span.set_parent(propagation::extract(&live.propagator, request.headers())).is_err() {
            // The layer of spans is not installed: there is no span to give a parent to.
        }
        if live.record_calls {
            CallAttributes::record(request.extensions().get(), &span);
        }
        for header in &live.captured_headers {
            capture(&span, request.headers(), header);
        }
        Self { live, span, started, method, scheme, version, route, status: None }
    }
}

impl Exchange for ServerExchange {
    fn span(&self) -> &Span {
        &self.span
    }

    fn answered(&mut self, head: &mut http::response::Parts) -> bool {
        self.status = Some(head.status.as_u16());
        let context = self.span.context();
        if let Some(value) = propagation::trace_response(context.span().span_context()) {
            head.headers.insert(propagation::TRACERESPONSE, value);
        }
        self.method != "HEAD" && !matches!(head.status.as_u16(), 204 | 304)
    }

    fn end(self, how: End<'_>) {
        let elapsed = self.started.elapsed();
        let cancelled = matches!(how, End::Cancelled);
        let error: Option<StringValue> = match (how, self.status) {
            (End::Cancelled, None) => Some("cancelled".into()),
            (End::Broken, _) => Some("body".into()),
            (_, Some(status @ 500..)) => Some(error_text(status)),
            // The client left while the body was sent: so end streams, and it is no fault of the server.
            _ => None,
        };
        // A span ends when it was last left: it is entered once more, so that it ends now.
        self.span.in_scope(|| {
            if let Some(status) = self.status {
                self.span.record(name::HTTP_RESPONSE_STATUS_CODE, i64::from(status));
            }
            if cancelled {
                self.span.record(exchange::CANCELLED, true);
            }
            if let Some(error) = &error {
                self.span.record(name::ERROR_TYPE, error.as_str());
                self.span.record("otel.status_code", "error");
            }
        });
        instruments::record(
            &self.live.instruments.http_server,
            elapsed,
            [
                Some(KeyValue::new(name::HTTP_REQUEST_METHOD, self.method)),
                Some(KeyValue::new(name::URL_SCHEME, self.scheme)),
                self.version.map(|version| KeyValue::new(name::NETWORK_PROTOCOL_VERSION, version)),
                self.status.map(|status| KeyValue::new(name::HTTP_RESPONSE_STATUS_CODE, i64::from(status))),
                self.route.map(|route| KeyValue::new(name::HTTP_ROUTE, route)),
                error.map(|error| KeyValue::new(name::ERROR_TYPE, error)),
            ],
        );
    }
}

impl<E> Fails<E> for ServerExchange {
    fn failed(self, _: &E) {
        self.end(End::Broken);
    }
}

/// `server.address` and `server.port`: what the client asked for, by the URI (HTTP/2) or the `Host` header.
pub(crate) fn server_address<Q>(request: &Request<Q>) -> (Option<&str>, Option<i64>) {
    let authority = match request.uri().authority() {
        Some(authority) => Some(authority.as_str()),
        None => text(request.headers(), &header::HOST),
    };
    let Some(authority) = authority else { return (None, None) };
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    match host.rsplit_once(':') {
        // Not the colon within an IPv6 address.
        Some((host, port)) if !port.ends_with(']') => (Some(host), port.parse().ok()),
        _ => (Some(host), None),
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &header::HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// Headers that hold credentials: never shown, whatever is asked for.
const CREDENTIALS: [&str; 5] = ["authorization", "cookie", "set-cookie", "proxy-authorization", "x-api-key"];

fn capture(span: &Span, headers: &HeaderMap, name: &header::HeaderName) {
    let secret = CREDENTIALS.contains(&name.as_str()) && !sensitive::redaction_is_off();
    let show = |value: &http::HeaderValue| -> StringValue {
        if secret { sensitive::REDACTED.into() } else { String::from_utf8_lossy(value.as_bytes()).into_owned().into() }
    };
    let values: Vec<StringValue> = headers.get_all(name).iter().map(show).collect();
    if !values.is_empty() {
        span.set_attribute(format!("http.request.header.{name}"), Value::Array(Array::String(values)));
    }
}

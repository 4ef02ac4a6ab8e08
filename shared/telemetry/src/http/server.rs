//! The server's side: a span and a duration for each request.

use std::net::SocketAddr;
use std::sync::LazyLock;
use std::task::{Context, Poll};

use axum::extract::{ConnectInfo, MatchedPath};
use http::{HeaderMap, Request, Response, header};
use http_body::Body;
use opentelemetry::trace::{SpanKind, TraceContextExt as _};
use opentelemetry::{Array, ContextGuard, KeyValue, StringValue, Value};
use opentelemetry_semantic_conventions::attribute as name;
use tower_layer::Layer;
use tower_service::Service;

use super::{OTHER, Outcome, Route, error_text, known_method, name_of, version_of};
use crate::exchange::{self, End, Exchange, Fails, Traced, TracedBody};
use crate::live::{self, Live};
use crate::series::{Known, Series};
use crate::spans::{Began, Open};
use crate::{CallAttributes, propagation, sensitive};

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
            let _entered = exchange.as_ref().map(Exchange::enter);
            self.inner.call(request)
        };
        Traced::new(future, exchange)
    }
}

/// One request being served.
#[derive(Debug)]
pub struct ServerExchange {
    live: &'static Live,
    span: Open,
    /// The caller does not know the trace: it is told.
    is_root: bool,
    began: Began,
    method: &'static str,
    scheme: &'static str,
    version: Option<&'static str>,
    route: Option<&'static Route>,
    status: Option<u16>,
}

impl ServerExchange {
    fn start<Q>(live: &'static Live, request: &Request<Q>) -> Self {
        let began = Began::now();
        let method = known_method(request.method());
        let route =
            request.extensions().get::<MatchedPath>().and_then(|path| ROUTES.get_or_make(path.as_str(), Route::new));
        let scheme = if request.uri().scheme_str() == Some("https") { "https" } else { "http" };
        let version = version_of(request.version());
        let (address, port) = server_address(request);
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip().to_string());

        let mut attributes = Vec::with_capacity(16);
        attributes.push(KeyValue::new(name::HTTP_REQUEST_METHOD, method));
        attributes.push(KeyValue::new(name::URL_PATH, request.uri().path().to_owned()));
        attributes.push(KeyValue::new(name::URL_SCHEME, scheme));
        let other = (method == OTHER).then(|| request.method().as_str().to_owned());
        let agent = text(request.headers(), &header::USER_AGENT).map(str::to_owned);
        let present = [
            other.map(|method| KeyValue::new(name::HTTP_REQUEST_METHOD_ORIGINAL, method)),
            route.map(|route| KeyValue::new(name::HTTP_ROUTE, route.template)),
            address.map(|address| KeyValue::new(name::SERVER_ADDRESS, address.to_owned())),
            port.map(|port| KeyValue::new(name::SERVER_PORT, port)),
            peer.map(|peer| KeyValue::new(name::CLIENT_ADDRESS, peer)),
            version.map(|version| KeyValue::new(name::NETWORK_PROTOCOL_VERSION, version)),
            agent.map(|agent| KeyValue::new(name::USER_AGENT_ORIGINAL, agent)),
        ];
        attributes.extend(present.into_iter().flatten());
        if live.record_calls {
            CallAttributes::push(request.extensions().get(), &mut attributes);
        }
        attributes.extend(live.captured_headers.iter().filter_map(|header| captured(request.headers(), header)));

        let parent = live.propagator.extract(request.headers());
        let is_root = !parent.has_active_span();
        let span_name = route.map_or(name_of(method), |route| route.span_name(method));
        let span = Open::start(&live.tracer, &parent, span_name, SpanKind::Server, began, attributes);
        Self { live, span, is_root, began, method, scheme, version, route, status: None }
    }
}

impl Exchange for ServerExchange {
    type Entered = Option<ContextGuard>;

    fn enter(&self) -> Option<ContextGuard> {
        self.span.context().map(|context| context.clone().attach())
    }

    fn answered(&mut self, head: &mut http::response::Parts) -> bool {
        self.status = Some(head.status.as_u16());
        if self.is_root
            && let Some(value) = self.span.context().and_then(propagation::trace_response)
        {
            head.headers.insert(propagation::TRACERESPONSE, value);
        }
        self.method != "HEAD" && !matches!(head.status.as_u16(), 204 | 304)
    }

    fn end(self, how: End<'_>) {
        let elapsed = self.began.elapsed();
        let Self { method, scheme, version, status, .. } = self;
        let cancelled = matches!(how, End::Cancelled);
        let error: Option<StringValue> = match (how, status) {
            (End::Cancelled, None) => Some("cancelled".into()),
            (End::Broken, _) => Some("body".into()),
            (_, Some(status @ 500..)) => Some(error_text(status)),
            // The client left while the body was sent: so end streams, and it is no fault of the server.
            _ => None,
        };
        let error_type = error.clone().map(|error| KeyValue::new(name::ERROR_TYPE, error));
        let status_code = status.map(|status| KeyValue::new(name::HTTP_RESPONSE_STATUS_CODE, i64::from(status)));
        let series = self.route.map_or(&*UNROUTED, |route| &route.series);
        let outcome = Outcome { method, scheme, server: None, version, status, error };
        series.record(
            &self.live.instruments.http_server,
            elapsed,
            |known| *known == outcome,
            || {
                let attributes = [
                    Some(KeyValue::new(name::HTTP_REQUEST_METHOD, method)),
                    Some(KeyValue::new(name::URL_SCHEME, scheme)),
                    version.map(|version| KeyValue::new(name::NETWORK_PROTOCOL_VERSION, version)),
                    status_code.clone(),
                    self.route.map(|route| KeyValue::new(name::HTTP_ROUTE, route.template)),
                    error_type.clone(),
                ];
                (outcome.clone(), attributes.into_iter().flatten().collect())
            },
        );
        let failed = error_type.is_some();
        let cancelled = cancelled.then(|| KeyValue::new(exchange::CANCELLED, true));
        self.span.end(self.began, elapsed, [status_code, cancelled, error_type], failed);
    }
}

/// Routes that were asked for.
static ROUTES: LazyLock<Known<Route>> = LazyLock::new(Known::default);

/// What has no route.
static UNROUTED: LazyLock<Series<Outcome>> = LazyLock::new(Series::default);

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

/// `http.request.header.<name>`, if there is such a header.
fn captured(headers: &HeaderMap, name: &header::HeaderName) -> Option<KeyValue> {
    let secret = CREDENTIALS.contains(&name.as_str()) && !sensitive::redaction_is_off();
    let show = |value: &http::HeaderValue| -> StringValue {
        if secret { sensitive::REDACTED.into() } else { String::from_utf8_lossy(value.as_bytes()).into_owned().into() }
    };
    let values: Vec<StringValue> = headers.get_all(name).iter().map(show).collect();
    (!values.is_empty())
        .then(|| KeyValue::new(format!("http.request.header.{name}"), Value::Array(Array::String(values))))
}

//! The server's side: a span and a duration for each call, to the end of its stream.

use std::net::SocketAddr;
use std::task::{Context, Poll};
use std::time::Instant;

use axum::extract::ConnectInfo;
use http::{Request, Response};
use http_body::Body;
use opentelemetry::KeyValue;
use opentelemetry::trace::TraceContextExt as _;
use opentelemetry_semantic_conventions::attribute as name;
use tonic::Code;
use tower_layer::Layer;
use tower_service::Service;
use tracing::Span;
use tracing::field::Empty;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use super::{SYSTEM, method_of, status};
use crate::exchange::{self, End, Exchange, Fails, Traced, TracedBody};
use crate::http::server_address;
use crate::live::{self, Live};
use crate::{CallAttributes, instruments, propagation};

/// Server spans, `rpc.server.call.duration` and the `traceresponse` header, for the router that serves gRPC.
///
/// Health checks (`grpc.health.v1.Health`) are left out.
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

/// Lets tonic's own server take the layer too.
impl<S: tonic::server::NamedService> tonic::server::NamedService for ServerService<S> {
    const NAME: &'static str = S::NAME;
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
            .and_then(|live| Some((live, method_of(request.uri().path())?)))
            .map(|(live, method)| ServerExchange::start(live, method, &request));
        let future = {
            let _entered = exchange.as_ref().map(|exchange| exchange.span.enter());
            self.inner.call(request)
        };
        Traced::new(future, exchange)
    }
}

/// One call being served.
#[derive(Debug)]
pub struct ServerExchange {
    live: &'static Live,
    span: Span,
    started: Instant,
    method: String,
    code: Option<Code>,
}

impl ServerExchange {
    fn start<Q>(live: &'static Live, method: &str, request: &Request<Q>) -> Self {
        let started = Instant::now();
        let (address, port) = server_address(request);
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip().to_string());
        let span = tracing::info_span!(
            parent: None,
            "grpc.server",
            otel.kind = "server",
            otel.name = method,
            otel.status_code = Empty,
            rpc.system.name = SYSTEM,
            rpc.method = Empty,
            rpc.method_original = Empty,
            rpc.response.status_code = Empty,
            "error.type" = Empty,
            bookstore.cancelled = Empty,
            server.address = address,
            server.port = port,
            client.address = peer,
            bookstore.request.id = Empty,
            bookstore.hop = Empty,
        );
        if span.set_parent(propagation::extract(&live.propagator, request.headers())).is_err() {
            // The layer of spans is not installed: there is no span to give a parent to.
        }
        if live.record_calls {
            CallAttributes::record(request.extensions().get(), &span);
        }
        Self { live, span, started, method: method.to_owned(), code: None }
    }
}

impl Exchange for ServerExchange {
    fn span(&self) -> &Span {
        &self.span
    }

    fn answered(&mut self, head: &mut http::response::Parts) -> bool {
        self.code = status::in_headers(&head.headers).or_else(|| status::of_http(head.status));
        let context = self.span.context();
        if let Some(value) = propagation::trace_response(context.span().span_context()) {
            head.headers.insert(propagation::TRACERESPONSE, value);
        }
        self.code.is_none()
    }

    fn end(self, how: End<'_>) {
        let elapsed = self.started.elapsed();
        let code = match how {
            End::Complete(trailers) => trailers.and_then(status::in_headers).or(self.code).unwrap_or(Code::Unknown),
            End::Broken => Code::Internal,
            End::Cancelled => Code::Cancelled,
        };
        let known = code != Code::Unimplemented;
        let method = if known { self.method.as_str() } else { "_OTHER" };
        let error = status::is_server_error(code).then(|| status::name(code));
        // A span ends when it was last left: it is entered once more, so that it ends now.
        self.span.in_scope(|| {
            self.span.record(name::RPC_METHOD, method);
            self.span.record(name::RPC_RESPONSE_STATUS_CODE, status::name(code));
            if !known {
                // Anybody may ask for any name: it stays out of the span's name and out of the metrics.
                self.span.record(name::RPC_METHOD_ORIGINAL, self.method.as_str());
                self.span.context().span().update_name(SYSTEM);
            }
            if matches!(how, End::Cancelled) {
                self.span.record(exchange::CANCELLED, true);
            }
            if let Some(error) = error {
                self.span.record(name::ERROR_TYPE, error);
                self.span.record("otel.status_code", "error");
            }
        });
        let method = if known {
            KeyValue::new(name::RPC_METHOD, self.method)
        } else {
            KeyValue::new(name::RPC_METHOD, "_OTHER")
        };
        instruments::record(
            &self.live.instruments.rpc_server,
            elapsed,
            [
                Some(KeyValue::new(name::RPC_SYSTEM_NAME, SYSTEM)),
                Some(method),
                Some(KeyValue::new(name::RPC_RESPONSE_STATUS_CODE, status::name(code))),
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

//! The client's side: a span and a duration for each call, to the end of its stream, and the context sent with it.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use http::{Request, Response, Uri};
use http_body::Body;
use opentelemetry::KeyValue;
use opentelemetry_semantic_conventions::attribute as name;
use tonic::Code;
use tower_layer::Layer;
use tower_service::Service;
use tracing::Span;
use tracing::field::Empty;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use super::{SYSTEM, method_of, status};
use crate::exchange::{self, End, Exchange, Fails, Traced, TracedBody};
use crate::live::{self, Live};
use crate::{CallAttributes, instruments, propagation};

/// Client spans, `rpc.client.call.duration` and the context in the metadata, around a `tonic` channel.
///
/// A [`CallAttributes`] in the request's extensions is recorded when that is asked for.
#[derive(Clone, Debug)]
pub struct ClientLayer {
    server: Arc<Server>,
}

/// Whom the calls go to.
#[derive(Debug)]
struct Server {
    address: Option<Arc<str>>,
    port: Option<i64>,
}

impl ClientLayer {
    /// The layer for calls to the server at `target` (`server.address`, `server.port`).
    pub fn new(target: &Uri) -> Self {
        let address = target.host().map(Arc::from);
        Self { server: Arc::new(Server { address, port: target.port_u16().map(i64::from) }) }
    }
}

impl<S> Layer<S> for ClientLayer {
    type Service = ClientService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        ClientService { inner, server: Arc::clone(&self.server) }
    }
}

/// What [`ClientLayer`] makes of a channel.
#[derive(Clone, Debug)]
pub struct ClientService<S> {
    inner: S,
    server: Arc<Server>,
}

impl<S, Q, A> Service<Request<Q>> for ClientService<S>
where
    S: Service<Request<Q>, Response = Response<A>>,
    S::Error: 'static,
    A: Body,
{
    type Response = Response<TracedBody<A, ClientExchange>>;
    type Error = S::Error;
    type Future = Traced<S::Future, ClientExchange>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Q>) -> Self::Future {
        let exchange = live::get().and_then(|live| {
            let method = method_of(request.uri().path())?;
            let exchange = ClientExchange::start(live, method, &self.server, request.extensions().get());
            propagation::inject(&live.propagator, &exchange.span.context(), request.headers_mut());
            Some(exchange)
        });
        let future = {
            let _entered = exchange.as_ref().map(|exchange| exchange.span.enter());
            self.inner.call(request)
        };
        Traced::new(future, exchange)
    }
}

/// One call under way.
#[derive(Debug)]
pub struct ClientExchange {
    live: &'static Live,
    span: Span,
    started: Instant,
    method: String,
    server: Arc<Server>,
    answered: bool,
    code: Option<Code>,
}

impl ClientExchange {
    fn start(live: &'static Live, method: &str, server: &Arc<Server>, call: Option<&CallAttributes>) -> Self {
        let started = Instant::now();
        let span = tracing::info_span!(
            "grpc.client",
            otel.kind = "client",
            otel.name = method,
            otel.status_code = Empty,
            rpc.system.name = SYSTEM,
            rpc.method = method,
            rpc.response.status_code = Empty,
            "error.type" = Empty,
            bookstore.cancelled = Empty,
            server.address = server.address.as_deref(),
            server.port = server.port,
            bookstore.request.id = Empty,
            bookstore.hop = Empty,
        );
        if live.record_calls {
            CallAttributes::record(call, &span);
        }
        Self { live, span, started, method: method.to_owned(), server: Arc::clone(server), answered: false, code: None }
    }
}

impl Exchange for ClientExchange {
    fn span(&self) -> &Span {
        &self.span
    }

    fn answered(&mut self, head: &mut http::response::Parts) -> bool {
        self.answered = true;
        self.code = status::in_headers(&head.headers).or_else(|| status::of_http(head.status));
        self.code.is_none()
    }

    fn end(self, how: End<'_>) {
        let elapsed = self.started.elapsed();
        let code = match how {
            End::Complete(trailers) => trailers.and_then(status::in_headers).or(self.code).unwrap_or(Code::Unknown),
            End::Broken => self.code.unwrap_or(Code::Unavailable),
            End::Cancelled => Code::Cancelled,
        };
        let cancelled = matches!(how, End::Cancelled);
        // A stream that its reader leaves ends so by intention.
        let error = (code != Code::Ok && !(cancelled && self.answered)).then(|| status::name(code));
        // A span ends when it was last left: it is entered once more, so that it ends now.
        self.span.in_scope(|| {
            self.span.record(name::RPC_RESPONSE_STATUS_CODE, status::name(code));
            if cancelled {
                self.span.record(exchange::CANCELLED, true);
            }
            if let Some(error) = error {
                self.span.record(name::ERROR_TYPE, error);
                self.span.record("otel.status_code", "error");
            }
        });
        instruments::record(
            &self.live.instruments.rpc_client,
            elapsed,
            [
                Some(KeyValue::new(name::RPC_SYSTEM_NAME, SYSTEM)),
                Some(KeyValue::new(name::RPC_METHOD, self.method)),
                Some(KeyValue::new(name::RPC_RESPONSE_STATUS_CODE, status::name(code))),
                self.server.address.clone().map(|address| KeyValue::new(name::SERVER_ADDRESS, address)),
                self.server.port.map(|port| KeyValue::new(name::SERVER_PORT, port)),
                error.map(|error| KeyValue::new(name::ERROR_TYPE, error)),
            ],
        );
    }
}

impl<E: 'static> Fails<E> for ClientExchange {
    fn failed(mut self, error: &E) {
        let error: &dyn std::any::Any = error;
        let code = if let Some(error) = error.downcast_ref::<tonic::transport::Error>() {
            status::of_error(error)
        } else if let Some(error) = error.downcast_ref::<Box<dyn std::error::Error + Send + Sync>>() {
            status::of_error(error.as_ref())
        } else {
            Code::Unavailable
        };
        self.code = Some(code);
        self.end(End::Broken);
    }
}

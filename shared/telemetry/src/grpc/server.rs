//! The server's side: a span and a duration for each call, to the end of its stream.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::LazyLock;
use std::task::{Context, Poll};

use axum::extract::ConnectInfo;
use http::{Request, Response};
use http_body::Body;
use opentelemetry::trace::{SpanKind, TraceContextExt as _};
use opentelemetry::{ContextGuard, KeyValue};
use opentelemetry_semantic_conventions::attribute as name;
use tonic::Code;
use tower_layer::Layer;
use tower_service::Service;

use super::{Method, Outcome, SYSTEM, method_of, status};
use crate::exchange::{self, End, Exchange, Fails, Traced, TracedBody};
use crate::http::server_address;
use crate::live::{self, Live};
use crate::series::{Known, Series};
use crate::spans::{Began, Open};
use crate::{CallAttributes, propagation};

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
            let _entered = exchange.as_ref().map(Exchange::enter);
            self.inner.call(request)
        };
        Traced::new(future, exchange)
    }
}

/// One call being served.
#[derive(Debug)]
pub struct ServerExchange {
    live: &'static Live,
    span: Open,
    /// The caller does not know the trace: it is told.
    is_root: bool,
    began: Began,
    method: Asked,
    code: Option<Code>,
}

/// Methods that were asked for and are there.
static METHODS: LazyLock<Known<Method>> = LazyLock::new(Known::default);

/// What for calls of methods that are not there is recorded.
static UNKNOWN: LazyLock<Series<Outcome>> = LazyLock::new(Series::default);

/// A method by its name. Anybody may ask for any name: it is kept only when it has turned out to be there.
#[derive(Debug)]
enum Asked {
    Known(&'static Method),
    New(String),
}

impl Asked {
    fn name(&self) -> &str {
        match self {
            Self::Known(method) => method.name,
            Self::New(name) => name,
        }
    }

    /// It is there.
    fn keep(&self) -> Option<&'static Method> {
        match self {
            Self::Known(method) => Some(method),
            Self::New(name) => METHODS.get_or_make(name, Method::new),
        }
    }
}

impl ServerExchange {
    fn start<Q>(live: &'static Live, method: &str, request: &Request<Q>) -> Self {
        let began = Began::now();
        let method = METHODS.get(method).map_or_else(|| Asked::New(method.to_owned()), Asked::Known);
        let (address, port) = server_address(request);
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip().to_string());
        let mut attributes = Vec::with_capacity(10);
        attributes.push(KeyValue::new(name::RPC_SYSTEM_NAME, SYSTEM));
        attributes.extend(address.map(|address| KeyValue::new(name::SERVER_ADDRESS, address.to_owned())));
        attributes.extend(port.map(|port| KeyValue::new(name::SERVER_PORT, port)));
        attributes.extend(peer.map(|peer| KeyValue::new(name::CLIENT_ADDRESS, peer)));
        if live.record_calls {
            CallAttributes::push(request.extensions().get(), &mut attributes);
        }
        let span_name: Cow<'static, str> = match &method {
            Asked::Known(method) => method.name.into(),
            Asked::New(name) => name.clone().into(),
        };
        let parent = live.propagator.extract(request.headers());
        let is_root = !parent.has_active_span();
        let span = Open::start(&live.tracer, &parent, span_name, SpanKind::Server, began, attributes);
        Self { live, span, is_root, began, method, code: None }
    }
}

impl Exchange for ServerExchange {
    type Entered = Option<ContextGuard>;

    fn enter(&self) -> Option<ContextGuard> {
        self.span.context().map(|context| context.clone().attach())
    }

    fn answered(&mut self, head: &mut http::response::Parts) -> bool {
        self.code = status::in_headers(&head.headers).or_else(|| status::of_http(head.status));
        if self.is_root
            && let Some(value) = self.span.context().and_then(propagation::trace_response)
        {
            head.headers.insert(propagation::TRACERESPONSE, value);
        }
        self.code.is_none()
    }

    fn end(self, how: End<'_>) {
        let elapsed = self.began.elapsed();
        let code = match how {
            End::Complete(trailers) => trailers.and_then(status::in_headers).or(self.code).unwrap_or(Code::Unknown),
            End::Broken => Code::Internal,
            End::Cancelled => Code::Cancelled,
        };
        let failed = status::is_server_error(code);
        let error = failed.then(|| KeyValue::new(name::ERROR_TYPE, status::name(code)));
        let code_name = KeyValue::new(name::RPC_RESPONSE_STATUS_CODE, status::name(code));
        let method = if code == Code::Unimplemented { None } else { self.method.keep() };
        let method_name = KeyValue::new(name::RPC_METHOD, method.map_or("_OTHER", |method| method.name));
        let make = || {
            let attributes = [
                Some(KeyValue::new(name::RPC_SYSTEM_NAME, SYSTEM)),
                Some(method_name.clone()),
                Some(code_name.clone()),
                error.clone(),
            ];
            (Outcome { server: None, code, failed }, attributes.into_iter().flatten().collect())
        };
        let series = method.map_or(&*UNKNOWN, |method| &method.series);
        series.record(&self.live.instruments.rpc_server, elapsed, |known| known.code == code, make);
        let original = method.is_none().then(|| {
            // It stays out of the span's name and out of the metrics.
            self.span.rename(SYSTEM);
            KeyValue::new(name::RPC_METHOD_ORIGINAL, self.method.name().to_owned())
        });
        let cancelled = matches!(how, End::Cancelled).then(|| KeyValue::new(exchange::CANCELLED, true));
        let attributes = [Some(method_name), Some(code_name), original, cancelled, error];
        self.span.end(self.began, elapsed, attributes, failed);
    }
}

impl<E> Fails<E> for ServerExchange {
    fn failed(self, _: &E) {
        self.end(End::Broken);
    }
}

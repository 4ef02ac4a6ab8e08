//! The client's side: a span and a duration for each call, to the end of its stream, and the context sent with it.

use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll};

use http::{Request, Response, Uri};
use http_body::Body;
use opentelemetry::KeyValue;
use opentelemetry::trace::SpanKind;
use opentelemetry_semantic_conventions::attribute as name;
use tonic::Code;
use tower_layer::Layer;
use tower_service::Service;

use super::{Method, Outcome, SYSTEM, Server, method_of, status};
use crate::CallAttributes;
use crate::apart;
use crate::exchange::{self, End, Exchange, Fails, Traced, TracedBody};
use crate::live::{self, Live};
use crate::series::Known;
use crate::spans::{Began, Open};

/// Client spans, `rpc.client.call.duration` and the context in the metadata, around a `tonic` channel.
///
/// A [`CallAttributes`] in the request's extensions is recorded when that is asked for.
#[derive(Clone, Debug)]
pub struct ClientLayer {
    server: Arc<Server>,
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
            if let Some(context) = exchange.span.context() {
                live.propagator.inject(context, request.headers_mut());
            }
            Some(exchange)
        });
        let future = {
            let _entered = exchange.as_ref().map(Exchange::enter);
            self.inner.call(request)
        };
        Traced::new(future, exchange)
    }
}

/// Methods that were called.
static METHODS: LazyLock<Known<Method>> = LazyLock::new(Known::default);

/// What is recorded for methods beyond those that are remembered.
static OTHERS: LazyLock<Method> = LazyLock::new(|| Method::new("_OTHER"));

/// One call under way.
#[derive(Debug)]
pub struct ClientExchange {
    live: &'static Live,
    span: Open,
    began: Began,
    method: &'static Method,
    server: Arc<Server>,
    answered: bool,
    code: Option<Code>,
}

impl ClientExchange {
    fn start(live: &'static Live, method: &str, server: &Arc<Server>, call: Option<&CallAttributes>) -> Self {
        let began = Began::now();
        let method = METHODS.get_or_make(method, Method::new).unwrap_or(&OTHERS);
        let mut attributes = Vec::with_capacity(10);
        attributes.push(KeyValue::new(name::RPC_SYSTEM_NAME, SYSTEM));
        attributes.push(KeyValue::new(name::RPC_METHOD, method.name));
        attributes.extend(server.address.clone().map(|address| KeyValue::new(name::SERVER_ADDRESS, address)));
        attributes.extend(server.port.map(|port| KeyValue::new(name::SERVER_PORT, port)));
        if live.record_calls {
            CallAttributes::push(call, &mut attributes);
        }
        let parent = opentelemetry::Context::current();
        let span = Open::start(&live.tracer, &parent, method.name, SpanKind::Client, began, attributes);
        Self { live, span, began, method, server: Arc::clone(server), answered: false, code: None }
    }
}

impl Exchange for ClientExchange {
    type Entered = apart::Guard;

    fn enter(&self) -> apart::Guard {
        apart::enter()
    }

    fn answered(&mut self, head: &mut http::response::Parts) -> bool {
        self.answered = true;
        self.code = status::in_headers(&head.headers).or_else(|| status::of_http(head.status));
        self.code.is_none()
    }

    fn end(self, how: End<'_>) {
        let elapsed = self.began.elapsed();
        let code = match how {
            End::Complete(trailers) => trailers.and_then(status::in_headers).or(self.code).unwrap_or(Code::Unknown),
            End::Broken => self.code.unwrap_or(Code::Unavailable),
            End::Cancelled => Code::Cancelled,
        };
        let cancelled = matches!(how, End::Cancelled);
        // A stream that its reader leaves ends so by intention.
        let failed = code != Code::Ok && !(cancelled && self.answered);
        let error = failed.then(|| KeyValue::new(name::ERROR_TYPE, status::name(code)));
        let code_name = KeyValue::new(name::RPC_RESPONSE_STATUS_CODE, status::name(code));
        let Self { server, method, .. } = &self;
        let make = || {
            let attributes = [
                Some(KeyValue::new(name::RPC_SYSTEM_NAME, SYSTEM)),
                Some(KeyValue::new(name::RPC_METHOD, method.name)),
                Some(code_name.clone()),
                server.address.clone().map(|address| KeyValue::new(name::SERVER_ADDRESS, address)),
                server.port.map(|port| KeyValue::new(name::SERVER_PORT, port)),
                error.clone(),
            ];
            let outcome = Outcome { server: Some(Arc::clone(server)), code, failed };
            (outcome, attributes.into_iter().flatten().collect())
        };
        let is =
            |known: &Outcome| known.code == code && known.failed == failed && known.server.as_ref() == Some(server);
        method.series.record(&self.live.instruments.rpc_client, elapsed, is, make);
        let cancelled = cancelled.then(|| KeyValue::new(exchange::CANCELLED, true));
        self.span.end(self.began, elapsed, [Some(code_name), cancelled, error], failed);
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

//! The client's side: a span and a duration for each request, and the context sent with it.

use std::time::Instant;

use opentelemetry::{KeyValue, StringValue};
use opentelemetry_semantic_conventions::attribute as name;
use reqwest::ResponseBuilderExt as _;
use tracing::field::Empty;
use tracing::{Instrument as _, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use super::{OTHER, error_text, known_method, name_of, version_of};
use crate::exchange::{self, End, Exchange, TracedBody};
use crate::live::{self, Live};
use crate::{CallAttributes, instruments, propagation};

/// Sends a request in a client span with the context in its headers. `template` is the path with placeholders
/// (`/users/{id}/billing`), which names the span. The span ends when the answer's body was read, or is dropped.
///
/// # Errors
/// Those of [`reqwest::Client::execute`].
pub async fn send(
    client: &reqwest::Client,
    mut request: reqwest::Request,
    template: &'static str,
    attributes: CallAttributes,
) -> Result<reqwest::Response, reqwest::Error> {
    let Some(live) = live::get() else { return client.execute(request).await };
    let mut exchange = ClientExchange::start(live, &request, template, &attributes);
    propagation::inject(&live.propagator, &exchange.span.context(), request.headers_mut());
    let result = client.execute(request).instrument(exchange.span.clone()).await;
    match result {
        Ok(response) => Ok(exchange.receive(response)),
        Err(error) => {
            exchange.error = Some(error_type(&error).into());
            exchange.end(End::Complete(None));
            Err(error)
        }
    }
}

/// One request sent.
#[derive(Debug)]
struct ClientExchange {
    live: &'static Live,
    span: Span,
    started: Instant,
    method: &'static str,
    template: &'static str,
    host: Option<String>,
    port: Option<i64>,
    version: Option<&'static str>,
    status: Option<u16>,
    error: Option<StringValue>,
    ended: bool,
}

impl ClientExchange {
    fn start(live: &'static Live, request: &reqwest::Request, template: &'static str, call: &CallAttributes) -> Self {
        let started = Instant::now();
        let method = known_method(request.method());
        let url = request.url();
        let host = url.host_str().map(str::to_owned);
        let port = url.port_or_known_default().map(i64::from);
        let span = tracing::info_span!(
            "http.client",
            otel.kind = "client",
            otel.name = format!("{} {template}", name_of(method)),
            otel.status_code = Empty,
            http.request.method = method,
            http.request.method_original = (method == OTHER).then(|| request.method().as_str()),
            url.full = shown_url(url),
            url.template = template,
            http.response.status_code = Empty,
            "error.type" = Empty,
            bookstore.cancelled = Empty,
            server.address = host.as_deref(),
            server.port = port,
            network.protocol.version = Empty,
            bookstore.request.id = Empty,
            bookstore.hop = Empty,
        );
        if live.record_calls {
            CallAttributes::record(Some(call), &span);
        }
        Self {
            live,
            span,
            started,
            method,
            template,
            host,
            port,
            version: None,
            status: None,
            error: None,
            ended: false,
        }
    }

    /// The same response, with a body that ends the span.
    fn receive(self, response: reqwest::Response) -> reqwest::Response {
        let url = response.url().clone();
        let (head, body) = TracedBody::respond(response.into(), self).into_parts();
        let mut rebuilt = http::Response::new(reqwest::Body::wrap(body));
        // The builder is the only way to give a response its URL.
        if let Ok(with_url) = http::Response::builder().url(url).body(()) {
            *rebuilt.extensions_mut() = with_url.into_parts().0.extensions;
        }
        *rebuilt.status_mut() = head.status;
        *rebuilt.version_mut() = head.version;
        *rebuilt.headers_mut() = head.headers;
        rebuilt.extensions_mut().extend(head.extensions);
        rebuilt.into()
    }

    fn finish(&mut self, how: &End<'_>) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        let elapsed = self.started.elapsed();
        let cancelled = matches!(how, End::Cancelled);
        let error = self.error.take().or_else(|| match (how, self.status) {
            (End::Broken, _) => Some("body".into()),
            (End::Cancelled, None) => Some("cancelled".into()),
            (_, Some(status @ 400..)) => Some(error_text(status)),
            // Whoever has the head of the answer may leave its body unread.
            _ => None,
        });
        self.span.in_scope(|| {
            if let Some(status) = self.status {
                self.span.record(name::HTTP_RESPONSE_STATUS_CODE, i64::from(status));
            }
            if let Some(version) = self.version {
                self.span.record(name::NETWORK_PROTOCOL_VERSION, version);
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
            &self.live.instruments.http_client,
            elapsed,
            [
                Some(KeyValue::new(name::HTTP_REQUEST_METHOD, self.method)),
                Some(KeyValue::new(name::URL_TEMPLATE, self.template)),
                self.host.take().map(|host| KeyValue::new(name::SERVER_ADDRESS, host)),
                self.port.map(|port| KeyValue::new(name::SERVER_PORT, port)),
                self.version.map(|version| KeyValue::new(name::NETWORK_PROTOCOL_VERSION, version)),
                self.status.map(|status| KeyValue::new(name::HTTP_RESPONSE_STATUS_CODE, i64::from(status))),
                error.map(|error| KeyValue::new(name::ERROR_TYPE, error)),
            ],
        );
    }
}

impl Exchange for ClientExchange {
    fn span(&self) -> &Span {
        &self.span
    }

    fn answered(&mut self, head: &mut http::response::Parts) -> bool {
        self.status = Some(head.status.as_u16());
        self.version = version_of(head.version);
        self.method != "HEAD"
    }

    fn end(mut self, how: End<'_>) {
        self.finish(&how);
    }
}

/// Dropped while the answer was waited for.
impl Drop for ClientExchange {
    fn drop(&mut self) {
        self.finish(&End::Cancelled);
    }
}

/// `url.full` without what may be secret: credentials and the query's values.
fn shown_url(url: &reqwest::Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{host}{port}{}", url.scheme(), url.path())
}

/// `error.type` of a request that had no answer.
fn error_type(error: &reqwest::Error) -> &'static str {
    if error.is_timeout() {
        "timeout"
    } else if error.is_connect() {
        "connect"
    } else if error.is_body() || error.is_decode() {
        "body"
    } else if error.is_redirect() {
        "redirect"
    } else {
        "request"
    }
}

//! The client's side: a span and a duration for each request, and the context sent with it.

use std::sync::{Arc, LazyLock};

use opentelemetry::trace::SpanKind;
use opentelemetry::{Context, KeyValue, StringValue};
use opentelemetry_semantic_conventions::attribute as name;
use reqwest::ResponseBuilderExt as _;

use super::{OTHER, Outcome, Route, error_text, known_method, name_of, version_of};
use crate::CallAttributes;
use crate::apart::{self, apart};
use crate::exchange::{self, End, Exchange, TracedBody};
use crate::live::{self, Live};
use crate::series::Known;
use crate::spans::{Began, Open};

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
    if let Some(context) = exchange.span.context() {
        live.propagator.inject(context, request.headers_mut());
    }
    match apart(client.execute(request)).await {
        Ok(response) => Ok(exchange.receive(response)),
        Err(error) => {
            exchange.error = Some(error_type(&error).into());
            exchange.end(End::Complete(None));
            Err(error)
        }
    }
}

/// Paths that were asked for.
static TEMPLATES: LazyLock<Known<Route>> = LazyLock::new(Known::default);

/// One request sent.
#[derive(Debug)]
struct ClientExchange {
    live: &'static Live,
    span: Open,
    began: Began,
    method: &'static str,
    template: &'static str,
    route: Option<&'static Route>,
    host: Option<Arc<str>>,
    port: Option<i64>,
    version: Option<&'static str>,
    status: Option<u16>,
    error: Option<StringValue>,
    ended: bool,
}

impl ClientExchange {
    fn start(live: &'static Live, request: &reqwest::Request, template: &'static str, call: &CallAttributes) -> Self {
        let began = Began::now();
        let method = known_method(request.method());
        let url = request.url();
        let host = url.host_str().map(Arc::from);
        let port = url.port_or_known_default().map(i64::from);
        let route = TEMPLATES.get_or_make(template, Route::new);

        let mut attributes = Vec::with_capacity(12);
        attributes.push(KeyValue::new(name::HTTP_REQUEST_METHOD, method));
        attributes.push(KeyValue::new(name::URL_FULL, shown_url(url)));
        attributes.push(KeyValue::new(name::URL_TEMPLATE, template));
        let other = (method == OTHER).then(|| request.method().as_str().to_owned());
        attributes.extend(other.map(|method| KeyValue::new(name::HTTP_REQUEST_METHOD_ORIGINAL, method)));
        attributes.extend(host.clone().map(|host: Arc<str>| KeyValue::new(name::SERVER_ADDRESS, host)));
        attributes.extend(port.map(|port| KeyValue::new(name::SERVER_PORT, port)));
        if live.record_calls {
            CallAttributes::push(Some(call), &mut attributes);
        }
        let span_name = route.map_or(name_of(method), |route| route.span_name(method));
        let span = Open::start(&live.tracer, &Context::current(), span_name, SpanKind::Client, began, attributes);
        Self {
            live,
            span,
            began,
            method,
            template,
            route,
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
        let elapsed = self.began.elapsed();
        let cancelled = matches!(how, End::Cancelled);
        let error = self.error.take().or_else(|| match (how, self.status) {
            (End::Broken, _) => Some("body".into()),
            (End::Cancelled, None) => Some("cancelled".into()),
            (_, Some(status @ 400..)) => Some(error_text(status)),
            // Whoever has the head of the answer may leave its body unread.
            _ => None,
        });
        let error_type = error.clone().map(|error| KeyValue::new(name::ERROR_TYPE, error));
        let status_code = self.status.map(|status| KeyValue::new(name::HTTP_RESPONSE_STATUS_CODE, i64::from(status)));
        let version = self.version.map(|version| KeyValue::new(name::NETWORK_PROTOCOL_VERSION, version));
        if let Some(route) = self.route {
            let outcome = Outcome {
                method: self.method,
                scheme: "",
                server: self.host.take().map(|host| (host, self.port)),
                version: self.version,
                status: self.status,
                error,
            };
            let make = || {
                let (host, port) = outcome.server.clone().unzip();
                let attributes = [
                    Some(KeyValue::new(name::HTTP_REQUEST_METHOD, self.method)),
                    Some(KeyValue::new(name::URL_TEMPLATE, self.template)),
                    host.map(|host| KeyValue::new(name::SERVER_ADDRESS, host)),
                    port.flatten().map(|port| KeyValue::new(name::SERVER_PORT, port)),
                    version.clone(),
                    status_code.clone(),
                    error_type.clone(),
                ];
                (outcome.clone(), attributes.into_iter().flatten().collect())
            };
            route.series.record(&self.live.instruments.http_client, elapsed, |known| *known == outcome, make);
        }
        let failed = error_type.is_some();
        let cancelled = cancelled.then(|| KeyValue::new(exchange::CANCELLED, true));
        self.span.end(self.began, elapsed, [status_code, version, cancelled, error_type], failed);
    }
}

impl Exchange for ClientExchange {
    type Entered = apart::Guard;

    fn enter(&self) -> apart::Guard {
        apart::enter()
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

//! One purchase over the JSON API, as a customer makes it. Each answer names its trace (`traceresponse`).

use anyhow::{Context as _, bail};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use uuid::Uuid;

/// A number whose payments are accepted; `bookstore_payment::TEST_CARDS` lists them.
const CARD_NUMBER: &str = "4242424242424242";
/// What the customer looks for.
const SEARCH: &str = "whale";

/// What was bought, and the trace of each request on the way.
#[derive(Debug)]
pub(crate) struct Purchase {
    /// The order.
    pub(crate) order: Order,
    /// The book's title.
    pub(crate) title: String,
    /// The requests in the order in which they were made; the last is the purchase itself.
    pub(crate) requests: Vec<Traced>,
}

/// A request and its trace.
#[derive(Clone, Debug)]
pub(crate) struct Traced {
    /// `POST /api/v1/orders`.
    pub(crate) what: String,
    /// 32 hexadecimal digits; none when the services' own telemetry is off.
    pub(crate) trace_id: Option<String>,
    /// `x-request-id`, by which the agent's trace is found.
    pub(crate) request_id: Option<String>,
}

/// An order, as far as it matters here.
#[derive(Debug, Deserialize)]
pub(crate) struct Order {
    pub(crate) id: String,
    pub(crate) status: String,
}

#[derive(Deserialize)]
struct Session {
    token: String,
}

#[derive(Deserialize)]
struct Books {
    items: Vec<Book>,
}

#[derive(Deserialize)]
struct Book {
    id: i64,
    title: String,
    #[serde(default)]
    available: Option<i64>,
}

impl Purchase {
    /// The trace of the purchase itself, as the services' own code made it.
    pub(crate) fn trace_id(&self) -> Option<&str> {
        self.requests.last()?.trace_id.as_deref()
    }

    /// The id of the purchase's request.
    pub(crate) fn request_id(&self) -> Option<&str> {
        self.requests.last()?.request_id.as_deref()
    }
}

/// Registers a customer who will not come again, and buys one book at the storefront at `url`.
///
/// # Errors
/// The first request that was not answered as it should be.
pub(crate) async fn buy(url: &str) -> anyhow::Result<Purchase> {
    let mut customer = Customer::new(url)?;
    let email = format!("visitor-{}@example.org", Uuid::new_v4().simple());
    let password = Uuid::new_v4().to_string();

    let account = json!({ "email": email, "password": password, "name": "A visitor" });
    customer.send(Method::POST, "/users", Some(account), StatusCode::CREATED).await?;
    let credentials = json!({ "email": email, "password": password });
    let answer = customer.send(Method::POST, "/sessions", Some(credentials), StatusCode::CREATED).await?;
    customer.token = Some(parsed::<Session>(answer).await?.token);

    let book = customer.find_book().await?;
    let answer = customer.send(Method::GET, &format!("/books/{}", book.id), None, StatusCode::OK).await?;
    let book: Book = parsed(answer).await?;
    let item = format!("/basket/items/{}", book.id);
    customer.send(Method::PUT, &item, Some(json!({ "quantity": 1 })), StatusCode::OK).await?;

    let card = json!({ "card": { "number": CARD_NUMBER, "expiry": "12/39", "cvc": "123" } });
    let answer = customer.send(Method::POST, "/orders", Some(card), StatusCode::CREATED).await?;
    let order = parsed(answer).await?;
    Ok(Purchase { order, title: book.title, requests: customer.requests })
}

struct Customer {
    http: reqwest::Client,
    api: String,
    token: Option<String>,
    requests: Vec<Traced>,
}

impl Customer {
    fn new(url: &str) -> anyhow::Result<Self> {
        // The shop is on this machine, whatever proxy the environment names.
        let http = reqwest::Client::builder().no_proxy().timeout(std::time::Duration::from_secs(20)).build()?;
        Ok(Self { http, api: format!("{url}/api/v1"), token: None, requests: Vec::new() })
    }

    /// A book that can be bought.
    async fn find_book(&mut self) -> anyhow::Result<Book> {
        // Should nothing be found, or all of it be sold, any book will do.
        for query in [&format!("/books?q={SEARCH}"), "/books"] {
            let answer = self.send(Method::GET, query, None, StatusCode::OK).await?;
            let books: Books = parsed(answer).await?;
            if let Some(book) = books.items.into_iter().find(|book| book.available.is_none_or(|copies| copies > 0)) {
                return Ok(book);
            }
        }
        bail!("no book of the first page is in stock")
    }

    async fn send(
        &mut self,
        method: Method,
        path: &str,
        body: Option<Value>,
        expected: StatusCode,
    ) -> anyhow::Result<Response> {
        let what = format!("{method} /api/v1{path}");
        let mut request = self.http.request(method.clone(), format!("{}{path}", self.api));
        if path == "/orders" {
            request = request.header("idempotency-key", Uuid::new_v4().to_string());
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = self.authorised(request).send().await.with_context(|| format!("{what}: no answer"))?;
        let header = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok());
        self.requests.push(Traced {
            what: what.clone(),
            trace_id: header("traceresponse").and_then(trace_id),
            request_id: header("x-request-id").map(str::to_owned),
        });
        let status = answer.status();
        // A PUT may make what it puts.
        if status == expected || (method == Method::PUT && status.is_success()) {
            return Ok(answer);
        }
        let text = answer.text().await.unwrap_or_default();
        bail!("{what} was answered {status} instead of {expected}: {text}")
    }

    fn authorised(&self, request: RequestBuilder) -> RequestBuilder {
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }
}

async fn parsed<T: DeserializeOwned>(answer: Response) -> anyhow::Result<T> {
    let url = answer.url().path().to_owned();
    answer.json().await.with_context(|| format!("{url} answered something else than was agreed"))
}

/// `00-<trace id>-<span id>-<flags>` (W3C Trace Context level 2, `traceresponse`).
fn trace_id(header: &str) -> Option<String> {
    let id = header.split('-').nth(1)?;
    (id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_trace_is_read_from_the_answer() {
        let header = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        assert_eq!(trace_id(header).as_deref(), Some("0af7651916cd43dd8448eb211c80319c"));
        for wrong in ["", "00", "00-xyz-b7ad6b7169203331-01"] {
            assert_eq!(trace_id(wrong), None, "{wrong}");
        }
    }
}

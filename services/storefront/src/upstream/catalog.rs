//! The catalog service.

use std::borrow::Cow;

use axum::http::{HeaderValue, StatusCode, header};
use bookstore_proto::catalog::{Book, BookPage, Subject};
use bookstore_runtime::http_client::HttpError;
use bookstore_runtime::{Call, Problem};

use super::{Upstreams, detail, http_problem};
use crate::problems;
use crate::shop::{BookQuery, Cover};

const SERVICE: &str = "catalog";

impl Upstreams {
    /// One page of books, with their availability.
    pub(crate) async fn books(&self, call: &Call, query: &BookQuery) -> Result<BookPage, Problem> {
        let number = |number: Option<u32>| number.map(|number| Cow::Owned(number.to_string()));
        let text = |text: &Option<String>| text.clone().map(Cow::<str>::Owned);
        let mut request = self.catalog.get("/books", &[]);
        for (name, value) in [
            ("q", text(&query.q)),
            ("subject", text(&query.subject)),
            ("sort", text(&query.sort)),
            ("page", number(query.page)),
            ("per_page", number(query.per_page)),
        ] {
            if let Some(value) = value {
                request = request.query(name, value);
            }
        }
        request.fetch_idempotent(call).await.map_err(|error| match error.status() {
            Some(StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY) => {
                Problem::invalid(detail(&error).unwrap_or("The catalog does not understand this query."))
            }
            _ => http_problem(SERVICE, &error),
        })
    }

    /// These books, unknown ones left out.
    pub(crate) async fn books_by_id(&self, call: &Call, ids: &[i64]) -> Result<Vec<Book>, HttpError> {
        let ids = ids.iter().map(i64::to_string).collect::<Vec<_>>().join(",");
        let request = self.catalog.get("/books", &[]).query("ids", ids);
        let page: BookPage = request.fetch_idempotent(call).await?;
        Ok(page.items)
    }

    /// One book's row.
    pub(crate) async fn book(&self, call: &Call, id: i64) -> Result<Book, Problem> {
        let id = id.to_string();
        let book = self.catalog.get("/books/{id}", &[&id]).fetch_idempotent(call).await;
        book.map_err(|error| or_no_such_book(&error))
    }

    /// All subjects.
    pub(crate) async fn subjects(&self, call: &Call) -> Result<Vec<Subject>, Problem> {
        let subjects = self.catalog.get("/subjects", &[]).fetch_idempotent(call).await;
        subjects.map_err(|error| http_problem(SERVICE, &error))
    }

    /// A cover.
    pub(crate) async fn cover(
        &self,
        call: &Call,
        id: i64,
        if_none_match: Option<&HeaderValue>,
    ) -> Result<Cover, Problem> {
        let id = id.to_string();
        let parameters = [id.as_str()];
        let mut request = self.catalog.get("/books/{id}/cover.svg", &parameters);
        if let Some(tags) = if_none_match {
            request = request.header(header::IF_NONE_MATCH, tags.clone());
        }
        let response = request.send_idempotent(call).await.map_err(|error| or_no_such_book(&error))?;
        let etag = response.headers().get(header::ETAG).cloned();
        if response.status() == StatusCode::NOT_MODIFIED {
            return Ok(Cover::NotModified { etag });
        }
        let bytes = response.bytes().await.map_err(|error| http_problem(SERVICE, &HttpError::Unreachable(error)))?;
        Ok(Cover::Svg { bytes, etag })
    }
}

fn or_no_such_book(error: &HttpError) -> Problem {
    match error.status() {
        Some(StatusCode::NOT_FOUND) => problems::no_such_book(),
        _ => http_problem(SERVICE, error),
    }
}

/// For handlers that need books by id and have nothing of their own to say.
pub(crate) fn catalog_problem(error: &HttpError) -> Problem {
    http_problem(SERVICE, error)
}

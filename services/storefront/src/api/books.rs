//! Books.
#![expect(unused_qualifications, reason = "of the code that `utoipa::path` makes")]

use axum::Json as Answer;
use axum::extract::State;
use bookstore_proto::catalog::{Book, BookPage, Subject};
use bookstore_runtime::extract::{Path, Query};
use bookstore_runtime::{Call, Problem};
use serde::Deserialize;
use utoipa::IntoParams;

use super::problem::ProblemBody;
use crate::Shop;
use crate::shop::BookQuery;

/// Which books to list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ListQuery {
    /// Words to find in title, author or subject.
    #[param(example = "middlemarch")]
    q: Option<String>,
    /// Only books of this subject; `GET /api/v1/subjects` lists them.
    #[param(example = "Fiction")]
    subject: Option<String>,
    /// In which order: `title`, `author`, `year`, `-year`, `price` or `-price`; by relevance where nothing is said.
    #[param(example = "title")]
    sort: Option<String>,
    /// Which page, from 1.
    #[param(minimum = 1, example = 1)]
    page: Option<u32>,
    /// How many books a page.
    #[param(minimum = 1, maximum = 100, example = 20)]
    per_page: Option<u32>,
}

/// List books
///
/// Full-text search, a filter by subject, sorting and paging, with the copies on hand of each book.
#[utoipa::path(
    get, path = "/books", tag = "books", operation_id = "listBooks", params(ListQuery),
    responses(
        (status = 200, description = "One page of books.", body = BookPage),
        (status = 422, description = "The query makes no sense (`/problems/invalid`).",
            body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn list(
    State(shop): State<Shop>,
    call: Call,
    Query(query): Query<ListQuery>,
) -> Result<Answer<BookPage>, Problem> {
    let ListQuery { q, subject, sort, page, per_page } = query;
    shop.books(&call, &BookQuery { q, subject, sort, page, per_page }).await.map(Answer)
}

/// Get a book
///
/// The book with the copies on hand; these are left out while stock cannot be had.
#[utoipa::path(
    get, path = "/books/{id}", tag = "books", operation_id = "getBook",
    params(("id" = i64, Path, description = "The book's number in the catalog.", example = 1)),
    responses(
        (status = 200, description = "The book.", body = Book),
        (status = 404, description = "There is no such book.",
            body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn one(State(shop): State<Shop>, call: Call, Path(id): Path<i64>) -> Result<Answer<Book>, Problem> {
    shop.book(&call, id).await.map(Answer)
}

/// List subjects
///
/// All subjects with the number of their books.
#[utoipa::path(
    get, path = "/subjects", tag = "books", operation_id = "listSubjects",
    responses((status = 200, description = "The subjects.", body = Vec<Subject>))
)]
pub(super) async fn subjects(State(shop): State<Shop>, call: Call) -> Result<Answer<Vec<Subject>>, Problem> {
    shop.subjects(&call).await.map(Answer)
}

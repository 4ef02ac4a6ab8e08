//! The barest handler that reads the same row: axum and sqlx, and nothing else.

use std::io::Write as _;
use std::path::Path;

use axum::extract::{Path as PathOf, State};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use tokio::net::TcpListener;

#[derive(Serialize, sqlx::FromRow)]
struct Book {
    id: i64,
    title: String,
    author: String,
    year: i64,
    subject: String,
    price: i64,
}

/// Listens on a free port and says so on standard output.
pub(crate) async fn serve(database: &Path) -> anyhow::Result<()> {
    let options = SqliteConnectOptions::new().filename(database).read_only(true);
    // As many connections as the catalog has.
    let pool = SqlitePoolOptions::new().max_connections(4).connect_with(options).await?;
    let app = Router::new().route("/books/{id}", get(book)).with_state(pool);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    writeln!(std::io::stdout(), "http://{}", listener.local_addr()?)?;
    axum::serve(listener, app).await?;
    Ok(())
}

async fn book(State(pool): State<SqlitePool>, PathOf(id): PathOf<i64>) -> Result<Json<Book>, StatusCode> {
    sqlx::query_as("SELECT id, title, author, year, subject, price FROM books WHERE id = $1")
        .bind(id)
        .fetch_optional(&pool)
        .await
        .map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?
        .map(Json)
        .ok_or(StatusCode::NOT_FOUND)
}

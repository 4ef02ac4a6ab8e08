//! The shop: all that pages and JSON API can ask for.

use std::net::IpAddr;

use axum::http::HeaderValue;
use bookstore_proto::catalog::{Book, BookPage, Subject};
use bookstore_proto::user::{Credentials, NewUser, User};
use bookstore_runtime::{Call, Problem};
use bookstore_telemetry::Sensitive;
use bytes::Bytes;
use futures_util::stream::BoxStream;

use crate::model::{Basket, CardInput, GuestId, IdempotencyKey, Order, Owner, StockLevel};

/// The shop. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Shop {}

/// Which books to list; what is left out is left to the catalog.
#[derive(Clone, Debug, Default)]
pub struct BookQuery {
    /// Words to find in title, author or subject.
    pub q: Option<String>,
    /// Only books of this subject.
    pub subject: Option<String>,
    /// In which order, by one of the catalog's names.
    pub sort: Option<String>,
    /// Which page, from 1.
    pub page: Option<u32>,
    /// How many a page, 1 to 100.
    pub per_page: Option<u32>,
}

/// A cover.
#[derive(Clone, Debug)]
pub enum Cover {
    /// The caller's copy is still right: 304.
    NotModified {
        /// Its `ETag`.
        etag: Option<HeaderValue>,
    },
    /// The picture.
    Svg {
        /// An SVG document.
        bytes: Bytes,
        /// Its `ETag`.
        etag: Option<HeaderValue>,
    },
}

/// A session that was just opened.
#[derive(Clone, Debug)]
pub struct Session {
    /// Shown this once.
    pub token: Sensitive<String>,
    /// Whose it is.
    pub user: User,
}

impl Shop {
    /// One page of the list of books, with availability.
    ///
    /// # Errors
    /// 422 for a query that the catalog does not know, 503.
    pub async fn books(&self, _call: &Call, _query: &BookQuery) -> Result<BookPage, Problem> {
        Err(Problem::internal())
    }

    /// One book with its availability, absent where inventory does not answer.
    ///
    /// # Errors
    /// 404, 503.
    pub async fn book(&self, _call: &Call, _id: i64) -> Result<Book, Problem> {
        Err(Problem::internal())
    }

    /// All subjects with the number of their books.
    ///
    /// # Errors
    /// 503.
    pub async fn subjects(&self, _call: &Call) -> Result<Vec<Subject>, Problem> {
        Err(Problem::internal())
    }

    /// A book's cover, or that the caller's copy (`If-None-Match`) is still right.
    ///
    /// # Errors
    /// 404, 503.
    pub async fn cover(&self, _call: &Call, _id: i64, _if_none_match: Option<&HeaderValue>) -> Result<Cover, Problem> {
        Err(Problem::internal())
    }

    /// Registers a user. `caller` is the address of who asks.
    ///
    /// # Errors
    /// 409 `email-taken`, 422 `invalid` (member `errors`: `[{field, detail}]`), 429 `too-often`, 503.
    pub async fn register(&self, _call: &Call, _new: &NewUser, _caller: Option<IpAddr>) -> Result<User, Problem> {
        Err(Problem::internal())
    }

    /// Opens a session. The basket of `guest`, if there is one, goes into the user's.
    ///
    /// # Errors
    /// 401 `wrong-credentials`, 422, 429 `too-often`, 503.
    pub async fn log_in(
        &self,
        _call: &Call,
        _credentials: &Credentials,
        _caller: Option<IpAddr>,
        _guest: Option<&GuestId>,
    ) -> Result<Session, Problem> {
        Err(Problem::internal())
    }

    /// Ends a session, if there is one.
    ///
    /// # Errors
    /// 503.
    pub async fn log_out(&self, _call: &Call, _token: &Sensitive<String>) -> Result<(), Problem> {
        Err(Problem::internal())
    }

    /// Whose session a token opened; nobody's when it is unknown or has expired.
    ///
    /// # Errors
    /// 503.
    pub async fn who_is(&self, _call: &Call, _token: &Sensitive<String>) -> Result<Option<User>, Problem> {
        Err(Problem::internal())
    }

    /// A basket, at the prices of now.
    ///
    /// # Errors
    /// 503.
    pub async fn basket(&self, _call: &Call, _owner: &Owner) -> Result<Basket, Problem> {
        Err(Problem::internal())
    }

    /// How many copies a basket holds; asks our own database only.
    ///
    /// # Errors
    /// 503.
    pub async fn basket_copies(&self, _call: &Call, _owner: &Owner) -> Result<i64, Problem> {
        Err(Problem::internal())
    }

    /// Sets how many copies of a book a basket holds (1 to 99), and answers the basket.
    ///
    /// # Errors
    /// 404 no such book, 422 `invalid` or `basket-full`, 503.
    pub async fn put_in_basket(
        &self,
        _call: &Call,
        _owner: &Owner,
        _book_id: i64,
        _quantity: i64,
    ) -> Result<Basket, Problem> {
        Err(Problem::internal())
    }

    /// Takes a book out of a basket, also when it is not in it, and answers the basket.
    ///
    /// # Errors
    /// 503.
    pub async fn remove_from_basket(&self, _call: &Call, _owner: &Owner, _book_id: i64) -> Result<Basket, Problem> {
        Err(Problem::internal())
    }

    /// Buys what is in the user's basket. The same key and card again answer the same order. It goes on when the caller
    /// hangs up.
    ///
    /// # Errors
    /// 402 `card-declined` (`reason`), 409 `out-of-stock` (`books`: `[{book_id, title, requested, available}]`),
    /// 409 `order-in-progress`, 422 `invalid` (`errors`), `basket-empty` or `idempotency-key-reused`, 503 `order-failed`
    /// or `order-undecided`, 504 `order-undecided`. Those of an order carry its `order_id`.
    pub async fn place_order(
        &self,
        _call: &Call,
        _user: &User,
        _key: &IdempotencyKey,
        _card: &CardInput,
    ) -> Result<Order, Problem> {
        Err(Problem::internal())
    }

    /// The user's orders, the latest first, at most 100.
    ///
    /// # Errors
    /// 503.
    pub async fn orders(&self, _call: &Call, _user: &User) -> Result<Vec<Order>, Problem> {
        Err(Problem::internal())
    }

    /// One of the user's orders.
    ///
    /// # Errors
    /// 404 also for another's, 503.
    pub async fn order(&self, _call: &Call, _user: &User, _id: &str) -> Result<Order, Problem> {
        Err(Problem::internal())
    }

    /// The stock of a book now, then each change of it; ends when the shop stops or inventory hangs up.
    ///
    /// # Errors
    /// 503, before the stream begins. Within it an error is the last item.
    pub async fn watch_stock(
        &self,
        _call: &Call,
        _book_id: i64,
    ) -> Result<BoxStream<'static, Result<StockLevel, Problem>>, Problem> {
        Err(Problem::internal())
    }
}

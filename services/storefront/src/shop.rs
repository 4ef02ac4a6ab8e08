//! The shop: all that pages and JSON API can ask for.

use std::net::IpAddr;

use axum::http::HeaderValue;
use bookstore_proto::Money;
use bookstore_proto::catalog::{Book, BookPage, Subject};
use bookstore_proto::user::{Credentials, NewUser, User};
use bookstore_runtime::{Call, Drain, Problem};
use bookstore_telemetry::Sensitive;
use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use tracing::{debug, warn};

use crate::checkout::Checkout;
use crate::model::{Basket, BasketLine, CardInput, GuestId, IdempotencyKey, MOST_COPIES, Order, Owner, StockLevel};
use crate::problems::{self, Wrong};
use crate::store::{Item, Store};
use crate::upstream::{Upstreams, catalog_problem, database_problem};

/// The shop. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Shop {
    store: Store,
    upstreams: Upstreams,
    checkout: Checkout,
    drain: Drain,
}

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
    pub(crate) fn new(store: Store, upstreams: Upstreams, checkout: Checkout, drain: Drain) -> Self {
        Self { store, upstreams, checkout, drain }
    }

    /// One page of the list of books, with availability.
    ///
    /// # Errors
    /// 422 for a query that the catalog does not know, 503.
    pub async fn books(&self, call: &Call, query: &BookQuery) -> Result<BookPage, Problem> {
        self.upstreams.books(call, query).await
    }

    /// One book with its availability, absent where inventory does not answer.
    ///
    /// # Errors
    /// 404, 503.
    pub async fn book(&self, call: &Call, id: i64) -> Result<Book, Problem> {
        if id <= 0 {
            return Err(problems::no_such_book());
        }
        let ids = [id];
        let (book, stock) = tokio::join!(self.upstreams.book(call, id), self.stock(call, &ids));
        Ok(Book { available: stock.first().map(|level| level.available), ..book? })
    }

    /// All subjects with the number of their books.
    ///
    /// # Errors
    /// 503.
    pub async fn subjects(&self, call: &Call) -> Result<Vec<Subject>, Problem> {
        self.upstreams.subjects(call).await
    }

    /// A book's cover, or that the caller's copy (`If-None-Match`) is still right.
    ///
    /// # Errors
    /// 404, 503.
    pub async fn cover(&self, call: &Call, id: i64, if_none_match: Option<&HeaderValue>) -> Result<Cover, Problem> {
        self.upstreams.cover(call, id, if_none_match).await
    }

    /// Registers a user. `caller` is the address of who asks.
    ///
    /// # Errors
    /// 409 `email-taken`, 422 `invalid` (member `errors`: `[{field, detail}]`), 429 `too-often`, 503.
    pub async fn register(&self, call: &Call, new: &NewUser, caller: Option<IpAddr>) -> Result<User, Problem> {
        debug!(password = ?Sensitive::new(&new.password), "a registration was received");
        self.upstreams.register(call, new, caller).await
    }

    /// Opens a session. The basket of `guest`, if there is one, goes into the user's.
    ///
    /// # Errors
    /// 401 `wrong-credentials`, 422, 429 `too-often`, 503.
    pub async fn log_in(
        &self,
        call: &Call,
        credentials: &Credentials,
        caller: Option<IpAddr>,
        guest: Option<&GuestId>,
    ) -> Result<Session, Problem> {
        debug!(password = ?Sensitive::new(&credentials.password), "a log-in was received");
        let session = self.upstreams.log_in(call, credentials, caller).await?;
        if let Some(guest) = guest
            && let Err(error) = self.store.merge(call, guest, &session.user.id).await
        {
            // Somebody who can log in should; the basket stays where it is.
            warn!(%error, "a guest's basket could not be put into the user's");
        }
        Ok(session)
    }

    /// Ends a session, if there is one.
    ///
    /// # Errors
    /// 503.
    pub async fn log_out(&self, call: &Call, token: &Sensitive<String>) -> Result<(), Problem> {
        debug!(?token, "a log-out was received");
        self.upstreams.log_out(call, token).await
    }

    /// Whose session a token opened; nobody's when it is unknown or has expired.
    ///
    /// # Errors
    /// 503.
    pub async fn who_is(&self, call: &Call, token: &Sensitive<String>) -> Result<Option<User>, Problem> {
        debug!(?token, "a session token was received");
        self.upstreams.who_is(call, token).await
    }

    /// A basket, at the prices of now.
    ///
    /// # Errors
    /// 503.
    pub async fn basket(&self, call: &Call, owner: &Owner) -> Result<Basket, Problem> {
        let items = self.store.items(call, owner).await.map_err(|error| database_problem(&error))?;
        self.priced(call, &items).await
    }

    /// How many copies a basket holds; asks our own database only.
    ///
    /// # Errors
    /// 503.
    pub async fn basket_copies(&self, call: &Call, owner: &Owner) -> Result<i64, Problem> {
        self.store.copies(call, owner).await.map_err(|error| database_problem(&error))
    }

    /// Sets how many copies of a book a basket holds (1 to 99), and answers the basket.
    ///
    /// # Errors
    /// 404 no such book, 422 `invalid` or `basket-full`, 503.
    pub async fn put_in_basket(
        &self,
        call: &Call,
        owner: &Owner,
        book_id: i64,
        quantity: i64,
    ) -> Result<Basket, Problem> {
        if !(1..=MOST_COPIES).contains(&quantity) {
            return Err(problems::invalid(&[Wrong { field: "quantity", must: "must be a whole number from 1 to 99" }]));
        }
        if book_id <= 0 {
            return Err(problems::no_such_book());
        }
        let found = self.upstreams.books_by_id(call, &[book_id]).await.map_err(|error| catalog_problem(&error))?;
        if found.is_empty() {
            return Err(problems::no_such_book());
        }
        let put = self.store.put(call, owner, Item { book_id, quantity }).await;
        let items = put.map_err(|error| database_problem(&error))?.ok_or_else(problems::basket_full)?;
        self.priced(call, &items).await
    }

    /// Takes a book out of a basket, also when it is not in it, and answers the basket.
    ///
    /// # Errors
    /// 503.
    pub async fn remove_from_basket(&self, call: &Call, owner: &Owner, book_id: i64) -> Result<Basket, Problem> {
        self.store.remove(call, owner, book_id).await.map_err(|error| database_problem(&error))?;
        self.basket(call, owner).await
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
        call: &Call,
        user: &User,
        key: &IdempotencyKey,
        card: &CardInput,
    ) -> Result<Order, Problem> {
        self.checkout.place(call, &user.id, key, card).await
    }

    /// The user's orders, the latest first, at most 100.
    ///
    /// # Errors
    /// 503.
    pub async fn orders(&self, call: &Call, user: &User) -> Result<Vec<Order>, Problem> {
        self.store.orders(call, &user.id).await.map_err(|error| database_problem(&error))
    }

    /// One of the user's orders.
    ///
    /// # Errors
    /// 404 also for another's, 503.
    pub async fn order(&self, call: &Call, user: &User, id: &str) -> Result<Order, Problem> {
        // Written the one way in which ids are stored.
        let id = uuid::Uuid::try_parse(id).map_err(|_| problems::no_such_order())?.to_string();
        self.checkout.order(call, &user.id, &id).await
    }

    /// The stock of a book now, then each change of it; ends when the shop stops or inventory hangs up.
    ///
    /// # Errors
    /// 503, before the stream begins. Within it an error is the last item.
    pub async fn watch_stock(
        &self,
        call: &Call,
        book_id: i64,
    ) -> Result<BoxStream<'static, Result<StockLevel, Problem>>, Problem> {
        if book_id <= 0 {
            return Err(problems::no_such_book());
        }
        let levels = self.upstreams.watch(call, book_id).await?;
        Ok(levels.take_until(self.drain.clone().into_begun()).boxed())
    }

    /// Stock where it can be had: a page without it is better than none.
    async fn stock(&self, call: &Call, ids: &[i64]) -> Vec<StockLevel> {
        self.upstreams.stock(call, ids).await.unwrap_or_else(|status| {
            warn!(%status, "inventory does not answer; stock is left out");
            Vec::new()
        })
    }

    /// A basket's books with their prices and stock. A book that the catalog no longer has is left out.
    async fn priced(&self, call: &Call, items: &[Item]) -> Result<Basket, Problem> {
        if items.is_empty() {
            return Ok(Basket { lines: Vec::new(), total: Money::new(0) });
        }
        let ids: Vec<_> = items.iter().map(|item| item.book_id).collect();
        let (books, stock) = tokio::join!(self.upstreams.books_by_id(call, &ids), self.stock(call, &ids));
        let books = books.map_err(|error| catalog_problem(&error))?;
        let lines = items.iter().filter_map(|item| {
            let book = books.iter().find(|book| book.id == item.book_id)?;
            let level = stock.iter().find(|level| level.book_id == item.book_id);
            Some(BasketLine {
                book_id: book.id,
                title: book.title.clone(),
                author: book.author.clone(),
                quantity: item.quantity,
                subtotal: Money::new(book.price.amount.saturating_mul(item.quantity)),
                price: book.price.clone(),
                available: level.map(|level| level.available),
            })
        });
        let lines: Vec<_> = lines.collect();
        let total = lines.iter().map(|line| line.subtotal.amount).fold(0, i64::saturating_add);
        Ok(Basket { lines, total: Money::new(total) })
    }
}

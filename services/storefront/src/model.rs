//! What the shop is about, as pages and JSON API see it.
//!
//! Books, subjects and users are the other services' own: [`bookstore_proto::catalog`], [`bookstore_proto::user`].

mod basket;
mod card;
mod key;
mod order;
mod owner;
mod stock;

pub use basket::{Basket, BasketLine, MOST_BOOKS, MOST_COPIES};
pub(crate) use card::Card;
pub use card::CardInput;
pub use key::IdempotencyKey;
pub use order::{Order, OrderLine, OrderStatus};
pub use owner::{GuestId, Owner};
pub use stock::StockLevel;

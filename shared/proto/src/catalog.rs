//! The catalog service's JSON.
//!
//! | call | answers |
//! | --- | --- |
//! | `GET /books?q=&subject=&sort=&page=&per_page=` | [`BookPage`], with availability (one gRPC call to inventory) |
//! | `GET /books?ids=1,2,3` | [`BookPage`] of just these, unknown ids left out, `available` absent |
//! | `GET /books/{id}` | [`Book`], the row only, `available` absent; 404 |
//! | `GET /books/{id}/cover.svg` | the cover, with an `ETag` |
//! | `GET /subjects` | `Vec<`[`Subject`]`>` |

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Money;

/// A book.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct Book {
    /// Its number in the catalog.
    #[schema(example = 1)]
    pub id: i64,
    /// Its title.
    #[schema(example = "Middlemarch")]
    pub title: String,
    /// Who wrote it.
    #[schema(example = "George Eliot")]
    pub author: String,
    /// The year it first appeared; negative is before the common era.
    #[schema(example = 1871)]
    pub year: i64,
    /// What it is about.
    #[schema(example = "Fiction")]
    pub subject: String,
    /// What it costs.
    pub price: Money,
    /// Copies on hand. Absent where stock was not asked for or could not be had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub available: Option<i64>,
}

/// One page of a list of books.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct BookPage {
    /// The books of this page.
    pub items: Vec<Book>,
    /// This page's number, from 1.
    pub page: u32,
    /// How many books a page holds, 1 to 100.
    pub per_page: u32,
    /// How many books the whole list holds.
    pub total: u64,
}

/// A subject and how many books it has.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct Subject {
    /// Its name.
    pub subject: String,
    /// How many books it has.
    pub books: u64,
}

//! What the service counts of its own business. The conventional metrics of HTTP, gRPC and SQL come from the layers
//! beneath.

use bookstore_telemetry::metrics::Counter;

/// Searches by `bookstore.outcome`: `found` or `none`. A page of a search counts as one.
static SEARCHES: Counter =
    Counter::new("bookstore.catalog.searches", "{search}", "Searches by whether they found anything.");

/// Covers by `bookstore.outcome`: `sent`, or `unchanged` where the caller had it.
static COVERS: Counter = Counter::new("bookstore.catalog.covers", "{cover}", "Covers asked for by what was answered.");

/// Pages of books by `bookstore.outcome`: `known` availability, or `unknown` where inventory did not answer in time.
static AVAILABILITY: Counter =
    Counter::new("bookstore.catalog.availability", "{page}", "Pages of books by whether availability was known.");

/// A search was answered.
pub(crate) fn searched(found: bool) {
    SEARCHES.add(1, &[("bookstore.outcome", if found { "found" } else { "none" })]);
}

/// A cover was asked for.
pub(crate) fn cover(unchanged: bool) {
    COVERS.add(1, &[("bookstore.outcome", if unchanged { "unchanged" } else { "sent" })]);
}

/// Inventory was asked for a page's stock.
pub(crate) fn availability(known: bool) {
    AVAILABILITY.add(1, &[("bookstore.outcome", if known { "known" } else { "unknown" })]);
}

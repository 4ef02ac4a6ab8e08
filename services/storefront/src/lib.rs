//! The shop: pages, JSON API, baskets, orders, the checkout saga.

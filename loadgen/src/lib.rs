//! Customers of the shop: open-loop and closed-loop load, scenarios as data.

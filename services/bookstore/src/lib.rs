//! The launcher: starts the shop, checks it, shows it.

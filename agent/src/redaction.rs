//! Whether what may be secret is taken out. It always is but in a test of this crate that asks otherwise, to prove that its
//! search for secrets would find them.
//!
//! What is taken out, and where: headers that are not on the allow-list (`wire::allowed`), the query of a URL and the
//! credentials in it (`otlp`), literals and comments of statements (`wire::sql`). What no parser ever takes in needs no taking
//! out: bodies, rows, values, passwords.

#[cfg(test)]
mod tests;

/// Whether secrets are shown.
#[cfg(not(test))]
pub(crate) const fn is_off() -> bool {
    false
}

#[cfg(test)]
thread_local! {
    static OFF: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

#[cfg(test)]
pub(crate) fn is_off() -> bool {
    OFF.get()
}

//! Secrets that cannot be printed by accident.

use std::fmt;
use std::sync::OnceLock;

/// What is printed in a secret's place.
pub(crate) const REDACTED: &str = "[redacted]";

/// A secret: a password, a token, a cookie, a card number, a card's verification code.
///
/// Neither `Debug` nor `Display` shows it, so no log, span, metric or error can. In a build with debug assertions
/// `BOOKSTORE_REDACTION=off` shows it, so that a test can prove that its search for leaked secrets would find them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Sensitive<T>(T);

impl<T> Sensitive<T> {
    /// Takes a secret in.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The secret itself.
    pub const fn expose(&self) -> &T {
        &self.0
    }

    /// The secret itself, by value.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> From<T> for Sensitive<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl<T: fmt::Debug> fmt::Debug for Sensitive<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if redaction_is_off() { self.0.fmt(f) } else { f.write_str(REDACTED) }
    }
}

impl<T: fmt::Display> fmt::Display for Sensitive<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if redaction_is_off() { self.0.fmt(f) } else { f.write_str(REDACTED) }
    }
}

/// Whether secrets are shown. Always false in a build without debug assertions.
pub(crate) fn redaction_is_off() -> bool {
    static OFF: OnceLock<bool> = OnceLock::new();
    cfg!(debug_assertions)
        && *OFF.get_or_init(|| std::env::var("BOOKSTORE_REDACTION").is_ok_and(|value| value == "off"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_cannot_be_printed() {
        // Tests of this crate run without the variable that turns redaction off.
        let card = Sensitive::new("4242424242424242".to_owned());
        #[derive(Debug)]
        struct Order {
            #[expect(dead_code, reason = "printed by Debug")]
            card: Option<Sensitive<String>>,
        }
        let shown = format!("{card} {card:?} {card:#?} {:?}", Order { card: Some(card.clone()) });
        assert!(!shown.contains("4242"), "{shown}");
        assert_eq!(shown.matches(REDACTED).count(), 4, "{shown}");
        assert_eq!(card.expose(), "4242424242424242");
    }
}

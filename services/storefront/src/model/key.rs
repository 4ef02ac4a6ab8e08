//! Idempotency keys.

use bookstore_runtime::Problem;

use crate::problems;

/// What a buyer names an attempt to buy by, so that sending it twice buys once: 1 to 255 visible ASCII characters.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// Takes what can be a key.
    ///
    /// # Errors
    /// 422 for anything else.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        if (1..=255).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(problems::idempotency_key_malformed())
        }
    }

    /// As it was sent.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_visible_ascii_of_at_most_255_characters() {
        for good in ["a", "6f1c2b0a-4d5e", "\"quoted\"", &"k".repeat(255)] {
            assert_eq!(IdempotencyKey::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", " ", "a b", "ä", "a\n", "a\u{7f}", &"k".repeat(256)] {
            assert_eq!(IdempotencyKey::parse(bad).unwrap_err().status().as_u16(), 422, "{bad:?}");
        }
    }
}

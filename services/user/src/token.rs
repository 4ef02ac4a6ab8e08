//! Session tokens: 256 random bits, of which only a hash is kept.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bookstore_telemetry::Sensitive;
use sha2::{Digest as _, Sha256};

/// How many random bytes a token is.
const BYTES: usize = 32;

/// A session token as its holder has it: base64url of 256 random bits.
#[derive(Clone, Debug)]
pub(crate) struct Token(Sensitive<String>);

impl Token {
    /// A new one, from the operating system's random numbers.
    pub(crate) fn generate() -> Result<Self, getrandom::Error> {
        let mut bytes = [0_u8; BYTES];
        getrandom::fill(&mut bytes)?;
        Ok(Self(Sensitive::new(URL_SAFE_NO_PAD.encode(bytes))))
    }

    /// The token in the value of an `Authorization` header (RFC 6750); none if it cannot be one of ours.
    pub(crate) fn from_authorization(header: &str) -> Option<Self> {
        let (scheme, token) = header.split_once(' ')?;
        let token = token.trim();
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        (bytes.len() == BYTES).then(|| Self(Sensitive::new(token.to_owned())))
    }

    /// What the database keeps and looks up: SHA-256 in hex.
    ///
    /// A fast hash will do, since the token cannot be guessed, unlike a password. Looking it up by an index is safe as
    /// well: timing could tell something of the hash, from which no token can be made.
    pub(crate) fn hash(&self) -> String {
        hex::encode(Sha256::digest(self.0.expose()))
    }

    /// The token, for its holder.
    pub(crate) fn into_inner(self) -> String {
        self.0.into_inner()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_token_is_256_bits_and_never_comes_twice() {
        let tokens: HashSet<String> = (0..1_000).map(|_| Token::generate().unwrap().into_inner()).collect();
        assert_eq!(tokens.len(), 1_000);
        for token in tokens {
            assert_eq!(token.len(), 43);
            assert_eq!(URL_SAFE_NO_PAD.decode(&token).unwrap().len(), 32);
        }
    }

    #[test]
    fn the_header_gives_back_the_token_that_was_handed_out() {
        let token = Token::generate().unwrap();
        let hash = token.hash();
        let text = token.into_inner();
        for header in [format!("Bearer {text}"), format!("bearer  {text} ")] {
            assert_eq!(Token::from_authorization(&header).unwrap().hash(), hash);
        }
        assert!(!hash.contains(&text));
    }

    #[test]
    fn what_is_no_token_is_refused() {
        let text = Token::generate().unwrap().into_inner();
        for header in [
            String::new(),
            text.clone(),
            format!("Basic {text}"),
            "Bearer ".to_owned(),
            format!("Bearer {}", &text[1..]),
            format!("Bearer {text}A"),
            format!("Bearer {text}="),
            format!("Bearer {text} {text}"),
            format!("Bearer {}", "/".repeat(43)),
        ] {
            assert!(Token::from_authorization(&header).is_none(), "{header}");
        }
    }

    #[test]
    fn a_token_is_not_printed() {
        let token = Token::generate().unwrap();
        let printed = format!("{token:?}");
        assert!(!printed.contains(&token.into_inner()));
    }
}

//! Cookies: one names a session, one a guest. Neither can be read by a script or sent along from another site's form.

use axum::http::header::COOKIE;
use axum::http::{HeaderMap, HeaderValue};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bookstore_runtime::Problem;
use bookstore_telemetry::Sensitive;

/// How many random bytes a guest's token has.
const TOKEN_BYTES: usize = 32;
/// How long a guest's basket is remembered: 30 days.
const GUEST_AGE_S: u32 = 30 * 24 * 60 * 60;
/// The longest value that is read.
const LONGEST: usize = 256;

/// Which cookie.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Jar {
    /// The token of a session. Ends with the browser.
    Session,
    /// The token of a guest.
    Guest,
}

impl Jar {
    /// Over HTTPS, browsers see to it that a `__Host-` cookie was set by this very host, by nobody else's subdomain.
    fn name(self, secure: bool) -> &'static str {
        match (self, secure) {
            (Self::Session, false) => "bookstore_session",
            (Self::Session, true) => "__Host-bookstore_session",
            (Self::Guest, false) => "bookstore_guest",
            (Self::Guest, true) => "__Host-bookstore_guest",
        }
    }

    /// What the browser has, if it can be a token.
    pub(super) fn read(self, headers: &HeaderMap, secure: bool) -> Option<Sensitive<String>> {
        let value = headers
            .get_all(COOKIE)
            .iter()
            .filter_map(|header| header.to_str().ok())
            .flat_map(|header| header.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .find_map(|(name, value)| (name == self.name(secure)).then_some(value))?;
        let possible = (1..=LONGEST).contains(&value.len()) && value.bytes().all(is_token_byte);
        possible.then(|| Sensitive::new(value.to_owned()))
    }

    /// `Set-Cookie` with a token.
    pub(super) fn set(self, token: &Sensitive<String>, secure: bool) -> Option<HeaderValue> {
        let age = match self {
            Self::Session => None,
            Self::Guest => Some(GUEST_AGE_S),
        };
        self.header(token.expose(), age, secure)
    }

    /// `Set-Cookie` that takes it away.
    pub(super) fn clear(self, secure: bool) -> Option<HeaderValue> {
        self.header("", Some(0), secure)
    }

    fn header(self, value: &str, max_age_s: Option<u32>, secure: bool) -> Option<HeaderValue> {
        let age = max_age_s.map(|seconds| format!("; Max-Age={seconds}")).unwrap_or_default();
        let secured = if secure { "; Secure" } else { "" };
        let text = format!("{}={value}; Path=/; HttpOnly; SameSite=Lax{age}{secured}", self.name(secure));
        let mut header = HeaderValue::from_str(&text).ok()?;
        header.set_sensitive(true);
        Some(header)
    }
}

fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

/// A token for a guest: 256 random bits.
///
/// # Errors
/// 500 when the operating system gives no random numbers.
pub(super) fn new_token() -> Result<Sensitive<String>, Problem> {
    let mut bytes = [0; TOKEN_BYTES];
    getrandom::fill(&mut bytes).map_err(|error| {
        tracing::error!(%error, "no random numbers for a guest's token");
        Problem::internal()
    })?;
    Ok(Sensitive::new(URL_SAFE_NO_PAD.encode(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(cookies: &[&str]) -> HeaderMap {
        cookies.iter().map(|text| (COOKIE, HeaderValue::from_str(text).unwrap())).collect()
    }

    #[test]
    fn a_cookie_is_found_among_others() {
        for cookies in [
            &["bookstore_session=abc"][..],
            &["theme=dark; bookstore_session=abc; x=y"],
            &["theme=dark", "bookstore_session=abc"],
            &["xbookstore_session=no; bookstore_session=abc"],
        ] {
            assert_eq!(Jar::Session.read(&sent(cookies), false).unwrap().expose(), "abc", "{cookies:?}");
        }
        for cookies in
            ["", "bookstore_session=", "bookstore_session=a b", "bookstore_session=\"x\"", "bookstore_guest=abc"]
        {
            assert!(Jar::Session.read(&sent(&[cookies]), false).is_none(), "{cookies}");
        }
        assert!(Jar::Session.read(&sent(&[&format!("bookstore_session={}", "a".repeat(257))]), false).is_none());
    }

    #[test]
    fn where_cookies_are_secure_only_the_host_s_own_count() {
        assert!(Jar::Session.read(&sent(&["bookstore_session=abc"]), true).is_none());
        assert!(Jar::Session.read(&sent(&["__Host-bookstore_session=abc"]), true).is_some());
    }

    #[test]
    fn scripts_and_other_sites_get_none() {
        let token = new_token().unwrap();
        assert_eq!(token.expose().len(), 43);
        let plain = Jar::Guest.set(&token, false).unwrap();
        let text = plain.to_str().unwrap();
        assert!(text.ends_with("; Path=/; HttpOnly; SameSite=Lax; Max-Age=2592000"), "{text}");
        let secure = Jar::Session.set(&token, true).unwrap();
        let text = secure.to_str().unwrap();
        assert!(text.starts_with("__Host-bookstore_session="), "{text}");
        assert!(text.ends_with("; Path=/; HttpOnly; SameSite=Lax; Secure"), "{text}");
        assert!(!format!("{secure:?}").contains(token.expose()));
    }
}

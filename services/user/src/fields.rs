//! What callers send in, checked: the one place that knows the limits of each field.

use bookstore_telemetry::Sensitive;

use crate::countries;

/// A field that is wrong, and what would be right.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Wrong {
    /// The field's name in the JSON body.
    pub(crate) field: &'static str,
    /// What it must be, for the caller.
    pub(crate) must: &'static str,
}

/// Gathers every wrong field of a body, so that the caller learns of all at once.
#[derive(Debug, Default)]
pub(crate) struct Checks(Vec<Wrong>);

impl Checks {
    /// The value, if it is right; else the field is noted.
    pub(crate) fn field<T>(&mut self, field: &'static str, value: Result<T, &'static str>) -> Option<T> {
        value.map_err(|must| self.0.push(Wrong { field, must })).ok()
    }

    /// What was wrong.
    pub(crate) fn into_wrong(self) -> Vec<Wrong> {
        self.0
    }
}

/// An e-mail address, trimmed and in lower case: two that differ in nothing else are one account.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Email(String);

impl Email {
    /// Takes what can be an address: enough to catch slips. Whether somebody reads it, only a mail would tell.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        const MUST: &str = "must be an e-mail address of at most 254 characters";
        let address = text.trim().to_lowercase();
        let possible = address.chars().count() <= 254
            && address.rsplit_once('@').is_some_and(|(local, domain)| is_local(local) && is_domain(domain));
        if possible { Ok(Self(address)) } else { Err(MUST) }
    }

    /// The normalised address.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether it can be the part before the `@` (RFC 5321: at most 64 octets), quoted forms left out.
fn is_local(local: &str) -> bool {
    (1..=64).contains(&local.len())
        && local.split('.').all(|atom| !atom.is_empty())
        && !local.chars().any(|c| c.is_whitespace() || c.is_control() || "()<>[]:;@\\,\"".contains(c))
}

/// Whether it can be the part after the `@`: two labels or more.
fn is_domain(domain: &str) -> bool {
    domain.contains('.')
        && domain.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.chars().all(|c| c.is_alphanumeric() || c == '-')
        })
}

/// A password to register with. It is taken as it is: blanks count.
pub(crate) fn password(text: String) -> Result<Sensitive<String>, &'static str> {
    if (8..=128).contains(&text.chars().count()) {
        Ok(Sensitive::new(text))
    } else {
        Err("must have 8 to 128 characters")
    }
}

/// What to call somebody.
pub(crate) fn name(text: &str) -> Result<String, &'static str> {
    let name = text.trim();
    if (1..=100).contains(&name.chars().count()) && !name.chars().any(char::is_control) {
        Ok(name.to_owned())
    } else {
        Err("must have 1 to 100 characters, no control characters among them")
    }
}

/// A postal address of any number of lines.
pub(crate) fn address(text: &str) -> Result<String, &'static str> {
    let address = text.trim().replace("\r\n", "\n");
    if address.chars().count() <= 500 && !address.chars().any(|c| c.is_control() && c != '\n') {
        Ok(address)
    } else {
        Err("must have at most 500 characters, no control characters but line breaks among them")
    }
}

/// A country's code, or nothing.
pub(crate) fn country(text: &str) -> Result<String, &'static str> {
    let code = text.trim().to_ascii_uppercase();
    if code.is_empty() || countries::is_assigned(&code) {
        Ok(code)
    } else {
        Err("must be an ISO 3166-1 alpha-2 code, such as DE, or empty")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_address_is_normalised() {
        let email = Email::parse("  Ada.Lovelace+Books@Example.ORG \n").unwrap();
        assert_eq!(email.as_str(), "ada.lovelace+books@example.org");
    }

    #[test]
    fn addresses_that_are_used_are_taken() {
        for text in ["a@b.co", "o'hara@example.co.uk", "zoë@bücher.example", "x_y-z@sub.domain.example.com"] {
            assert!(Email::parse(text).is_ok(), "{text}");
        }
        let longest_local = format!("{}@example.org", "a".repeat(64));
        assert!(Email::parse(&longest_local).is_ok());
    }

    #[test]
    fn what_cannot_be_an_address_is_refused() {
        let long = format!("{}@example.org", "a".repeat(65));
        let longer = format!("a@{}.org", "b.".repeat(130));
        for text in [
            "",
            "@",
            "ada",
            "ada@",
            "@example.org",
            "ada@example",
            "ada@example.",
            "ada@.org",
            "ada@-example.org",
            "ada@exa mple.org",
            "a da@example.org",
            "ada@@example.org",
            ".ada@example.org",
            "ada..l@example.org",
            "ada\0@example.org",
            "ada@exam\0ple.org",
            "<ada@example.org>",
            &long,
            &longer,
        ] {
            assert!(Email::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn lengths_are_counted_in_characters() {
        assert!(password("ü".repeat(8)).is_ok());
        assert!(password("ü".repeat(7)).is_err());
        assert!(password("ü".repeat(128)).is_ok());
        assert!(password("a".repeat(129)).is_err());
        assert!(name(&"ü".repeat(100)).is_ok());
        assert!(name(&"ü".repeat(101)).is_err());
        assert!(name("  ").is_err());
        assert!(name("Ada\nLovelace").is_err());
        assert_eq!(address("1 High St\r\nLondon ").unwrap(), "1 High St\nLondon");
        assert!(address(&"ü".repeat(500)).is_ok());
        assert!(address(&"a".repeat(501)).is_err());
        assert!(address("a\0b").is_err());
    }

    #[test]
    fn countries_are_codes_that_exist() {
        assert_eq!(country(" de ").unwrap(), "DE");
        assert_eq!(country("").unwrap(), "");
        for text in ["XX", "D", "DEU", "Germany", "DE,", ",D"] {
            assert!(country(text).is_err(), "{text}");
        }
    }

    #[test]
    fn every_wrong_field_is_named() {
        let mut checks = Checks::default();
        assert_eq!(checks.field("email", Email::parse("nobody")), None);
        assert_eq!(checks.field("name", name("Ada")).as_deref(), Some("Ada"));
        assert!(checks.field("password", password("short".to_owned())).is_none());
        let fields: Vec<_> = checks.into_wrong().iter().map(|wrong| wrong.field).collect();
        assert_eq!(fields, ["email", "password"]);
    }

    proptest! {
        #[test]
        fn nothing_panics_and_what_is_taken_is_normal_already(text in "\\PC{0,40}(@\\PC{0,40})?") {
            if let Ok(email) = Email::parse(&text) {
                prop_assert!(!email.as_str().contains(|c: char| c.is_control() || c.is_whitespace()));
                prop_assert_eq!(Email::parse(email.as_str()), Ok(email.clone()));
            }
        }
    }
}

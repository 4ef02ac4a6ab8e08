//! Routes, inferred: the path of a request with a placeholder in the place of each segment that is a value.
//!
//! A route is a matter of the program, and nothing on the wire tells it. What can be told is which segments cannot be a part of
//! one: numbers, ids, whatever has digits, what is long and looks random. Words stay as they are, so where a word is the value
//! (`/shapes/join`) the route is too special. Therefore routes are counted, and beyond a number of them there are no new ones.

use foldhash::HashSet;

/// What stands for a value.
const PLACEHOLDER: &str = "{id}";

/// The most routes of a service. Those that are written by people have some dozens; a thousand would be names that are values.
const MOST: usize = 200;

/// The most segments of a route, and the longest of those that are taken for words.
const MOST_SEGMENTS: usize = 12;
const LONGEST_WORD: usize = 40;

/// From how many characters on a segment without digits is looked at for randomness.
const LONG: usize = 16;

/// The routes of one service, server or client.
#[derive(Debug, Default)]
pub(crate) struct Routes {
    known: HashSet<Box<str>>,
    /// The route of the path that is looked at: most are known, so only new ones are kept.
    route: String,
}

impl Routes {
    /// The route of a path. `exists`: by its answer there is something at this path. Of what is not there nothing is learnt;
    /// else whoever tries names at random would use up the number.
    pub(crate) fn infer(&mut self, path: &str, exists: bool) -> Option<&str> {
        template(path, &mut self.route)?;
        if !self.known.contains(self.route.as_str()) {
            if !exists || self.known.len() == MOST {
                return None;
            }
            self.known.insert(self.route.as_str().into());
        }
        Some(&self.route)
    }
}

/// The path with placeholders; none where it is no path that a router would know.
fn template(path: &str, route: &mut String) -> Option<()> {
    let segments = path.strip_prefix('/')?.split('/');
    route.clear();
    for (at, segment) in segments.enumerate() {
        if at == MOST_SEGMENTS {
            return None;
        }
        route.push('/');
        route.push_str(if is_word(segment) { segment } else { PLACEHOLDER });
    }
    Some(())
}

/// Whether a segment may be a part of a route. An empty one is: `/books/` is not `/books`.
fn is_word(segment: &str) -> bool {
    is_version(segment)
        || segment.len() <= LONGEST_WORD
            && segment.bytes().all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'-' | b'_' | b'.'))
            && !is_random(segment)
}

/// `v1`, `v2beta1`: the only digits that a route may have.
fn is_version(segment: &str) -> bool {
    let Some(rest) = segment.strip_prefix(['v', 'V']) else { return false };
    let number = |text: &str| (1..=2).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    let stages = ["alpha", "beta"].into_iter().filter_map(|stage| rest.split_once(stage));
    number(rest) || stages.into_iter().any(|(major, minor)| number(major) && (minor.is_empty() || number(minor)))
}

/// Whether letters look like hexadecimal digits, or like base64. Names in camel case have a capital every few letters; in
/// base64 it is every other one.
fn is_random(segment: &str) -> bool {
    if segment.len() < LONG {
        return false;
    }
    let capitals = segment.bytes().filter(u8::is_ascii_uppercase).count();
    let small = segment.bytes().filter(u8::is_ascii_lowercase).count();
    segment.bytes().all(|byte| byte.is_ascii_hexdigit()) || (small > 0 && capitals * 3 > segment.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn infer(path: &str) -> Option<String> {
        Routes::default().infer(path, true).map(str::to_owned)
    }

    /// The shop's routes (`services/*/src/routes.rs`, `services/storefront/src/{web,api}`), each with a path that is asked
    /// for. Where a word is the value, the route is too special.
    #[test]
    fn the_shops_routes_and_what_is_inferred() {
        const UUID: &str = "/0190b3f4-6f5e-7cc1-9d5b-0c8f3ed3a111";
        for (route, path, right) in [
            ("/", "/", true),
            ("/books", "/books", true),
            ("/books/{id}", "/books/17", true),
            ("/books/{id}/cover.svg", "/books/17/cover.svg", true),
            ("/books/{id}/stock", "/books/17/stock", true),
            ("/subjects", "/subjects", true),
            ("/users", "/users", true),
            ("/sessions/current", "/sessions/current", true),
            ("/users/{id}/profile", &format!("/users{UUID}/profile"), true),
            ("/users/{id}/billing", &format!("/users{UUID}/billing"), true),
            ("/basket/items/{id}/remove", "/basket/items/3/remove", true),
            ("/orders/{id}", &format!("/orders{UUID}"), true),
            ("/login", "/login", true),
            ("/api/v1/books", "/api/v1/books", true),
            ("/api/v1/books/{id}", "/api/v1/books/17", true),
            ("/api/v1/basket/items/{id}", "/api/v1/basket/items/17", true),
            ("/api/v1/orders/{id}", &format!("/api/v1/orders{UUID}"), true),
            ("/api/v1/openapi.json", "/api/v1/openapi.json", true),
            // The value has a number in it, but the program calls it something else: the name differs, the grouping is right.
            ("/covers/{file}", "/covers/17.svg", false),
            ("/api/v1/basket/items/{book_id}", "/api/v1/basket/items/17", false),
            // The value is a word: one route for each.
            ("/api/v1/shapes/{shape}", "/api/v1/shapes/join", false),
            ("/assets/{file}", "/assets/style.css", false),
        ] {
            assert_eq!(infer(path).as_deref() == Some(route), right, "{route}: {:?}", infer(path));
        }
        assert_eq!(infer("/covers/17.svg").as_deref(), Some("/covers/{id}"));
        assert_eq!(infer("/api/v1/shapes/join").as_deref(), Some("/api/v1/shapes/join"));
    }

    #[test]
    fn values_and_words() {
        for value in [
            "7",
            "-7",
            "3.14",
            "2026-11-25",
            "0190b3f4-6f5e-7cc1-9d5b-0c8f3ed3a111",
            "deadbeefdeadbeef",
            "ada@example.org",
            "a%20b",
            "QWxhZGRpbjpvcGVu",
            "dGhpcyBpcyBhIHNlY3JldA",
            "dBjftJeZCVPmBWYwKqRsXtUv",
            "user42",
            "v123",
            "v1x",
            "caffè",
            "a:b",
            &"word-".repeat(9),
        ] {
            assert!(!is_word(value), "{value}");
        }
        for word in [
            "books",
            "",
            "cover.svg",
            "basket_items",
            "v1",
            "V2",
            "v1beta1",
            "v2alpha",
            "README",
            "getUserByIdAndName",
            "facade",
            "internationalisation",
        ] {
            assert!(is_word(word), "{word}");
        }
        for path in ["*", "", "shop:443", &"/a".repeat(MOST_SEGMENTS + 1)] {
            assert_eq!(infer(path), None, "{path}");
        }
    }

    #[test]
    fn there_are_so_many_routes_and_no_more_and_what_is_not_there_is_none() {
        let mut routes = Routes::default();
        let name = |mut number: usize| {
            let mut name = "/".to_owned();
            while number > 0 {
                name.push(char::from(b'a' + u8::try_from(number % 26).unwrap()));
                number /= 26;
            }
            name
        };
        for number in 1..10_000 {
            assert_eq!(routes.infer(&name(number), false), None);
        }
        let known = (1..10_000).filter(|number| routes.infer(&name(*number), true).is_some()).count();
        assert_eq!(known, MOST);
        assert_eq!(routes.infer(&name(1), false), Some(name(1).as_str()), "those that are known stay");
    }

    fn segment() -> impl Strategy<Value = String> {
        prop_oneof![
            "[0-9]{1,20}",
            "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
            "[0-9a-f]{16,64}",
            "[a-z]{0,6}[0-9]{1,6}[a-z.]{0,6}",
            "[A-Za-z0-9_-]{0,50}",
            "\\PC{0,12}",
            "v[0-9]{1,4}",
        ]
    }

    proptest! {
        #[test]
        fn no_digit_survives_but_a_versions(segments in prop::collection::vec(segment(), 1..8)) {
            let path = format!("/{}", segments.join("/"));
            let Some(route) = infer(&path) else { return Ok(()) };
            prop_assert_eq!(route.split('/').count(), path.split('/').count());
            for (was, is) in path.split('/').zip(route.split('/')) {
                prop_assert!(is == PLACEHOLDER || is == was);
                let digits = is.bytes().filter(u8::is_ascii_digit).count();
                let rest: String = is.chars().filter(|it| !it.is_ascii_digit()).collect();
                let is_version = ["v", "V", "valpha", "Valpha", "vbeta", "Vbeta"].contains(&rest.as_str());
                prop_assert!(digits == 0 || (is_version && digits <= 4), "{}", route);
                prop_assert!(is.len() <= LONGEST_WORD);
            }
        }
    }
}

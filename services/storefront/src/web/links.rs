//! Addresses within the shop.

use form_urlencoded::Serializer;

/// The longest path that is taken from a visitor.
const LONGEST: usize = 512;

/// A path with a query; parameters without a value are left out.
pub(super) fn with_query(path: &str, parameters: &[(&str, &str)]) -> String {
    let mut query = Serializer::new(String::new());
    for (name, value) in parameters.iter().filter(|(_, value)| !value.is_empty()) {
        query.append_pair(name, value);
    }
    let query = query.finish();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

/// Where to go after signing in: what was asked for if it is a path of ours, else the first page. Another site, however
/// spelt (`//host`, `/\host`, `https:`), is not.
pub(super) fn local(next: &str) -> &str {
    let path = next.split(['?', '#']).next().unwrap_or_default();
    let ours = next.starts_with('/')
        && next.len() <= LONGEST
        && !next.starts_with("//")
        // Browsers take a backslash for a slash, and drop tabs and line ends.
        && next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
        // These would lead back here, or nowhere.
        && !["/login", "/register", "/logout"].contains(&path);
    if ours { next } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_encoded_and_empty_parameters_left_out() {
        assert_eq!(with_query("/", &[("q", "a&b=c d"), ("subject", ""), ("page", "2")]), "/?q=a%26b%3Dc+d&page=2");
        assert_eq!(with_query("/", &[("q", "")]), "/");
        assert_eq!(with_query("/login", &[("next", "/orders/1?x=1")]), "/login?next=%2Forders%2F1%3Fx%3D1");
    }

    #[test]
    fn only_paths_of_ours_are_gone_to() {
        for ours in ["/", "/checkout", "/orders/0192?x=1", "/?q=a%2F%2Fb", "/books/1#more", "/loginx"] {
            assert_eq!(local(ours), ours);
        }
        for other in [
            "",
            "checkout",
            "//evil.example",
            "/\\evil.example",
            "\\/evil.example",
            "https://evil.example",
            "javascript:alert(1)",
            "/\t/evil.example",
            "/\n//evil.example",
            " //evil.example",
            "/ä",
            "/login?next=/login",
            "/logout",
            &format!("/{}", "a".repeat(512)),
        ] {
            assert_eq!(local(other), "/", "{other:?}");
        }
    }
}

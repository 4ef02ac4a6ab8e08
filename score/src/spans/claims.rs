//! What a span's attributes say of the operation that it is.

use bookstore_otlp::common::{AnyValue, KeyValue, Value};

/// How the semantic conventions begin the attribute of a header that a request carried: of HTTP, of RPC, and of gRPC as
/// it was before version 1.39.
const HEADERS: [&str; 3] = ["http.request.header.", "rpc.request.metadata.", "rpc.grpc.request.metadata."];

/// What was found in the attributes of one span.
#[derive(Debug, Default)]
pub(super) struct Claims<'a> {
    /// Request and hop, by attributes if both are there, else by headers.
    pub(super) call: Option<(&'a str, &'a str)>,
    /// It is about a database.
    pub(super) database: bool,
    /// The text of a statement.
    pub(super) text: Option<&'a str>,
    /// The port of this end of the connection.
    pub(super) local_port: Option<i64>,
}

impl<'a> Claims<'a> {
    pub(super) fn of(attributes: &'a [KeyValue]) -> Self {
        let mut claims = Self::default();
        let (mut attribute, mut header) = ((None, None), (None, None));
        let mut answered = None;
        for KeyValue { key, value } in attributes {
            let Some(value) = value else { continue };
            match key.as_str() {
                "bookstore.request.id" => attribute.0 = text(value),
                "bookstore.hop" => attribute.1 = text(value),
                "http.response.header.x-request-id" => answered = text(value),
                "db.query.text" | "db.statement" => {
                    claims.database = true;
                    claims.text = claims.text.or(text(value));
                }
                "db.system.name" | "db.system" => claims.database = true,
                "network.local.port" => {
                    if let Some(Value::IntValue(port)) = value.value {
                        claims.local_port = Some(port);
                    }
                }
                _ => {
                    let name = HEADERS.iter().find_map(|start| key.strip_prefix(start));
                    match name {
                        Some(name) if is_header(name, "x-request-id") => header.0 = header.0.or(text(value)),
                        Some(name) if is_header(name, "x-hop") => header.1 = header.1.or(text(value)),
                        _ => {}
                    }
                }
            }
        }
        // Whoever came from outside sent neither: the id was made here, and told in the answer.
        let first = answered.filter(|_| header == (None, None)).map(|request| (request, "1"));
        claims.call = attribute.0.zip(attribute.1).or(header.0.zip(header.1)).or(first);
        claims
    }
}

/// Older conventions wrote `x_hop`.
fn is_header(name: &str, header: &str) -> bool {
    name.len() == header.len()
        && name.bytes().zip(header.bytes()).all(|(a, b)| a.eq_ignore_ascii_case(&b) || (a == b'_' && b == b'-'))
}

/// A string, or the first of a list of them, as headers are recorded.
fn text(value: &AnyValue) -> Option<&str> {
    let text = match value.value.as_ref()? {
        Value::StringValue(text) => text,
        Value::ArrayValue(list) => return text(list.values.first()?),
        _ => return None,
    };
    (!text.is_empty()).then_some(text)
}

/// The slot in the comment of a statement, `/*slot='catalog-4'*/`, among others or alone (sqlcommenter).
pub(super) fn slot(statement: &str) -> Option<&str> {
    let mut rest = statement;
    while let Some(begin) = rest.rfind("/*") {
        let comment = &rest[begin + 2..];
        let comment = comment.split_once("*/").map_or(comment, |(comment, _)| comment);
        let value = comment.split(',').find_map(|pair| pair.trim().strip_prefix("slot=")?.strip_prefix('\''));
        if let Some((slot, _)) = value.and_then(|value| value.split_once('\'')) {
            return Some(slot);
        }
        rest = &rest[..begin];
    }
    None
}

/// A statement as it was before comments were put at its end.
pub(super) fn without_comments(statement: &str) -> &str {
    let mut text = statement.trim();
    while let Some((before, _)) = text.strip_suffix("*/").and_then(|text| text.rsplit_once("/*")) {
        text = before.trim_end();
    }
    text
}

/// Whether a statement's text, or a span's name where there is no text, is of what connection pools do by themselves.
/// Three words at most: `ROLLBACK`, `/* SQLx ping */`, `pool.connect`, but no statement that has a column of that name.
pub(super) fn is_pool_work(text: &str) -> bool {
    let words: Vec<_> = text.split(|it: char| !it.is_alphanumeric()).filter(|word| !word.is_empty()).take(4).collect();
    words.len() < 4
        && words.iter().any(|word| ["connect", "ping", "rollback"].iter().any(|it| word.eq_ignore_ascii_case(it)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_found_in_each_shape_of_the_comment() {
        assert_eq!(slot("SELECT 1 /*slot='catalog-4'*/"), Some("catalog-4"));
        assert_eq!(slot("SELECT 1 /*route='%2Fbooks', slot='a'*/"), Some("a"));
        assert_eq!(slot("SELECT 1 /*slot='a'*/ /* and more */"), Some("a"));
        assert_eq!(slot("SELECT '/*' /*slot='a"), None, "cut off");
        assert_eq!(slot("SELECT slot='a' FROM books"), None, "not in a comment");
    }

    #[test]
    fn a_statement_is_the_same_without_its_comments() {
        assert_eq!(without_comments(" SELECT '*/' /*slot='a'*/ /* b */ "), "SELECT '*/'");
        assert_eq!(without_comments("SELECT /* all */ 1"), "SELECT /* all */ 1");
        assert_eq!(without_comments("/* SQLx ping */"), "");
    }

    #[test]
    fn what_a_pool_does_is_told_from_statements_that_speak_of_it() {
        for text in ["ROLLBACK", "rollback;", "/* SQLx ping */", "pool.connect"] {
            assert!(is_pool_work(text), "{text}");
        }
        for text in ["SELECT ping FROM hosts", "COMMIT", "SELECT shipping", ""] {
            assert!(!is_pool_work(text), "{text}");
        }
    }

    #[test]
    fn attributes_go_before_headers_and_headers_have_several_shapes() {
        let list = |text: &str| AnyValue {
            value: Some(Value::ArrayValue(bookstore_otlp::common::ArrayValue { values: vec![text.into()] })),
        };
        let mut attributes = vec![
            KeyValue::new("http.request.header.x-request-id", list("r")),
            KeyValue::new("http.request.header.x_hop", "1.2"),
        ];
        assert_eq!(Claims::of(&attributes).call, Some(("r", "1.2")));
        attributes.push(KeyValue::new("bookstore.request.id", "q"));
        assert_eq!(Claims::of(&attributes).call, Some(("r", "1.2")), "half a claim is none");
        attributes.push(KeyValue::new("bookstore.hop", "1"));
        assert_eq!(Claims::of(&attributes).call, Some(("q", "1")));
    }
}

//! Spans of statements (semantic conventions, "SQL databases client operations").

use bookstore_otlp::common::KeyValue;

use super::{Described, How};
use crate::trace::LocalSpan;
use crate::wire::SqlRequest;

/// `db.system.name`.
const SYSTEM: &str = "postgresql";

pub(super) fn describe(span: &LocalSpan, request: &SqlRequest) -> Described {
    let server = span.edge.server;
    let mut attributes = vec![
        KeyValue::new("db.system.name", SYSTEM),
        KeyValue::new("server.address", server.ip().to_string()),
        KeyValue::new("server.port", i64::from(server.port())),
    ];
    let statement = request.statement.as_deref();
    let present = [
        ("db.namespace", request.database.as_deref()),
        ("db.query.text", request.text()),
        ("db.query.summary", statement.map(|it| it.summary.as_str())),
        ("db.operation.name", statement.and_then(|it| it.operation.as_deref())),
        ("db.collection.name", statement.and_then(|it| it.collection.as_deref())),
    ];
    let present = present.into_iter().filter_map(|(name, value)| Some((name, value.filter(|it| !it.is_empty())?)));
    attributes.extend(present.map(|(name, value)| KeyValue::new(name, value)));

    let end = span.outcome.as_ref();
    if let Some(rows) = end.and_then(|end| end.rows).and_then(|rows| i64::try_from(rows).ok()) {
        attributes.push(KeyValue::new("db.response.returned_rows", rows));
    }
    let error = match end.and_then(|end| end.sql_error.as_deref()) {
        // An error without a SQLSTATE.
        Some("") => Some("_OTHER".to_owned()),
        Some(code) => {
            attributes.push(KeyValue::new("db.response.status_code", code));
            Some(code.to_owned())
        }
        None => (How::of(span) == How::Cancelled).then(|| "cancelled".to_owned()),
    };
    let summary = statement.map(|it| it.summary.as_str()).filter(|summary| !summary.is_empty());
    let name = summary.or(request.database.as_deref()).unwrap_or(SYSTEM);
    Described { name: name.to_owned(), attributes, error }
}

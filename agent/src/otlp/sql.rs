//! Spans of statements (semantic conventions, "SQL databases client operations").

use std::borrow::Cow;

use super::{Attributes, Described, How};
use crate::trace::LocalSpan;
use crate::wire::SqlRequest;

/// `db.system.name`.
const SYSTEM: &str = "postgresql";

pub(super) fn describe<'a>(span: &'a LocalSpan, request: &'a SqlRequest, attributes: &mut Attributes) -> Described<'a> {
    let server = span.edge.server;
    attributes.str("db.system.name", SYSTEM);
    attributes.address("server.address", server.ip());
    attributes.int("server.port", server.port());
    let statement = request.statement.as_deref();
    let summary = statement.map(|it| it.summary.as_str()).filter(|summary| !summary.is_empty());
    for (name, value) in [
        ("db.namespace", request.database.as_deref()),
        ("db.query.text", request.text()),
        ("db.query.summary", summary),
        ("db.operation.name", statement.and_then(|it| it.operation.as_deref())),
        ("db.collection.name", statement.and_then(|it| it.collection.as_deref())),
    ] {
        if let Some(value) = value.filter(|it| !it.is_empty()) {
            attributes.str(name, value);
        }
    }

    let end = span.outcome.as_ref();
    if let Some(rows) = end.and_then(|end| end.rows).and_then(|rows| i64::try_from(rows).ok()) {
        attributes.int("db.response.returned_rows", rows);
    }
    let error = match end.and_then(|end| end.sql_error.as_deref()) {
        // An error without a SQLSTATE.
        Some("") => Some("_OTHER"),
        Some(code) => {
            attributes.str("db.response.status_code", code);
            Some(code)
        }
        None => (How::of(span) == How::Cancelled).then_some("cancelled"),
    };
    let name = summary.or(request.database.as_deref()).unwrap_or(SYSTEM);
    Described { name: name.into(), error: error.map(Cow::Borrowed) }
}

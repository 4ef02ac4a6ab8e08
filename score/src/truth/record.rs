//! One line of a truth log.

use std::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// One line of a truth log: an operation that has ended. Unknown fields are passed over.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Record {
    /// What the line is about; says which of the other fields must be there.
    pub op: Op,
    /// Whose process wrote it.
    pub service: String,
    /// Names the request through all services, as `x-request-id` does. Not in a `pool` line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// Names the operation within its request, as `x-hop` does. Not in a `pool` line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hop: Option<String>,
    /// The hop that the caller itself was received as. What `hop` says without its last number, if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// Must be there for calls; a statement is always [`Kind::Sql`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    /// For people: a route, a method. Of a statement its text without the comment, which helps to know its span.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A name that at most one statement has at a time; the comment in its text says it. Used again and again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot: Option<String>,
    /// What a connection pool did by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub what: Option<PoolWork>,
    /// Nanoseconds since the Unix epoch. Must be there for a statement with a slot.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "number")]
    pub start_unix_nano: Option<u64>,
    /// Nanoseconds since the Unix epoch. Must be there for a statement with a slot.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "number")]
    pub end_unix_nano: Option<u64>,
    /// Dropped by its caller before its end.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cancelled: bool,
}

/// What a line of a truth log is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Op {
    /// A call that a service received.
    Received,
    /// A call that a service made.
    Called,
    /// A statement that a service sent to its database.
    Statement,
    /// What a connection pool did by itself.
    Pool,
}

/// The protocol of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// HTTP, but not gRPC.
    Http,
    /// gRPC.
    Grpc,
    /// A statement.
    Sql,
}

/// What connection pools do by themselves, on behalf of no request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PoolWork {
    /// Opened a connection.
    Connect,
    /// Asked whether a connection is alive.
    Ping,
    /// Undid a transaction that was dropped.
    Rollback,
}

/// A number, or a string that holds one, as JSON has to write those that a double cannot hold.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    struct Number;

    impl Visitor<'_> for Number {
        type Value = Option<u64>;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("nanoseconds since 1970, as a whole number or a string of one")
        }

        fn visit_u64<E: Error>(self, value: u64) -> Result<Option<u64>, E> {
            Ok(Some(value))
        }

        fn visit_str<E: Error>(self, value: &str) -> Result<Option<u64>, E> {
            value.parse().map(Some).map_err(|_| E::invalid_value(serde::de::Unexpected::Str(value), &self))
        }

        fn visit_unit<E: Error>(self) -> Result<Option<u64>, E> {
            Ok(None)
        }
    }

    deserializer.deserialize_any(Number)
}

//! What must be emitted: the edges of `expected-edges.tsv` that a purchase leaves in its traces, and the signals of
//! `expected-signals.tsv`. `bookstore verify`, tests and documents read the same tables.

mod document;
mod outside;
mod signals;

use std::fmt;
use std::sync::LazyLock;

pub use document::document;
pub use outside::seen_from_outside;
pub use signals::{Signal, signals};

/// A span and one that it caused.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Edge {
    /// The request in whose trace it is, by the name of its first span: `POST /api/v1/orders`.
    pub request: &'static str,
    /// The cause.
    pub parent: Place,
    /// What it caused.
    pub child: Place,
    /// What the edge shows.
    pub shows: &'static str,
}

/// Where a span is, and what it is called.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Place {
    /// `service.name`.
    pub service: &'static str,
    /// `server`, `client`, `internal`, or `statement`: a client span of the database.
    pub kind: &'static str,
    /// Its name; `*` is any.
    pub name: &'static str,
}

impl Place {
    /// Whether a span is this one.
    #[must_use]
    pub fn is(&self, service: &str, kind: &str, name: &str) -> bool {
        (self.service, self.kind) == (service, kind) && (self.name == "*" || self.name == name)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.kind, self.name) {
            ("statement", "*") => write!(f, "{} SQL", self.service),
            _ => write!(f, "{} {}", self.service, self.name),
        }
    }
}

static EDGES: LazyLock<Vec<Edge>> = LazyLock::new(|| parse(include_str!("../expected-edges.tsv")));

/// The edges, request by request.
#[must_use]
pub fn edges() -> &'static [Edge] {
    &EDGES
}

fn parse(table: &'static str) -> Vec<Edge> {
    let rows = table.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    rows.filter_map(|row| {
        let columns: Vec<_> = row.split('\t').collect();
        let [request, parent_service, parent_kind, parent_name, child_service, child_kind, child_name, shows] =
            columns[..]
        else {
            return None;
        };
        Some(Edge {
            request,
            parent: Place { service: parent_service, kind: parent_kind, name: parent_name },
            child: Place { service: child_service, kind: child_kind, name: child_name },
            shows,
        })
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::Service;

    #[test]
    fn every_row_of_the_table_is_read() {
        let rows = include_str!("../expected-edges.tsv").lines().filter(|line| !line.starts_with('#')).count();
        assert_eq!(edges().len(), rows);
    }

    #[test]
    fn rows_make_sense_and_none_is_there_twice() {
        let kinds = ["server", "client", "internal", "statement"];
        for (index, edge) in edges().iter().enumerate() {
            for place in [edge.parent, edge.child] {
                assert!(Service::ALL.iter().any(|service| service.name() == place.service), "{edge:?}");
                assert!(kinds.contains(&place.kind), "{edge:?}");
            }
            let crosses = edge.parent.service != edge.child.service;
            assert_eq!(crosses, (edge.parent.kind, edge.child.kind) == ("client", "server"), "{edge:?}");
            let same =
                |other: &Edge| (other.request, other.parent, other.child) == (edge.request, edge.parent, edge.child);
            assert!(!edges()[..index].iter().any(same), "twice: {edge:?}");
        }
    }

    #[test]
    fn every_service_calls_its_database_and_every_call_of_the_shop_is_there() {
        for service in Service::ALL.into_iter().filter(|service| service.has_database()) {
            let asks = |edge: &Edge| edge.child.service == service.name() && edge.child.kind == "statement";
            assert!(edges().iter().any(asks), "{service}");
        }
        for (caller, callee) in [
            ("storefront", "user"),
            ("storefront", "catalog"),
            ("storefront", "inventory"),
            ("storefront", "payment"),
            ("catalog", "inventory"),
            ("payment", "user"),
        ] {
            let calls = |edge: &Edge| (edge.parent.service, edge.child.service) == (caller, callee);
            assert!(edges().iter().any(calls), "{caller} → {callee}");
        }
    }
}

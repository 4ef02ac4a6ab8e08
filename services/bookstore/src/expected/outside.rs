//! What of a purchase's edges can be seen from outside.

use super::{Edge, Place, edges};

/// The edges that an agent must find, which sees what goes through sockets and nothing else: spans within a service are
/// not there, so what hangs below one hangs below the span that caused that one. Statements are seen where the database
/// has a socket (`database_is_seen`).
#[must_use]
pub fn seen_from_outside(database_is_seen: bool) -> Vec<Edge> {
    let mut seen: Vec<Edge> = Vec::new();
    for edge in edges() {
        let wanted = match edge.child.kind {
            "internal" => false,
            "statement" => database_is_seen,
            _ => true,
        };
        if !wanted {
            continue;
        }
        let edge = Edge { parent: visible(edge), ..*edge };
        let known =
            |other: &Edge| (other.request, other.parent, other.child) == (edge.request, edge.parent, edge.child);
        if !seen.iter().any(known) {
            seen.push(edge);
        }
    }
    seen
}

/// The edge's cause, or the next one above it that goes through a socket.
fn visible(edge: &Edge) -> Place {
    let mut place = edge.parent;
    // No chain of causes is as long as the table.
    for _ in edges() {
        if place.kind != "internal" {
            return place;
        }
        match edges().iter().find(|above| above.request == edge.request && above.child == place) {
            Some(above) => place = above.parent,
            None => break,
        }
    }
    // The table does not say which request of the service it is below.
    Place { service: place.service, kind: "server", name: "*" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_seen_is_within_a_service() {
        let seen = seen_from_outside(true);
        assert!(seen.iter().all(|edge| edge.parent.kind != "internal" && edge.child.kind != "internal"));
        let below = |child: &str| seen.iter().find(|edge| edge.child.name == child).map(|edge| edge.parent.name);
        // In the table it is below `register`, which is below the request.
        assert_eq!(below("INSERT users"), Some("POST /users"));
        assert!(seen.len() > 20, "{}", seen.len());
    }

    #[test]
    fn a_database_without_a_socket_is_not_seen() {
        assert!(seen_from_outside(false).iter().all(|edge| edge.child.kind != "statement"));
        assert!(seen_from_outside(false).len() < seen_from_outside(true).len());
    }
}

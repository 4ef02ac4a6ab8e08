//! Between the messages of `inventory.proto` and the model.

use bookstore_proto::inventory as proto;

use crate::model::{Level, Line, Lines, Reservation, Reserved, Shortage, Status};

pub(crate) fn lines(lines: Vec<proto::Line>) -> Vec<Line> {
    lines.into_iter().map(|proto::Line { book_id, quantity }| Line { book_id, quantity }).collect()
}

impl From<Level> for proto::StockLevel {
    fn from(level: Level) -> Self {
        Self { book_id: level.book_id, on_hand: level.on_hand, reserved: level.reserved, sold: level.sold }
    }
}

impl From<Reservation> for proto::Reservation {
    fn from(reservation: Reservation) -> Self {
        let expires_at_unix_ms = match reservation.status {
            Status::Held { expires_at_ms } => Some(expires_at_ms),
            _ => None,
        };
        Self {
            reservation_id: reservation.id.to_string(),
            status: status(reservation.status).into(),
            lines: proto_lines(&reservation.lines),
            expires_at_unix_ms,
        }
    }
}

impl From<Reserved> for proto::ReserveResponse {
    fn from(reserved: Reserved) -> Self {
        use proto::reserve_response::Outcome;
        let outcome = match reserved {
            Reserved::Reservation(reservation) => Outcome::Reservation(reservation.into()),
            Reserved::OutOfStock(shortages) => {
                Outcome::OutOfStock(proto::OutOfStock { shortages: shortages.into_iter().map(shortage).collect() })
            }
        };
        Self { outcome: Some(outcome) }
    }
}

fn status(status: Status) -> proto::ReservationStatus {
    match status {
        Status::Held { .. } => proto::ReservationStatus::Held,
        Status::Pinned => proto::ReservationStatus::Pinned,
        Status::Committed => proto::ReservationStatus::Committed,
        Status::Released => proto::ReservationStatus::Released,
        Status::Expired => proto::ReservationStatus::Expired,
    }
}

fn proto_lines(lines: &Lines) -> Vec<proto::Line> {
    lines.as_slice().iter().map(|&Line { book_id, quantity }| proto::Line { book_id, quantity }).collect()
}

fn shortage(shortage: Shortage) -> proto::Shortage {
    proto::Shortage { book_id: shortage.book_id, requested: shortage.requested, available: shortage.available }
}

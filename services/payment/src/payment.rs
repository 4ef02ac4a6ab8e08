//! What a payment is.

use uuid::Uuid;

/// A payment's id, chosen by the caller: a UUID, written the one way in which ids are stored.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct PaymentId(String);

impl PaymentId {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Uuid::try_parse(text).ok().map(|id| Self(id.to_string()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// An amount of money, at least one minor unit.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Amount {
    /// Minor units.
    pub(crate) minor: i64,
    /// ISO 4217.
    pub(crate) currency: String,
}

/// A payment as it is recorded.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Payment {
    pub(crate) id: PaymentId,
    pub(crate) status: Status,
    /// What was asked for; none when the payment was voided before that.
    pub(crate) asked: Option<Asked>,
}

/// What an authorisation was asked for: the same again is the same payment, anything else is not.
///
/// Of the card it holds what may be kept, so two cards that agree in brand, last digits and expiry pass for one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Asked {
    /// A UUID.
    pub(crate) user_id: String,
    pub(crate) amount: Amount,
    /// [`Brand::as_str`](crate::Brand::as_str).
    pub(crate) card_brand: String,
    pub(crate) card_last4: String,
    /// `YYYY-MM`.
    pub(crate) card_expiry: String,
}

/// How far a payment has come.
///
/// ```text
/// authorising ──► authorised ──► captured ──► refunded
///      │   └────────► │ ──► voided
///      └──► declined
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Status {
    /// The issuer is being asked, or the process ended while it was.
    Authorising,
    Authorised,
    Declined(DeclineReason),
    Captured,
    Voided,
    Refunded,
}

/// Why the issuer said no.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DeclineReason {
    /// It gave no reason.
    CardDeclined,
    /// There is not enough money.
    InsufficientFunds,
    /// The card's expiry has passed.
    ExpiredCard,
}

impl Status {
    /// Its name in the database, in spans and in metrics.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Authorising => "authorising",
            Self::Authorised => "authorised",
            Self::Declined(_) => "declined",
            Self::Captured => "captured",
            Self::Voided => "voided",
            Self::Refunded => "refunded",
        }
    }

    /// The reason, if it is declined.
    pub(crate) fn decline_reason(self) -> Option<DeclineReason> {
        match self {
            Self::Declined(reason) => Some(reason),
            _ => None,
        }
    }

    /// The status of a row; none if there is no such.
    pub(crate) fn from_row(status: &str, decline_reason: Option<&str>) -> Option<Self> {
        Some(match (status, decline_reason) {
            ("authorising", None) => Self::Authorising,
            ("authorised", None) => Self::Authorised,
            ("declined", Some(reason)) => Self::Declined(DeclineReason::from_row(reason)?),
            ("captured", None) => Self::Captured,
            ("voided", None) => Self::Voided,
            ("refunded", None) => Self::Refunded,
            _ => return None,
        })
    }
}

impl DeclineReason {
    /// Its name in the database, in spans and in metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CardDeclined => "card_declined",
            Self::InsufficientFunds => "insufficient_funds",
            Self::ExpiredCard => "expired_card",
        }
    }

    fn from_row(text: &str) -> Option<Self> {
        [Self::CardDeclined, Self::InsufficientFunds, Self::ExpiredCard]
            .into_iter()
            .find(|reason| reason.as_str() == text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_comes_back_from_its_row() {
        use DeclineReason::{CardDeclined, ExpiredCard, InsufficientFunds};
        for status in [
            Status::Authorising,
            Status::Authorised,
            Status::Declined(CardDeclined),
            Status::Declined(InsufficientFunds),
            Status::Declined(ExpiredCard),
            Status::Captured,
            Status::Voided,
            Status::Refunded,
        ] {
            let reason = status.decline_reason().map(DeclineReason::as_str);
            assert_eq!(Status::from_row(status.as_str(), reason), Some(status));
        }
        assert_eq!(Status::from_row("declined", None), None);
        assert_eq!(Status::from_row("captured", Some("card_declined")), None);
        assert_eq!(Status::from_row("lost", None), None);
    }

    #[test]
    fn an_id_is_written_one_way() {
        let id = PaymentId::parse("0B1E7E8A-3A4C-4F6D-9C57-0D3C1B7A2F10").unwrap();
        assert_eq!(id.as_str(), "0b1e7e8a-3a4c-4f6d-9c57-0d3c1b7a2f10");
        assert_eq!(PaymentId::parse("1"), None);
    }
}

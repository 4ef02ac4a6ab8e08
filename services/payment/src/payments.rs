//! What can be done with payments.
//!
//! An authorisation is recorded before the issuer is asked, and its answer only while nobody has voided it meanwhile.
//! So wherever a process ends, the same call again goes on from there, and a void puts an end to it.

use std::time::Duration;

use bookstore_runtime::{Call, Db};
use tracing::{Span, field, info};

use crate::card::Card;
use crate::error::Error;
use crate::issuer::{self, Decision};
use crate::metrics;
use crate::month::Month;
use crate::payment::{Amount, Asked, Payment, PaymentId, Status};
use crate::store::Store;
use crate::users::Users;

/// What of the caller's time is kept for telling it that the issuer was late.
const TIME_TO_ANSWER: Duration = Duration::from_millis(20);

/// The payments, and whom to ask about them.
#[derive(Clone, Debug)]
pub(crate) struct Payments {
    store: Store,
    users: Users,
}

impl Payments {
    pub(crate) fn new(db: Db, users: Users) -> Self {
        Self { store: Store::new(db), users }
    }

    /// Asks the issuer for the amount, once for all calls with this id.
    #[tracing::instrument(
        name = "authorise payment",
        skip_all,
        fields(
            bookstore.request.id = call.id_on_spans(),
            bookstore.hop = call.hop_on_spans(),
            bookstore.payment.id = id.as_str(),
            bookstore.payment.amount = amount.minor,
            bookstore.payment.currency = amount.currency,
            bookstore.payment.card_brand = card.face.brand.as_str(),
            bookstore.payment.status = field::Empty,
            bookstore.payment.decline_reason = field::Empty,
        ),
    )]
    pub(crate) async fn authorise(
        &self,
        call: &Call,
        id: PaymentId,
        user_id: String,
        amount: Amount,
        card: Card,
    ) -> Result<Payment, Error> {
        let asked = Asked {
            user_id,
            amount,
            card_brand: card.face.brand.as_str().to_owned(),
            card_last4: card.face.last4.clone(),
            card_expiry: card.face.expiry.to_string(),
        };
        let payment = self.try_authorise(call, &id, &asked, &card).await?;
        record_status(&payment);
        Ok(payment)
    }

    async fn try_authorise(&self, call: &Call, id: &PaymentId, asked: &Asked, card: &Card) -> Result<Payment, Error> {
        let known = self.store.find(call, id).await?;
        if let Some(answer) = known.and_then(|known| settled(known, asked)) {
            return answer;
        }
        self.users.billing(call, &asked.user_id).await.map_err(Error::Users)?.ok_or(Error::NoSuchUser)?;
        if !self.store.begin(call, id, asked).await? {
            // A call before this one began it; or one beside it did, and may have finished since.
            let known = self.store.find(call, id).await?.ok_or(Error::NotFound)?;
            if let Some(answer) = settled(known, asked) {
                return answer;
            }
        }
        let status = match ask_issuer(call, card).await? {
            Decision::Authorised => Status::Authorised,
            Decision::Declined(reason) => Status::Declined(reason),
        };
        if let Some(payment) = self.store.advance(call, id, Status::Authorising, status).await? {
            info!(payment_id = id.as_str(), status = status.as_str(), "the issuer answered");
            metrics::moved(&payment);
            return Ok(payment);
        }
        // Voided while the issuer was asked, or answered by a call beside this one.
        let known = self.store.find(call, id).await?.ok_or(Error::NotFound)?;
        settled(known, asked).unwrap_or(Err(Error::Status(Status::Authorising.as_str())))
    }

    /// Takes the money.
    #[tracing::instrument(name = "capture payment", skip_all, fields(bookstore.request.id = call.id_on_spans(), bookstore.hop = call.hop_on_spans(), bookstore.payment.id = id.as_str(), bookstore.payment.status = field::Empty))]
    pub(crate) async fn capture(&self, call: &Call, id: &PaymentId) -> Result<Payment, Error> {
        self.advance(call, id, Status::Authorised, Status::Captured).await
    }

    /// Gives captured money back.
    #[tracing::instrument(name = "refund payment", skip_all, fields(bookstore.request.id = call.id_on_spans(), bookstore.hop = call.hop_on_spans(), bookstore.payment.id = id.as_str(), bookstore.payment.status = field::Empty))]
    pub(crate) async fn refund(&self, call: &Call, id: &PaymentId) -> Result<Payment, Error> {
        self.advance(call, id, Status::Captured, Status::Refunded).await
    }

    /// Gives an authorisation up, also one that nobody has asked for yet.
    #[tracing::instrument(name = "void payment", skip_all, fields(bookstore.request.id = call.id_on_spans(), bookstore.hop = call.hop_on_spans(), bookstore.payment.id = id.as_str(), bookstore.payment.status = field::Empty))]
    pub(crate) async fn void(&self, call: &Call, id: &PaymentId) -> Result<Payment, Error> {
        let payment = match self.store.void(call, id).await? {
            Some(payment) => {
                info!(payment_id = id.as_str(), "a payment was voided");
                metrics::moved(&payment);
                payment
            }
            None => {
                let known = self.store.find(call, id).await?.ok_or(Error::NotFound)?;
                match known.status {
                    // Voided before; or declined, so that there is nothing to give up.
                    Status::Voided | Status::Declined(_) => known,
                    other => return Err(Error::Status(other.as_str())),
                }
            }
        };
        record_status(&payment);
        Ok(payment)
    }

    /// A payment as it is.
    pub(crate) async fn get(&self, call: &Call, id: &PaymentId) -> Result<Payment, Error> {
        self.store.find(call, id).await?.ok_or(Error::NotFound)
    }

    /// Moves a payment on by one step, or finds that this has been done.
    async fn advance(&self, call: &Call, id: &PaymentId, from: Status, to: Status) -> Result<Payment, Error> {
        let payment = match self.store.advance(call, id, from, to).await? {
            Some(payment) => {
                info!(payment_id = id.as_str(), status = to.as_str(), "a payment moved on");
                metrics::moved(&payment);
                payment
            }
            None => {
                let known = self.store.find(call, id).await?.ok_or(Error::NotAuthorised)?;
                if known.status != to {
                    return Err(Error::Status(known.status.as_str()));
                }
                known
            }
        };
        record_status(&payment);
        Ok(payment)
    }
}

/// The answer to an authorisation of a payment that is known, unless the issuer is still to be asked.
fn settled(known: Payment, asked: &Asked) -> Option<Result<Payment, Error>> {
    if known.asked.as_ref().is_some_and(|before| before != asked) {
        return Some(Err(Error::AlreadyExists));
    }
    match known.status {
        Status::Authorising => None,
        Status::Voided => Some(Err(Error::Status(Status::Voided.as_str()))),
        Status::Authorised | Status::Declined(_) | Status::Captured | Status::Refunded => Some(Ok(known)),
    }
}

/// Asks the issuer, as long as somebody waits for it.
async fn ask_issuer(call: &Call, card: &Card) -> Result<Decision, Error> {
    let time = call.remaining().saturating_sub(TIME_TO_ANSWER);
    match tokio::time::timeout(time, issuer::authorise(call, card, Month::now())).await {
        Ok(Ok(decision)) => Ok(decision),
        Ok(Err(down)) => {
            metrics::issuer_failed("unavailable");
            Err(down.into())
        }
        Err(_) => {
            metrics::issuer_failed("timeout");
            Err(Error::IssuerLate)
        }
    }
}

fn record_status(payment: &Payment) {
    let span = Span::current();
    span.record("bookstore.payment.status", payment.status.as_str());
    if let Some(reason) = payment.status.decline_reason() {
        span.record("bookstore.payment.decline_reason", reason.as_str());
    }
}

#[cfg(test)]
mod tests {
    use bookstore_telemetry::Sensitive;
    use zeroize::Zeroizing;

    use super::*;
    use crate::issuer::SLOW;

    /// The clock is put forward, so the slower of the two never comes.
    #[tokio::test(start_paused = true)]
    async fn a_slow_issuer_is_waited_for_as_long_as_the_caller_waits() {
        let secret = |text: &str| Sensitive::new(Zeroizing::new(text.to_owned()));
        let card = Card::parse(&secret("4000000000000259"), "12/99", &secret("123")).unwrap();
        let hasty = ask_issuer(&Call::new_root(SLOW / 2), &card).await;
        assert!(matches!(hasty, Err(Error::IssuerLate)), "{hasty:?}");
        let patient = ask_issuer(&Call::new_root(SLOW * 10), &card).await;
        assert!(matches!(patient, Ok(Decision::Authorised)), "{patient:?}");
    }
}

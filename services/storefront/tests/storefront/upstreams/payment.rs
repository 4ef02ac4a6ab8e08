//! Payments.

use bookstore_proto::payment as pay;
use bookstore_proto::payment::payments_server::{Payments, PaymentsServer};
use tonic::service::Routes;
use tonic::{Request, Response, Status};

use super::{Upstreams, World};

/// A payment.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Money {
    pub(crate) status: pay::PaymentStatus,
    pub(crate) amount: i64,
    reason: pay::DeclineReason,
}

/// A card that is declined for want of funds.
const NO_FUNDS: &str = "4000000000009995";

impl World {
    /// What was taken from cards altogether.
    pub(crate) fn captured(&self) -> i64 {
        let captured = |payment: &&Money| payment.status == pay::PaymentStatus::Captured;
        self.payments.values().filter(captured).map(|payment| payment.amount).sum()
    }
}

pub(super) fn routes(upstreams: Upstreams) -> Routes {
    Routes::new(PaymentsServer::new(Service(upstreams)))
}

struct Service(Upstreams);

type Answer = Result<Response<pay::Payment>, Status>;

fn message(id: &str, payment: &Money) -> Response<pay::Payment> {
    Response::new(pay::Payment {
        payment_id: id.to_owned(),
        status: payment.status.into(),
        amount: Some(pay::Money { amount: payment.amount, currency: "EUR".to_owned() }),
        decline_reason: payment.reason.into(),
        ..pay::Payment::default()
    })
}

#[tonic::async_trait]
impl Payments for Service {
    async fn authorise(&self, request: Request<pay::AuthoriseRequest>) -> Answer {
        let request = request.into_inner();
        let (id, amount) = (request.payment_id, request.amount.map_or(0, |amount| amount.amount));
        let no_funds = request.card.is_some_and(|card| card.number == NO_FUNDS);
        let authorised = self.0.answer("authorise", move |world| {
            let (status, reason) = if no_funds {
                (pay::PaymentStatus::Declined, pay::DeclineReason::InsufficientFunds)
            } else {
                (pay::PaymentStatus::Authorised, pay::DeclineReason::Unspecified)
            };
            let payment = world.payments.entry(id.clone()).or_insert(Money { status, amount, reason });
            if payment.status == pay::PaymentStatus::Voided {
                return Err(Status::failed_precondition("voided before"));
            }
            Ok(message(&id, payment))
        });
        authorised.await?
    }

    async fn capture(&self, request: Request<pay::CaptureRequest>) -> Answer {
        let id = request.into_inner().payment_id;
        let captured = self.0.answer("capture", move |world| {
            let payment = world.payments.get_mut(&id).ok_or_else(|| Status::not_found(""))?;
            match payment.status {
                pay::PaymentStatus::Authorised | pay::PaymentStatus::Captured => {
                    payment.status = pay::PaymentStatus::Captured;
                }
                _ => return Err(Status::failed_precondition("")),
            }
            Ok(message(&id, payment))
        });
        captured.await?
    }

    async fn void(&self, request: Request<pay::VoidRequest>) -> Answer {
        let id = request.into_inner().payment_id;
        let voided = self.0.answer("void", move |world| {
            let absent =
                Money { status: pay::PaymentStatus::Voided, amount: 0, reason: pay::DeclineReason::Unspecified };
            let payment = world.payments.entry(id.clone()).or_insert(absent);
            match payment.status {
                pay::PaymentStatus::Captured => return Err(Status::failed_precondition("")),
                pay::PaymentStatus::Declined => {}
                _ => payment.status = pay::PaymentStatus::Voided,
            }
            Ok(message(&id, payment))
        });
        voided.await?
    }

    async fn refund(&self, _: Request<pay::RefundRequest>) -> Answer {
        Err(Status::unimplemented("the storefront does not refund"))
    }

    async fn get(&self, _: Request<pay::GetRequest>) -> Answer {
        Err(Status::unimplemented("the storefront does not ask"))
    }
}

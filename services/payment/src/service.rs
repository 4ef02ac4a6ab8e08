//! The gRPC side: messages in, messages out. `payment.proto` is the specification.

use bookstore_proto::CURRENCY;
use bookstore_proto::payment::DeclineReason as Reason;
use bookstore_proto::payment::payments_server::Payments as Rpc;
use bookstore_proto::payment::{
    AuthoriseRequest, CaptureRequest, GetRequest, Money, Payment as Message, PaymentStatus, RefundRequest, VoidRequest,
};
use bookstore_runtime::Call;
use bookstore_telemetry::Sensitive;
use tonic::{Request, Response};
use tracing::debug;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::card::Card;
use crate::error::Error;
use crate::payment::{Amount, DeclineReason, Payment, PaymentId, Status};
use crate::payments::Payments;

/// The largest amount, in minor units: a slip beyond it is caught here rather than by a bank.
const LARGEST_AMOUNT: i64 = 100_000_000;

/// The service as tonic serves it.
#[derive(Clone, Debug)]
pub(crate) struct Service(Payments);

impl Service {
    pub(crate) fn new(payments: Payments) -> Self {
        Self(payments)
    }
}

#[tonic::async_trait]
impl Rpc for Service {
    async fn authorise(&self, request: Request<AuthoriseRequest>) -> Result<Response<Message>, tonic::Status> {
        let call = Call::of(&request)?;
        let (id, user_id, amount, card) = read(request.into_inner())?;
        let payment = self.0.authorise(&call, id, user_id, amount, card).await?;
        Ok(Response::new(payment.into()))
    }

    async fn capture(&self, request: Request<CaptureRequest>) -> Result<Response<Message>, tonic::Status> {
        let call = Call::of(&request)?;
        let id = payment_id(&request.get_ref().payment_id)?;
        Ok(Response::new(self.0.capture(&call, &id).await?.into()))
    }

    async fn void(&self, request: Request<VoidRequest>) -> Result<Response<Message>, tonic::Status> {
        let call = Call::of(&request)?;
        let id = payment_id(&request.get_ref().payment_id)?;
        Ok(Response::new(self.0.void(&call, &id).await?.into()))
    }

    async fn refund(&self, request: Request<RefundRequest>) -> Result<Response<Message>, tonic::Status> {
        let call = Call::of(&request)?;
        let id = payment_id(&request.get_ref().payment_id)?;
        Ok(Response::new(self.0.refund(&call, &id).await?.into()))
    }

    async fn get(&self, request: Request<GetRequest>) -> Result<Response<Message>, tonic::Status> {
        let call = Call::of(&request)?;
        let id = payment_id(&request.get_ref().payment_id)?;
        Ok(Response::new(self.0.get(&call, &id).await?.into()))
    }
}

/// Takes a request to authorise apart, and checks what can be checked without asking anybody.
fn read(request: AuthoriseRequest) -> Result<(PaymentId, String, Amount, Card), Error> {
    let sent = request.card.unwrap_or_default();
    // From here on neither can be printed, and both are overwritten when they are dropped.
    let number = Sensitive::new(Zeroizing::new(sent.number));
    let cvc = Sensitive::new(Zeroizing::new(sent.cvc));
    debug!(card = ?number, ?cvc, "an authorisation was asked for");

    let id = payment_id(&request.payment_id)?;
    let user_id = Uuid::try_parse(&request.user_id).map_err(|_| Error::Invalid("the user id must be a UUID"))?;
    let amount = request.amount.unwrap_or_default();
    if !(1..=LARGEST_AMOUNT).contains(&amount.amount) {
        return Err(Error::Invalid("the amount must be 1 to 100,000,000 minor units"));
    }
    if amount.currency != CURRENCY {
        return Err(Error::Invalid("the currency must be EUR"));
    }
    let amount = Amount { minor: amount.amount, currency: amount.currency };
    let card = Card::parse(&number, &sent.expiry, &cvc).map_err(Error::Invalid)?;
    Ok((id, user_id.to_string(), amount, card))
}

fn payment_id(text: &str) -> Result<PaymentId, Error> {
    PaymentId::parse(text).ok_or(Error::Invalid("the payment id must be a UUID"))
}

impl From<Payment> for Message {
    fn from(payment: Payment) -> Self {
        let status = match payment.status {
            Status::Authorising => PaymentStatus::Authorising,
            Status::Authorised => PaymentStatus::Authorised,
            Status::Declined(_) => PaymentStatus::Declined,
            Status::Captured => PaymentStatus::Captured,
            Status::Voided => PaymentStatus::Voided,
            Status::Refunded => PaymentStatus::Refunded,
        };
        let decline_reason = match payment.status.decline_reason() {
            None => Reason::Unspecified,
            Some(DeclineReason::CardDeclined) => Reason::CardDeclined,
            Some(DeclineReason::InsufficientFunds) => Reason::InsufficientFunds,
            Some(DeclineReason::ExpiredCard) => Reason::ExpiredCard,
        };
        let message = Self {
            payment_id: payment.id.as_str().to_owned(),
            status: status.into(),
            decline_reason: decline_reason.into(),
            ..Self::default()
        };
        match payment.asked {
            None => message,
            Some(asked) => Self {
                amount: Some(Money { amount: asked.amount.minor, currency: asked.amount.currency }),
                card_brand: asked.card_brand,
                card_last4: asked.card_last4,
                ..message
            },
        }
    }
}

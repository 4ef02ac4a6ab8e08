//! What each step asks of the other services, and what their answers mean.

use bookstore_proto::inventory as stock;
use bookstore_proto::payment as pay;
use bookstore_proto::{CURRENCY, inventory::reserve_response::Outcome as Reserved};
use bookstore_runtime::Call;
use tonic::{Code, Status};
use tracing::{Span, debug, info, instrument, warn};

use super::Checkout;
use super::machine::{Outcome, Reply, Step};
use crate::metrics;
use crate::model::Card;
use crate::store::{Change, PricedLine, Saga};

/// What came of a step, and what is to be recorded of it.
#[derive(Debug)]
pub(super) struct Answer {
    reply: Reply,
    change: Change,
}

impl Answer {
    fn done() -> Self {
        Self { reply: Reply::Done, change: Change::default() }
    }

    fn refused(outcome: Outcome, change: Change) -> Self {
        Self { reply: Reply::Refused(outcome), change }
    }

    fn silent() -> Self {
        Self { reply: Reply::Silent, change: Change::because("unavailable") }
    }

    /// The step cannot be done any more: the card was in the memory of a process that is gone.
    pub(super) fn interrupted() -> Self {
        Self { reply: Reply::Silent, change: Change::because("interrupted") }
    }

    /// The reply, and what to record with the step that follows it.
    pub(super) fn into_parts(self) -> (Reply, Change) {
        (self.reply, self.change)
    }
}

impl Checkout {
    /// Does the step that is recorded. Each may be done any number of times.
    pub(super) async fn perform(&self, call: &Call, saga: &Saga, card: Option<&Card>) -> Answer {
        match saga.step {
            Step::Price => self.price(call, saga).await,
            Step::Reserve => self.reserve(call, saga).await,
            Step::Authorise => match card {
                Some(card) => self.authorise(call, saga, card).await,
                None => Answer::interrupted(),
            },
            Step::Capture => self.capture(call, saga).await,
            Step::Commit => self.commit(call, saga).await,
            // Recording the end is all there is to it.
            Step::Confirm | Step::Done | Step::Undone => Answer::done(),
            Step::Void => self.void(call, saga).await,
            Step::Release => self.release(call, saga).await,
        }
    }

    #[instrument(name = "checkout.price", skip_all, fields(bookstore.request.id = call.id_on_spans(), bookstore.hop = call.hop_on_spans(), bookstore.order.id = saga.order_id, bookstore.saga.step = "price", bookstore.saga.reply))]
    async fn price(&self, call: &Call, saga: &Saga) -> Answer {
        let ids: Vec<_> = saga.lines.iter().map(|line| line.book_id).collect();
        let books = match self.upstreams.books_by_id(call, &ids).await {
            Ok(books) => books,
            Err(error) => {
                warn!(bookstore.order.id = saga.order_id, %error, "the catalog did not answer");
                return said(Answer::silent());
            }
        };
        let (mut priced, mut gone) = (Vec::new(), Vec::new());
        for line in &saga.lines {
            match books.iter().find(|book| book.id == line.book_id && book.price.currency == CURRENCY) {
                Some(book) => priced.push(PricedLine {
                    book_id: line.book_id,
                    quantity: line.quantity,
                    title: book.title.clone(),
                    unit_price: book.price.amount,
                }),
                // The catalog has it no more: there are no copies to be had.
                None => gone.push((line.book_id, 0)),
            }
        }
        said(if gone.is_empty() {
            Answer { reply: Reply::Done, change: Change { priced, ..Change::default() } }
        } else {
            out_of_stock(saga, gone)
        })
    }

    #[instrument(name = "checkout.reserve", skip_all, fields(bookstore.request.id = call.id_on_spans(), bookstore.hop = call.hop_on_spans(), bookstore.order.id = saga.order_id, bookstore.saga.step = "reserve", bookstore.saga.reply))]
    async fn reserve(&self, call: &Call, saga: &Saga) -> Answer {
        let lines = saga.lines.iter().map(|line| stock::Line { book_id: line.book_id, quantity: line.quantity });
        let message = stock::ReserveRequest { reservation_id: saga.order_id.clone(), lines: lines.collect() };
        said(match self.upstreams.reserve(call, message).await.map(|response| response.outcome) {
            Ok(Some(Reserved::Reservation(reservation))) => match reservation.status() {
                stock::ReservationStatus::Held | stock::ReservationStatus::Pinned => Answer::done(),
                // Somebody has undone this saga already, or it took so long that the time ran out.
                _ => Answer::refused(Outcome::Failed, Change::because("interrupted")),
            },
            Ok(Some(Reserved::OutOfStock(short))) => {
                let short = short.shortages.iter().map(|line| (line.book_id, line.available)).collect();
                out_of_stock(saga, short)
            }
            Ok(None) => silent(saga, &Status::internal("a Reserve was answered with nothing")),
            Err(status) => silent(saga, &status),
        })
    }

    #[instrument(name = "checkout.authorise", skip_all, fields(bookstore.request.id = call.id_on_spans(), bookstore.hop = call.hop_on_spans(), bookstore.order.id = saga.order_id, bookstore.saga.step = "authorise", bookstore.saga.reply, bookstore.order.total = saga.total))]
    async fn authorise(&self, call: &Call, saga: &Saga, card: &Card) -> Answer {
        debug!(card_number = ?card.number, card_cvc = ?card.cvc, "asking for an authorisation");
        let message = pay::AuthoriseRequest {
            payment_id: saga.order_id.clone(),
            user_id: saga.user_id.clone(),
            amount: Some(pay::Money { amount: saga.total, currency: CURRENCY.to_owned() }),
            card: Some(pay::Card {
                number: card.number.expose().clone(),
                expiry: card.expiry.expose().clone(),
                cvc: card.cvc.expose().clone(),
            }),
        };
        said(match self.upstreams.authorise(call, message).await {
            Ok(payment) => match payment.status() {
                pay::PaymentStatus::Authorised | pay::PaymentStatus::Captured => Answer::done(),
                pay::PaymentStatus::Declined => {
                    let reason = match payment.decline_reason() {
                        pay::DeclineReason::InsufficientFunds => "insufficient_funds",
                        pay::DeclineReason::ExpiredCard => "expired_card",
                        _ => "card_declined",
                    };
                    info!(bookstore.order.id = saga.order_id, reason, "the card was declined");
                    Answer::refused(Outcome::Declined, Change::because(reason))
                }
                _ => silent(saga, &Status::internal("an Authorise was answered with an unexpected status")),
            },
            // The shape was checked before; what the payment service still refuses is no card.
            Err(status) if status.code() == Code::InvalidArgument => {
                warn!(bookstore.order.id = saga.order_id, "the payment service refused a card that looked right");
                Answer::refused(Outcome::Declined, Change::because("card_declined"))
            }
            Err(status) => silent(saga, &status),
        })
    }

    #[instrument(name = "checkout.capture", skip_all, fields(bookstore.request.id = call.id_on_spans(), bookstore.hop = call.hop_on_spans(), bookstore.order.id = saga.order_id, bookstore.saga.step = "capture", bookstore.saga.reply, bookstore.order.total = saga.total))]
    async fn capture(&self, call: &Call, saga: &Saga) -> Answer {
        // Money is taken only for copies that nothing can take away any more.
        let pinned = self.upstreams.pin(call, &saga.order_id).await;
        let captured = match pinned {
            Ok(_) => self.upstreams.capture(call, &saga.order_id).await.map(|_| ()),
            Err(status) => Err(status),
        };
        said(match captured {
            Ok(()) => Answer::done(),
            Err(status) if matches!(status.code(), Code::FailedPrecondition | Code::NotFound) => {
                info!(bookstore.order.id = saga.order_id, %status, "the payment cannot be captured any more");
                Answer::refused(Outcome::Failed, Change::because("interrupted"))
            }
            Err(status) => silent(saga, &status),
        })
    }

    #[instrument(name = "checkout.commit", skip_all, fields(bookstore.request.id = call.id_on_spans(), bookstore.hop = call.hop_on_spans(), bookstore.order.id = saga.order_id, bookstore.saga.step = "commit", bookstore.saga.reply))]
    async fn commit(&self, call: &Call, saga: &Saga) -> Answer {
        said(finished(saga, self.upstreams.commit(call, &saga.order_id).await))
    }

    #[instrument(name = "checkout.void", skip_all, fields(bookstore.request.id = call.id_on_spans(), bookstore.hop = call.hop_on_spans(), bookstore.order.id = saga.order_id, bookstore.saga.step = "void", bookstore.saga.reply))]
    async fn void(&self, call: &Call, saga: &Saga) -> Answer {
        said(finished(saga, self.upstreams.void(call, &saga.order_id).await))
    }

    #[instrument(name = "checkout.release", skip_all, fields(bookstore.request.id = call.id_on_spans(), bookstore.hop = call.hop_on_spans(), bookstore.order.id = saga.order_id, bookstore.saga.step = "release", bookstore.saga.reply))]
    async fn release(&self, call: &Call, saga: &Saga) -> Answer {
        said(finished(saga, self.upstreams.release(call, &saga.order_id).await))
    }
}

/// Shows the reply on the step's span.
fn said(answer: Answer) -> Answer {
    let reply = match answer.reply {
        Reply::Done => "done",
        Reply::Refused(outcome) => outcome.as_str(),
        Reply::Silent => "silent",
    };
    Span::current().record("bookstore.saga.reply", reply);
    answer
}

fn silent(saga: &Saga, status: &Status) -> Answer {
    warn!(bookstore.order.id = saga.order_id, bookstore.saga.step = %saga.step, %status, "a step was not answered");
    Answer::silent()
}

fn out_of_stock(saga: &Saga, short: Vec<(i64, i64)>) -> Answer {
    metrics::STOCK_OUTS.add(short.len() as u64, &[]);
    for (book_id, available) in &short {
        info!(bookstore.order.id = saga.order_id, bookstore.book.id = book_id, available, "not enough copies");
    }
    Answer::refused(Outcome::OutOfStock, Change { reason: Some("out_of_stock"), short, ..Change::default() })
}

/// Of a step that may not be refused any more.
fn finished<T>(saga: &Saga, answer: Result<T, Status>) -> Answer {
    match answer {
        Ok(_) => Answer::done(),
        Err(status) if matches!(status.code(), Code::FailedPrecondition | Code::NotFound | Code::AlreadyExists) => {
            Answer::refused(Outcome::Failed, Change::default())
        }
        Err(status) => silent(saga, &status),
    }
}

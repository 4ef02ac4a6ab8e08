//! A request and its answer as one span: it ends with the answer's body, and also when either is dropped half-way.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Buf;
use http::{HeaderMap, Response};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

/// The attribute of a span whose request or answer was dropped half-way. The conventions have no name for it.
pub(crate) const CANCELLED: &str = "bookstore.cancelled";

/// How an exchange ended.
#[derive(Debug)]
pub enum End<'a> {
    /// The body came to its end; gRPC has trailers there.
    Complete(Option<&'a HeaderMap>),
    /// The body broke off with an error.
    Broken,
    /// The response or its body was dropped before its end.
    Cancelled,
}

/// One request and its answer, on either side of either protocol.
pub trait Exchange: Sized {
    /// What holds while its future or body is polled.
    type Entered;
    /// Makes its span the current one on a server; on a client keeps the library away from the caller's.
    fn enter(&self) -> Self::Entered;
    /// The head of the answer came; headers may be added to it. False when no body will follow.
    fn answered(&mut self, head: &mut http::response::Parts) -> bool;
    /// Ends the span and records the duration.
    fn end(self, how: End<'_>);
}

/// Reads an error that came instead of an answer.
pub trait Fails<E> {
    /// Ends the span.
    fn failed(self, error: &E);
}

pin_project! {
    /// A response future inside the exchange's span.
    #[derive(Debug)]
    pub struct Traced<F, X>
    where
        X: Exchange,
    {
        #[pin]
        inner: F,
        exchange: Option<X>,
    }

    impl<F, X: Exchange> PinnedDrop for Traced<F, X> {
        fn drop(this: Pin<&mut Self>) {
            if let Some(exchange) = this.project().exchange.take() {
                exchange.end(End::Cancelled);
            }
        }
    }
}

impl<F, X: Exchange> Traced<F, X> {
    pub(crate) fn new(inner: F, exchange: Option<X>) -> Self {
        Self { inner, exchange }
    }
}

impl<F, X, B, E> Future for Traced<F, X>
where
    F: Future<Output = Result<Response<B>, E>>,
    X: Exchange + Fails<E>,
    B: Body,
{
    type Output = Result<Response<TracedBody<B, X>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let result = {
            let _entered = this.exchange.as_ref().map(Exchange::enter);
            ready!(this.inner.poll(cx))
        };
        let Some(exchange) = this.exchange.take() else {
            return Poll::Ready(result.map(|response| response.map(TracedBody::untraced)));
        };
        Poll::Ready(match result {
            Ok(response) => Ok(TracedBody::respond(response, exchange)),
            Err(error) => {
                exchange.failed(&error);
                Err(error)
            }
        })
    }
}

pin_project! {
    /// A body that ends the exchange when it ends.
    #[derive(Debug)]
    pub struct TracedBody<B, X>
    where
        X: Exchange,
    {
        #[pin]
        inner: B,
        exchange: Option<X>,
        // Bytes to come, when the length is known: a body is whole once they came, whether or not it is asked again.
        remaining: Option<u64>,
    }

    impl<B, X: Exchange> PinnedDrop for TracedBody<B, X> {
        fn drop(this: Pin<&mut Self>) {
            if let Some(exchange) = this.project().exchange.take() {
                exchange.end(End::Cancelled);
            }
        }
    }
}

impl<B: Body, X: Exchange> TracedBody<B, X> {
    fn untraced(inner: B) -> Self {
        Self { inner, exchange: None, remaining: None }
    }

    pub(crate) fn respond(response: Response<B>, mut exchange: X) -> Response<Self> {
        let (mut head, inner) = response.into_parts();
        let expects_body = exchange.answered(&mut head);
        let remaining = inner.size_hint().exact();
        let body = if !expects_body || inner.is_end_stream() {
            exchange.end(End::Complete(None));
            Self { inner, exchange: None, remaining }
        } else {
            Self { inner, exchange: Some(exchange), remaining }
        };
        Response::from_parts(head, body)
    }
}

impl<B: Body, X: Exchange> Body for TracedBody<B, X> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let mut this = self.project();
        let frame = {
            let _entered = this.exchange.as_ref().map(Exchange::enter);
            ready!(this.inner.as_mut().poll_frame(cx))
        };
        let end = match &frame {
            None => Some(End::Complete(None)),
            Some(Err(_)) => Some(End::Broken),
            Some(Ok(frame)) => match (frame.data_ref(), frame.trailers_ref()) {
                (_, Some(trailers)) => Some(End::Complete(Some(trailers))),
                (Some(data), None) => {
                    *this.remaining = this.remaining.map(|left| left.saturating_sub(data.remaining() as u64));
                    (*this.remaining == Some(0) || this.inner.is_end_stream()).then_some(End::Complete(None))
                }
                (None, None) => None,
            },
        };
        if let Some(end) = end
            && let Some(exchange) = this.exchange.take()
        {
            exchange.end(end);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

//! A channel whose calls are written down.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::http::{Request, Uri};
use pin_project_lite::pin_project;
use tower::Service;

use super::Operation;
use crate::Call;

/// A channel around another one. Finds the [`Call`] that goes out in the request's extensions.
#[derive(Clone, Debug)]
pub struct Observed<S> {
    inner: S,
    peer: Option<String>,
}

impl<S> Observed<S> {
    /// Around a channel to the server at `target`.
    pub(crate) fn new(inner: S, target: &Uri) -> Self {
        Self { inner, peer: target.authority().map(ToString::to_string) }
    }
}

impl<S, B> Service<Request<B>> for Observed<S>
where
    S: Service<Request<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Observation<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let operation = request.extensions_mut().remove::<Call>().and_then(|call| {
            let method = request.uri().path().trim_start_matches('/').to_owned();
            Operation::called(&call, "grpc", method, self.peer.clone())
        });
        Observation { inner: self.inner.call(request), operation }
    }
}

pin_project! {
    /// A call under way, to the head of its answer.
    #[derive(Debug)]
    pub struct Observation<F> {
        #[pin]
        inner: F,
        operation: Option<Operation>,
    }
}

impl<F: Future> Future for Observation<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let output = ready!(this.inner.poll(cx));
        if let Some(operation) = this.operation.take() {
            operation.end();
        }
        Poll::Ready(output)
    }
}

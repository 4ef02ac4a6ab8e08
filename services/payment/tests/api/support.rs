//! A payment service on a port of its own, beside a user service that knows one user.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use bookstore_payment::{Config, run};
use bookstore_proto::payment::payments_client::PaymentsClient;
use bookstore_proto::payment::{
    AuthoriseRequest, CaptureRequest, Card, GetRequest, Money, Payment, RefundRequest, VoidRequest,
};
use bookstore_proto::user::BillingProfile;
use bookstore_runtime::Call;
use bookstore_runtime::grpc_client::{self, Channel};
use bookstore_runtime::testing::TestDatabase;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tonic::Status;

/// The one user that there is.
pub(crate) const ADA: &str = "6f1c3a52-8e0b-4c1d-9a77-2b1f0c9d5e31";
/// A card that is accepted.
pub(crate) const GOOD: &str = "4242424242424242";
/// The CVC of all cards here.
pub(crate) const CVC: &str = "739";

/// The user service, as far as payment knows it.
#[derive(Clone, Default)]
pub(crate) struct Users {
    /// How often it was asked.
    asked: Arc<AtomicUsize>,
}

impl Users {
    /// How often it was asked for a billing profile.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// Serves, and says where.
    async fn start(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().route("/users/{id}/billing", get(billing)).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        url
    }
}

async fn billing(State(users): State<Users>, Path(id): Path<String>) -> Result<Json<BillingProfile>, StatusCode> {
    users.asked.fetch_add(1, Ordering::SeqCst);
    if id != ADA {
        return Err(StatusCode::NOT_FOUND);
    }
    Ok(Json(BillingProfile {
        user_id: id,
        name: "Ada Lovelace".to_owned(),
        address: "12 St James's Square".to_owned(),
        country: "GB".to_owned(),
    }))
}

/// A port where nobody listens.
pub(crate) async fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

/// A payment service that runs.
pub(crate) struct Shop {
    pub(crate) users: Users,
    client: PaymentsClient<Channel>,
    stop: oneshot::Sender<()>,
    server: JoinHandle<()>,
}

impl Shop {
    /// Starts one on this database.
    pub(crate) async fn start(database: &TestDatabase) -> Self {
        let users = Users::default();
        let url = users.start().await;
        Self::start_with(database, users, &url).await
    }

    /// Starts one that asks for users at `user_url`.
    pub(crate) async fn start_with(database: &TestDatabase, users: Users, user_url: &str) -> Self {
        let settings = [("DATABASE_URL", database.config.url.expose().as_str()), ("BOOKSTORE_USER_URL", user_url)];
        let config = Config::from_source(&settings).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel();
        let server = tokio::spawn(async move {
            run(listener, config, async { _ = stopped.await }).await.unwrap();
        });
        let client = PaymentsClient::new(grpc_client::channel(&url).unwrap());
        Self { users, client, stop, server }
    }

    /// Lets it drain and end.
    pub(crate) async fn stop(self) {
        drop(self.client);
        self.stop.send(()).unwrap();
        self.server.await.unwrap();
    }

    pub(crate) async fn authorise(&self, request: AuthoriseRequest) -> Result<Payment, Status> {
        self.authorise_within(Duration::from_secs(30), request).await
    }

    pub(crate) async fn authorise_within(
        &self,
        budget: Duration,
        request: AuthoriseRequest,
    ) -> Result<Payment, Status> {
        let call = Call::new_root(budget);
        Ok(self.client.clone().authorise(call.grpc(request)).await?.into_inner())
    }

    pub(crate) async fn capture(&self, payment_id: &str) -> Result<Payment, Status> {
        let request = CaptureRequest { payment_id: payment_id.to_owned() };
        Ok(self.client.clone().capture(call().grpc(request)).await?.into_inner())
    }

    pub(crate) async fn void(&self, payment_id: &str) -> Result<Payment, Status> {
        let request = VoidRequest { payment_id: payment_id.to_owned() };
        Ok(self.client.clone().void(call().grpc(request)).await?.into_inner())
    }

    pub(crate) async fn refund(&self, payment_id: &str) -> Result<Payment, Status> {
        let request = RefundRequest { payment_id: payment_id.to_owned() };
        Ok(self.client.clone().refund(call().grpc(request)).await?.into_inner())
    }

    pub(crate) async fn get(&self, payment_id: &str) -> Result<Payment, Status> {
        let request = GetRequest { payment_id: payment_id.to_owned() };
        Ok(self.client.clone().get(call().grpc(request)).await?.into_inner())
    }
}

fn call() -> Call {
    Call::new_root(Duration::from_secs(30))
}

/// A payment id that nobody has used.
pub(crate) fn new_id() -> String {
    uuid::Uuid::new_v4().to_string()
}

/// Asks for € 12.99 of Ada's with this card.
pub(crate) fn request(payment_id: &str, number: &str) -> AuthoriseRequest {
    AuthoriseRequest {
        payment_id: payment_id.to_owned(),
        user_id: ADA.to_owned(),
        amount: Some(Money { amount: 1299, currency: "EUR".to_owned() }),
        card: Some(Card { number: number.to_owned(), expiry: "12/99".to_owned(), cvc: CVC.to_owned() }),
    }
}

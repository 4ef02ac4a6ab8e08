//! What the user service knows of whoever pays.

use bookstore_proto::user::BillingProfile;
use bookstore_runtime::Call;
use bookstore_runtime::http_client::{HttpClient, HttpError};
use tonic::codegen::http::StatusCode;

/// A client of the user service.
#[derive(Clone, Debug)]
pub(crate) struct Users(HttpClient);

impl Users {
    /// `url` is the service's, such as `http://127.0.0.1:8084`.
    pub(crate) fn new(url: &str) -> Result<Self, HttpError> {
        HttpClient::new(url).map(Self)
    }

    /// The billing profile of a user; none when there is no such user.
    pub(crate) async fn billing(&self, call: &Call, user_id: &str) -> Result<Option<BillingProfile>, HttpError> {
        let parameters = [user_id];
        let request = self.0.get("/users/{id}/billing", &parameters);
        match request.fetch_idempotent(call).await {
            Ok(profile) => Ok(Some(profile)),
            Err(error) if error.status() == Some(StatusCode::NOT_FOUND) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

//! The payment service.

use bookstore_proto::payment as pay;
use bookstore_runtime::Call;
use tonic::Status;

use super::Upstreams;

impl Upstreams {
    pub(crate) async fn authorise(&self, call: &Call, message: pay::AuthoriseRequest) -> Result<pay::Payment, Status> {
        let authorise = |mut client: Client| {
            let request = call.grpc(message.clone());
            async move { client.authorise(request).await }
        };
        self.payment.idempotent(call, authorise).await
    }

    pub(crate) async fn capture(&self, call: &Call, id: &str) -> Result<pay::Payment, Status> {
        let capture = |mut client: Client| {
            let request = call.grpc(pay::CaptureRequest { payment_id: id.to_owned() });
            async move { client.capture(request).await }
        };
        self.payment.idempotent(call, capture).await
    }

    pub(crate) async fn void(&self, call: &Call, id: &str) -> Result<pay::Payment, Status> {
        let void = |mut client: Client| {
            let request = call.grpc(pay::VoidRequest { payment_id: id.to_owned() });
            async move { client.void(request).await }
        };
        self.payment.idempotent(call, void).await
    }

    pub(crate) async fn payment(&self, call: &Call, id: &str) -> Result<pay::Payment, Status> {
        let get = |mut client: Client| {
            let request = call.grpc(pay::GetRequest { payment_id: id.to_owned() });
            async move { client.get(request).await }
        };
        self.payment.idempotent(call, get).await
    }
}

type Client = pay::payments_client::PaymentsClient<bookstore_runtime::grpc_client::Channel>;

//! Calls to another service over gRPC.
//!
//! `InventoryClient::new(grpc_client::channel(&url)?)` and then `client.reserve(call.grpc(message))`: the [`Call`] goes
//! as an argument, the channel makes the span and carries the context.
//!
//! [`Call`]: crate::Call

use std::time::Duration;

use bookstore_telemetry::grpc::ClientLayer;
use tonic::transport::Endpoint;
use tower::Layer;

use crate::truth::Observed;

/// A connection that is made when it is first needed, and made again when it breaks.
pub type Channel = Observed<<ClientLayer as Layer<tonic::transport::Channel>>::Service>;

/// A channel to the service at `url` (`http://host:port`).
///
/// # Errors
/// When `url` is none.
pub fn channel(url: &str) -> Result<Channel, tonic::transport::Error> {
    let endpoint = Endpoint::from_shared(url.to_owned())?
        .connect_timeout(Duration::from_secs(2))
        .tcp_nodelay(true)
        .http2_keep_alive_interval(Duration::from_secs(20))
        .keep_alive_while_idle(true);
    let layer = ClientLayer::new(endpoint.uri());
    Ok(Observed::new(layer.layer(endpoint.connect_lazy()), endpoint.uri()))
}

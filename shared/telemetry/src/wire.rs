//! OTLP over gRPC for what is protobuf already.

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBuilder};
use bytes::{BufMut as _, Bytes};
use http::uri::PathAndQuery;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use opentelemetry_sdk::error::OTelSdkError;
use prost::Message as _;
use tonic::codec::{Codec, CompressionEncoding, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::metadata::MetadataMap;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt as _;

/// The method that takes spans.
const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

/// A collector's service of traces.
#[derive(Debug)]
pub(crate) struct Wire {
    client: tonic::client::Grpc<Channel>,
    metadata: MetadataMap,
}

impl Wire {
    /// The service behind a channel; `metadata` goes with each request.
    pub(crate) fn new(channel: Channel, metadata: MetadataMap, gzip: bool) -> Self {
        let client = tonic::client::Grpc::new(channel);
        let client = if gzip { client.send_compressed(CompressionEncoding::Gzip) } else { client };
        Self { client, metadata }
    }

    /// Sends a request, and sends it again while the collector says that this may help: as often and as late as the
    /// SDK's exporters do. Gives how many of its spans were refused, where the rest was taken.
    ///
    /// # Errors
    /// What the collector said the last time.
    pub(crate) async fn send(&self, request: Bytes) -> Result<usize, OTelSdkError> {
        let mut waits = ExponentialBuilder::new()
            .with_min_delay(Duration::from_millis(100))
            .with_max_delay(Duration::from_millis(1_600))
            .with_max_times(3)
            .with_jitter()
            .build();
        loop {
            let status = match self.send_once(request.clone()).await {
                Ok(answer) => return Ok(refused(answer)),
                Err(status) => status,
            };
            let (Some(least), Some(wait)) = (least_wait(&status), waits.next()) else {
                return Err(OTelSdkError::InternalFailure(format!("{}: {}", status.code(), status.message())));
            };
            tokio::time::sleep(wait.max(least)).await;
        }
    }

    async fn send_once(&self, body: Bytes) -> Result<ExportTraceServiceResponse, Status> {
        let mut client = self.client.clone();
        client.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
        let request = Request::from_parts(self.metadata.clone(), http::Extensions::default(), body);
        let answer = client.unary(request, PathAndQuery::from_static(EXPORT), Written).await?;
        Ok(answer.into_inner())
    }
}

/// How many spans were refused. They are not to be sent again (OTLP specification, "Partial Success").
fn refused(answer: ExportTraceServiceResponse) -> usize {
    let partial = answer.partial_success.unwrap_or_default();
    if partial.rejected_spans > 0 {
        tracing::warn!(spans = partial.rejected_spans, reason = partial.error_message, "the collector refused spans");
    }
    usize::try_from(partial.rejected_spans).unwrap_or_default()
}

/// How long to wait at least before it is worth while to ask again; none when it never will be. By the section
/// "Failures" of the OTLP specification.
fn least_wait(status: &Status) -> Option<Duration> {
    let asked = status.get_details_retry_info().and_then(|retry| retry.retry_delay);
    match status.code() {
        Code::Cancelled
        | Code::DeadlineExceeded
        | Code::Aborted
        | Code::OutOfRange
        | Code::Unavailable
        | Code::DataLoss => Some(asked.unwrap_or_default()),
        Code::ResourceExhausted => asked,
        _ => None,
    }
}

/// A request that is written already.
#[derive(Clone, Copy, Debug)]
struct Written;

impl Codec for Written {
    type Encode = Bytes;
    type Decode = ExportTraceServiceResponse;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for Written {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, request: Bytes, into: &mut EncodeBuf<'_>) -> Result<(), Status> {
        into.put(request);
        Ok(())
    }
}

impl Decoder for Written {
    type Item = ExportTraceServiceResponse;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<ExportTraceServiceResponse>, Status> {
        let answer = ExportTraceServiceResponse::decode(from);
        answer.map(Some).map_err(|error| Status::internal(format!("the collector's answer cannot be read: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_pass_is_sent_again_and_what_will_not_is_not() {
        for code in [Code::Unavailable, Code::DeadlineExceeded, Code::Aborted] {
            assert_eq!(least_wait(&Status::new(code, "")), Some(Duration::ZERO));
        }
        for code in [Code::InvalidArgument, Code::Unauthenticated, Code::Unimplemented, Code::ResourceExhausted] {
            assert_eq!(least_wait(&Status::new(code, "")), None, "{code}");
        }
        let later = tonic_types::ErrorDetails::with_retry_info(Some(Duration::from_secs(2)));
        let status = Status::with_error_details(Code::ResourceExhausted, "full", later);
        assert_eq!(least_wait(&status), Some(Duration::from_secs(2)));
    }
}

//! gRPC without generated code: what is said is bytes.

use bytes::{Buf as _, BufMut as _, Bytes};
use futures_util::stream;
use http::uri::PathAndQuery;
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::transport::Channel;
use tonic::{Request, Status};

use crate::truth::{Call, Operation};

/// Messages as they are.
#[derive(Clone, Copy)]
pub struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        let left = buffer.remaining();
        Ok(Some(buffer.copy_to_bytes(left)))
    }
}

async fn ready(channel: &Channel) -> Grpc<Channel> {
    let mut grpc = Grpc::new(channel.clone());
    grpc.ready().await.expect("the ledger answers");
    grpc
}

fn request<T>(call: &Call, hop: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("x-request-id", call.id.parse().expect("ids are plain"));
    request.metadata_mut().insert("x-hop", hop.parse().expect("hops are plain"));
    request
}

/// One message there, one back. `path` is that of a method.
pub async fn unary(channel: &Channel, call: &Call, path: &'static str) {
    let hop = call.next();
    let operation = Operation::called(call, &hop, "grpc");
    let message = request(call, &hop, Bytes::from_static(b"?"));
    ready(channel).await.unary(message, PathAndQuery::from_static(path), Raw).await.expect("an answer");
    operation.end();
}

/// One message there, several back.
pub async fn watch(channel: &Channel, call: &Call) {
    let hop = call.next();
    let operation = Operation::called(call, &hop, "grpc");
    let message = request(call, &hop, Bytes::from_static(b"?"));
    let path = PathAndQuery::from_static("/harbour.Ledger/Watch");
    let answer = ready(channel).await.server_streaming(message, path, Raw).await.expect("an answer");
    let mut messages = answer.into_inner();
    while messages.message().await.expect("a message").is_some() {}
    operation.end();
}

/// Several messages there, one back.
pub async fn sum(channel: &Channel, call: &Call) {
    let hop = call.next();
    let operation = Operation::called(call, &hop, "grpc");
    let messages = stream::unfold(0, |number| async move {
        tokio::task::yield_now().await;
        (number < 3).then(|| (Bytes::from_static(b"1"), number + 1))
    });
    let message = request(call, &hop, messages);
    let path = PathAndQuery::from_static("/harbour.Ledger/Sum");
    ready(channel).await.client_streaming(message, path, Raw).await.expect("an answer");
    operation.end();
}

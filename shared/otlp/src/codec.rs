//! How the gRPC services read and write a message.

use std::marker::PhantomData;

use bytes::{Buf, Bytes};
use prost::Message;
use tonic::Status;
use tonic::codec::{DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic_prost::ProstEncoder;

/// Protobuf, where a message that cannot be decoded is the sender's mistake: `INVALID_ARGUMENT`, which OTLP tells
/// the sender not to retry. (`tonic_prost`'s own codec says `INTERNAL`.)
#[derive(Debug)]
pub struct Codec<T, U>(PhantomData<(T, U)>);

impl<T, U> Default for Codec<T, U> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T, U> tonic::codec::Codec for Codec<T, U>
where
    T: Message + Send + 'static,
    U: Message + Default + Send + 'static,
{
    type Encode = T;
    type Decode = U;
    type Encoder = Writer<T>;
    type Decoder = Reader<U>;

    fn encoder(&mut self) -> Writer<T> {
        Writer(ProstEncoder::default())
    }

    fn decoder(&mut self) -> Reader<U> {
        Reader(PhantomData)
    }
}

/// Writes `T` and reads a message's bytes as they are, for a server that takes them apart itself (see
/// [`layers`](crate::layers)).
#[derive(Debug)]
pub struct RawCodec<T>(PhantomData<T>);

impl<T> Default for RawCodec<T> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T: Message + Send + 'static> tonic::codec::Codec for RawCodec<T> {
    type Encode = T;
    type Decode = Bytes;
    type Encoder = Writer<T>;
    type Decoder = RawReader;

    fn encoder(&mut self) -> Writer<T> {
        Writer(ProstEncoder::default())
    }

    fn decoder(&mut self) -> RawReader {
        RawReader
    }
}

/// Reads bytes.
#[derive(Debug)]
pub struct RawReader;

impl Decoder for RawReader {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}

/// Writes `T`.
#[derive(Debug)]
pub struct Writer<T>(ProstEncoder<T>);

impl<T: Message> Encoder for Writer<T> {
    type Item = T;
    type Error = Status;

    fn encode(&mut self, item: T, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        // All at once: a buffer that grows is copied each time, and a message of spans has hundreds of kilobytes.
        buffer.reserve(item.encoded_len());
        self.0.encode(item, buffer)
    }
}

/// Reads `U`.
#[derive(Debug)]
pub struct Reader<U>(PhantomData<U>);

impl<U: Message + Default> Decoder for Reader<U> {
    type Item = U;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<U>, Status> {
        U::decode(buffer).map(Some).map_err(|error| Status::invalid_argument(format!("not a valid message: {error}")))
    }
}

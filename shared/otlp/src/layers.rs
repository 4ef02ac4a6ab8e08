//! A batch read record by record, for who must not trust its sender.
//!
//! An empty span takes two bytes on the wire and about three hundred in memory, so that a batch decoded whole may need
//! more than a hundred times its size. Read in layers it needs what one record needs.
//!
//! The requests of all three signals have the same layers, with the same field numbers: resources (1), each with a
//! [`RESOURCE`] and [`SCOPES`], each of these with a [`SCOPE`] and [`RECORDS`] (spans, metrics or log records).

use prost::encoding::{DecodeContext, WireType, check_wire_type, decode_key, decode_varint, skip_field};
use prost::{DecodeError, Message};

/// Of a request: what came from one resource, many times.
pub const RESOURCES: u32 = 1;
/// Of what came from one resource: the [`Resource`](crate::common::Resource).
pub const RESOURCE: u32 = 1;
/// Of what came from one resource: what came from one scope, many times.
pub const SCOPES: u32 = 2;
/// Of what came from one scope: the [`InstrumentationScope`](crate::common::InstrumentationScope).
pub const SCOPE: u32 = 1;
/// Of what came from one scope: a record, many times.
pub const RECORDS: u32 = 2;

/// Why a batch cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LayerError {
    /// A field is longer than what holds it.
    #[error("a field is longer than the message around it")]
    CutOff,
    /// Not valid protobuf.
    #[error(transparent)]
    Invalid(#[from] DecodeError),
}

/// The fields of `message` with this number, which must be messages (or strings): their bytes, not yet looked at.
/// Ends after the first error.
pub fn fields(message: &[u8], number: u32) -> Fields<'_> {
    Fields { rest: message, number }
}

/// The one message that a field with this number holds; `None` if there is no such field.
///
/// # Errors
/// `message` is not valid, or the field is not a valid `T`.
pub fn field<T: Message + Default>(message: &[u8], number: u32) -> Result<Option<T>, LayerError> {
    let mut found: Option<T> = None;
    for bytes in fields(message, number) {
        // A message that comes twice is merged, as protobuf asks.
        found.get_or_insert_default().merge(bytes?)?;
    }
    Ok(found)
}

/// An iterator over fields, made by [`fields`].
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    rest: &'a [u8],
    number: u32,
}

impl<'a> Fields<'a> {
    fn find(&mut self) -> Result<Option<&'a [u8]>, LayerError> {
        while !self.rest.is_empty() {
            let (number, wire_type) = decode_key(&mut self.rest)?;
            if number != self.number {
                skip_field(wire_type, number, &mut self.rest, DecodeContext::default())?;
                continue;
            }
            check_wire_type(WireType::LengthDelimited, wire_type)?;
            let length = decode_varint(&mut self.rest)?;
            let split = usize::try_from(length).ok().and_then(|length| self.rest.split_at_checked(length));
            let (bytes, rest) = split.ok_or(LayerError::CutOff)?;
            self.rest = rest;
            return Ok(Some(bytes));
        }
        Ok(None)
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<&'a [u8], LayerError>;

    fn next(&mut self) -> Option<Self::Item> {
        let found = self.find();
        if found.is_err() {
            self.rest = &[];
        }
        found.transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collector::ExportTraceServiceRequest;
    use crate::common::{KeyValue, Resource};
    use crate::trace::{ResourceSpans, ScopeSpans, Span};

    #[test]
    fn layers_hold_what_the_whole_holds() {
        let spans = ["a", "b"].map(|name| Span { name: name.to_owned(), kind: 2, ..Span::default() }).to_vec();
        let resource = Resource { attributes: vec![KeyValue::new("k", "v")], ..Resource::default() };
        let scope_spans = vec![ScopeSpans { spans: spans.clone(), ..ScopeSpans::default() }];
        let resource_spans =
            vec![ResourceSpans { resource: Some(resource.clone()), scope_spans, ..ResourceSpans::default() }];
        let request = ExportTraceServiceRequest { resource_spans }.encode_to_vec();

        let layer = fields(&request, RESOURCES).next().unwrap().unwrap();
        assert_eq!(field::<Resource>(layer, RESOURCE), Ok(Some(resource)));
        let scope = fields(layer, SCOPES).next().unwrap().unwrap();
        assert_eq!(field::<Resource>(scope, SCOPE), Ok(None));
        let records: Vec<_> = fields(scope, RECORDS).map(|it| Span::decode(it.unwrap()).unwrap()).collect();
        assert_eq!(records, spans);
    }

    #[test]
    fn what_is_cut_off_or_of_another_type_is_an_error_and_the_end() {
        let errors = |bytes: &[u8]| {
            let found: Vec<_> = fields(bytes, 1).take(9).collect();
            assert_eq!(found.len(), 1, "{found:?}");
            found[0].clone().unwrap_err()
        };
        assert_eq!(errors(b"\x0a\x05abc"), LayerError::CutOff);
        assert_eq!(errors(b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), LayerError::CutOff);
        assert!(matches!(errors(b"\x08\x05"), LayerError::Invalid(_)), "a number where a message belongs");
        assert!(matches!(errors(b"\x12\x05abc"), LayerError::Invalid(_)), "in a field that is skipped");
    }
}

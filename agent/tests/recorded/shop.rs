//! Recordings with their truth.

use std::collections::HashSet;
use std::fs;
use std::io::{BufReader, Read as _};
use std::path::{Path, PathBuf};

use bookstore_agent::recording;
use bookstore_agent::trace::LinkBy;
use bookstore_otlp::collector::ExportTraceServiceRequest;
use bookstore_otlp::common::Value;
use bookstore_score::{Spans, Truth, Verdict, judge};
use flate2::bufread::MultiGzDecoder;

/// Attributes in which a span says which request and hop it is of.
const CLAIMS: [&str; 2] = ["x-request-id", "x-hop"];

/// What the kernel said of one run, and what happened.
pub(crate) struct Recording {
    folder: PathBuf,
    pub(crate) bytes: Vec<u8>,
}

impl Recording {
    pub(crate) fn open(scenario: &str) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings").join(scenario);
        let bytes = fs::read(folder.join("kernel.rec")).unwrap();
        Self { folder, bytes }
    }

    pub(crate) fn with(&self, bytes: Vec<u8>) -> Self {
        Self { folder: self.folder.clone(), bytes }
    }

    pub(crate) fn replay(&self, link_by: LinkBy, seed: u64) -> Vec<ExportTraceServiceRequest> {
        let mut messages = Vec::new();
        recording::replay(&*self.bytes, link_by, seed, &mut |batch| messages.push(batch.read().unwrap())).unwrap();
        messages
    }

    pub(crate) fn judge(&self, link_by: LinkBy) -> Verdict {
        let mut spans = Spans::default();
        self.replay(link_by, 1).iter().for_each(|message| spans.add(message));
        let mut truth = Truth::default();
        truth.read(BufReader::new(self.truth().as_bytes()), "the truth").unwrap();
        judge(&truth, &spans).unwrap()
    }

    /// The ids of all requests.
    pub(crate) fn names(&self) -> HashSet<String> {
        let line = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap();
        let lines = self.truth();
        lines.lines().filter_map(|it| line(it)["request"].as_str().map(str::to_owned)).collect()
    }

    fn truth(&self) -> String {
        let packed = fs::read(self.folder.join("truth.jsonl.gz")).unwrap();
        let mut truth = String::new();
        MultiGzDecoder::new(&*packed).read_to_string(&mut truth).unwrap();
        truth
    }
}

/// The request ids that spans claim.
pub(crate) fn claimed(messages: &[ExportTraceServiceRequest]) -> HashSet<String> {
    let resources = messages.iter().flat_map(|message| &message.resource_spans);
    let spans = resources.flat_map(|it| &it.scope_spans).flat_map(|it| &it.spans);
    let attributes = spans.flat_map(|span| &span.attributes).filter(|it| it.key.ends_with("x-request-id"));
    attributes
        .filter_map(|it| match it.value.as_ref()?.value.as_ref()? {
            Value::ArrayValue(list) => match list.values.first()?.value.as_ref()? {
                Value::StringValue(id) => Some(id.clone()),
                _ => None,
            },
            _ => None,
        })
        .collect()
}

/// What is left of spans that do not say which request they are of, in bytes.
pub(crate) fn without_claims(mut messages: Vec<ExportTraceServiceRequest>) -> Vec<u8> {
    let resources = messages.iter_mut().flat_map(|message| &mut message.resource_spans);
    for span in resources.flat_map(|it| &mut it.scope_spans).flat_map(|it| &mut it.spans) {
        span.attributes.retain(|it| !CLAIMS.iter().any(|claim| it.key.ends_with(claim)));
    }
    serde_json::to_vec(&messages).unwrap()
}

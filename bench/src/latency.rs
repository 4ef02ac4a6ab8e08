//! How long requests took: a histogram that can be merged with others, and some of its percentiles to read.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer, Serializer as _, V2DeflateSerializer};
use serde::{Deserialize, Serialize};

/// Why a histogram cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LatencyError {
    /// The text is not base64.
    #[error("a histogram of latencies is not base64: {0}")]
    Base64(#[from] base64::DecodeError),
    /// The bytes are not an HdrHistogram.
    #[error("a histogram of latencies is not in HdrHistogram's V2 format: {0}")]
    Format(String),
    /// Two histograms do not fit into one.
    #[error("histograms of latencies cannot be merged: {0}")]
    Merge(String),
}

/// How long the requests of a phase took.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Latency {
    /// HdrHistogram in its format V2, deflated, as base64: values are microseconds.
    pub histogram: String,
    /// The middle, in microseconds.
    pub p50_us: u64,
    /// 90 % took no longer, in microseconds.
    pub p90_us: u64,
    /// 99 % took no longer, in microseconds.
    pub p99_us: u64,
    /// 99.9 % took no longer, in microseconds.
    pub p999_us: u64,
    /// The longest, in microseconds.
    pub max_us: u64,
}

impl Latency {
    /// Encodes a histogram of microseconds.
    ///
    /// # Errors
    /// When the histogram cannot be encoded, which would be a defect of that library.
    pub fn of(histogram: &Histogram<u64>) -> Result<Self, LatencyError> {
        let mut bytes = Vec::new();
        V2DeflateSerializer::new()
            .serialize(histogram, &mut bytes)
            .map_err(|error| LatencyError::Format(error.to_string()))?;
        let at = |quantile| histogram.value_at_quantile(quantile);
        Ok(Self {
            histogram: STANDARD.encode(bytes),
            p50_us: at(0.5),
            p90_us: at(0.9),
            p99_us: at(0.99),
            p999_us: at(0.999),
            max_us: histogram.max(),
        })
    }

    /// The histogram, of microseconds.
    ///
    /// # Errors
    /// When the text is not what [`Latency::of`] writes.
    pub fn decode(&self) -> Result<Histogram<u64>, LatencyError> {
        let bytes = STANDARD.decode(&self.histogram)?;
        Deserializer::new().deserialize(&mut bytes.as_slice()).map_err(|error| LatencyError::Format(error.to_string()))
    }
}

/// All in one. None of none.
///
/// # Errors
/// When a histogram cannot be read.
pub fn merge<'a>(parts: impl IntoIterator<Item = &'a Latency>) -> Result<Option<Histogram<u64>>, LatencyError> {
    let mut all: Option<Histogram<u64>> = None;
    for part in parts {
        let next = part.decode()?;
        match &mut all {
            Some(all) => {
                all.auto(true);
                all.add(next).map_err(|error| LatencyError::Merge(error.to_string()))?;
            }
            None => all = Some(next),
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram(values: impl IntoIterator<Item = u64>) -> Histogram<u64> {
        let mut histogram = Histogram::new(3).unwrap();
        for value in values {
            histogram.record(value).unwrap();
        }
        histogram
    }

    #[test]
    fn what_is_encoded_is_read_again() {
        let original = histogram(1..=1000);
        let latency = Latency::of(&original).unwrap();
        assert_eq!(latency.decode().unwrap(), original);
        assert_eq!((latency.p50_us, latency.p90_us, latency.p99_us, latency.max_us), (500, 900, 990, 1000));
    }

    #[test]
    fn merging_is_as_if_all_were_recorded_in_one() {
        let parts = [Latency::of(&histogram(1..=100)).unwrap(), Latency::of(&histogram(50_000..=50_099)).unwrap()];
        let all = merge(&parts).unwrap().unwrap();
        assert_eq!(all, histogram((1..=100).chain(50_000..=50_099)));
        assert!(merge(&[]).unwrap().is_none());
    }

    #[test]
    fn what_is_no_histogram_is_refused_with_a_reason() {
        let broken = |text: &str| Latency { histogram: text.into(), ..Latency::default() }.decode().unwrap_err();
        assert!(matches!(broken("!"), LatencyError::Base64(_)));
        assert!(broken("AAAA").to_string().contains("HdrHistogram"), "{}", broken("AAAA"));
    }
}

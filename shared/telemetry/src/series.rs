//! Series of a histogram that are looked up once: a request's metrics hash no attributes.
//!
//! Each operation of a program (a route, a method, a statement) is known by its name, which is kept for the life of the
//! process, and beside it stands what was recorded for it so far: one series for each outcome that it had.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use foldhash::fast::RandomState;
use opentelemetry::KeyValue;
use opentelemetry::metrics::{BoundHistogram, Histogram};

/// Most outcomes of one operation that are remembered; what comes beyond is looked up by its attributes each time.
const MOST_OUTCOMES: usize = 64;

/// Most operations of a kind that are remembered. A program has some dozens.
const MOST_OPERATIONS: usize = 1_024;

/// What a histogram holds for one operation, by its outcome.
#[derive(Debug)]
pub(crate) struct Series<K> {
    known: RwLock<Vec<(K, BoundHistogram<f64>)>>,
}

impl<K> Default for Series<K> {
    fn default() -> Self {
        Self { known: RwLock::default() }
    }
}

impl<K> Series<K> {
    /// Records a duration. `is` knows the outcome; `make` is asked for it, and for its attributes, when it is met for the
    /// first time.
    pub(crate) fn record(
        &self,
        histogram: &Histogram<f64>,
        elapsed: Duration,
        is: impl Fn(&K) -> bool,
        make: impl FnOnce() -> (K, Vec<KeyValue>),
    ) {
        let seconds = elapsed.as_secs_f64();
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, series)) = known.iter().find(|(outcome, _)| is(outcome)) {
            series.record(seconds);
            return;
        }
        drop(known);
        let (outcome, attributes) = make();
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() < MOST_OUTCOMES {
            // Met twice at the same time, it stands here twice; both are the same series of the histogram.
            let series = histogram.bind(&attributes);
            series.record(seconds);
            known.push((outcome, series));
        } else {
            drop(known);
            histogram.record(seconds, &attributes);
        }
    }
}

/// Operations by their names, for the life of the process.
#[derive(Debug)]
pub(crate) struct Known<T: 'static> {
    by_name: RwLock<HashMap<&'static str, &'static T, RandomState>>,
}

impl<T> Default for Known<T> {
    fn default() -> Self {
        Self { by_name: RwLock::default() }
    }
}

impl<T> Known<T> {
    /// The operation of this name, if it was met before.
    pub(crate) fn get(&self, name: &str) -> Option<&'static T> {
        self.by_name.read().unwrap_or_else(PoisonError::into_inner).get(name).copied()
    }

    /// The operation of this name, made by `make` when it is met for the first time. None when there are too many.
    pub(crate) fn get_or_make(&self, name: &str, make: impl FnOnce(&'static str) -> T) -> Option<&'static T> {
        if let Some(operation) = self.get(name) {
            return Some(operation);
        }
        let mut by_name = self.by_name.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(operation) = by_name.get(name) {
            return Some(operation);
        }
        if by_name.len() >= MOST_OPERATIONS {
            return None;
        }
        // Never freed, and bounded: so spans and series hold these names without counting who does.
        let name: &'static str = Box::leak(name.into());
        let operation: &'static T = Box::leak(Box::new(make(name)));
        by_name.insert(name, operation);
        Some(operation)
    }
}

/// A text that is kept for the life of the process. For the few that [`Known`] holds, and never for a caller's.
pub(crate) fn for_good(text: String) -> &'static str {
    Box::leak(text.into_boxed_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_met_once_and_are_bounded() {
        let known = Known::default();
        let mut made = 0;
        for _ in 0..2 {
            let operation = known.get_or_make("GET /books", |name| {
                made += 1;
                name.len()
            });
            assert_eq!(operation, Some(&10));
        }
        assert_eq!(made, 1);
        assert_eq!(known.get("GET /authors"), None);
        for number in 0..2 * MOST_OPERATIONS {
            known.get_or_make(&number.to_string(), str::len);
        }
        assert_eq!(known.by_name.read().unwrap().len(), MOST_OPERATIONS);
    }
}

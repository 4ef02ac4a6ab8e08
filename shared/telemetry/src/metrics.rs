//! Named instruments: constants of the services, made when first used.

use std::sync::OnceLock;

use opentelemetry::metrics::Meter;
use opentelemetry::{KeyValue, metrics as api};

use crate::live;

macro_rules! instrument {
    ($(#[$doc:meta])* $name:ident, $method:ident, $value:ty, $make:ident) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name {
            name: &'static str,
            unit: &'static str,
            help: &'static str,
            made: OnceLock<api::$name<$value>>,
        }

        impl $name {
            /// An instrument of this name, unit (UCUM) and help text.
            pub const fn new(name: &'static str, unit: &'static str, help: &'static str) -> Self {
                Self { name, unit, help, made: OnceLock::new() }
            }

            /// Records a value. Attribute values must be few: each combination is a series of its own.
            pub fn $method(&self, value: $value, attributes: &[(&'static str, &str)]) {
                let Some(live) = live::get() else { return };
                let make = |meter: &Meter| {
                    meter.$make(self.name).with_unit(self.unit).with_description(self.help).build()
                };
                self.made.get_or_init(|| make(&live.meter)).$method(value, &key_values(attributes));
            }
        }
    };
}

instrument!(
    /// A sum that only grows.
    Counter, add, u64, u64_counter
);
instrument!(
    /// A sum that grows and shrinks.
    UpDownCounter, add, i64, i64_up_down_counter
);
instrument!(
    /// A value that is what it was last set to.
    Gauge, record, i64, i64_gauge
);

/// A distribution.
#[derive(Debug)]
pub struct Histogram {
    name: &'static str,
    unit: &'static str,
    help: &'static str,
    boundaries: &'static [f64],
    made: OnceLock<api::Histogram<f64>>,
}

impl Histogram {
    /// An instrument of this name, unit (UCUM) and help text, with the SDK's bucket boundaries.
    pub const fn new(name: &'static str, unit: &'static str, help: &'static str) -> Self {
        Self { name, unit, help, boundaries: &[], made: OnceLock::new() }
    }

    /// The same with bucket boundaries of its own, in its unit.
    #[must_use]
    pub const fn with_boundaries(mut self, boundaries: &'static [f64]) -> Self {
        self.boundaries = boundaries;
        self
    }

    /// Records a value. Attribute values must be few: each combination is a series of its own.
    pub fn record(&self, value: f64, attributes: &[(&'static str, &str)]) {
        let Some(live) = live::get() else { return };
        let make = || {
            let builder = live.meter.f64_histogram(self.name).with_unit(self.unit).with_description(self.help);
            if self.boundaries.is_empty() {
                builder.build()
            } else {
                builder.with_boundaries(self.boundaries.to_vec()).build()
            }
        };
        self.made.get_or_init(make).record(value, &key_values(attributes));
    }
}

fn key_values(attributes: &[(&'static str, &str)]) -> Vec<KeyValue> {
    attributes.iter().map(|(key, value)| KeyValue::new(*key, (*value).to_owned())).collect()
}

//! What each service must have sent after customers have shopped: the rows of `expected-signals.tsv`.

use std::sync::LazyLock;

/// A span, metric or log that a service sends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Signal {
    /// `service.name`.
    pub service: &'static str,
    /// `span`, `metric` or `log`.
    pub signal: &'static str,
    /// Its name. A span of a protocol goes by the protocol and side (`http.server`, `grpc.client`, `sql`); `*` is any.
    pub name: &'static str,
    /// A span's kind; a metric's instrument and unit.
    pub kind: &'static str,
    /// What it shows.
    pub shows: &'static str,
}

static SIGNALS: LazyLock<Vec<Signal>> = LazyLock::new(|| parse(include_str!("../../expected-signals.tsv")));

/// The signals, service by service.
#[must_use]
pub fn signals() -> &'static [Signal] {
    &SIGNALS
}

fn parse(table: &'static str) -> Vec<Signal> {
    let rows = table.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    rows.filter_map(|row| {
        let columns: Vec<_> = row.split('\t').collect();
        let [service, signal, name, kind, shows] = columns[..] else { return None };
        Some(Signal { service, signal, name, kind, shows })
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_table_is_read() {
        let rows = include_str!("../../expected-signals.tsv").lines().filter(|line| !line.starts_with('#')).count();
        assert_eq!(signals().len(), rows);
    }
}

//! Faults in words, for who has to find them.

use crate::forest::Above;
use crate::identity::Identity;
use crate::spans::{Shape, Span, Spans};
use crate::truth::{Operation, Role, Truth};

/// Names spans and operations.
#[derive(Clone, Copy)]
pub(crate) struct Words<'a> {
    pub(crate) truth: &'a Truth,
    pub(crate) spans: &'a Spans,
    pub(crate) identities: &'a [Identity],
}

impl Words<'_> {
    /// `statement 1.2.3 of request r (catalog)`.
    pub(crate) fn operation(&self, number: u32) -> String {
        let operation = self.truth.operation(number);
        format!(
            "{} of request {} ({})",
            self.place(operation),
            self.text(operation.request),
            self.text(operation.service)
        )
    }

    /// The same with its name.
    pub(crate) fn missing(&self, number: u32) -> String {
        let name = self.text(self.truth.operation(number).name);
        let operation = self.operation(number);
        if name.is_empty() { operation } else { format!("{operation}: {}", shortened(name)) }
    }

    /// What a span is, as far as it is known.
    pub(crate) fn span(&self, at: usize) -> String {
        match self.identities[at] {
            Identity::Operation(number) => self.operation(number),
            Identity::Inside(hop) => format!("internal {} in {}", self.name(at), self.operation(hop)),
            Identity::Background => format!("{} of background work", self.bare(at)),
            Identity::Stranger => format!("{} of a request that the truth does not know", self.bare(at)),
            Identity::Unknown => self.bare(at),
        }
    }

    /// Kind, name and service, as the span itself has them.
    pub(crate) fn bare(&self, at: usize) -> String {
        let span = &self.spans.spans[at];
        let service = self.spans.names.get(span.service);
        format!("{} {} ({})", shape(span), self.name(at), if service.is_empty() { "no service" } else { service })
    }

    pub(crate) fn hangs_under(&self, at: usize, above: usize) -> String {
        format!("{} hangs under {}", self.span(at), self.span(above))
    }

    pub(crate) fn misplaced(&self, at: usize, above: usize, expected: Option<u32>) -> String {
        let fault = self.hangs_under(at, above);
        let Some(expected) = expected else { return format!("{fault}, but came from outside") };
        let place = self.place(self.truth.operation(expected));
        format!("{fault}, not under its own {place}")
    }

    pub(crate) fn unlinked(&self, at: usize, above: Above) -> String {
        let why = match above {
            Above::Gone => "has a parent that is not among the spans",
            Above::Cycle => "has itself above it",
            Above::Nobody | Above::Span(_) => "has no parent",
        };
        format!("{} {why}", self.span(at))
    }

    fn place(&self, operation: &Operation) -> String {
        let role = match operation.role {
            Role::Server => "server",
            Role::Client => "client",
            Role::Statement => "statement",
        };
        format!("{role} {}", self.text(operation.hop))
    }

    fn name(&self, at: usize) -> String {
        format!("“{}”", shortened(self.spans.names.get(self.spans.spans[at].name)))
    }

    fn text(&self, text: crate::names::Text) -> &str {
        self.truth.names.get(text)
    }
}

/// The kind of a span, as reports call it.
pub(crate) fn shape(span: &Span) -> &'static str {
    match span.shape {
        Shape::Server => "server",
        Shape::Client => "client",
        Shape::Database => "database",
        Shape::Internal => "internal",
        Shape::Other => "other",
    }
}

/// Statements can be long.
fn shortened(text: &str) -> String {
    const MOST: usize = 60;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

//! Which spans are made of what nobody wants to see ([`noise`](crate::noise)), and of what hangs below it.

use std::collections::VecDeque;

use foldhash::HashSet;

use super::{LocalSpan, ServerId};

/// Spans that are remembered: many more than are open at once.
const MOST: usize = 16_384;

/// The numbers of such spans.
#[derive(Debug, Default)]
pub(crate) struct Quiet {
    known: HashSet<ServerId>,
    oldest: VecDeque<ServerId>,
}

impl Quiet {
    /// This span is one.
    pub(crate) fn add(&mut self, id: ServerId) {
        if self.oldest.len() == MOST
            && let Some(id) = self.oldest.pop_front()
        {
            self.known.remove(&id);
        }
        if self.known.insert(id) {
            self.oldest.push_back(id);
        }
    }

    /// Whether a span is one, or is below one: what a probe asks of a database is as little of interest.
    pub(crate) fn covers(&self, span: &LocalSpan) -> bool {
        self.known.contains(&span.id) || span.parent.is_some_and(|parent| self.known.contains(&parent))
    }
}

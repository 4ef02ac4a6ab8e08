//! The statements behind names: of prepared statements, or of portals.

use std::collections::BTreeMap;
use std::sync::Arc;

use foldhash::HashMap;

use crate::wire::sql::Statement;

/// What all statements of one connection may take, for prepared ones and for portals each: 500 of the longest.
const BYTES: usize = 4 << 20;

/// Names and statements, so many and no more: the oldest names go.
#[derive(Debug)]
pub(super) struct Names {
    most: usize,
    /// The one with the empty name. The server keeps it apart too: it is replaced without being closed.
    unnamed: Option<Arc<Statement>>,
    named: HashMap<Box<[u8]>, (u64, Arc<Statement>)>,
    /// By age.
    ages: BTreeMap<u64, Box<[u8]>>,
    next_age: u64,
    /// Of the named ones.
    bytes: usize,
}

impl Names {
    /// At most `most` names.
    pub(super) fn new(most: usize) -> Self {
        Self { most, unnamed: None, named: HashMap::default(), ages: BTreeMap::new(), next_age: 0, bytes: 0 }
    }

    pub(super) fn get(&self, name: &[u8]) -> Option<Arc<Statement>> {
        if name.is_empty() {
            self.unnamed.clone()
        } else {
            self.named.get(name).map(|(_, statement)| Arc::clone(statement))
        }
    }

    /// The name means this statement from now on, or one that is not known.
    pub(super) fn set(&mut self, name: &[u8], statement: Option<Arc<Statement>>) {
        if name.is_empty() {
            self.unnamed = statement;
            return;
        }
        self.remove(name);
        let Some(statement) = statement else { return };
        self.bytes = self.bytes.saturating_add(statement.size());
        self.ages.insert(self.next_age, name.into());
        self.named.insert(name.into(), (self.next_age, statement));
        self.next_age = self.next_age.wrapping_add(1);
        while self.named.len() > self.most || self.bytes > BYTES {
            let Some((_, oldest)) = self.ages.pop_first() else { break };
            self.remove(&oldest);
        }
    }

    pub(super) fn remove(&mut self, name: &[u8]) {
        if name.is_empty() {
            self.unnamed = None;
        } else if let Some((age, statement)) = self.named.remove(name) {
            self.ages.remove(&age);
            self.bytes = self.bytes.saturating_sub(statement.size());
        }
    }

    pub(super) fn clear(&mut self) {
        *self = Self::new(self.most);
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.named.len()
    }
}

#[cfg(test)]
mod tests {
    use super::{Arc, BYTES, Names, Statement};

    fn statement(text: &str) -> Arc<Statement> {
        Arc::new(Statement { text: text.to_owned(), ..Statement::default() })
    }

    #[test]
    fn the_oldest_go() {
        let mut names = Names::new(2);
        for (name, text) in [("a", "1"), ("b", "2"), ("a", "3"), ("c", "4"), ("", "5")] {
            names.set(name.as_bytes(), Some(statement(text)));
        }
        let text = |name: &str| names.get(name.as_bytes()).map(|statement| statement.text.clone());
        assert_eq!(text("a").as_deref(), Some("3"));
        assert_eq!(text("b"), None);
        assert_eq!(text("c").as_deref(), Some("4"));
        assert_eq!(text("").as_deref(), Some("5"));
        assert_eq!((names.bytes, names.ages.len()), (2 * statement("3").size(), 2));
        names.set(b"a", None);
        names.remove(b"c");
        assert_eq!((names.bytes, names.ages.len(), names.len()), (0, 0, 0));
    }

    #[test]
    fn long_texts_push_out_more_than_one() {
        let mut names = Names::new(100);
        let text = statement(&"x".repeat(BYTES / 4 - 500));
        for name in 0..10_u8 {
            names.set(&[b'n', name], Some(Arc::clone(&text)));
        }
        assert_eq!(names.len(), 4);
        assert!(names.get(&[b'n', 9]).is_some());
        names.set(b"n", Some(statement(&"x".repeat(BYTES))));
        assert_eq!((names.len(), names.bytes), (0, 0));
    }
}

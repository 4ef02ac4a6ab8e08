//! What is remembered for a while, and then forgotten.

use std::hash::Hash;

use foldhash::HashMap;

/// Entries of a half: seven eighths of a power of two, which is how full a table gets before it grows. As many
/// come in five seconds where 5,700 requests a second are served.
const MOST_OF_A_HALF: usize = 28_672;

/// A map that forgets: what was put in stays until as much time has passed as a half lasts, and is gone after twice that.
///
/// Two halves take turns, so that forgetting costs nothing, neither a queue with the times nor a look at each entry: the older
/// half goes as a whole. One that is full goes before its time.
#[derive(Debug)]
pub(super) struct Recent<K, V> {
    half: u64,
    younger: HashMap<K, V>,
    older: HashMap<K, V>,
    /// When it was time last.
    since: u64,
    /// They took turns since then, because one was full.
    early: bool,
}

impl<K: Eq + Hash, V: Copy> Recent<K, V> {
    /// An empty one. `half` is how long a half lasts, in nanoseconds.
    pub(super) fn new(half: u64) -> Self {
        Self { half, younger: HashMap::default(), older: HashMap::default(), since: 0, early: false }
    }

    pub(super) fn insert(&mut self, key: K, value: V) {
        if self.younger.len() >= MOST_OF_A_HALF {
            self.turn();
            self.early = true;
        }
        self.younger.insert(key, value);
    }

    pub(super) fn get(&self, key: &K) -> Option<V> {
        self.younger.get(key).or_else(|| self.older.get(key)).copied()
    }

    pub(super) fn remove(&mut self, key: &K) -> Option<V> {
        // One that was put in again is in both.
        let older = self.older.remove(key);
        self.younger.remove(key).or(older)
    }

    /// It is this late now.
    pub(super) fn forget(&mut self, now: u64) {
        if now.saturating_sub(self.since) >= self.half {
            self.since = now;
            // What came since the last time would be gone too soon.
            if !std::mem::take(&mut self.early) {
                self.turn();
            }
        }
    }

    fn turn(&mut self) {
        std::mem::swap(&mut self.younger, &mut self.older);
        self.younger.clear();
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.younger.is_empty() && self.older.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_in_stays_for_a_half_and_is_gone_after_two() {
        let mut recent = Recent::new(10);
        recent.forget(100);
        recent.insert(1, 'a');
        recent.forget(109);
        recent.insert(2, 'b');
        recent.forget(110);
        recent.insert(1, 'c');
        assert_eq!((recent.get(&1), recent.get(&2)), (Some('c'), Some('b')));
        recent.forget(119);
        assert_eq!(recent.get(&2), Some('b'));
        recent.forget(120);
        assert_eq!((recent.get(&1), recent.get(&2)), (Some('c'), None));
        assert_eq!((recent.remove(&1), recent.get(&1)), (Some('c'), None));
    }

    #[test]
    fn removed_is_removed_from_both_halves() {
        let mut recent = Recent::new(10);
        recent.insert(1, 'a');
        recent.forget(10);
        recent.insert(1, 'b');
        assert_eq!((recent.remove(&1), recent.remove(&1)), (Some('b'), None));
    }

    #[test]
    fn it_has_two_full_halves_at_most() {
        let mut recent = Recent::new(10);
        let most = 3 * MOST_OF_A_HALF;
        for key in 0..most {
            recent.insert(key, ());
            assert!(recent.younger.len() + recent.older.len() <= 2 * MOST_OF_A_HALF);
        }
        assert_eq!((recent.get(&(most - 1)), recent.get(&0)), (Some(()), None));
        recent.forget(10);
        recent.insert(most, ());
        recent.forget(20);
        assert_eq!((recent.get(&(most - 1)), recent.get(&most)), (Some(()), Some(())));
    }
}

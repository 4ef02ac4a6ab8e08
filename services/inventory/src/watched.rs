//! Who watches which book.
//!
//! Every book that somebody watches has one channel that holds its newest level: a reader that is slow misses levels
//! in between but never the last. Levels come from transactions that end in any order and from several instances of the
//! service; each bears the version of its row, and an older one never replaces a newer. Who wants to watch subscribes
//! first and reads the level then, so no change falls between the two.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::error::Error;
use crate::metrics;
use crate::model::Level;

/// The books that are watched.
pub(crate) struct Watched {
    most_watchers: usize,
    books: Mutex<Books>,
}

#[derive(Default)]
struct Books {
    /// The service is being stopped: nobody watches any more.
    closed: bool,
    /// Of all books together.
    watchers: usize,
    channels: HashMap<i64, Channel>,
}

struct Channel {
    watchers: usize,
    newest: watch::Sender<Option<Level>>,
}

impl Watched {
    pub(crate) fn new(most_watchers: usize) -> Self {
        Self { most_watchers, books: Mutex::default() }
    }

    /// Begins to watch a book.
    pub(crate) fn subscribe(self: &Arc<Self>, book_id: i64) -> Result<Watcher, Error> {
        let mut books = self.lock();
        if books.closed {
            return Err(Error::ShuttingDown);
        }
        if books.watchers >= self.most_watchers {
            return Err(Error::TooManyWatchers);
        }
        books.watchers += 1;
        let channel =
            books.channels.entry(book_id).or_insert_with(|| Channel { watchers: 0, newest: watch::Sender::new(None) });
        channel.watchers += 1;
        let mut newest = channel.newest.subscribe();
        newest.mark_changed();
        metrics::watchers(1);
        Ok(Watcher { book_id, newest, watched: Arc::clone(self) })
    }

    /// Tells levels to those who watch these books.
    pub(crate) fn publish(&self, levels: &[Level]) {
        let books = self.lock();
        if books.channels.is_empty() {
            return;
        }
        for level in levels {
            if let Some(channel) = books.channels.get(&level.book_id) {
                channel.newest.send_if_modified(|newest| {
                    // The same version with other numbers: somebody repaired the row by hand.
                    let newer = newest.is_none_or(|newest| {
                        newest.version < level.version || newest.version == level.version && newest != *level
                    });
                    if newer {
                        *newest = Some(*level);
                    }
                    newer
                });
            }
        }
    }

    /// The books that are watched now.
    pub(crate) fn book_ids(&self) -> Vec<i64> {
        self.lock().channels.keys().copied().collect()
    }

    /// Ends every stream and lets no new one begin.
    pub(crate) fn close(&self) {
        let mut books = self.lock();
        books.closed = true;
        books.channels.clear();
    }

    fn lock(&self) -> MutexGuard<'_, Books> {
        // Nothing in here panics half way through a change.
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One who watches a book, until dropped.
pub(crate) struct Watcher {
    book_id: i64,
    newest: watch::Receiver<Option<Level>>,
    watched: Arc<Watched>,
}

impl Watcher {
    /// The newest level, once there is one that this watcher has not seen; none when the service is being stopped.
    pub(crate) async fn next(&mut self) -> Option<Level> {
        loop {
            self.newest.changed().await.ok()?;
            if let Some(level) = *self.newest.borrow_and_update() {
                return Some(level);
            }
        }
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        metrics::watchers(-1);
        let mut books = self.watched.lock();
        books.watchers -= 1;
        if let Entry::Occupied(mut channel) = books.channels.entry(self.book_id) {
            channel.get_mut().watchers -= 1;
            if channel.get().watchers == 0 {
                channel.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(version: i64) -> Level {
        Level { version, on_hand: version * 10, ..Level::none(7) }
    }

    #[tokio::test]
    async fn an_older_level_never_follows_a_newer() {
        let watched = Arc::new(Watched::new(8));
        let mut watcher = watched.subscribe(7).unwrap();
        watched.publish(&[level(2)]);
        watched.publish(&[level(1)]);
        assert_eq!(watcher.next().await, Some(level(2)));
        watched.publish(&[level(1)]);
        watched.publish(&[level(3)]);
        watched.publish(&[level(4)]);
        assert_eq!(watcher.next().await, Some(level(4)));
    }

    #[tokio::test]
    async fn a_second_watcher_gets_what_the_first_has_seen() {
        let watched = Arc::new(Watched::new(8));
        let mut first = watched.subscribe(7).unwrap();
        watched.publish(&[level(1)]);
        assert_eq!(first.next().await, Some(level(1)));
        let mut second = watched.subscribe(7).unwrap();
        assert_eq!(second.next().await, Some(level(1)));
    }

    #[test]
    fn who_goes_makes_room() {
        let watched = Arc::new(Watched::new(2));
        let first = watched.subscribe(7).unwrap();
        let second = watched.subscribe(7).unwrap();
        assert!(matches!(watched.subscribe(8), Err(Error::TooManyWatchers)));
        drop(first);
        assert_eq!(watched.book_ids(), [7]);
        drop(second);
        assert_eq!(watched.book_ids(), [] as [i64; 0]);
        assert!(watched.subscribe(8).is_ok());
    }

    #[tokio::test]
    async fn closing_ends_all() {
        let watched = Arc::new(Watched::new(8));
        let mut watcher = watched.subscribe(7).unwrap();
        watched.close();
        assert_eq!(watcher.next().await, None);
        assert!(matches!(watched.subscribe(7), Err(Error::ShuttingDown)));
    }
}

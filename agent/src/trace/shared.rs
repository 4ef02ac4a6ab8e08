//! Which connection the streams are of that tasks are seen to read.
//!
//! A task that reads a stream's body shows the stream's number and an address that all streams of its connection have in
//! common. Which connection that is shows by itself: it is one that has such a stream open each time. As long as all
//! connections of the process can be read, that is certain. One that cannot (TLS) may be of HTTP/2 as well, and
//! have a stream of the same number by chance: then it takes more.

use foldhash::HashMap;

/// Addresses that are kept.
const MOST: usize = 4_096;

/// How often in a row the one connection must have had the stream, where there are connections that cannot be read.
const OFTEN: u32 = 8;

/// Addresses, and what they may stand for.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    addresses: HashMap<u64, Candidates>,
    /// How often either half of a key could be the number of a stream, and the other could not.
    halves: [u64; 2],
}

/// What an address may stand for.
#[derive(Debug)]
struct Candidates {
    sockets: Vec<u64>,
    /// How often the one that is left had the stream that was read.
    hits: u32,
}

/// What there is, when a stream is read.
pub(crate) struct Scene<F> {
    /// The connections that have a stream of this number open.
    pub(crate) open: F,
    /// Some connection of the process cannot be read.
    pub(crate) has_strangers: bool,
}

impl Shared {
    /// The connection and stream that a task reads, if there is no doubt.
    pub(crate) fn stream<F: Fn(u64) -> Vec<u64>>(
        &mut self,
        shared: u64,
        key: [u32; 2],
        scene: &Scene<F>,
    ) -> Option<(u64, u64)> {
        let half = self.half(key)?;
        let stream = u64::from(key[half]);
        let now = (scene.open)(stream);
        if now.is_empty() {
            return None;
        }
        if self.addresses.len() >= MOST && !self.addresses.contains_key(&shared) {
            self.addresses.clear();
        }
        // What is another address's for certain is not this one's: two connections that are used in step have the same
        // streams open. Among strangers nothing is another's for certain.
        let taken: Vec<u64> = self
            .addresses
            .iter()
            .filter(|(address, candidates)| **address != shared && candidates.sockets.len() == 1)
            .filter_map(|(_, candidates)| candidates.sockets.first().copied())
            .collect();
        let candidates = self.addresses.entry(shared).or_insert_with(|| Candidates { sockets: now.clone(), hits: 0 });
        let is_free = |socket: &u64| scene.has_strangers || !taken.contains(socket);
        candidates.sockets.retain(|socket| now.contains(socket) && is_free(socket));
        match candidates.sockets[..] {
            [socket] => {
                candidates.hits = candidates.hits.saturating_add(1);
                let is_certain = !scene.has_strangers || (candidates.hits >= OFTEN && !taken.contains(&socket));
                is_certain.then_some((socket, stream))
            }
            [] => {
                // The address is another connection's by now, or the stream is not known.
                self.addresses.remove(&shared);
                None
            }
            _ => None,
        }
    }

    /// The same for what was read before it was clear: by what is known now, which nothing is concluded from.
    pub(crate) fn earlier(&self, shared: u64, key: [u32; 2]) -> Option<u64> {
        self.addresses.get(&shared)?;
        let [first, second] = self.halves;
        Some(u64::from(key[usize::from(second > first)]))
    }

    /// Whether an address is another connection's than this one, for all that is known.
    pub(crate) fn is_of_another(&self, shared: u64, socket: u64) -> bool {
        self.addresses.get(&shared).is_some_and(|candidates| !candidates.sockets.contains(&socket))
    }

    /// A connection is closed.
    pub(crate) fn forget(&mut self, socket: u64) {
        self.addresses.retain(|_, candidates| !candidates.sockets.contains(&socket));
    }

    /// Which half of the key is the number of the stream; the other is its place in a list. Clients number their streams
    /// with odd numbers (RFC 9113, 5.1.1), and a list has even places as well.
    fn half(&mut self, key: [u32; 2]) -> Option<usize> {
        let [first, second] = key.map(|half| half % 2);
        self.halves[0] += u64::from(first > second);
        self.halves[1] += u64::from(second > first);
        let [first, second] = self.halves;
        (first != second).then_some(usize::from(second > first))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads streams of one address, on the given connections; gives what was concluded of each.
    fn read(
        shared: &mut Shared,
        address: u64,
        streams: &[u32],
        open: &[u64],
        has_strangers: bool,
    ) -> Vec<Option<(u64, u64)>> {
        let now = |stream: u64| if stream == 0 { Vec::new() } else { open.to_vec() };
        let scene = Scene { open: now, has_strangers };
        streams.iter().map(|stream| shared.stream(address, [0, *stream], &scene)).collect()
    }

    #[test]
    fn where_all_can_be_read_the_one_that_is_left_is_it() {
        let mut shared = Shared::default();
        assert_eq!(read(&mut shared, 1, &[7], &[70], false), [Some((70, 7))]);
        assert_eq!(read(&mut shared, 1, &[9], &[70, 71], false), [Some((70, 9))]);
        assert_eq!(read(&mut shared, 2, &[9], &[70, 71], false), [Some((71, 9))], "70 is taken");
    }

    #[test]
    fn beside_one_that_cannot_be_read_it_has_to_fit_often_and_be_claimed_once() {
        let mut shared = Shared::default();
        let found = read(&mut shared, 1, &[1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21], &[70], true);
        assert_eq!(found.iter().position(Option::is_some), Some(7), "{found:?}");
        // Another address that is used in step claims the same connection: neither is it for certain.
        assert!(
            read(&mut shared, 2, &[1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21], &[70], true).iter().all(Option::is_none)
        );
        assert!(read(&mut shared, 1, &[23], &[70], true)[0].is_none());
    }
}

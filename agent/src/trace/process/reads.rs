//! Tasks read streams of HTTP/2: of a server's connection they serve the request, of a client's they asked.

use crate::wire::Exchange;

use super::{Process, Protocol, Side, Socket, TaskId, Watched};
use crate::trace::process::Out;
use crate::trace::server::Served;
use crate::trace::shared::Scene;

/// Reads that are kept until it is clear which connection they are of.
const MOST_UNCLEAR: usize = 512;

/// A task read the body of a stream of HTTP/2 (`What::Stream`).
#[derive(Clone, Copy)]
pub(super) struct Read {
    pub(super) task: TaskId,
    pub(super) time: u64,
    pub(super) shared: u64,
    pub(super) key: [u32; 2],
}

impl Process {
    /// A task reads the body of a stream: the answer is for whomever it works for. Which connection the stream is of may be
    /// clear only later; then it counts for what was read before, too.
    pub(super) fn reads_stream(&mut self, read: Read, out: &mut Out<'_>) {
        let Some((socket, stream)) = self.stream_of(read) else {
            if self.unclear.len() == MOST_UNCLEAR {
                self.unclear.pop_front();
            }
            self.unclear.push_back(read);
            return;
        };
        self.stream_is_read(socket, stream, read, out);
        let mut unclear = std::mem::take(&mut self.unclear);
        unclear.retain(|earlier| {
            let stream = self.shared.earlier(earlier.shared, earlier.key).filter(|_| earlier.shared == read.shared);
            if let Some(stream) = stream {
                self.stream_is_read(socket, stream, *earlier, out);
            }
            stream.is_none()
        });
        self.unclear = unclear;
    }

    /// Which connection and stream was read, if that is clear.
    fn stream_of(&mut self, read: Read) -> Option<(Socket, Exchange)> {
        let connections = &self.connections;
        let since = self.tasks.works_since(read.task, read.time);
        let open = |stream: u64| {
            let has = |watched: &Watched| {
                matches!(watched.connection.protocol, Protocol::Http2(_))
                    && (watched.client.may_be_read(stream, since) || watched.server.has_stream(stream))
            };
            connections.iter().filter(|(_, watched)| has(watched)).map(|(socket, _)| *socket).collect()
        };
        let is_stranger =
            |watched: &Watched| matches!(watched.connection.protocol, Protocol::Opaque | Protocol::Unknown(_));
        let has_strangers = connections.values().any(is_stranger);
        self.shared.stream(read.shared, read.key, &Scene { open, has_strangers })
    }

    fn stream_is_read(&mut self, socket: Socket, stream: Exchange, Read { task, time, .. }: Read, out: &mut Out<'_>) {
        let Some(watched) = self.connections.get_mut(&socket) else { return };
        if watched.connection.side == Side::Server {
            // Whoever reads a request's body serves it; the connection's own task may drop what is not wanted.
            if !self.spawns_for.contains_key(&task)
                && let Some(Served { server, start, end }) = watched.server.read_by(stream, task)
            {
                self.tasks.serves_instead(task, server, start);
                if let Some(end) = end {
                    self.tasks.served(task, server, end);
                }
            }
        } else if let Some(caller) = self.tasks.request(task, time) {
            watched.client.stream_is_read(stream, caller, out);
        }
    }
}

//! How customers come to the shop: over TCP, or as a test has it.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::target::Target;
use crate::timer::Timer;

/// Makes connections.
///
/// [`Tcp`] is the one for use; tests put pipes in its place, and with them a clock that they stop.
pub trait Network: Clone + Send + Sync + 'static {
    /// A connection.
    type Stream: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static;

    /// Makes one.
    fn connect(&self) -> impl Future<Output = io::Result<Self::Stream>> + Send;

    /// What waits for a moment. Tokio's own waits follow tokio's clock, and are up to a millisecond late.
    fn timer(&self) -> Timer {
        Timer::tokio()
    }
}

/// TCP to addresses that were looked up once.
#[derive(Clone, Debug)]
pub struct Tcp(Arc<[SocketAddr]>);

impl Tcp {
    /// Looks up the target's addresses.
    ///
    /// # Errors
    /// When its name stands for none.
    pub async fn to(target: &Target) -> io::Result<Self> {
        Ok(Self(target.resolve().await?.into()))
    }
}

impl Network for Tcp {
    type Stream = TokioIo<TcpStream>;

    async fn connect(&self) -> io::Result<Self::Stream> {
        let stream = TcpStream::connect(&*self.0).await?;
        // A request is written whole; waiting for more would only be late (Nagle's algorithm).
        stream.set_nodelay(true)?;
        Ok(TokioIo::new(stream))
    }

    fn timer(&self) -> Timer {
        Timer::precise()
    }
}

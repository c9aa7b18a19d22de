//! The two connections of a session and their buffers.
//!
//! Buffer discipline: one buffer a direction and side, read in bursts, everything that a burst gives
//! is handled before anything is written, and what came out leaves in one write. A query costs six
//! system calls (two receives, two sends, two waits). Buffers grow with what arrives and are given
//! back when a session is idle.

use std::{
    future::{Future, poll_fn},
    io,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWrite};

use crate::wire::stream::Stream;

/// Size of a read.
const CHUNK: usize = 16 * 1024;

/// With so much waiting to be written to one side, nothing more is read from the other.
pub const HIGH_WATER: usize = 256 * 1024;

/// One side of a session.
#[derive(Debug)]
pub struct Side {
    stream: Stream,
    /// Received, not handled yet.
    pub input: BytesMut,
    /// To be sent.
    pub output: BytesMut,
    /// The peer has closed its sending direction.
    pub closed: bool,
    /// The peer takes nothing more. What it has said before is still read.
    deaf: bool,
    /// Bytes sent since they were last counted.
    sent: usize,
    /// TLS may still hold some of them.
    unflushed: bool,
}

impl Side {
    /// Takes over a socket and what was already read from it.
    pub fn new(stream: Stream, input: BytesMut) -> Self {
        Self { stream, input, output: BytesMut::new(), closed: false, deaf: false, sent: 0, unflushed: false }
    }

    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        // What is left of a capacity is used up before memory is asked for, but not down to crumbs.
        if self.input.capacity() - self.input.len() < CHUNK / 4 {
            self.input.reserve(CHUNK);
        }
        // The future holds no state of its own, so making one a poll loses nothing.
        let poll = std::pin::pin!(self.stream.read_buf(&mut self.input)).poll(cx);
        if matches!(poll, Poll::Ready(Ok(0))) {
            self.closed = true;
        }
        poll
    }

    /// Does something wait to be sent?
    fn sends(&self) -> bool {
        !self.output.is_empty() || self.unflushed
    }

    /// Sends some of the output; Ready: there was progress.
    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.output.is_empty() {
            std::task::ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
            self.unflushed = false;
            return Poll::Ready(Ok(()));
        }
        let written = std::task::ready!(Pin::new(&mut self.stream).poll_write(cx, &self.output))?;
        self.output.advance(written);
        self.sent += written;
        self.unflushed = self.stream.is_tls();
        if self.output.is_empty() {
            self.output.clear();
        }
        Poll::Ready(if written == 0 { Err(io::ErrorKind::WriteZero.into()) } else { Ok(()) })
    }

    /// Bytes sent since the last call.
    pub fn take_sent(&mut self) -> usize {
        std::mem::take(&mut self.sent)
    }

    /// Gives back the memory of a large burst once it is through.
    fn shrink(&mut self) {
        for buffer in [&mut self.input, &mut self.output] {
            if buffer.is_empty() && buffer.capacity() > 4 * CHUNK {
                *buffer = BytesMut::new();
            }
        }
    }
}

/// What may be done to the two sides.
#[derive(Clone, Copy, Debug)]
pub struct Wants {
    /// Read from the client.
    pub client: bool,
    /// Read from the server.
    pub server: bool,
}

/// Moves bytes until something has happened on either side: both directions progress at once,
/// because clients that pipeline write and read at the same time.
///
/// Cancel safe: bytes are either in a buffer or still in a socket.
pub async fn exchange(client: &mut Side, server: &mut Side, wants: Wants) -> io::Result<()> {
    client.shrink();
    server.shrink();
    poll_fn(|cx| {
        let mut progress = false;
        while server.sends() {
            match server.poll_drain(cx) {
                Poll::Ready(Ok(())) => {}
                // A server that ends a session in the middle of what it is sent has said why: that is read
                // first, as libpq does (`pqHandleSendFailure`).
                Poll::Ready(Err(_)) => {
                    server.deaf = true;
                    server.output.clear();
                    server.unflushed = false;
                }
                Poll::Pending => break,
            }
            progress = true;
        }
        while client.sends() {
            match client.poll_drain(cx)? {
                Poll::Ready(()) => progress = true,
                Poll::Pending => break,
            }
        }
        for (side, wanted) in [(&mut *server, wants.server), (&mut *client, wants.client)] {
            if !wanted || side.closed {
                continue;
            }
            match side.poll_fill(cx) {
                Poll::Ready(Err(_)) if side.deaf => side.closed = true,
                Poll::Ready(done) => drop(done?),
                Poll::Pending => continue,
            }
            progress = true;
        }
        if progress { Poll::Ready(Ok(())) } else { Poll::Pending }
    })
    .await
}

/// Writes what is left to a side that is about to be closed.
pub async fn finish(side: &mut Side) {
    // The peer may be gone already; there is nobody left to tell.
    let _ = poll_fn(|cx| {
        while side.sends() {
            std::task::ready!(side.poll_drain(cx))?;
        }
        Pin::new(&mut side.stream).poll_shutdown(cx)
    })
    .await;
}

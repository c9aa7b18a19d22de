//! The two connections of a session and their buffers.
//!
//! Buffer discipline: one buffer a direction and side, read in bursts, everything that a burst gives
//! is handled before anything is written, and what came out leaves in one write. A query costs six
//! system calls (two receives, two sends, two waits). Buffers grow with what arrives and are given
//! back when a session is idle.

use std::{
    cell::RefCell,
    future::{Future, poll_fn},
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::{Buf, BytesMut};
use socket2::SockRef;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf},
    time::timeout,
};

use crate::wire::{
    stream::{Parked, Stream},
    tls::Scale,
};

/// Size of a read.
const CHUNK: usize = 16 * 1024;

/// Size of a read before a login is done.
const LOGIN_CHUNK: usize = 1024;

/// Size of a read from a stranger: what they have to say is shorter.
const STRANGERS_CHUNK: usize = 256;

/// With so much waiting to be written to one side, nothing more is read from the other.
pub const HIGH_WATER: usize = 256 * 1024;

thread_local! {
    static SCRATCH: RefCell<Vec<u8>> = RefCell::new(vec![0; CHUNK]);
}

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
    /// Size of a read.
    chunk: usize,
    /// The last read was full: there is more of it, and it is read to where it stays.
    bulk: bool,
    /// Who counts what a stranger has sent.
    scale: Option<Arc<dyn Scale>>,
    /// Whether the sending direction is to be closed behind the output.
    end: Ending,
}

/// The end of a sending direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    Open,
    Wanted,
    Done,
}

impl Side {
    /// Takes over a connection and what was already read from it. Until it is [`Side::logged_in`] it is read
    /// in small pieces: those who are not let in shall cost little.
    pub fn new(stream: Stream, input: BytesMut) -> Self {
        Self {
            stream,
            input,
            output: BytesMut::new(),
            closed: false,
            deaf: false,
            sent: 0,
            unflushed: false,
            chunk: LOGIN_CHUNK,
            bulk: false,
            scale: None,
            end: Ending::Open,
        }
    }

    /// Likewise a stranger's, whose input is counted.
    pub fn of_stranger(stream: Stream, input: BytesMut, scale: Arc<dyn Scale>) -> Self {
        Self { scale: Some(scale), chunk: STRANGERS_CHUNK, ..Self::new(stream, input) }
    }

    /// The connection.
    pub fn stream(&self) -> &Stream {
        &self.stream
    }

    /// The connection, without the buffers.
    pub fn into_stream(self) -> Stream {
        self.stream
    }

    /// From now on it is read in large pieces.
    pub fn logged_in(&mut self) {
        self.chunk = CHUNK;
        self.scale = None;
        self.stream.lift();
    }

    /// Takes it from the runtime that polls it now.
    pub fn park(self) -> io::Result<ParkedSide> {
        Ok(ParkedSide { stream: self.stream.park()?, input: self.input, output: self.output, closed: self.closed })
    }

    /// Sends the output.
    pub async fn send(&mut self) -> io::Result<()> {
        poll_fn(|cx| {
            while self.sends() {
                std::task::ready!(self.poll_drain(cx))?;
            }
            Poll::Ready(Ok(()))
        })
        .await
    }

    /// Reads once; 0 at the end. Cancel safe.
    pub async fn receive(&mut self) -> io::Result<usize> {
        poll_fn(|cx| self.poll_fill(cx)).await
    }

    /// Closes the sending direction once the output has left. What the peer says is still read.
    pub fn end(&mut self) {
        if self.end == Ending::Open {
            self.end = Ending::Wanted;
        }
    }

    /// Closes the connection so that the peer's next attempt to send fails. Output is lost.
    pub fn reset(self) {
        let linger = match self.stream.park() {
            Ok(Parked::Tcp(socket) | Parked::Accepted(_, socket) | Parked::Opened(_, socket)) => {
                SockRef::from(&socket).set_linger(Some(Duration::ZERO))
            }
            // A Unix socket tells its peer as it is.
            Ok(Parked::Unix(_)) => Ok(()),
            Err(error) => Err(error),
        };
        if let Err(error) = linger {
            tracing::debug!(%error, "a connection could not be reset");
        }
    }

    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let poll = if self.bulk || self.chunk < CHUNK { self.poll_fill_direct(cx) } else { self.poll_fill_little(cx) };
        if let Poll::Ready(Ok(count)) = poll {
            self.bulk = count >= self.chunk;
            self.closed |= count == 0;
        }
        poll
    }

    /// Reads to a place of the thread's own, and keeps what has come: a session that waits holds no buffer.
    fn poll_fill_little(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        SCRATCH.with_borrow_mut(|scratch| {
            let mut read = ReadBuf::new(scratch.as_mut_slice());
            std::task::ready!(Pin::new(&mut self.stream).poll_read(cx, &mut read))?;
            let filled = read.filled_mut();
            self.input.extend_from_slice(filled);
            let count = filled.len();
            filled.fill(0);
            Poll::Ready(Ok(count))
        })
    }

    fn poll_fill_direct(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        // What is left of a capacity is used up before memory is asked for, but not down to crumbs.
        if self.input.capacity() - self.input.len() < self.chunk / 4 {
            self.input.reserve(self.chunk);
            if let Some(scale) = &self.scale {
                scale.holds(self.input.capacity());
            }
        }
        // The future holds no state of its own, so making one a poll loses nothing.
        std::pin::pin!(self.stream.read_buf(&mut self.input)).poll(cx)
    }

    /// Does something wait to be sent?
    pub fn sends(&self) -> bool {
        !self.output.is_empty() || self.unflushed || self.end == Ending::Wanted
    }

    /// Nobody takes what is sent any more.
    fn deafen(&mut self) {
        self.deaf = true;
        self.output.clear();
        self.unflushed = false;
        self.end = Ending::Done;
    }

    /// Sends some of the output; Ready: there was progress.
    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.output.is_empty() {
            std::task::ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
            self.unflushed = false;
            if self.end == Ending::Wanted {
                std::task::ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
                self.end = Ending::Done;
            }
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

    /// Gives back the memory of a burst once it is through.
    fn shrink(&mut self) {
        for buffer in [&mut self.input, &mut self.output] {
            if buffer.is_empty() && buffer.capacity() > CHUNK / 4 {
                *buffer = BytesMut::new();
            }
        }
    }
}

/// A side between two runtimes.
#[derive(Debug)]
pub struct ParkedSide {
    stream: Parked,
    input: BytesMut,
    output: BytesMut,
    closed: bool,
}

impl ParkedSide {
    /// Takes it up on the present runtime: its login is done.
    pub fn unpark(self) -> io::Result<Side> {
        let mut side = Side::new(self.stream.unpark()?, self.input);
        side.output = self.output;
        side.closed = self.closed;
        side.unflushed = side.stream.is_tls();
        side.logged_in();
        Ok(side)
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

/// What [`exchange_unless`] came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moved {
    /// There was progress.
    On,
    /// What waits for the server must not be sent any more.
    Barred,
}

/// Moves bytes until something has happened on either side: both directions progress at once,
/// because clients that pipeline write and read at the same time.
///
/// Fails when the server's connection does; a client is [`Side::closed`] then.
///
/// Cancel safe: bytes are either in a buffer or still in a socket.
pub async fn exchange(client: &mut Side, server: &mut Side, wants: Wants) -> io::Result<()> {
    exchange_unless(client, server, wants, || false).await.map(drop)
}

/// Likewise. `bars` is asked each time just before something is sent to the server, however long that had
/// to wait.
pub async fn exchange_unless(
    client: &mut Side,
    server: &mut Side,
    wants: Wants,
    bars: impl Fn() -> bool,
) -> io::Result<Moved> {
    client.shrink();
    server.shrink();
    poll_fn(|cx| {
        if server.sends() && bars() {
            return Poll::Ready(Ok(Moved::Barred));
        }
        let mut progress = false;
        // A peer that takes nothing more may have said why, or what is to be carried out: that is read first,
        // as libpq does (`pqHandleSendFailure`) and the server (`ClientConnectionLost` of pqcomm.c).
        for side in [&mut *server, &mut *client] {
            while side.sends() {
                match side.poll_drain(cx) {
                    Poll::Ready(Ok(())) => {}
                    Poll::Ready(Err(_)) => side.deafen(),
                    Poll::Pending => break,
                }
                progress = true;
            }
        }
        for (side, wanted, fails) in [(&mut *server, wants.server, true), (&mut *client, wants.client, false)] {
            if !wanted || side.closed {
                continue;
            }
            match side.poll_fill(cx) {
                Poll::Ready(Err(error)) if fails && !side.deaf => return Poll::Ready(Err(error)),
                // To a client that has reset its connection happens what happens to one that has closed it.
                Poll::Ready(Err(_)) => {
                    side.closed = true;
                    side.deafen();
                }
                Poll::Ready(Ok(_)) => {}
                Poll::Pending => continue,
            }
            progress = true;
        }
        if progress { Poll::Ready(Ok(Moved::On)) } else { Poll::Pending }
    })
    .await
}

/// How long a peer that is being sent away may take to read why.
const GOODBYE: Duration = Duration::from_secs(5);

/// Writes what is left to a side that is about to be closed, and closes it; a peer that does not take it is
/// not waited for.
pub async fn finish(side: &mut Side) {
    let _ = timeout(GOODBYE, finish_patiently(side)).await;
}

async fn finish_patiently(side: &mut Side) {
    // The peer may be gone already; there is nobody left to tell.
    if side.send().await.is_ok() {
        let _ = poll_fn(|cx| Pin::new(&mut side.stream).poll_shutdown(cx)).await;
    }
}

//! How much a stranger may send before a TLS handshake is done.
//!
//! rustls keeps 4 KB of room behind whatever it holds of an unfinished record, doubles its buffer to get
//! there, and takes handshake messages of up to 64 KB in any number of pieces: one byte that a stranger sends
//! costs 8 KB, a hello in pieces 64 KB. Until the handshake is done it is therefore given whole records only,
//! short ones, and no hello in pieces; then 4 KB are enough for it.
//!
//! Behind the handshake, until the stranger is logged in, records are gathered whole as well, of any length,
//! but what they take is told to somebody who counts.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, ReadBuf};

const HEADER: usize = 5;
/// A record of 2^14 bytes, and its overhead.
const LONGEST: usize = HEADER + 16_384 + 256;
const STEP: usize = 1024;
const HANDSHAKE: u8 = 22;
const CHANGE_CIPHER_SPEC: u8 = 20;
const CLIENT_HELLO: u8 = 1;

/// What the peer may send until the handshake is done, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// The longest record, with its header.
    pub record: usize,
    /// All of it.
    pub total: usize,
    /// Whether handshake messages may be split over records.
    pub pieces: bool,
}

impl Allowance {
    /// A client that is not asked for a certificate. A hello is 200 to 600 bytes, with a post-quantum key
    /// share up to 2 KB; it comes twice if the server asks for another key share; the rest is some 100 bytes.
    pub const HELLO: Self = Self { record: 3072, total: 8192, pieces: false };
    /// A peer that shows certificates: a chain of three with RSA of 4096 bits is 6 KB, one with long
    /// extensions 10 KB. A record is at most 16 KB and its overhead.
    pub const CERTIFICATES: Self = Self { record: LONGEST, total: 24 << 10, pieces: true };
}

/// Counts what a stranger holds.
pub trait Scale: std::fmt::Debug + Send + Sync {
    /// So many bytes now, instead of what was said before.
    fn holds(&self, bytes: usize);
}

/// The records of a handshake, gathered until they are whole. Stands between a socket and rustls, and is
/// asked instead of the socket until it [is done](Gathering::is_done).
#[derive(Debug)]
pub struct Gathering {
    allowance: Allowance,
    scale: Option<Arc<dyn Scale>>,
    /// The record that is being gathered, and then handed on.
    record: Vec<u8>,
    /// It is whole and may go on.
    whole: bool,
    /// How much of it was handed on.
    given: usize,
    /// What was told to the scale.
    told: usize,
    /// Nothing but hellos so far: what comes is not encrypted yet.
    plain: bool,
    /// The peer has gone beyond what is allowed, and has been left waiting for that.
    over: bool,
    lifted: bool,
}

impl Gathering {
    /// Before the first byte.
    pub fn new(allowance: Allowance, scale: Option<Arc<dyn Scale>>) -> Self {
        Self {
            allowance,
            scale,
            record: Vec::new(),
            whole: false,
            given: 0,
            told: 0,
            plain: true,
            over: false,
            lifted: false,
        }
    }

    /// The handshake is done: whole records still, of any length that TLS knows.
    pub fn settle(&mut self) {
        self.allowance = Allowance { record: LONGEST, total: usize::MAX, pieces: true };
        (self.plain, self.over) = (false, false);
    }

    /// The peer is no stranger any more: no bounds from now on.
    pub fn lift(&mut self) {
        self.lifted = true;
    }

    /// Nothing is left to hand on, and there are no bounds any more: the socket can be asked directly.
    pub fn is_done(&self) -> bool {
        self.lifted && self.given == self.record.len()
    }

    /// Reads from `socket` as `socket` itself would, but whole records. Fails with `InvalidData` when the
    /// peer goes beyond what is allowed.
    pub fn poll_read(
        &mut self,
        mut socket: Pin<&mut impl AsyncRead>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !ready!(self.poll_whole(socket.as_mut(), cx))? {
            return Poll::Ready(Ok(()));
        }
        if self.is_done() {
            return socket.poll_read(cx, buf);
        }
        let rest = self.record.get(self.given..).unwrap_or_default();
        let part = rest.get(..buf.remaining()).unwrap_or(rest);
        buf.put_slice(part);
        self.given += part.len();
        if self.given == self.record.len() {
            // Given back, not only emptied: a peer that waits now shall cost nothing here.
            (self.record, self.given, self.whole) = (Vec::new(), 0, false);
        }
        Poll::Ready(Ok(()))
    }

    /// Waits until there is something to hand on: a whole record. False: the peer has closed.
    pub fn poll_whole(&mut self, mut socket: Pin<&mut impl AsyncRead>, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        while !self.whole && !self.lifted {
            let missing = match self.missing() {
                Ok(missing) => missing,
                // rustls reads on behind the last message of a handshake, and the first record of the
                // session has no bounds. Nothing more for now: if the handshake is done, that ends it;
                // if not, it fails the next time.
                Err(_) if !self.plain && !std::mem::replace(&mut self.over, true) => {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Err(error) => return Poll::Ready(Err(error)),
            };
            if missing == 0 {
                self.admit()?;
                self.whole = true;
                // rustls's own buffer, which may be twice as long, and what is in the record, unread.
                self.weigh(3 * self.record.len());
                break;
            }
            let start = self.record.len();
            // Room grows with what has really been sent, not with what was announced.
            let step = missing.min(STEP);
            self.record.reserve_exact(step);
            self.weigh(self.record.capacity());
            self.record.resize(start + step, 0);
            let mut room = ReadBuf::new(self.record.get_mut(start..).unwrap_or_default());
            let read = socket.as_mut().poll_read(cx, &mut room);
            let got = room.filled().len();
            self.record.truncate(start + got);
            ready!(read)?;
            if got == 0 {
                return Poll::Ready(Ok(false));
            }
        }
        Poll::Ready(Ok(true))
    }

    /// Ordinary records are short, and not worth the telling.
    fn weigh(&mut self, bytes: usize) {
        let bytes = if bytes > 3 * STEP { bytes } else { 0 };
        if let Some(scale) = self.scale.as_ref().filter(|_| bytes != self.told) {
            scale.holds(bytes);
            self.told = bytes;
        }
    }

    /// How many bytes the record lacks; the header's first.
    fn missing(&self) -> io::Result<usize> {
        let Some(&[_, _, _, high, low]) = self.record.first_chunk::<HEADER>() else {
            return Ok(HEADER - self.record.len());
        };
        let whole = HEADER + usize::from(u16::from_be_bytes([high, low]));
        if whole > self.allowance.record || whole > self.allowance.total {
            return Err(refuse("too long for a TLS handshake"));
        }
        Ok(whole.saturating_sub(self.record.len()))
    }

    /// A whole record: may it go on?
    fn admit(&mut self) -> io::Result<()> {
        self.allowance.total -= self.record.len();
        let kind = self.record.first().copied();
        if !self.plain || kind == Some(CHANGE_CIPHER_SPEC) {
            return Ok(());
        }
        let message = self.record.get(HEADER..).unwrap_or_default();
        let Some((&[kind_of_message, a, b, c], body)) =
            message.split_first_chunk::<4>().filter(|_| kind == Some(HANDSHAKE))
        else {
            self.plain = false;
            return if kind == Some(HANDSHAKE) && !self.allowance.pieces { Err(refuse("in pieces")) } else { Ok(()) };
        };
        if !self.allowance.pieces && u32::from_be_bytes([0, a, b, c]) as usize > body.len() {
            return Err(refuse("in pieces"));
        }
        self.plain = kind_of_message == CLIENT_HELLO;
        Ok(())
    }
}

fn refuse(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("what the peer sends instead of a TLS handshake is {what}"))
}

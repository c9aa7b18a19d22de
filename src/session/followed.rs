//! What a relayed session is doing, seen from the boundaries of its messages.
//!
//! Bytes are looked at while they pass; nothing is held back, and of the contents only those of
//! ReadyForQuery are kept. Whoever sends what fits no message is relayed as ever, but
//! [`Followed::is_lost`]: nobody can say when such a session is idle.

use super::{
    fifo::{Fifo, Kind, Step},
    keeper::Doing,
};
use crate::wire::frame::{HEADER, LARGE_LIMIT};

/// Requests without an answer that are remembered, a byte each. A client that has more of them is not
/// followed any longer.
const MOST_UNDER_WAY: usize = 100_000;

/// Follows both directions of a relayed session whose login is done.
#[derive(Debug)]
pub struct Followed {
    from_client: Boundaries,
    from_server: Boundaries,
    /// What the server still has to answer.
    fifo: Fifo<()>,
    /// The server's present message is a ReadyForQuery.
    ready: bool,
    /// Transaction status of the last one.
    status: u8,
    /// Messages of the extended protocol were sent since the last Sync.
    segment: bool,
    terminated: bool,
    lost: bool,
}

impl Followed {
    /// `status`: of the ReadyForQuery that ended the login.
    pub fn new(status: u8) -> Self {
        Self {
            from_client: Boundaries::default(),
            from_server: Boundaries::default(),
            fifo: Fifo::default(),
            ready: false,
            status,
            segment: false,
            terminated: false,
            lost: false,
        }
    }

    /// Sees bytes on their way to the client.
    pub fn see_server(&mut self, mut bytes: &[u8]) {
        while !self.lost && !bytes.is_empty() {
            if self.from_server.stands() {
                bytes = behind_data(bytes);
            }
            match self.from_server.step(&mut bytes) {
                Seen::Nothing | Seen::Header(b'D' | b'd', _) => {}
                Seen::Header(b'Z', body) => (self.ready, self.lost) = (true, body != 1),
                Seen::Header(tag, _) => self.server_says(tag),
                Seen::Body(part) => {
                    if let Some(&status) = part.first().filter(|_| self.ready) {
                        (self.ready, self.status) = (false, status);
                        self.server_says(b'Z');
                    }
                }
                Seen::Nonsense => self.lost = true,
            }
        }
    }

    /// Sees bytes on their way to the server.
    pub fn see_client(&mut self, mut bytes: &[u8]) {
        while !self.lost && !bytes.is_empty() {
            match self.from_client.step(&mut bytes) {
                Seen::Header(tag, _) => self.client_says(tag),
                Seen::Nothing | Seen::Body(_) => {}
                Seen::Nonsense => self.lost = true,
            }
        }
    }

    fn client_says(&mut self, tag: u8) {
        let kind = match tag {
            b'Q' => Kind::Query,
            b'F' => Kind::FunctionCall,
            b'S' => Kind::Sync,
            b'P' => Kind::Parse,
            b'B' => Kind::Bind,
            // That of a portal is answered by less; which one it is does not matter here.
            b'D' => Kind::DescribeStatement,
            b'E' => Kind::Execute,
            b'C' => Kind::Close,
            b'c' | b'f' => Kind::CopyEnd,
            b'X' => {
                self.terminated = true;
                return;
            }
            // Data, Flush; unknown ones have no answer that is known.
            _ => return,
        };
        match kind {
            Kind::CopyEnd => {}
            _ => self.segment = !kind.ends_segment(),
        }
        self.fifo.push(kind, ());
        self.lost |= self.fifo.len() > MOST_UNDER_WAY;
    }

    fn server_says(&mut self, tag: u8) {
        match self.fifo.on(tag) {
            Step::Async | Step::Part => {}
            Step::Last | Step::Ready => drop(self.fifo.finish()),
            Step::Error => drop(self.fifo.fail()),
            Step::OutOfStep => self.lost = true,
        }
    }

    /// Has the client sent Terminate?
    pub fn is_terminated(&self) -> bool {
        self.terminated
    }

    /// Can nobody say any more where messages begin and end?
    pub fn is_lost(&self) -> bool {
        self.lost
    }

    /// Does the client stand at the end of a message?
    pub fn client_stands(&self) -> bool {
        !self.lost && self.from_client.stands()
    }

    /// Has the client been sent whole messages only?
    pub fn server_stands(&self) -> bool {
        !self.lost && self.from_server.stands()
    }

    /// What the session is doing.
    pub fn doing(&self) -> Doing {
        match self.status {
            _ if self.lost => Doing::Working,
            _ if self.segment || !self.fifo.is_empty() => Doing::Working,
            status => Doing::Idle { in_transaction: status != b'I' },
        }
    }

    /// Is there more for the server to do than up to its next ReadyForQuery?
    pub fn has_more(&self) -> bool {
        self.lost || !self.from_client.stands() || self.fifo.has_behind_segment()
    }
}

/// What comes behind the rows, or data of COPY, that are here as a whole: two nanoseconds a row.
#[inline]
fn behind_data(mut bytes: &[u8]) -> &[u8] {
    while let Some(([b'D' | b'd', length @ ..], rest)) = bytes.split_first_chunk::<HEADER>()
        && let Some(body) = (u32::from_be_bytes(*length) as usize).checked_sub(4)
        && let Some(behind) = rest.get(body..)
    {
        bytes = behind;
    }
    bytes
}

/// Where one direction stands.
#[derive(Debug, Default)]
struct Boundaries {
    /// Bytes of the present message's body that are still to come.
    rest: usize,
    /// The part of a header that has come.
    header: [u8; HEADER],
    has: usize,
}

/// What the next bytes are.
#[derive(Debug, PartialEq, Eq)]
enum Seen<'a> {
    /// A part of a header.
    Nothing,
    /// A header: type, and length of the body.
    Header(u8, usize),
    /// Part of a body.
    Body(&'a [u8]),
    /// No header that there is.
    Nonsense,
}

impl Boundaries {
    /// Between two messages?
    fn stands(&self) -> bool {
        self.rest == 0 && self.has == 0
    }

    /// Steps over the next header or part of a body.
    #[inline]
    fn step<'a>(&mut self, bytes: &mut &'a [u8]) -> Seen<'a> {
        if self.rest > 0 {
            let (part, rest) = bytes.split_at(self.rest.min(bytes.len()));
            self.rest -= part.len();
            *bytes = rest;
            return Seen::Body(part);
        }
        let header = match bytes.split_first_chunk::<HEADER>() {
            Some((header, rest)) if self.has == 0 => {
                *bytes = rest;
                *header
            }
            _ => {
                while self.has < HEADER {
                    let Some((&byte, rest)) = bytes.split_first() else { return Seen::Nothing };
                    if let Some(slot) = self.header.get_mut(self.has) {
                        *slot = byte;
                    }
                    self.has += 1;
                    *bytes = rest;
                }
                self.has = 0;
                self.header
            }
        };
        let [tag, length @ ..] = header;
        match (u32::from_be_bytes(length) as usize).checked_sub(4) {
            Some(body) if body <= LARGE_LIMIT => {
                self.rest = body;
                Seen::Header(tag, body)
            }
            _ => Seen::Nonsense,
        }
    }
}

#[cfg(test)]
mod tests;

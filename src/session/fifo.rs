//! The FIFO of expected responses: one entry per request message sent upstream.
//!
//! The server answers requests in order, so the head of this queue says what the next message from
//! the server belongs to. Everything that pgveil does to responses hangs off an entry; there are no
//! queues by kind, which would fall out of step under pipelining.
//!
//! The rules are the server's own: "Message Flow" of the protocol documentation, and `PostgresMain`
//! (src/backend/tcop/postgres.c) for errors, `CopyGetData` (src/backend/commands/copyfromparse.c)
//! for what is ignored during COPY.

use std::collections::VecDeque;

/// What was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Parse: answered by `1`.
    Parse,
    /// Bind: answered by `2`.
    Bind,
    /// Describe of a statement: `t`, then `T` or `n`.
    DescribeStatement,
    /// Describe of a portal: `T` or `n`.
    DescribePortal,
    /// Execute: rows or COPY, then `C`, `I` or `s`.
    Execute,
    /// Close: answered by `3`.
    Close,
    /// Sync: answered by `Z`.
    Sync,
    /// Query: anything, then `Z`.
    Query,
    /// FunctionCall: `V`, then `Z`.
    FunctionCall,
    /// CopyDone or CopyFail: no answer of its own; marks where the client left COPY.
    CopyEnd,
}

impl Kind {
    /// Is it answered by ReadyForQuery?
    pub fn ends_segment(self) -> bool {
        matches!(self, Self::Sync | Self::Query | Self::FunctionCall)
    }
}

/// One request and what is to happen to its responses.
#[derive(Debug)]
pub struct Entry<J> {
    /// What was sent.
    pub kind: Kind,
    /// What to do with the answer.
    pub job: J,
}

/// What a message from the server means for the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Belongs to no request: notices, notifications, parameter changes, unknown types.
    Async,
    /// Belongs to the head, which stays.
    Part,
    /// Completes the head: call [`Fifo::finish`] after handling it.
    Last,
    /// An error: call [`Fifo::fail`] after handling it.
    Error,
    /// ReadyForQuery: completes the head likewise.
    Ready,
    /// Not an answer to the head: pgveil and the server are out of step, the session must end.
    OutOfStep,
}

/// The queue.
#[derive(Debug)]
pub struct Fifo<J> {
    queue: VecDeque<Entry<J>>,
    /// The head is receiving COPY data from the client.
    copy_in: bool,
    /// The server skips everything until a Sync that has not been sent yet.
    skipping: bool,
    /// The head's COPY swallowed the Sync behind it.
    sync_lost: bool,
}

impl<J> Default for Fifo<J> {
    fn default() -> Self {
        Self { queue: VecDeque::new(), copy_in: false, skipping: false, sync_lost: false }
    }
}

impl<J> Fifo<J> {
    /// Nothing is awaited.
    pub fn is_empty(&self) -> bool {
        self.queue.iter().all(|entry| entry.kind == Kind::CopyEnd)
    }

    /// Entries awaited.
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// The entry that the next response belongs to.
    pub fn head(&mut self) -> Option<&mut Entry<J>> {
        self.queue.front_mut()
    }

    /// All entries behind the head, in order.
    pub fn behind(&mut self) -> impl Iterator<Item = &mut Entry<J>> {
        self.queue.iter_mut().skip(1)
    }

    /// All entries in order.
    pub fn iter(&self) -> impl Iterator<Item = &Entry<J>> {
        self.queue.iter()
    }

    /// Is the head receiving COPY data from the client, and has nothing been sent that ends it?
    pub fn copying_in(&self) -> bool {
        self.copy_in && self.queue.len() == 1
    }

    /// Has the server swallowed the only Sync that was sent, because it came during COPY?
    pub fn lost_sync(&self) -> bool {
        self.sync_lost && self.queue.iter().all(|entry| entry.kind != Kind::Sync)
    }

    /// Does something stand behind the first ReadyForQuery that is awaited?
    pub fn has_behind_segment(&self) -> bool {
        let ready = self.queue.iter().position(|entry| entry.kind.ends_segment());
        ready.is_some_and(|at| at + 1 < self.queue.len())
    }

    /// Does the server skip what is sent now, until a Sync?
    pub fn skipping(&self) -> bool {
        self.skipping
    }

    /// Notes a request that was sent. Gives the job back if there will be no answer to it.
    pub fn push(&mut self, kind: Kind, job: J) -> Option<J> {
        if kind == Kind::Sync {
            self.skipping = false;
        }
        // During COPY the server ignores Sync (and Flush) "for the convenience of client libraries
        // that may send those without noticing that the command they just sent was COPY". Anything
        // else ends COPY: CopyDone and CopyFail, and with an error what does not belong there.
        let ignored = kind == Kind::Sync && self.copying_in();
        // Outside COPY the server ignores its end as well.
        let stray = kind == Kind::CopyEnd && !self.copy_in && self.is_empty();
        if ignored || stray || self.skipping {
            return Some(job);
        }
        self.queue.push_back(Entry { kind, job });
        None
    }

    /// Accounts for a message of type `tag` from the server.
    pub fn on(&mut self, tag: u8) -> Step {
        match tag {
            b'T' | b't' | b'n' | b'D' | b'C' | b'I' | b's' | b'1' | b'2' | b'3' | b'G' | b'H' | b'W' | b'd' | b'c'
            | b'V' | b'E' | b'Z' => {}
            // Notices, notifications, parameter changes, and what this version does not know.
            _ => return Step::Async,
        }
        let Some(head) = self.queue.front() else {
            // The server may say why it ends the session (57P01) while nothing is awaited.
            return if tag == b'E' { Step::Async } else { Step::OutOfStep };
        };
        match (head.kind, tag) {
            (_, b'E') => Step::Error,
            (Kind::Sync | Kind::Query | Kind::FunctionCall, b'Z') => Step::Ready,
            (Kind::Parse, b'1')
            | (Kind::Bind, b'2')
            | (Kind::Close, b'3')
            | (Kind::DescribeStatement | Kind::DescribePortal, b'T' | b'n')
            | (Kind::Execute, b'C' | b'I' | b's') => Step::Last,
            (Kind::DescribeStatement, b't')
            | (Kind::FunctionCall, b'V')
            | (Kind::Execute, b'D' | b'H' | b'W' | b'd' | b'c') => Step::Part,
            (Kind::Query, b'T' | b'D' | b'C' | b'I' | b'H' | b'W' | b'd' | b'c') => {
                // One Query may hold several COPY statements.
                if tag == b'C' {
                    self.leave_copy(1);
                }
                Step::Part
            }
            (Kind::Query | Kind::Execute, b'G') => {
                self.enter_copy();
                Step::Part
            }
            _ => Step::OutOfStep,
        }
    }

    /// Takes the completed head off the queue.
    pub fn finish(&mut self) -> Option<Entry<J>> {
        let done = self.queue.pop_front();
        self.leave_copy(0);
        self.drop_stray_ends();
        done
    }

    /// A CopyDone or CopyFail outside COPY (the COPY had failed by then) is ignored by the server.
    fn drop_stray_ends(&mut self) {
        while !self.copy_in && self.queue.front().is_some_and(|entry| entry.kind == Kind::CopyEnd) {
            self.queue.pop_front();
        }
    }

    /// The head failed: takes off what will get no answer because of it, the head first. After an
    /// error in the extended protocol the server skips everything up to the next Sync, Query
    /// messages included; a Query, FunctionCall or Sync is still answered by ReadyForQuery.
    pub fn fail(&mut self) -> Vec<Entry<J>> {
        let skips = !matches!(
            self.queue.front().map(|entry| entry.kind),
            None | Some(Kind::Query | Kind::FunctionCall | Kind::Sync)
        );
        self.leave_copy(1);
        if !skips {
            return Vec::new();
        }
        let sync = self.queue.iter().position(|entry| entry.kind == Kind::Sync);
        self.skipping = sync.is_none();
        self.queue.drain(..sync.unwrap_or(self.queue.len())).collect()
    }

    fn enter_copy(&mut self) {
        self.copy_in = true;
        // Syncs that were sent before anything that ends COPY are ignored by the server.
        let ignored = self.queue.iter().skip(1).take_while(|entry| entry.kind == Kind::Sync).count();
        self.queue.drain(1..=ignored);
        self.sync_lost = ignored > 0;
    }

    /// COPY has ended: the message by which the client left it, at this place, gets no answer.
    fn leave_copy(&mut self, end: usize) {
        if std::mem::take(&mut self.copy_in) && self.queue.get(end).is_some_and(|entry| entry.kind == Kind::CopyEnd) {
            self.queue.remove(end);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn sent(kinds: &[Kind]) -> Fifo<usize> {
        let mut fifo = Fifo::default();
        for (i, kind) in kinds.iter().enumerate() {
            fifo.push(*kind, i);
        }
        fifo
    }

    /// Feeds server messages; gives the job that each belongs to.
    fn play(fifo: &mut Fifo<usize>, tags: &[u8]) -> Vec<Option<usize>> {
        tags.iter()
            .map(|tag| match fifo.on(*tag) {
                Step::Async | Step::OutOfStep => None,
                Step::Part => Some(fifo.head().unwrap().job),
                Step::Last | Step::Ready => fifo.finish().map(|entry| entry.job),
                Step::Error => {
                    let job = fifo.head().unwrap().job;
                    fifo.fail();
                    Some(job)
                }
            })
            .collect()
    }

    use Kind::*;

    #[test]
    fn answers_of_a_pipeline_find_their_requests() {
        let mut fifo = sent(&[Parse, Bind, DescribePortal, Execute, Sync, Parse, Bind, Execute, Sync]);
        let jobs = play(&mut fifo, b"12TDDCZ12sZ");
        assert_eq!(jobs, [0, 1, 2, 3, 3, 3, 4, 5, 6, 7, 8].map(Some));
        assert!(fifo.is_empty());
    }

    #[test]
    fn an_error_skips_to_the_next_sync_even_over_a_query() {
        let mut fifo = sent(&[Parse, Bind, Query, Execute, Sync, Query]);
        assert_eq!(play(&mut fifo, b"1EZTDCZ"), [0, 1, 4, 5, 5, 5, 5].map(Some));
    }

    #[test]
    fn what_is_sent_after_an_error_is_skipped_until_a_sync() {
        let mut fifo = sent(&[Parse, Bind]);
        assert_eq!(play(&mut fifo, b"E"), [Some(0)]);
        assert_eq!(fifo.push(Execute, 7), Some(7));
        assert_eq!(fifo.push(Query, 8), Some(8));
        assert_eq!(fifo.push(Sync, 9), None);
        assert_eq!(fifo.push(Parse, 10), None);
        assert_eq!(play(&mut fifo, b"Z1"), [9, 10].map(Some));
    }

    #[test]
    fn an_error_in_a_query_is_followed_by_its_ready() {
        let mut fifo = sent(&[Query, Query]);
        assert_eq!(play(&mut fifo, b"TDEZCZ"), [0, 0, 0, 0, 1, 1].map(Some));
    }

    #[test]
    fn an_error_at_commit_belongs_to_the_sync() {
        let mut fifo = sent(&[Sync, Parse, Sync]);
        assert_eq!(play(&mut fifo, b"EZ1Z"), [0, 0, 1, 2].map(Some));
    }

    #[test]
    fn a_sync_sent_before_copy_data_gets_no_answer() {
        // libpq: Parse Bind Execute Sync, then CopyData, CopyDone and a Sync of its own.
        let mut fifo = sent(&[Parse, Bind, Execute, Sync]);
        assert_eq!(play(&mut fifo, b"12G"), [0, 1, 2].map(Some));
        fifo.push(Sync, 90);
        fifo.push(CopyEnd, 91);
        fifo.push(Sync, 92);
        assert_eq!(play(&mut fifo, b"CZ"), [Some(2), Some(92)]);
        assert!(fifo.is_empty());
    }

    #[test]
    fn copy_data_pipelined_with_its_end_keeps_the_sync_behind_it() {
        let mut fifo = sent(&[Execute, CopyEnd, Sync]);
        assert_eq!(play(&mut fifo, b"GCZ"), [0, 0, 2].map(Some));
    }

    #[test]
    fn a_client_that_does_not_notice_copy_gets_an_error_and_goes_on() {
        let mut fifo = sent(&[Execute, Sync, Parse, Sync, Execute, CopyEnd, Sync]);
        assert_eq!(play(&mut fifo, b"GEZGCZ"), [0, 0, 3, 4, 4, 6].map(Some));
        assert!(fifo.is_empty());
        let mut fifo = sent(&[Execute]);
        assert_eq!(play(&mut fifo, b"G"), [Some(0)]);
        assert_eq!(fifo.push(Sync, 1), Some(1));
        assert_eq!(fifo.push(Bind, 2), None);
        assert_eq!(fifo.push(Sync, 3), None);
        assert_eq!(play(&mut fifo, b"EZ"), [0, 3].map(Some));
    }

    #[test]
    fn a_copy_end_without_copy_is_passed_over() {
        let mut fifo = sent(&[Query]);
        assert_eq!(play(&mut fifo, b"EZ"), [0, 0].map(Some));
        fifo.push(CopyEnd, 7);
        assert!(fifo.is_empty());
        fifo.push(Query, 8);
        assert_eq!(play(&mut fifo, b"CZ"), [8, 8].map(Some));
    }

    #[test]
    fn unasked_messages_disturb_nothing_and_wrong_ones_are_noticed() {
        let mut fifo = sent(&[Parse]);
        assert_eq!(fifo.on(b'N'), Step::Async);
        assert_eq!(fifo.on(b'\x7f'), Step::Async);
        assert_eq!(fifo.on(b'2'), Step::OutOfStep);
        assert_eq!(sent(&[]).on(b'E'), Step::Async);
        assert_eq!(sent(&[]).on(b'Z'), Step::OutOfStep);
    }
}

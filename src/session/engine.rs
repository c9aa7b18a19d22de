//! The loop of one session on a protected database, and its state.

use std::{
    convert::Infallible,
    sync::{Arc, atomic::Ordering},
    time::Instant,
};

use bytes::BytesMut;

use super::{
    barrier::Segment,
    cells::Scratch,
    copy::Copying,
    database::Database,
    ending::{End, Remains},
    environment::Environment,
    fifo::{Fifo, Kind},
    io::{HIGH_WATER, Moved, Side, Wants, exchange_unless},
    job::{Deal, Job, Reading},
    keeper::{Doing, Keeper, Kept},
    names::{Registry, Undo},
    permits::Permits,
    rows::{Reader, RowScratch},
};
use crate::{
    admin::metrics::Meters,
    sql::{cache::Scope, env::Env},
    wire::{frame::client_header, frontend},
};

/// One client ⇄ one upstream.
pub struct Session {
    /// What the sessions of the database share.
    pub(super) db: Arc<Database>,
    /// The client's side.
    pub(super) client: Side,
    /// The server's side.
    pub(super) server: Side,
    /// Bytes of a client's message that are still to be forwarded unseen.
    pub(super) client_streams: usize,
    /// They are dropped instead.
    pub(super) client_discards: bool,
    /// Bytes of a server's message that are still to be forwarded (or dropped) unseen.
    pub(super) server_streams: usize,
    /// They are data of a COPY that is looked at.
    pub(super) client_copies: bool,
    /// The COPY that is under way.
    pub(super) copying: Copying,
    /// What plans are cached under, and the catalog epoch and environment it was made for.
    pub(super) scope: Option<(u64, Arc<Env>, Arc<Scope>)>,
    /// What the server still has to answer.
    pub(super) fifo: Fifo<Job>,
    /// Prepared statements and portals.
    pub(super) names: Registry,
    /// search_path, role, settings.
    pub(super) environment: Environment,
    /// Messages since the last Sync.
    pub(super) segment: Segment,
    /// When the first message came of the batch that is being taken from the client.
    pub(super) heard: Option<Instant>,
    /// Why the client's next message has to wait.
    pub(super) wait: Wait,
    /// The client's next message is complete and waits; no more is read than fits below the mark.
    pub(super) stays: bool,
    /// Terminate was sent: nothing more is taken from the client, what the server still has to say
    /// is delivered.
    pub(super) terminated: bool,
    /// The client itself has sent Terminate.
    pub(super) farewell: bool,
    /// Requests whose sealed results are not all opened.
    pub(super) unopened: usize,
    /// Transaction status of the last ReadyForQuery: I, T or E.
    pub(super) status: u8,
    /// A result failed: what the server still says about it is dropped.
    pub(super) failing: Failing,
    /// Segments that were sent before a failure was known answer as in an aborted transaction.
    pub(super) aborting: bool,
    /// Catalog changes of the present transaction.
    pub(super) ddl: bool,
    /// What sealed values that are not settled hold.
    pub(super) permits: Permits,
    /// Buffers for values.
    pub(super) scratch: Scratch,
    /// Buffers for rows.
    pub(super) row_scratch: RowScratch,
}

/// Why the client's next message has to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// It does not.
    No,
    /// For the session's environment.
    Environment,
    /// The Sync of a segment went up as Flush (COMMIT barrier): it follows once everything is opened.
    Sync,
    /// For the answers to everything that was sent.
    Answers,
}

/// A result could not be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failing {
    /// No.
    No,
    /// Until the ReadyForQuery that comes next.
    UntilReady,
}

/// What handling a message gave.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// Go on with the next one.
    Go,
    /// The message stays where it is until something has happened.
    Stay,
}

/// Requests that may be unanswered before no more are taken. The server holds back no more than a buffer
/// of answers (8 KiB), and none is shorter than five bytes, so it always answers some of so many.
pub(super) const MOST_UNDER_WAY: usize = 20_000;

impl Session {
    /// A session whose login is done: `client` and `server` may already hold further bytes.
    pub fn new(db: Arc<Database>, client: Side, server: Side, environment: Environment, status: u8) -> Self {
        Self {
            db,
            client,
            server,
            client_streams: 0,
            client_discards: false,
            client_copies: false,
            copying: Copying::No,
            server_streams: 0,
            scope: None,
            fifo: Fifo::default(),
            names: Registry::default(),
            environment,
            segment: Segment::default(),
            heard: None,
            wait: Wait::No,
            stays: false,
            terminated: false,
            farewell: false,
            unopened: 0,
            status,
            failing: Failing::No,
            aborting: false,
            ddl: false,
            permits: Permits::default(),
            scratch: Scratch::default(),
            row_scratch: RowScratch::default(),
        }
    }

    /// Serves until one side ends or the keeper says so.
    pub async fn run(mut self, mut keeper: Keeper) -> End {
        let Err(end) = self.serve(&mut keeper).await;
        if !self.terminated {
            self.terminate();
        }
        let between_messages = self.server_streams == 0;
        let working = !self.server.closed && self.doing() == Doing::Working;
        let (client, server) = (self.client, self.server);
        Remains { client, server, keeper, between_messages, working }.lay_to_rest(&end).await;
        end
    }

    async fn serve(&mut self, keeper: &mut Keeper) -> Result<Infallible, End> {
        loop {
            // Answers first: they may end a wait of the client's side.
            self.handle_server().await?;
            self.handle_client().await?;
            if self.server.closed {
                return Err(match () {
                    () if keeper.has_cancelled() => End::Vanished,
                    () if self.terminated => End::Client,
                    () => End::Server,
                });
            }
            if self.client.closed {
                self.outlive_client();
            }
            keeper.look(self)?;
            // A message that has to be held may be longer than the mark; one that waits may not grow.
            let room = self.client.input.len() < HIGH_WATER || !self.waits();
            let wants = Wants {
                client: room && self.server.output.len() < HIGH_WATER,
                server: self.client.output.len() < HIGH_WATER,
            };
            let bars = || self.permits.bar_sending(&self.db.keyring);
            tokio::select! {
                biased;
                done = exchange_unless(&mut self.client, &mut self.server, wants, bars) => {
                    if done? == Moved::Barred {
                        return Err(End::LeaseLost);
                    }
                    if !self.server.sends() {
                        self.permits.all_sent();
                    }
                    Meters::get().bytes(self.server.take_sent(), self.client.take_sent());
                }
                () = keeper.stirs() => {}
            }
        }
    }

    /// What the client sent before it closed is carried out, and answered as far as it listens, as the
    /// server itself would; for how long, the keeper says.
    fn outlive_client(&mut self) {
        if self.waits() || self.terminated {
            self.farewell |= ends_with_terminate(self.client.input.get(self.client_streams..).unwrap_or_default());
            return;
        }
        self.terminate();
        if self.client_streams > 0 && !self.client_discards && !self.client_copies {
            // In the middle of a message the server takes the end of the connection itself as the end.
            self.server.end();
        }
    }

    /// Does a message of the client wait for the server?
    fn waits(&self) -> bool {
        self.wait != Wait::No || self.stays || self.fifo.len() > MOST_UNDER_WAY
    }

    /// Ends the conversation upstream once everything sent so far is answered.
    pub(super) fn terminate(&mut self) {
        self.terminated = true;
        self.client.input.clear();
        // In the middle of a message it would be taken for a part of that.
        if self.client_streams == 0 || self.client_discards || self.client_copies {
            frontend::terminate(&mut self.server.output);
        }
    }

    /// Notes a request that was sent; what gets no answer is taken back.
    pub(super) fn sent(&mut self, kind: Kind, mut job: Job) {
        let opens = job.opens;
        if kind.ends_segment() && matches!(job.deal, Deal::Forward | Deal::Refuse(_)) {
            job.asked = self.heard.take();
        }
        match self.fifo.push(kind, job) {
            None => {
                self.unopened += usize::from(opens);
                if kind.ends_segment() {
                    self.permits.segment_sent();
                }
            }
            Some(skipped) => self.take_back(skipped),
        }
    }

    /// Takes back what a request that was skipped had announced.
    pub(super) fn take_back(&mut self, job: Job) {
        if let Reading::Prepared { statement, .. } = &job.reading {
            // If this was the Describe that the statement's check relied on, another has to be sent.
            statement.described.store(false, Ordering::Relaxed);
        }
        for undo in job.undo.into_iter().chain(job.steps.into_iter().rev().map(|(_, undo)| undo)) {
            self.take_back_name(undo);
        }
    }

    /// Takes back one change of a name. A later change of the same name that is still under way stays:
    /// what it replaces is what was there before the one that is taken back.
    pub(super) fn take_back_name(&mut self, undo: Undo) {
        let behind = self.fifo.behind().flat_map(|entry| {
            let steps = entry.job.steps.iter_mut().map(|(_, undo)| undo);
            entry.job.undo.iter_mut().chain(steps)
        });
        match behind.into_iter().find(|later| later.is_of_name(&undo)) {
            Some(later) => *later = undo,
            None => self.names.undo(undo),
        }
    }

    /// What rows are read with. Takes the parts, so that buffers can be borrowed beside it.
    pub(super) fn with_reader<T>(db: &Database, read: impl FnOnce(&Reader<'_>) -> T) -> T {
        db.with_catalog(|catalog| read(&Reader { columns: &db.columns, catalog, keyring: &db.keyring }))
    }
}

impl Kept for Session {
    fn doing(&self) -> Doing {
        let idle = self.fifo.is_empty() && self.segment.is_empty() && self.wait == Wait::No && !self.stays;
        if idle { Doing::Idle { in_transaction: self.status != b'I' } } else { Doing::Working }
    }

    fn is_abandoned(&self) -> bool {
        self.client.closed && !self.farewell
    }

    fn has_more(&self) -> bool {
        let partial = self.client_streams > 0 || !self.client.input.is_empty();
        partial || !self.server.output.is_empty() || self.fifo.has_behind_segment()
    }
}

/// Is the last of a client's messages Terminate?
fn ends_with_terminate(mut input: &[u8]) -> bool {
    while let Ok(Some(header)) = client_header(input) {
        if header.tag == b'X' {
            return true;
        }
        input = input.get(header.total()..).unwrap_or_default();
    }
    false
}

/// Moves `n` bytes from the front of one buffer to the end of another.
pub(super) fn forward(from: &mut BytesMut, to: &mut BytesMut, n: usize) {
    if to.is_empty() && n == from.len() {
        std::mem::swap(from, to);
        return;
    }
    to.extend_from_slice(&from[..n]);
    bytes::Buf::advance(from, n);
}

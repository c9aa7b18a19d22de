//! The COMMIT barrier, and results that fail after the server has run the statement.
//!
//! A value that does not open is noticed only when its row comes back. So while results with sealed
//! columns are unopened, nothing that can commit is sent; and when one fails, what its transaction
//! wrote is undone by the substitute.

use super::{
    engine::{Failing, Next, Session, Wait},
    fifo::Kind,
    job::{Deal, Job, Reading},
    planning::ENDS_TRANSACTION,
    problem::{Problem, SUBSTITUTE, SUBSTITUTE_NAME},
};
use crate::{
    admin::metrics::Meters,
    sql::classify::Class,
    wire::{
        backend::{self, Severity},
        frontend,
    },
};

/// Statements that overtake no unopened sealed results: what commits, or may do so inside (CALL, DO);
/// what natively works in the transaction that a failure aborts; COPY, because a server that receives
/// data does not see the Sync.
const WAITS_FOR_RESULTS: Class = ENDS_TRANSACTION.union(Class::PROCEDURE).union(Class::COPY);

/// Messages since the last Sync.
#[derive(Clone, Copy, Debug, Default)]
pub struct Segment {
    /// Extended messages were sent.
    pub(super) open: bool,
    /// Something was executed that returns sealed columns.
    pub(super) reads_sealed: bool,
    /// Something was executed that may write.
    pub(super) may_write: bool,
    /// Something was executed that may change the session's environment.
    pub(super) changes_env: bool,
    /// A message was refused: the substitute makes the server skip what follows.
    pub(super) refused: bool,
}

impl Segment {
    /// Nothing was sent since the last Sync.
    pub fn is_empty(self) -> bool {
        !self.open
    }
}

impl Session {
    /// While sealed results are unopened, nothing that can commit is sent.
    pub(super) fn must_wait_for_results(&mut self, class: impl FnOnce() -> Class) -> bool {
        // A result that has failed is not over before its ReadyForQuery: only then is the transaction
        // aborted upstream.
        let settled = self.unopened == 0 && self.failing == Failing::No;
        if settled || !class().contains(WAITS_FOR_RESULTS) {
            return false;
        }
        if !self.segment.is_empty() && !self.stays {
            frontend::flush(&mut self.server.output);
        }
        true
    }

    /// A Query or FunctionCall behind extended messages without a Sync ends their segment; whether it is
    /// skipped, and what must be opened before it commits, is known once they are answered.
    pub(super) fn must_wait_for_segment(&mut self) -> bool {
        if self.segment.is_empty() || self.fifo.is_empty() || self.fifo.copying_in() {
            return false;
        }
        frontend::flush(&mut self.server.output);
        self.wait = Wait::Answers;
        true
    }

    /// Would the server skip the message, because of an error in this segment that has been raised or
    /// will be? Then it is not even sent: it may hold values that nobody knows a column for.
    pub(super) fn skips(&self, tag: u8) -> bool {
        let failed_here = self.failing != Failing::No && self.fifo.iter().all(|entry| !entry.kind.ends_segment());
        !matches!(tag, b'S' | b'X') && (self.fifo.skipping() || self.segment.refused || failed_here)
    }

    pub(super) fn sync(&mut self) -> Next {
        // Outside a transaction block Sync commits. In one it does not, if the block is known to be
        // open: nothing is under way that could have ended it.
        if self.segment.reads_sealed && self.segment.may_write && self.unopened > 0 {
            self.hold_sync();
            return Next::Go;
        }
        self.release_sync();
        Next::Go
    }

    /// COMMIT barrier: the Sync goes up as Flush and follows once everything is opened.
    pub(super) fn hold_sync(&mut self) {
        frontend::flush(&mut self.server.output);
        self.wait = Wait::Sync;
    }

    pub(super) fn release_sync(&mut self) {
        if self.segment.changes_env {
            // Without a transaction block SET LOCAL lasts until here.
            self.environment.forget();
        }
        self.segment = Segment::default();
        if self.environment.touched() && self.status != b'T' {
            // Outside a block Sync ends the transaction, and with it SET LOCAL, say.
            self.environment.forget();
        }
        if self.failing != Failing::No {
            // A result of this segment did not open: the substitute undoes what the segment wrote.
            self.substitute(Deal::Repair);
        }
        frontend::sync(&mut self.server.output);
        self.sent(Kind::Sync, Job::forward());
    }

    /// Sends the substitute as an extended message in place of a refused one.
    pub(super) fn substitute(&mut self, deal: Deal) {
        frontend::parse(&mut self.server.output, SUBSTITUTE_NAME, SUBSTITUTE.as_bytes(), &[]);
        self.sent(Kind::Parse, Job { deal, ..Job::default() });
    }

    /// Fails the result that is being shown: the client gets the error now; what the server still
    /// says about it is dropped, and a transaction that is open gets aborted.
    pub(super) fn fail_result(&mut self, problem: &Problem) {
        Meters::get().error(problem.code.unwrap_or("native"));
        let several = |reading: &Reading| matches!(reading, Reading::Script { views, .. } if views.len() > 1);
        if self.fifo.head().is_some_and(|head| several(&head.job.reading)) && problem.detail.is_none() {
            // Such a message cannot be held before its end, which commits.
            let detail = "Other statements of the same message may have committed.";
            problem.clone().detail(detail).write(&mut self.client.output, Severity::Error);
        } else {
            problem.write(&mut self.client.output, Severity::Error);
        }
        self.failing = Failing::UntilReady;
    }

    /// The failed result has ended with `status`. In a transaction the substitute is sent, so that
    /// the transaction is aborted upstream as the client believes it to be.
    pub(super) fn end_failure(&mut self, status: u8) {
        self.failing = Failing::No;
        if status != b'T' {
            backend::ready(&mut self.client.output, status);
            return;
        }
        backend::ready(&mut self.client.output, b'E');
        // What is already on its way would be answered as if nothing had happened.
        self.aborting = !self.fifo.is_empty();
        self.substitute(Deal::Repair);
        frontend::sync(&mut self.server.output);
        self.sent(Kind::Sync, Job { deal: Deal::Repair, ..Job::default() });
    }
}

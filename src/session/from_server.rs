//! Messages from the server.
//!
//! Everything that needs no look is forwarded in runs: message after message is only stepped over,
//! and the whole run is moved at once.

use std::sync::{Arc, atomic::Ordering};

use bytes::{Buf, BytesMut};

use super::{
    cells::NotShown,
    copy::Copying,
    ending::End,
    engine::{Failing, Session, Wait, forward},
    error_response::{self, Positions},
    fifo::{Entry, Kind, Step},
    job::{Deal, Job, Reading, Rows},
    names::{Statement, Undo},
    params,
    problem::{Problem, is_substitutes_error},
    rows::{RowError, Shape, View},
    stray,
};
use crate::{
    admin::{latency, metrics::Meters},
    config::OnError,
    wire::{
        backend::{self, Severity},
        frame::{HEADER, Header, server_header},
        frontend,
    },
};

/// What becomes of a message.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Sent to the client as it is.
    Forward,
    /// Handled: dropped, or something else was written in its place.
    Done,
}

/// Commands whose tag says that the catalog has changed.
fn changes_catalog(tag: &[u8]) -> bool {
    // What DO and CALL did cannot be seen.
    [&b"CREATE"[..], b"ALTER", b"DROP", b"REASSIGN", b"IMPORT", b"DO", b"CALL"].iter().any(|word| tag.starts_with(word))
}

pub(super) fn out_of_step() -> End {
    End::Broken(
        Problem::new("08P01", "session/out-of-step", "pgveil: the server's answer fits no request")
            .hint("Please report this with the steps that lead to it."),
    )
}

impl Session {
    /// Handles everything that has arrived from the server.
    ///
    /// Not cancel safe: the session must be dropped with it.
    pub(super) async fn handle_server(&mut self) -> Result<(), End> {
        let mut input = std::mem::take(&mut self.server.input);
        let result = self.server_messages(&mut input).await;
        self.server.input = input;
        result
    }

    async fn server_messages(&mut self, input: &mut BytesMut) -> Result<(), End> {
        // Length of the run of messages at the front that go to the client as they are.
        let mut run = 0;
        loop {
            if self.server_streams > 0 {
                let n = self.server_streams.min(input.len() - run);
                run += n;
                self.server_streams -= n;
                if self.server_streams > 0 {
                    break;
                }
            }
            let Some(header) = server_header(&input[run..]).map_err(|_| out_of_step())? else { break };
            let available = input.len() - run;
            if available < header.total() {
                if !self.may_stream(header.tag) {
                    // The rest is read before it is looked at.
                    break;
                }
                if self.fifo.on(header.tag) == Step::OutOfStep {
                    return Err(out_of_step());
                }
                run += available;
                self.server_streams = header.total() - available;
                break;
            }
            if self.steps_over(header.tag) {
                if self.fifo.on(header.tag) == Step::OutOfStep {
                    return Err(out_of_step());
                }
                run += header.total();
                continue;
            }
            // Whatever this message becomes is written behind the run.
            flush(input, &mut self.client.output, &mut run);
            if self.shows_copy(header.tag) {
                self.copied_rows(input).await?;
                continue;
            }
            if self.shows_rows(header.tag) {
                self.rows(input).await?;
                continue;
            }
            match self.server_message(header, &input[HEADER..header.total()])? {
                Fate::Forward => run = header.total(),
                Fate::Done => input.advance(header.total()),
            }
        }
        flush(input, &mut self.client.output, &mut run);
        Ok(())
    }

    /// Data of a result that needs no look.
    fn steps_over(&mut self, tag: u8) -> bool {
        if !matches!(tag, b'D' | b'd')
            || matches!(self.copying, Copying::Out(_))
            || self.failing != Failing::No
            || self.aborting
        {
            return false;
        }
        let Some(head) = self.fifo.head() else { return false };
        if !matches!(head.job.deal, Deal::Forward) {
            return false;
        }
        matches!(head.job.reading.rows(), Rows::Plain)
    }

    /// Rows of a COPY that are opened.
    fn shows_copy(&self, tag: u8) -> bool {
        tag == b'd' && self.failing == Failing::No && !self.aborting && matches!(self.copying, Copying::Out(_))
    }

    /// Data of a result that is looked at row by row.
    fn shows_rows(&mut self, tag: u8) -> bool {
        if tag != b'D' || self.failing != Failing::No || self.aborting {
            return false;
        }
        let Some(head) = self.fifo.head() else { return false };
        !matches!(head.job.deal, Deal::Swallow | Deal::Environment { .. })
            && matches!(head.job.reading.rows(), Rows::Shaped(..))
    }

    /// May a message be forwarded before all of it is there? Data that needs no look, and what
    /// pgveil does not know.
    fn may_stream(&mut self, tag: u8) -> bool {
        self.steps_over(tag) || !b"NASTtnDCIs123GHWdcVEZ".contains(&tag)
    }

    fn server_message(&mut self, header: Header, body: &[u8]) -> Result<Fate, End> {
        match self.fifo.on(header.tag) {
            Step::OutOfStep => Err(out_of_step()),
            Step::Async => {
                if header.tag == b'S' {
                    self.environment.reported(body);
                }
                self.unasked(header.tag, body)
            }
            Step::Error => Ok(self.error(body)),
            Step::Ready => self.ready(body),
            Step::Part => {
                let fate = self.part(header.tag, body)?;
                if header.tag == b'C'
                    && let Some(head) = self.fifo.head()
                    && let Reading::Script { at, shape, .. } = &mut head.job.reading
                {
                    *at += 1;
                    *shape = None;
                }
                Ok(fate)
            }
            Step::Last => {
                let fate = self.part(header.tag, body)?;
                if let Some(entry) = self.fifo.finish() {
                    self.unopened -= usize::from(entry.job.opens);
                }
                Ok(fate)
            }
        }
    }

    /// A message that belongs to no request. What a trigger says about the rows of a protected table
    /// shows sealed values.
    fn unasked(&mut self, tag: u8, body: &[u8]) -> Result<Fate, End> {
        if !matches!(tag, b'N' | b'A') || !self.shows_sealed(body) {
            return Ok(Fate::Forward);
        }
        if tag == b'N' {
            error_response::rewrite(tag, body, &Positions::default(), &mut self.client.output);
        } else {
            error_response::rewrite_notification(body, &mut self.client.output)
                .map_err(|error| End::Broken(error.into()))?;
        }
        Ok(Fate::Done)
    }

    fn shows_sealed(&self, body: &[u8]) -> bool {
        stray::find(body, |dek| self.db.keyring.knows(dek)).is_some()
    }

    /// A message that belongs to the head.
    fn part(&mut self, tag: u8, body: &[u8]) -> Result<Fate, End> {
        if tag == b'C' {
            self.copying = Copying::No;
            self.command_complete(backend::command_tag(body));
        }
        let Some(head) = self.fifo.head() else { return Err(out_of_step()) };
        if tag == b'G' {
            // How long the data of a COPY takes is the client's affair.
            head.job.asked = None;
        }
        match &head.job.deal {
            Deal::Swallow => {
                if tag == b'T'
                    && let Some(problem) = self.row_description(body, false)?
                {
                    self.fail_result(&problem);
                }
                return Ok(Fate::Done);
            }
            Deal::Environment { .. } => {
                if tag == b'D' {
                    self.environment.answered(body).map_err(End::Broken)?;
                    if self.wait == Wait::Environment {
                        self.wait = Wait::No;
                    }
                }
                return Ok(Fate::Done);
            }
            // The substitute cannot succeed; in a Query it may have statements before it.
            Deal::Refuse(_) | Deal::Repair if head.kind == Kind::Parse => return Err(out_of_step()),
            Deal::Forward | Deal::Refuse(_) | Deal::Repair => {}
        }
        if self.failing != Failing::No || self.aborting {
            if tag == b'G' {
                // The client does not know that data is awaited.
                frontend::copy_fail(&mut self.server.output, b"an earlier result could not be shown");
                self.sent(Kind::CopyEnd, Job::swallow());
                if self.fifo.lost_sync() {
                    frontend::sync(&mut self.server.output);
                    self.sent(Kind::Sync, Job::forward());
                }
            }
            return Ok(Fate::Done);
        }
        match tag {
            b'G' | b'H' => self.copy_starts(tag, body),
            b'T' => Ok(match self.row_description(body, true)? {
                Some(problem) => {
                    self.fail_result(&problem);
                    Fate::Done
                }
                None => Fate::Done,
            }),
            b't' => Ok(self.parameter_description(body)?),
            b'n' => {
                if let Reading::Prepared { statement, .. } = &head.job.reading {
                    let _ = statement.shape.set(None);
                }
                Ok(Fate::Forward)
            }
            b'D' if matches!(head.job.reading.rows(), Rows::Undescribed) => {
                self.fail_result(&undescribed());
                Ok(Fate::Done)
            }
            _ => Ok(Fate::Forward),
        }
    }

    fn command_complete(&mut self, tag: &[u8]) {
        self.ddl |= changes_catalog(tag);
        let statements = matches!(tag, b"DEALLOCATE ALL" | b"DISCARD ALL");
        let portals = matches!(tag, b"CLOSE CURSOR ALL" | b"DISCARD ALL");
        if !statements && !portals {
            return;
        }
        // Of the present Query, too, only what comes behind this statement has yet to be.
        let done = match self.fifo.head().map(|head| &head.job.reading) {
            Some(Reading::Script { at, .. }) => *at,
            _ => 0,
        };
        let head = self.fifo.iter().take(1).flat_map(|entry| entry.job.steps.iter().filter(|(at, _)| *at > done));
        let behind = self.fifo.iter().skip(1).flat_map(|entry| entry.job.steps.iter());
        let steps = head.chain(behind).map(|(_, undo)| undo);
        let (mut prepared, mut bound) = (Vec::new(), Vec::new());
        for undo in self.fifo.iter().filter_map(|entry| entry.job.undo.as_ref()).chain(steps) {
            match undo {
                Undo::Statement(name, _) => prepared.push(name.clone()),
                Undo::Portal(name, _) => bound.push(name.clone()),
            }
        }
        if statements {
            self.names.clear_statements(&prepared);
        }
        if portals {
            self.names.clear_portals(&bound);
        }
    }

    /// Checks a row description and shows it, if it is for the client. A problem fails the result.
    fn row_description(&mut self, body: &[u8], show: bool) -> Result<Option<Problem>, End> {
        let Some(head) = self.fifo.head() else { return Err(out_of_step()) };
        let view = head.job.reading.view().cloned();
        let out = &mut self.client.output;
        let outcome = Self::with_reader(&self.db, |reader| {
            let shape = reader.shape(view.as_deref(), body)?;
            if let Reading::Prepared { statement, .. } = &head.job.reading
                && statement.named
                && statement.result.get().is_none()
            {
                let _ = statement.result.set(reader.result_type(shape.as_deref(), body)?);
            }
            if show {
                match (&view, &shape) {
                    (Some(view), Some(shape)) => reader.describe(view, shape, body, out)?,
                    _ => raw(b'T', body, out),
                }
            }
            Ok::<_, Problem>(shape)
        });
        let shape = match outcome {
            Ok(shape) => shape,
            Err(problem) => {
                if problem.code == Some("session/result-changed") {
                    self.db.mark_stale();
                }
                if let Reading::Prepared { statement, .. } = &head.job.reading {
                    // Executed later, it is described and refused again.
                    statement.described.store(false, Ordering::Relaxed);
                }
                return Ok(Some(problem));
            }
        };
        match &mut head.job.reading {
            Reading::Prepared { statement, .. } => remember(statement, shape),
            Reading::Passed { shape: slot } | Reading::Script { shape: slot, .. } => *slot = shape,
            Reading::Nothing => {}
        }
        Ok(None)
    }

    fn parameter_description(&mut self, body: &[u8]) -> Result<Fate, End> {
        let Some(head) = self.fifo.head() else { return Err(out_of_step()) };
        let Reading::Prepared { statement, .. } = &head.job.reading else { return Ok(Fate::Forward) };
        let Some(planned) = &statement.planned else { return Ok(Fate::Forward) };
        let upstream = backend::parameter_types(body).map_err(|error| End::Broken(error.into()))?;
        let shown = params::shown_oids(&planned.plan, &self.db.columns, &statement.oids, &upstream);
        backend::parameter_description(&mut self.client.output, &shown);
        Ok(Fate::Done)
    }

    /// A row could not be shown: fetches the key that is missing, if that is why. None: it can be tried again.
    pub(super) async fn mend_row(&mut self, error: RowError) -> Result<Option<Problem>, End> {
        let (ordinal, dek) = match error {
            RowError::Problem(problem) | RowError::Cell(_, NotShown::Problem(problem)) => return Ok(Some(problem)),
            RowError::Cell(ordinal, NotShown::NeedsKey(dek)) => (ordinal, dek),
        };
        let Some(column) = self.db.columns.get(ordinal) else { return Err(out_of_step()) };
        match self.db.fetch_key(column, dek).await {
            Ok(()) => Ok(None),
            Err(_) if column.spec.on_error == OnError::Null => {
                self.row_scratch.give_up(dek);
                Ok(None)
            }
            Err(error) => Ok(Some(error.into())),
        }
    }

    /// Shows the rows at the front, as many as have arrived; fetches keys that are not cached.
    async fn rows(&mut self, input: &mut BytesMut) -> Result<(), End> {
        if self.fifo.on(b'D') != Step::Part {
            return Err(out_of_step());
        }
        let Some(head) = self.fifo.head() else { return Err(out_of_step()) };
        let Rows::Shaped(view, shape) = head.job.reading.rows() else { return Err(out_of_step()) };
        let shape = Arc::clone(shape);
        let view = view.map_or_else(|| View::passed(self.environment.settings()), Arc::clone);
        loop {
            let (out, scratch) = (&mut self.client.output, &mut self.row_scratch);
            let mut done = 0;
            let stopped = Self::with_reader(&self.db, |reader| {
                let pins = reader.pin(&shape);
                while let Some(body) = row_at(&input[done..]) {
                    reader.row(&view, &shape, &pins, body, scratch, out)?;
                    done += HEADER + body.len();
                }
                Ok::<_, RowError>(())
            });
            self.row_scratch.report();
            input.advance(done);
            let Err(error) = stopped else { return Ok(()) };
            let Some(problem) = self.mend_row(error).await? else { continue };
            // What follows of this result is dropped, this row included.
            self.fail_result(&problem);
            return Ok(());
        }
    }

    /// An error of the server.
    fn error(&mut self, body: &[u8]) -> Fate {
        // Settings that were changed in the failed transaction are back.
        self.environment.forget();
        self.copying = Copying::No;
        let sqlstate = backend::sqlstate(body);
        let shows_sealed = self.shows_sealed(body);
        let Some(head) = self.fifo.head() else { return Fate::Forward };
        let silent = self.failing != Failing::No || self.aborting;
        let deal = std::mem::take(&mut head.job.deal);
        let fate = match &deal {
            _ if silent => Fate::Done,
            Deal::Refuse(problem) if is_substitutes_error(body) => {
                Meters::get().error(problem.code.unwrap_or("native"));
                problem.write(&mut self.client.output, Severity::Error);
                Fate::Done
            }
            Deal::Repair | Deal::Environment { alone: true } => Fate::Done,
            Deal::Forward | Deal::Refuse(_) | Deal::Swallow | Deal::Environment { .. } => match &head.job.positions {
                Some(positions) => {
                    error_response::rewrite(b'E', body, positions, &mut self.client.output);
                    Fate::Done
                }
                None if shows_sealed => {
                    error_response::rewrite(b'E', body, &Positions::default(), &mut self.client.output);
                    Fate::Done
                }
                None => Fate::Forward,
            },
        };
        // A Query stays for its ReadyForQuery; a substitute in it has done its work.
        let was_refused = matches!(deal, Deal::Refuse(_));
        if !was_refused {
            head.job.deal = deal;
        }
        // A cached plan that no longer fits, or names that have moved: look again next time.
        // (The substitute's own 42703 says nothing about the catalog.)
        if !was_refused && matches!(sqlstate, b"0A000" | b"42P01" | b"42703" | b"42804") && head.job.positions.is_some()
        {
            self.db.mark_stale();
        }
        // Of a Query, what has run stays: PREPARE is not undone.
        let undone = self.fifo.head().map(|head| match &head.job.reading {
            Reading::Script { at, .. } if head.kind == Kind::Query => {
                let first = head.job.steps.partition_point(|(step, _)| step < at);
                head.job.steps.split_off(first)
            }
            _ => Vec::new(),
        });
        for (_, undo) in undone.into_iter().flatten().rev() {
            self.take_back_name(undo);
        }
        let mut lost = self.fifo.fail();
        if let Some(Entry { kind: Kind::Parse, job }) = lost.first_mut()
            && let Some(Undo::Statement(name, old)) = &mut job.undo
            && name.is_empty()
        {
            // A Parse that fails leaves no unnamed statement behind; one that is skipped does.
            *old = None;
        }
        for entry in &lost {
            if let Deal::Environment { alone } = entry.job.deal {
                self.wait = Wait::No;
                // Within a segment the error stands for the message that waits, which is skipped.
                if alone {
                    self.environment.refused_to_answer();
                }
            }
        }
        // The latest change of a name is taken back first.
        for entry in lost.into_iter().rev() {
            self.unopened -= usize::from(entry.job.opens);
            self.take_back(entry.job);
        }
        fate
    }

    /// ReadyForQuery.
    fn ready(&mut self, body: &[u8]) -> Result<Fate, End> {
        let Some(entry) = self.fifo.finish() else { return Err(out_of_step()) };
        let Some(&status) = body.first() else { return Err(out_of_step()) };
        if let Some(asked) = entry.job.asked {
            latency::record(asked.elapsed());
        }
        self.unopened -= usize::from(entry.job.opens);
        self.status = status;
        self.permits.segment_answered(status != b'I', self.fifo.is_empty() && self.segment.is_empty());
        if status == b'I' {
            // What was sent since belongs to a later transaction.
            if self.fifo.is_empty() {
                self.names.end_transaction();
                self.ddl |= self.environment.altered();
                self.environment.settle();
            }
            if std::mem::take(&mut self.ddl) {
                self.db.mark_stale();
                if self.environment.hides() {
                    self.db.hide_names();
                }
            }
        }
        match entry.job.deal {
            Deal::Repair => {
                self.aborting = false;
                return Ok(Fate::Done);
            }
            Deal::Swallow | Deal::Environment { .. } => return Ok(Fate::Done),
            // The substitute in a Query did not fail.
            Deal::Refuse(_) => return Err(out_of_step()),
            Deal::Forward => {}
        }
        if self.failing != Failing::No {
            self.end_failure(status);
            return Ok(Fate::Done);
        }
        if self.aborting {
            Problem::native("25P02", "current transaction is aborted, commands ignored until end of transaction block")
                .write(&mut self.client.output, Severity::Error);
            backend::ready(&mut self.client.output, b'E');
            return Ok(Fate::Done);
        }
        Ok(Fate::Forward)
    }
}

fn undescribed() -> Problem {
    Problem::new("0A000", "session/undescribed-rows", "pgveil does not show rows whose description it could not check")
        .hint("Prepare the statement again.")
}

fn remember(statement: &Arc<Statement>, shape: Option<Shape>) {
    // A second description of the same statement says the same.
    let _ = statement.shape.set(shape);
}

/// The body of the row at the front, if one is there as a whole.
fn row_at(input: &[u8]) -> Option<&[u8]> {
    match server_header(input) {
        Ok(Some(header)) if header.tag == b'D' => input.get(HEADER..header.total()),
        _ => None,
    }
}

fn raw(tag: u8, body: &[u8], out: &mut BytesMut) {
    crate::wire::frame::message(out, tag, |message| message.extend_from_slice(body));
}

/// Sends the run on its way.
fn flush(input: &mut BytesMut, output: &mut BytesMut, run: &mut usize) {
    let n = std::mem::take(run);
    if n > 0 {
        forward(input, output, n);
    }
}

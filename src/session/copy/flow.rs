//! COPY within a session: its start, data both ways, and its end.

use std::sync::Arc;

use bytes::{Buf, BytesMut};

use super::{Copying, Incoming, Outgoing};
use crate::{
    session::{
        ending::End,
        engine::Session,
        fifo::{Kind, Step},
        from_server::{Fate, out_of_step},
        job::{Deal, Job},
        params::Sealer,
        problem::{COPY_REFUSED, Problem},
        rows::{RowError, View, changed},
    },
    sql::copy::{Copy, CopyForm},
    wire::{
        frame::{HEADER, message, server_header},
        frontend,
    },
};

fn copy_of(view: &View) -> Option<&Copy> {
    view.plan.as_ref()?.copy.as_ref()
}

impl Session {
    /// CopyInResponse or CopyOutResponse: what comes now is sealed, or opened, if the plan says so.
    pub(in crate::session) fn copy_starts(&mut self, tag: u8, body: &[u8]) -> Result<Fate, End> {
        self.copying = Copying::No;
        let Some(head) = self.fifo.head() else { return Err(out_of_step()) };
        let Some(view) = head.job.reading.view().cloned() else { return Ok(Fate::Forward) };
        let Some(copy) = copy_of(&view) else { return Err(out_of_step()) };
        // The server's word on what is copied: the second line.
        if (tag == b'G') != copy.from {
            return Err(out_of_step());
        }
        let binary = u8::from(copy.form == CopyForm::Binary);
        let fields = body.get(1..3).and_then(|count| count.first_chunk().copied()).map(u16::from_be_bytes);
        if body.first() != Some(&binary) || fields.map(usize::from) != Some(copy.fields.len()) {
            let problem = changed("COPY has another number of columns than planned");
            self.db.mark_stale();
            if tag == b'H' {
                self.fail_result(&problem);
                return Ok(Fate::Done);
            }
            self.refuse_copy(problem);
            // The client does not know that data is awaited.
            if self.fifo.lost_sync() {
                frontend::sync(&mut self.server.output);
                self.sent(Kind::Sync, Job::forward());
            }
            return Ok(Fate::Done);
        }
        self.copying = if copy.from {
            Copying::In(Box::new(Incoming::new(Arc::clone(&view), copy)))
        } else {
            Copying::Out(Outgoing::new(Arc::clone(&view), copy))
        };
        Ok(Fate::Forward)
    }

    /// Ends a COPY from the client: what it still sends goes nowhere.
    fn refuse_copy(&mut self, problem: Problem) {
        self.copying = Copying::No;
        if let Some(head) = self.fifo.head() {
            head.job.deal = Deal::Refuse(Box::new(problem));
        }
        frontend::copy_fail(&mut self.server.output, COPY_REFUSED);
        self.sent(Kind::CopyEnd, Job::swallow());
    }

    /// Is data of the client looked at?
    pub(in crate::session) fn seals_copy(&self) -> bool {
        matches!(self.copying, Copying::In(_)) && self.fifo.copying_in()
    }

    /// Data of the client. That of a COPY that has ended by now goes nowhere.
    pub(in crate::session) async fn copy_data(&mut self, data: &[u8]) {
        if self.seals_copy() {
            self.db.keyring.ready_to_seal(data.len()).await;
            self.copy_in(|incoming, copy, sealer, out| incoming.take(copy, data, sealer, out));
        }
    }

    /// CopyDone: false if the COPY is refused.
    pub(in crate::session) async fn copy_done(&mut self) -> bool {
        if !self.seals_copy() {
            return true;
        }
        // The last line may have no end.
        self.db.keyring.ready_to_seal(0).await;
        let ends = self.copy_in(Incoming::end);
        self.copying = Copying::No;
        ends
    }

    fn copy_in(
        &mut self,
        work: impl FnOnce(&mut Incoming, &Copy, &mut Sealer<'_>, &mut BytesMut) -> Result<(), Problem>,
    ) -> bool {
        let Copying::In(incoming) = &mut self.copying else { return true };
        let view = Arc::clone(incoming.view());
        let Some(copy) = copy_of(&view) else { return true };
        self.permits.begin_message();
        let (scratch, permits) = (&mut self.scratch, &mut self.permits);
        let mut sealer = Sealer { columns: &self.db.columns, settings: &view.settings, scratch, permits };
        let out = &mut self.server.output;
        let start = out.len();
        let done = message(out, b'd', |out| work(incoming, copy, &mut sealer, out));
        sealer.scratch.report_sealed();
        match done {
            Ok(()) => {
                if out.len() == start + HEADER {
                    out.truncate(start);
                }
                true
            }
            Err(problem) => {
                self.refuse_copy(problem);
                false
            }
        }
    }

    /// Shows the rows at the front, as many as have arrived; fetches keys that are not cached.
    pub(in crate::session) async fn copied_rows(&mut self, input: &mut BytesMut) -> Result<(), End> {
        if self.fifo.on(b'd') != Step::Part {
            return Err(out_of_step());
        }
        loop {
            let Copying::Out(outgoing) = &mut self.copying else { return Err(out_of_step()) };
            let view = Arc::clone(&outgoing.view);
            let Some(copy) = copy_of(&view) else { return Err(out_of_step()) };
            let (out, scratch) = (&mut self.client.output, &mut self.row_scratch);
            let mut done = 0;
            let stopped = Self::with_reader(&self.db, |reader| {
                let shape = Arc::clone(&outgoing.shape);
                let pins = reader.pin(&shape);
                while let Some(body) = row_at(input.get(done..).unwrap_or_default()) {
                    outgoing.show(reader, copy, &pins, body, scratch, out)?;
                    done += HEADER + body.len();
                }
                Ok::<_, RowError>(())
            });
            self.row_scratch.report();
            input.advance(done);
            let Err(error) = stopped else { return Ok(()) };
            let Some(problem) = self.mend_row(error).await? else { continue };
            self.copying = Copying::No;
            self.fail_result(&problem);
            return Ok(());
        }
    }
}

/// The body of the row at the front, if one is there as a whole.
fn row_at(input: &[u8]) -> Option<&[u8]> {
    match server_header(input) {
        Ok(Some(header)) if header.tag == b'd' => input.get(HEADER..header.total()),
        _ => None,
    }
}

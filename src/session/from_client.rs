//! Messages from the client.

use std::time::Instant;

use bytes::{Buf, BytesMut};

use super::{
    barrier::Segment,
    ending::End,
    engine::{MOST_UNDER_WAY, Next, Session, Wait, forward},
    fifo::Kind,
    io::HIGH_WATER,
    job::Job,
    problem::Problem,
};
use crate::wire::{
    frame::{HEADER, client_header},
    frontend::{self, Bind, Parse},
};

/// A message that cannot be understood ends the session.
pub(super) fn malformed(error: crate::wire::Malformed) -> End {
    End::Broken(error.into())
}

impl Session {
    /// Handles what has arrived from the client, until something has to be waited for.
    ///
    /// Not cancel safe: the session must be dropped with it.
    pub(super) async fn handle_client(&mut self) -> Result<(), End> {
        let mut input = std::mem::take(&mut self.client.input);
        let result = self.client_messages(&mut input).await;
        self.client.input = input;
        result
    }

    pub(super) async fn client_messages(&mut self, input: &mut BytesMut) -> Result<(), End> {
        loop {
            if self.client_streams > 0 {
                let n = self.client_streams.min(input.len());
                if self.client_copies {
                    let data = input.split_to(n);
                    self.copy_data(&data).await;
                } else if self.client_discards {
                    input.advance(n);
                } else if n > 0 {
                    forward(input, &mut self.server.output, n);
                }
                self.client_streams -= n;
                if self.client_streams > 0 {
                    return Ok(());
                }
            }
            if self.terminated {
                input.clear();
                return Ok(());
            }
            if self.server.output.len() > HIGH_WATER || self.fifo.len() > MOST_UNDER_WAY || !self.may_go_on() {
                return Ok(());
            }
            let header =
                client_header(input).map_err(|_| End::Broken(Problem::native("08P01", "invalid message length")))?;
            let Some(header) = header else {
                self.heard = None;
                return Ok(());
            };
            if header.tag == b'd' && !self.fifo.copying_in() && !self.skips(b'd') && !self.fifo.is_empty() {
                // Data is not sent ahead of the server's word that it wants it: the COPY may be refused.
                frontend::flush(&mut self.server.output);
                self.wait = Wait::Answers;
                return Ok(());
            }
            // COPY data and what pgveil does not know need no look and are not held.
            if !b"QPBDECSHFXcf".contains(&header.tag) {
                self.client_copies = header.tag == b'd' && self.seals_copy();
                if self.client_copies {
                    input.advance(HEADER);
                    self.client_streams = header.body;
                    continue;
                }
                self.client_streams = header.total();
                // Outside of COPY the server would ignore it.
                self.client_discards = header.tag == b'd' && !self.fifo.copying_in();
                continue;
            }
            if input.len() < header.total() {
                // How long the rest of a batch takes to come is the client's affair.
                self.heard = None;
                return Ok(());
            }
            if self.heard.is_none() {
                self.heard = Some(Instant::now());
            }
            let next = if self.skips(header.tag) {
                Next::Go
            } else {
                self.client_message(header.tag, input, header.total()).await?
            };
            self.stays = next == Next::Stay;
            match next {
                Next::Go => {
                    input.advance(header.total());
                }
                Next::Stay => return Ok(()),
            }
        }
    }

    /// Ends waits whose reason is gone.
    pub(super) fn may_go_on(&mut self) -> bool {
        match self.wait {
            Wait::Sync if self.fifo.is_empty() => {
                self.wait = Wait::No;
                self.release_sync();
            }
            // A server that waits for COPY data answers nothing else.
            Wait::Answers if self.fifo.is_empty() || self.fifo.copying_in() => self.wait = Wait::No,
            _ => {}
        }
        self.wait == Wait::No
    }

    pub(super) async fn client_message(&mut self, tag: u8, input: &BytesMut, total: usize) -> Result<Next, End> {
        let body = &input[HEADER..total];
        self.permits.begin_message();
        match tag {
            b'Q' => match frontend::query_text(body) {
                Ok(text) => self.query(text).await,
                Err(_) if body.ends_with(b"\0") => Ok(self.query_with_nul()),
                Err(error) => Err(malformed(error)),
            },
            b'P' => self.parse(Parse::read(body).map_err(malformed)?, &input[..total]).await,
            b'B' => self.bind(Bind::read(body).map_err(malformed)?, &input[..total]).await,
            b'D' => self.describe(body, &input[..total]),
            b'E' => Ok(self.execute(frontend::execute_portal(body).map_err(malformed)?, &input[..total])),
            b'C' => self.close(body, &input[..total]),
            b'S' => Ok(self.sync()),
            b'H' => {
                // The answers are asked for now: what comes behind them is the client's own time.
                self.heard = None;
                frontend::flush(&mut self.server.output);
                Ok(Next::Go)
            }
            b'F' => self.function_call(body, &input[..total]),
            b'c' if !self.copy_done().await => Ok(Next::Go),
            b'c' | b'f' => {
                self.server.output.extend_from_slice(&input[..total]);
                self.sent(Kind::CopyEnd, Job::forward());
                Ok(Next::Go)
            }
            // Terminate
            _ => {
                self.farewell = true;
                self.terminate();
                Ok(Next::Go)
            }
        }
    }

    pub(super) fn function_call(&mut self, body: &[u8], raw: &[u8]) -> Result<Next, End> {
        if self.must_wait_for_segment() {
            return Ok(Next::Stay);
        }
        let mut cursor = crate::wire::cursor::Cursor::new(body);
        let function = cursor.u32().map_err(malformed)?;
        if let Some(problem) = refused_function(function) {
            return Ok(self.refuse_query(problem));
        }
        self.segment = Segment::default();
        // It may be set_config().
        self.environment.touch();
        self.server.output.extend_from_slice(raw);
        self.sent(Kind::FunctionCall, Job::forward());
        Ok(Next::Go)
    }
}

/// Fast-path calls: large objects and other built-in functions pass. A function of the user's may
/// reach protected tables, and some built-in ones run SQL text.
fn refused_function(oid: u32) -> Option<Problem> {
    /// `FirstNormalObjectId`
    const FIRST_USER_OID: u32 = 16_384;
    /// table_to_xml … database_to_xml_and_xmlschema, ts_rewrite, ts_stat, cursor_to_xmlschema
    /// (pg_proc.dat).
    const RUNS_SQL: [std::ops::RangeInclusive<u32>; 4] = [2923..=2945, 3685..=3685, 3689..=3690, 3928..=3928];
    if oid < FIRST_USER_OID && !RUNS_SQL.iter().any(|range| range.contains(&oid)) {
        return None;
    }
    Some(
        Problem::new(
            "0A000",
            "session/function-call",
            "pgveil does not pass this function call of the fast-path protocol",
        )
        .detail(format!("Function OID {oid}: pgveil cannot see whether it reaches a protected table."))
        .hint("Call it in a SELECT."),
    )
}

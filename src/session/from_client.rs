//! Messages from the client.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, Ordering},
};

use bytes::{Buf, Bytes, BytesMut};

use super::{
    engine::{End, Failing, Next, Session, Wait, forward},
    environment::Environment,
    fifo::Kind,
    io::HIGH_WATER,
    job::{Deal, Job, Reading},
    names::{Planned, Portal, Statement},
    params::{self, Sealer},
    planning::{Desk, ENDS_TRANSACTION, Edited, Script},
    problem::{Problem, SUBSTITUTE},
    rows::View,
};
use crate::{
    admin::metrics::{Meters, Verdict},
    sql::{
        cache::{Key, Scope},
        catalog::Catalog,
        classify::{Class, classify},
        env::Env,
        model::{Output, Plan},
        prefilter::Mentions,
    },
    wire::{
        frame::{HEADER, client_header},
        frontend::{self, Bind, Parse, Target},
    },
};

/// Reserved name of a Query that is sent in the extended protocol.
const QUERY_NAME: &[u8] = b"pgveil$query";

/// Statements that overtake no unopened sealed results: what commits, or may do so inside (CALL, DO);
/// what natively works in the transaction that a failure aborts; COPY, because a server that receives
/// data does not see the Sync.
const WAITS_FOR_RESULTS: Class = ENDS_TRANSACTION.union(Class::PROCEDURE).union(Class::COPY);

/// Messages since the last Sync.
#[derive(Clone, Copy, Debug, Default)]
pub struct Segment {
    /// Extended messages were sent.
    open: bool,
    /// Something was executed that returns sealed columns.
    reads_sealed: bool,
    /// Something was executed that may write.
    may_write: bool,
    /// A message was refused: the substitute makes the server skip what follows.
    refused: bool,
}

impl Segment {
    /// Nothing was sent since the last Sync.
    pub fn is_empty(&self) -> bool {
        !self.open
    }
}

/// What has to be settled before a protected statement can be planned.
enum Ready {
    /// Everything is known.
    Now(Arc<Catalog>, Arc<Env>),
    /// The server is being asked.
    Later,
    /// It cannot be planned: an aborted transaction, an encoding, no catalog.
    Never(Problem),
}

fn malformed(error: crate::wire::Malformed) -> End {
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

    async fn client_messages(&mut self, input: &mut BytesMut) -> Result<(), End> {
        loop {
            if self.client_streams > 0 {
                let n = self.client_streams.min(input.len());
                if n > 0 {
                    Meters::get().bytes_up(n);
                    forward(input, &mut self.server.output, n);
                    self.client_streams -= n;
                }
                if self.client_streams > 0 {
                    return Ok(());
                }
            }
            if self.terminated {
                input.clear();
                return Ok(());
            }
            if self.server.output.len() > HIGH_WATER || !self.may_go_on() {
                return Ok(());
            }
            let header =
                client_header(input).map_err(|_| End::Broken(Problem::native("08P01", "invalid message length")))?;
            let Some(header) = header else { return Ok(()) };
            // COPY data and what pgveil does not know need no look and are not held.
            if !b"QPBDECSHFXcf".contains(&header.tag) {
                self.client_streams = header.total();
                continue;
            }
            if input.len() < header.total() {
                return Ok(());
            }
            let next = if self.skips(header.tag) {
                Next::Go
            } else {
                self.client_message(header.tag, input, header.total()).await?
            };
            self.stays = next == Next::Stay;
            match next {
                Next::Go => {
                    Meters::get().bytes_up(header.total());
                    input.advance(header.total());
                }
                Next::Stay => return Ok(()),
            }
        }
    }

    /// Ends waits whose reason is gone.
    fn may_go_on(&mut self) -> bool {
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

    /// Would the server skip the message, because of an error in this segment that has been raised or
    /// will be? Then it is not even sent: it may hold values that nobody knows a column for.
    fn skips(&self, tag: u8) -> bool {
        let failed_here = self.failing != Failing::No && self.fifo.iter().all(|entry| !entry.kind.ends_segment());
        !matches!(tag, b'S' | b'X') && (self.fifo.skipping() || self.segment.refused || failed_here)
    }

    async fn client_message(&mut self, tag: u8, input: &BytesMut, total: usize) -> Result<Next, End> {
        let body = &input[HEADER..total];
        match tag {
            b'Q' => self.query(frontend::query_text(body).map_err(malformed)?).await,
            b'P' => self.parse(Parse::read(body).map_err(malformed)?, &input[..total]).await,
            b'B' => self.bind(Bind::read(body).map_err(malformed)?, &input[..total]).await,
            b'D' => self.describe(body, &input[..total]),
            b'E' => self.execute(frontend::execute_portal(body).map_err(malformed)?, &input[..total]),
            b'C' => self.close(body, &input[..total]),
            b'S' => Ok(self.sync()),
            b'H' => {
                frontend::flush(&mut self.server.output);
                Ok(Next::Go)
            }
            b'F' => self.function_call(body, &input[..total]),
            b'c' | b'f' => {
                self.server.output.extend_from_slice(&input[..total]);
                self.expect(Kind::CopyEnd, Job::forward());
                Ok(Next::Go)
            }
            // Terminate
            _ => {
                self.terminate();
                Ok(Next::Go)
            }
        }
    }

    // ---- what a statement needs before it can be planned

    async fn ready_to_plan(&mut self) -> Ready {
        if let Err(problem) = self.db.freshen().await {
            return Ready::Never(problem);
        }
        let aborted = self.status == b'E' && self.fifo.is_empty() && self.environment.known().is_none();
        if self.environment.take_refusal() || aborted {
            // Natively 25P02: the substitute gets that from the server itself.
            return Ready::Never(Problem::new(
                "08006",
                "session/environment",
                "pgveil could not read the session's environment",
            ));
        }
        if self.environment.utf8() == Some(false) {
            return Ready::Never(encoding_problem());
        }
        match self.environment.known() {
            None => {
                self.ask_environment();
                Ready::Later
            }
            Some(env) => match self.environment.unsupported() {
                Some(what) => Ready::Never(
                    Problem::new(
                        "0A000",
                        "session/unsupported-setting",
                        format!("pgveil does not read or write sealed values under {what}"),
                    )
                    .hint("Set another value for this session."),
                ),
                None => Ready::Now(self.db.catalog(), Arc::clone(env)),
            },
        }
    }

    fn ask_environment(&mut self) {
        Environment::ask(&mut self.server.output);
        let alone = self.segment.is_empty();
        let job = || Job { deal: Deal::Environment { alone }, ..Job::default() };
        for kind in [Kind::Close, Kind::Parse, Kind::Bind, Kind::Execute, Kind::Close] {
            self.expect(kind, job());
        }
        if alone {
            frontend::sync(&mut self.server.output);
            self.expect(Kind::Sync, job());
        } else {
            frontend::flush(&mut self.server.output);
        }
        self.wait = Wait::Environment;
    }

    /// Names lex differently in other encodings, so nothing can be said of such a text.
    fn unreadable(&self, text: &[u8]) -> bool {
        self.environment.utf8() != Some(true) && !text.is_ascii()
    }

    /// In an encoding other than UTF8 a text with high bytes is refused; while the encoding is in
    /// doubt it waits. None: go on.
    fn check_encoding(&mut self, text: &[u8]) -> Option<Result<Next, Problem>> {
        if !self.unreadable(text) {
            return None;
        }
        match self.environment.utf8() {
            Some(_) => Some(Err(encoding_problem())),
            None if self.environment.take_refusal() => Some(Err(encoding_problem())),
            None => {
                self.ask_environment();
                Some(Ok(Next::Stay))
            }
        }
    }

    /// While sealed results are unopened, nothing that can commit is sent.
    fn must_wait_for_results(&mut self, class: impl FnOnce() -> Class) -> bool {
        if self.unopened == 0 || !class().contains(WAITS_FOR_RESULTS) {
            return false;
        }
        if !self.segment.is_empty() && !self.stays {
            frontend::flush(&mut self.server.output);
        }
        true
    }

    /// A Query or FunctionCall behind extended messages without a Sync ends their segment; whether it is
    /// skipped, and what must be opened before it commits, is known once they are answered.
    fn must_wait_for_segment(&mut self) -> bool {
        if self.segment.is_empty() || self.fifo.is_empty() || self.fifo.copying_in() {
            return false;
        }
        frontend::flush(&mut self.server.output);
        self.wait = Wait::Answers;
        true
    }

    /// Notes what a statement that was sent may do to the session's environment.
    fn note_effects(&mut self, mentions_env: bool, text: impl FnOnce() -> Class) {
        if mentions_env {
            self.environment.touch();
        } else if self.environment.touched() {
            let class = text();
            if class.contains(ENDS_TRANSACTION) {
                self.environment.forget();
            }
        }
    }

    // ---- simple protocol

    async fn query(&mut self, text: &[u8]) -> Result<Next, End> {
        if self.must_wait_for_segment() {
            return Ok(Next::Stay);
        }
        match self.check_encoding(text) {
            None => {}
            Some(Ok(next)) => return Ok(next),
            Some(Err(problem)) => return Ok(self.refuse_query(problem)),
        }
        let mentions = self.db.with_catalog(|catalog| catalog.prefilter.look(text));
        if self.must_wait_for_results(|| classify(text)) {
            return Ok(Next::Stay);
        }
        if !mentions.protected {
            return Ok(self.pass_query(text, mentions));
        }
        let (catalog, env) = match self.ready_to_plan().await {
            Ready::Now(catalog, env) => (catalog, env),
            Ready::Later => return Ok(Next::Stay),
            Ready::Never(problem) => return Ok(self.refuse_query(problem)),
        };
        let Ok(text) = std::str::from_utf8(text) else { return Ok(self.refuse_query(invalid_utf8())) };
        let script = match self.desk(&catalog, &env, |desk| desk.script(text, false)) {
            Ok(script) => script,
            Err(_) => {
                self.db.mark_stale();
                if let Err(problem) = self.db.freshen().await {
                    return Ok(self.refuse_query(problem));
                }
                let catalog = self.db.catalog();
                match self.desk(&catalog, &env, |desk| desk.script(text, true)) {
                    Ok(script) => script,
                    Err(refusal) => return Ok(self.refuse_query(Problem::refusal(refusal, text, 0))),
                }
            }
        };
        self.note_effects(mentions.env, || classify(text.as_bytes()));
        Ok(self.send_script(text, script))
    }

    fn pass_query(&mut self, text: &[u8], mentions: Mentions) -> Next {
        Meters::get().statement(Verdict::Passed);
        self.note_effects(mentions.env, || classify(text));
        frontend::query(&mut self.server.output, text);
        self.segment = Segment::default();
        // As natively: a simple Query destroys the unnamed statement.
        let undo = self.names.set_statement(b"", None);
        self.expect(Kind::Query, Job::forward().undo(undo).reading(Reading::Passed { shape: None }));
        Next::Go
    }

    fn refuse_query(&mut self, problem: Problem) -> Next {
        Meters::get().statement(Verdict::Refused);
        frontend::query(&mut self.server.output, SUBSTITUTE.as_bytes());
        self.segment = Segment::default();
        self.expect(Kind::Query, Job::refuse(problem).reading(Reading::Passed { shape: None }));
        Next::Go
    }

    fn send_script(&mut self, text: &str, script: Script) -> Next {
        let verdict = match &script.refused {
            Some(_) => Verdict::Refused,
            None if script.plans.iter().all(Option::is_none) => Verdict::Passed,
            None => Verdict::Rewritten,
        };
        Meters::get().statement(verdict);
        if let ([Some(plan)], None) = (script.plans.as_slice(), &script.refused)
            && plan.may_write
            && plan.reads_sealed()
        {
            let plan = Arc::clone(plan);
            self.send_query_extended(plan, script.edited);
            return Next::Go;
        }
        let settings = Arc::clone(self.environment.settings());
        let opens = script.plans.iter().flatten().any(|plan| plan.reads_sealed());
        let views = script.plans.into_iter().map(|plan| {
            let plan = plan.filter(|plan| plan.reads_sealed() || plan.explain)?;
            let (wanted, upstream) = (Vec::new(), Vec::new());
            Some(Arc::new(View { plan: Some(plan), wanted, upstream, settings: Arc::clone(&settings) }))
        });
        let reading = Reading::Script { views: views.collect(), at: 0, shape: None };
        let sent = if script.untouched { text } else { &script.edited.text };
        frontend::query(&mut self.server.output, sent.as_bytes());
        self.segment = Segment::default();
        let deal = script.refused.map_or(Deal::Forward, |problem| Deal::Refuse(Box::new(problem)));
        let positions = Some(Arc::new(script.edited.positions));
        let undo = Some(self.names.set_statement(b"", None));
        self.expect(Kind::Query, Job { deal, reading, undo, positions, opens });
        Next::Go
    }

    /// COMMIT barrier: a Query that writes and returns sealed columns is sent as Parse, Bind,
    /// Execute, and its Sync follows once everything is opened.
    fn send_query_extended(&mut self, plan: Arc<Plan>, edited: Edited) {
        let upstream = result_formats(&plan, plan.results_certain, &[]);
        let view = self.view(&plan, Vec::new(), upstream.clone());
        let statement = Arc::new(Statement {
            text: Bytes::new(),
            oids: Vec::new(),
            epoch: 0,
            changes_env: false,
            class: Class::EMPTY,
            may_write: true,
            planned: None,
            shape: OnceLock::new(),
            described: AtomicBool::new(true),
        });
        let positions = Some(Arc::new(edited.positions));
        let out = &mut self.server.output;
        frontend::close(out, Target::Statement, b"");
        frontend::close(out, Target::Statement, QUERY_NAME);
        frontend::parse(out, QUERY_NAME, edited.text.as_bytes(), &[]);
        // As natively, it takes the place of the unnamed portal and is gone afterwards.
        frontend::bind_plain(out, b"", QUERY_NAME, &upstream);
        frontend::describe(out, Target::Portal, b"");
        frontend::execute(out, b"");
        frontend::close(out, Target::Portal, b"");
        let undo = self.names.set_statement(b"", None);
        self.expect(Kind::Close, Job::swallow().undo(undo));
        self.expect(Kind::Close, Job::swallow());
        for kind in [Kind::Parse, Kind::Bind] {
            self.expect(kind, Job { positions: positions.clone(), ..Job::swallow() });
        }
        for (kind, opens) in [(Kind::DescribePortal, false), (Kind::Execute, true)] {
            let reading = Reading::Prepared { statement: Arc::clone(&statement), view: Some(Arc::clone(&view)) };
            self.expect(kind, Job { reading, positions: positions.clone(), opens, ..Job::forward() });
        }
        self.expect(Kind::Close, Job::swallow());
        self.hold_sync();
    }

    // ---- extended protocol

    async fn parse(&mut self, message: Parse<'_>, raw: &[u8]) -> Result<Next, End> {
        match self.check_encoding(message.text) {
            None => {}
            Some(Ok(next)) => return Ok(next),
            Some(Err(problem)) => return Ok(self.refuse_parse(message.name, problem)),
        }
        if self.must_wait_for_results(|| classify(message.text)) {
            return Ok(Next::Stay);
        }
        let (mentions, epoch) = self.db.with_catalog(|catalog| (catalog.prefilter.look(message.text), catalog.epoch));
        let oids: Vec<u32> = message.oids().collect();
        if !mentions.protected {
            self.server.output.extend_from_slice(raw);
            self.prepare(message.name, passed(message.text, oids, epoch, mentions), None);
            return Ok(Next::Go);
        }
        let (catalog, env) = match self.ready_to_plan().await {
            Ready::Now(catalog, env) => (catalog, env),
            Ready::Later => return Ok(Next::Stay),
            Ready::Never(problem) => return Ok(self.refuse_parse(message.name, problem)),
        };
        Ok(match self.plan_prepared(message.text, oids, mentions, catalog, &env).await {
            Err(problem) => self.refuse_parse(message.name, problem),
            Ok((statement, None)) => {
                self.server.output.extend_from_slice(raw);
                self.prepare(message.name, statement, None);
                Next::Go
            }
            Ok((statement, Some(edited))) => {
                self.send_parse(message.name, statement, &edited);
                Next::Go
            }
        })
    }

    /// Plans the text of a prepared statement, from the cache if it can be.
    async fn plan_prepared(
        &mut self,
        text: &[u8],
        oids: Vec<u32>,
        mentions: Mentions,
        mut catalog: Arc<Catalog>,
        env: &Arc<Env>,
    ) -> Result<(Statement, Option<Edited>), Problem> {
        let text_str = std::str::from_utf8(text).map_err(|_| invalid_utf8())?;
        let scope = self.scope(catalog.epoch, env);
        let plan = match self.db.plans.get(&Key { text: text_str, declared: &oids, scope: &scope }) {
            Some(plan) => {
                Meters::get().plan_cache(true);
                Some(plan)
            }
            None => {
                Meters::get().plan_cache(false);
                let mut planned = self.desk(&catalog, env, |desk| desk.prepared(text_str, &oids, false));
                if planned.is_err() {
                    // Something is not there: look again, once.
                    self.db.mark_stale();
                    self.db.freshen().await?;
                    catalog = self.db.catalog();
                    planned = self.desk(&catalog, env, |desk| desk.prepared(text_str, &oids, true));
                }
                let plan = planned.map_err(|refusal| Problem::refusal(refusal, text_str, 0))??.map(Arc::new);
                if let Some(plan) = &plan {
                    let scope = self.scope(catalog.epoch, env);
                    let key = Key { text: text_str, declared: &oids, scope: &scope };
                    self.db.plans.insert(&key, Arc::clone(plan), plan.weight());
                }
                plan
            }
        };
        let Some(plan) = plan else { return Ok((passed(text, oids, catalog.epoch, mentions), None)) };
        let edited = self.desk(&catalog, env, |desk| desk.edit_prepared(text_str, &plan))?;
        let class = classify(text);
        let statement = Statement {
            may_write: plan.may_write,
            class,
            planned: Some(Planned { plan, env: Arc::clone(env), used: AtomicBool::new(false) }),
            ..passed(text, oids, catalog.epoch, mentions)
        };
        Ok((statement, Some(edited)))
    }

    fn send_parse(&mut self, name: &[u8], statement: Statement, edited: &Edited) {
        let oids = match &statement.planned {
            Some(planned) => params::upstream_oids(&planned.plan, &statement.oids),
            None => statement.oids.clone(),
        };
        frontend::parse(&mut self.server.output, name, edited.text.as_bytes(), &oids);
        self.prepare(name, statement, Some(Arc::new(edited.positions.clone())));
    }

    /// Notes a Parse that was sent.
    fn prepare(&mut self, name: &[u8], statement: Statement, positions: Option<Arc<super::error_response::Positions>>) {
        self.segment.open = true;
        let verdict = if statement.planned.is_some() { Verdict::Rewritten } else { Verdict::Passed };
        Meters::get().statement(verdict);
        let undo = self.names.set_statement(name, Some(Arc::new(statement)));
        self.expect(Kind::Parse, Job { positions, ..Job::forward().undo(undo) });
    }

    /// Refuses a Parse. As natively, it leaves no unnamed statement behind.
    fn refuse_parse(&mut self, name: &[u8], problem: Problem) -> Next {
        if name.is_empty() {
            frontend::close(&mut self.server.output, Target::Statement, b"");
            let undo = self.names.set_statement(b"", None);
            self.expect(Kind::Close, Job::swallow().undo(undo));
        }
        self.refuse(problem)
    }

    /// Refuses an extended message: the substitute fails in its place.
    fn refuse(&mut self, problem: Problem) -> Next {
        Meters::get().statement(Verdict::Refused);
        self.segment.open = true;
        self.segment.refused = true;
        self.substitute(Deal::Refuse(Box::new(problem)));
        Next::Go
    }

    async fn bind(&mut self, message: Bind<'_>, raw: &[u8]) -> Result<Next, End> {
        let Some(statement) = self.names.statement(message.statement).cloned() else {
            if message.statement.is_empty() {
                // Never passed on: pgveil would not know what the values are for.
                return Ok(self.refuse(Problem::native("26000", "unnamed prepared statement does not exist")));
            }
            self.ask_about(message.statement);
            return Ok(Next::Stay);
        };
        if self.must_wait_for_results(|| statement.class) {
            return Ok(Next::Stay);
        }
        let statement = match self.current(&message, statement).await {
            Err(Stop::Stay) => return Ok(Next::Stay),
            Err(Stop::Refuse(problem)) => return Ok(self.refuse(*problem)),
            Ok(statement) => statement,
        };
        let Some(planned) = &statement.planned else {
            return Ok(self.bind_as_is(message.portal, statement, raw));
        };
        let wanted: Vec<i16> = (0..message.results.len()).filter_map(|i| message.results.of(i)).collect();
        let upstream = match result_formats_of(&planned.plan, &statement, &wanted) {
            Ok(formats) => formats,
            Err(problem) => return Ok(self.refuse(problem)),
        };
        let settings = Arc::clone(self.environment.settings());
        let mut sealer = Sealer { columns: &self.db.columns, settings: &settings, scratch: &mut self.scratch };
        let out = &mut self.server.output;
        let start = out.len();
        if let Err(problem) = params::bind(&planned.plan, &statement.oids, &message, &upstream, &mut sealer, out) {
            out.truncate(start);
            return Ok(self.refuse(problem));
        }
        planned.used.store(true, Ordering::Relaxed);
        self.segment.open = true;
        let view =
            (planned.plan.reads_sealed() || planned.plan.explain).then(|| self.view(&planned.plan, wanted, upstream));
        let portal = Portal { statement, view };
        let undo = self.names.set_portal(message.portal, Some(Arc::new(portal)));
        self.expect(Kind::Bind, Job::forward().undo(undo));
        Ok(Next::Go)
    }

    fn bind_as_is(&mut self, portal: &[u8], statement: Arc<Statement>, raw: &[u8]) -> Next {
        self.segment.open = true;
        self.server.output.extend_from_slice(raw);
        let undo = self.names.set_portal(portal, Some(Arc::new(Portal { statement, view: None })));
        self.expect(Kind::Bind, Job::forward().undo(undo));
        Next::Go
    }

    /// A name that pgveil does not know was prepared in SQL, where protected names are refused, or does
    /// not exist. Values are sent only once the server has said that it does; if not, its error to this
    /// Describe is the one that it has for Bind.
    fn ask_about(&mut self, name: &[u8]) {
        self.segment.open = true;
        frontend::describe(&mut self.server.output, Target::Statement, name);
        frontend::flush(&mut self.server.output);
        let epoch = self.db.with_catalog(|catalog| catalog.epoch);
        let text = Mentions { protected: false, env: true };
        let prepared_in_sql = Statement { may_write: true, ..passed(b"", Vec::new(), epoch, text) };
        let undo = self.names.set_statement(name, Some(Arc::new(prepared_in_sql)));
        self.expect(Kind::DescribeStatement, Job::swallow().undo(undo));
        self.wait = Wait::Answers;
    }

    /// The statement of a Bind, planned anew if what its plan depends on has changed, or if its text
    /// holds sealed literals that were used already (each value gets a nonce of its own).
    async fn current(&mut self, message: &Bind<'_>, statement: Arc<Statement>) -> Result<Arc<Statement>, Stop> {
        let same_catalog = !self.db.is_stale() && statement.epoch == self.db.with_catalog(|catalog| catalog.epoch);
        let fresh = match &statement.planned {
            None if same_catalog => return Ok(statement),
            None => {
                if let Err(problem) = self.db.freshen().await {
                    return Err(Stop::Refuse(Box::new(problem)));
                }
                let mentions = self.db.with_catalog(|catalog| catalog.prefilter.look(&statement.text));
                if !mentions.protected {
                    return Ok(statement);
                }
                false
            }
            Some(planned) => {
                let same_env = self.environment.known().is_some_and(|env| **env == *planned.env);
                let reuses = planned.plan.seals_literals() && planned.used.load(Ordering::Relaxed);
                same_catalog && same_env && !reuses
            }
        };
        if fresh {
            return Ok(statement);
        }
        let (catalog, env) = match self.ready_to_plan().await {
            Ready::Now(catalog, env) => (catalog, env),
            Ready::Later => return Err(Stop::Stay),
            Ready::Never(problem) => return Err(Stop::Refuse(Box::new(problem))),
        };
        let mentions = catalog.prefilter.look(&statement.text);
        let (text, oids) = (statement.text.clone(), statement.oids.clone());
        let (renewed, edited) = self
            .plan_prepared(&text, oids, mentions, catalog, &env)
            .await
            .map_err(|problem| Stop::Refuse(Box::new(problem)))?;
        self.prepare_again(message.statement, renewed, edited.as_ref());
        self.names.statement(message.statement).cloned().ok_or(Stop::Stay)
    }

    /// Replaces a prepared statement upstream under the client's name, which SQL-level DEALLOCATE and
    /// EXECUTE use as well. Portals of the old one stay.
    fn prepare_again(&mut self, name: &[u8], statement: Statement, edited: Option<&Edited>) {
        self.segment.open = true;
        frontend::close(&mut self.server.output, Target::Statement, name);
        self.expect(Kind::Close, Job::swallow());
        let text = statement.text.clone();
        let oids = match &statement.planned {
            Some(planned) => params::upstream_oids(&planned.plan, &statement.oids),
            None => statement.oids.clone(),
        };
        let sent = edited.map_or(&text[..], |edited| edited.text.as_bytes());
        frontend::parse(&mut self.server.output, name, sent, &oids);
        let positions = edited.map(|edited| Arc::new(edited.positions.clone()));
        // If the server skips this, the old one is still there, and is looked at again.
        let undo = self.names.set_statement(name, Some(Arc::new(statement)));
        self.expect(Kind::Parse, Job { positions, ..Job::swallow().undo(undo) });
    }

    fn describe(&mut self, body: &[u8], raw: &[u8]) -> Result<Next, End> {
        let (target, name) = frontend::target(body).map_err(malformed)?;
        self.segment.open = true;
        let (kind, known) = match target {
            Target::Statement => {
                let known = self.names.statement(name).map(|statement| {
                    let view = statement.planned.as_ref().map(|planned| self.view(&planned.plan, vec![0], vec![0]));
                    (Arc::clone(statement), view)
                });
                (Kind::DescribeStatement, known)
            }
            Target::Portal => {
                let known = self.names.portal(name).map(|portal| (Arc::clone(&portal.statement), portal.view.clone()));
                (Kind::DescribePortal, known)
            }
        };
        let reading = known.map(|(statement, view)| {
            statement.described.store(true, Ordering::Relaxed);
            Reading::Prepared { statement, view }
        });
        self.server.output.extend_from_slice(raw);
        // A name that pgveil does not know may be a cursor, or a statement prepared in SQL.
        let reading = reading.unwrap_or(Reading::Passed { shape: None });
        self.expect(kind, Job::forward().reading(reading));
        Ok(Next::Go)
    }

    fn execute(&mut self, name: &[u8], raw: &[u8]) -> Result<Next, End> {
        let portal = self.names.portal(name).cloned();
        let Some(portal) = portal else {
            self.segment.open = true;
            self.segment.may_write = true;
            self.look_at_portal(name, Reading::Passed { shape: None });
            self.server.output.extend_from_slice(raw);
            self.expect(Kind::Execute, Job::forward().reading(Reading::Passed { shape: None }));
            return Ok(Next::Go);
        };
        let statement = &portal.statement;
        if self.must_wait_for_results(|| statement.class) {
            return Ok(Next::Stay);
        }
        self.segment.open = true;
        let reading = || Reading::Prepared { statement: Arc::clone(statement), view: portal.view.clone() };
        if !statement.described.swap(true, Ordering::Relaxed) {
            self.look_at_portal(name, reading());
        }
        let opens = portal.view.is_some() && statement.reads_sealed();
        self.segment.reads_sealed |= opens;
        self.segment.may_write |= statement.may_write;
        if statement.changes_env {
            self.environment.touch();
        } else if statement.class.contains(ENDS_TRANSACTION) {
            self.environment.forget();
        }
        self.server.output.extend_from_slice(raw);
        self.expect(Kind::Execute, Job { opens, ..Job::forward().reading(reading()) });
        Ok(Next::Go)
    }

    /// The row description of every statement is looked at, also when the client does not ask for it.
    fn look_at_portal(&mut self, name: &[u8], reading: Reading) {
        frontend::describe(&mut self.server.output, Target::Portal, name);
        self.expect(Kind::DescribePortal, Job::swallow().reading(reading));
    }

    fn close(&mut self, body: &[u8], raw: &[u8]) -> Result<Next, End> {
        let (target, name) = frontend::target(body).map_err(malformed)?;
        self.segment.open = true;
        self.server.output.extend_from_slice(raw);
        let undo = match target {
            Target::Statement => self.names.set_statement(name, None),
            Target::Portal => self.names.set_portal(name, None),
        };
        self.expect(Kind::Close, Job::forward().undo(undo));
        Ok(Next::Go)
    }

    fn sync(&mut self) -> Next {
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
    fn hold_sync(&mut self) {
        frontend::flush(&mut self.server.output);
        self.wait = Wait::Sync;
    }

    fn release_sync(&mut self) {
        self.segment = Segment::default();
        if self.failing != Failing::No {
            // A result of this segment did not open: the substitute undoes what the segment wrote.
            self.substitute(Deal::Repair);
        }
        frontend::sync(&mut self.server.output);
        self.expect(Kind::Sync, Job::forward());
    }

    fn function_call(&mut self, body: &[u8], raw: &[u8]) -> Result<Next, End> {
        if self.must_wait_for_segment() {
            return Ok(Next::Stay);
        }
        let mut cursor = crate::wire::cursor::Cursor::new(body);
        let function = cursor.u32().map_err(malformed)?;
        if let Some(problem) = refused_function(function) {
            return Ok(self.refuse_query(problem));
        }
        self.segment = Segment::default();
        self.server.output.extend_from_slice(raw);
        self.expect(Kind::FunctionCall, Job::forward());
        Ok(Next::Go)
    }

    // ---- small things

    /// What plans are cached under: made anew only when the environment or the catalog has changed.
    fn scope(&mut self, epoch: u64, env: &Arc<Env>) -> Arc<Scope> {
        match &self.scope {
            Some((of_epoch, of_env, scope)) if *of_epoch == epoch && Arc::ptr_eq(of_env, env) => Arc::clone(scope),
            _ => {
                let scope = Scope::new(&self.db.policy.name, epoch, env);
                self.scope = Some((epoch, Arc::clone(env), Arc::clone(&scope)));
                scope
            }
        }
    }

    fn desk<T>(&mut self, catalog: &Catalog, env: &Env, work: impl FnOnce(&mut Desk<'_>) -> T) -> T {
        let settings = Arc::clone(self.environment.settings());
        let touched = self.environment.touched();
        let (columns, scratch) = (&self.db.columns, &mut self.scratch);
        work(&mut Desk { catalog, env, settings: &settings, columns, scratch, touched })
    }

    fn view(&self, plan: &Arc<Plan>, wanted: Vec<i16>, upstream: Vec<i16>) -> Arc<View> {
        let settings = Arc::clone(self.environment.settings());
        Arc::new(View { plan: Some(Arc::clone(plan)), wanted, upstream, settings })
    }
}

/// Why a Bind does not go on.
enum Stop {
    /// The server is being asked something first.
    Stay,
    /// It cannot be bound.
    Refuse(Box<Problem>),
}

fn passed(text: &[u8], oids: Vec<u32>, epoch: u64, mentions: Mentions) -> Statement {
    let class = classify(text);
    Statement {
        text: Bytes::copy_from_slice(text),
        oids,
        epoch,
        changes_env: mentions.env,
        class,
        may_write: class.may_write(),
        planned: None,
        shape: OnceLock::new(),
        described: AtomicBool::new(false),
    }
}

/// Sealed columns are asked for in binary whatever the client wants, where the number of columns is
/// certain: hex text doubles the bytes.
fn result_formats(plan: &Plan, certain: bool, wanted: &[i16]) -> Vec<i16> {
    if !certain || !plan.reads_sealed() || wanted == [1] {
        return wanted.to_vec();
    }
    let code = |i: usize| if wanted.len() > 1 { wanted.get(i) } else { wanted.first() }.copied().unwrap_or(0);
    plan.results
        .iter()
        .enumerate()
        .map(|(i, output)| if matches!(output, Output::Sealed(_)) { 1 } else { code(i) })
        .collect()
}

fn result_formats_of(plan: &Plan, statement: &Statement, wanted: &[i16]) -> Result<Vec<i16>, Problem> {
    if let Some(bad) = wanted.iter().find(|code| !(0..=1).contains(*code)) {
        return Err(Problem::native("22023", format!("unsupported format code: {bad}")));
    }
    if wanted.len() > 1 && plan.results_certain && wanted.len() != plan.results.len() {
        return Err(Problem::native(
            "08P01",
            format!("bind message has {} result formats but query has {} columns", wanted.len(), plan.results.len()),
        ));
    }
    let described = statement.shape.get().is_some_and(|shape| matches_plan(plan, shape.as_deref()));
    // As many codes as planned columns: if that is wrong the server says so, as it would natively.
    let certain = plan.results_certain || described || wanted.len() == plan.results.len().max(2);
    Ok(result_formats(plan, certain, wanted))
}

/// Did the server describe as many columns as planned? Then their number is certain.
fn matches_plan(plan: &Plan, shape: Option<&[super::rows::Cell]>) -> bool {
    shape.is_some_and(|shape| shape.len() == plan.results.len())
}

fn encoding_problem() -> Problem {
    Problem::new(
        "0A000",
        "session/encoding",
        "pgveil reads statements in UTF8 only, and client_encoding is another",
    )
    .detail("Names and quotes lex differently in other encodings. Statements in plain ASCII that name nothing protected pass.")
    .hint("SET client_encoding = 'UTF8'")
}

fn invalid_utf8() -> Problem {
    Problem::native("22021", "invalid byte sequence for encoding \"UTF8\"")
}

/// Fast-path calls: large objects and other built-in functions pass. A function of the user's may
/// reach protected tables, and some built-in ones run SQL text.
fn refused_function(oid: u32) -> Option<Problem> {
    /// `FirstNormalObjectId`
    const FIRST_USER_OID: u32 = 16_384;
    /// table_to_xml … database_to_xml_and_xmlschema, ts_stat, cursor_to_xmlschema (pg_proc.dat).
    const RUNS_SQL: [std::ops::RangeInclusive<u32>; 3] = [2923..=2945, 3689..=3690, 3928..=3928];
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

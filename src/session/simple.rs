//! The simple protocol: Query.

use std::sync::{Arc, atomic::AtomicBool};

use super::{
    barrier::Segment,
    by_name::{self, ByName},
    ending::End,
    engine::{Next, Session},
    extended::result_formats,
    fifo::Kind,
    job::{Deal, Job, Reading},
    names::Statement,
    planning::{Edited, Script},
    problem::{Problem, SUBSTITUTE, check_length},
    readiness::Ready,
};
use crate::{
    admin::metrics::{Meters, Verdict},
    sql::{
        classify::{Class, classify},
        env::Env,
        model::Plan,
        prefilter::Mentions,
    },
    values,
    wire::frontend::{self, Target},
};

/// Reserved name of a Query that is sent in the extended protocol.
const QUERY_NAME: &[u8] = b"pgveil$query";

impl Session {
    pub(super) async fn query(&mut self, text: &[u8]) -> Result<Next, End> {
        if self.must_wait_for_segment() || self.must_wait_for_results(|| classify(text)) {
            return Ok(Next::Stay);
        }
        let Some(mentions) = self.look(text).await else { return Ok(Next::Stay) };
        let by_name = if mentions.protected { ByName::Runs } else { by_name::look(text, &self.names) };
        if by_name == ByName::No || by_name == ByName::Names && self.unreadable(text) {
            return Ok(self.pass_query(text, mentions));
        }
        match self.check_encoding(text) {
            None => {}
            Some(Ok(next)) => return Ok(next),
            Some(Err(problem)) => return Ok(self.refuse_query(problem)),
        }
        let ready = if by_name == ByName::Names { self.ready_for_names() } else { self.ready_to_plan().await };
        let (mut catalog, env) = match ready {
            Ready::Now(catalog, env) => (catalog, env),
            Ready::Later => return Ok(Next::Stay),
            Ready::Never(problem) => return Ok(self.refuse_query(problem)),
        };
        let text = match values::verify(text) {
            Ok(text) => text,
            Err(error) => return Ok(self.refuse_query(error.into())),
        };
        if classify(text.as_bytes()).may_write() {
            self.db.keyring.ready_to_seal(text.len()).await;
        }
        let mut script = self.desk(&catalog, &env, |desk| desk.script(text, false));
        if script.is_err() {
            if self.asks_for_changes() {
                return Ok(Next::Stay);
            }
            // Something is not there: look again, once.
            self.db.mark_stale();
            if let Err(problem) = self.db.freshen().await {
                return Ok(self.refuse_query(problem));
            }
            catalog = self.db.catalog();
            script = self.desk(&catalog, &env, |desk| desk.script(text, true));
        }
        let script = match script {
            Ok(script) => script,
            Err(refusal) => {
                by_name::fence_prepared(text.as_bytes(), &mut self.names);
                return Ok(self.refuse_query(Problem::refusal(refusal, text, 0)));
            }
        };
        if script.refused.is_some() {
            by_name::fence_prepared(text.as_bytes(), &mut self.names);
        }
        self.note_effects(Mentions { env: script.env, ..mentions }, text.as_bytes());
        Ok(self.send_script(text, script, catalog.epoch, &env))
    }

    /// The error of the server (`pq_getmsgend` of src/backend/libpq/pqformat.c), after which the session goes on.
    /// Drivers that write values into the text let a NUL in a string through.
    pub(super) fn query_with_nul(&mut self) -> Next {
        if self.must_wait_for_segment() {
            return Next::Stay;
        }
        self.refuse_query(Problem::native("08P01", "invalid message format"))
    }

    pub(super) fn pass_query(&mut self, text: &[u8], mentions: Mentions) -> Next {
        Meters::get().statement(Verdict::Passed);
        self.note_effects(mentions, text);
        frontend::query(&mut self.server.output, text);
        self.segment = Segment::default();
        // As natively: a simple Query destroys the unnamed statement.
        let undo = self.names.set_statement(b"", None);
        self.sent(Kind::Query, Job::forward().undo(undo).reading(Reading::Passed { shape: None }));
        Next::Go
    }

    pub(super) fn refuse_query(&mut self, problem: Problem) -> Next {
        Meters::get().statement(Verdict::Refused);
        frontend::query(&mut self.server.output, SUBSTITUTE.as_bytes());
        self.segment = Segment::default();
        self.sent(Kind::Query, Job::refuse(problem).reading(Reading::Passed { shape: None }));
        Next::Go
    }

    fn send_script(&mut self, text: &str, script: Script, epoch: u64, env: &Arc<Env>) -> Next {
        if let Err(problem) = check_length(script.edited.text.len() + 1) {
            return self.refuse_query(problem);
        }
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
            self.send_query_extended(&plan, script.edited);
            return Next::Go;
        }
        let opens = script.plans.iter().flatten().any(|plan| plan.reads_sealed());
        let views = script.plans.iter().map(|plan| plan.as_ref().and_then(|plan| self.script_view(plan)));
        let reading = Reading::Script { views: views.collect(), at: 0, shape: None };
        let sent = if script.untouched { text } else { &script.edited.text };
        frontend::query(&mut self.server.output, sent.as_bytes());
        self.segment = Segment::default();
        let deal = script.refused.map_or(Deal::Forward, |problem| Deal::Refuse(Box::new(problem)));
        // Errors about a text that was passed stay as they are.
        let positions = (verdict != Verdict::Passed).then_some(script.edited.positions);
        let undo = Some(self.names.set_statement(b"", None));
        let (mut steps, mut displaced) = (Vec::with_capacity(script.effects.len()), false);
        for (at, noted) in &script.effects {
            let undo = self.take_effect(noted, epoch, env);
            displaced |= undo.displaces(noted.effect.makes_plan());
            steps.push((*at, undo));
        }
        self.sent(Kind::Query, Job { deal, reading, undo, steps, positions, opens, asked: None });
        self.settle_names(displaced);
        Next::Go
    }

    /// COMMIT barrier: a Query that writes and returns sealed columns is sent as Parse, Bind,
    /// Execute, and its Sync follows once everything is opened.
    fn send_query_extended(&mut self, plan: &Arc<Plan>, edited: Edited) {
        let wanted = if plan.binary { vec![1] } else { Vec::new() };
        let upstream = result_formats(plan, plan.results_certain, &wanted);
        let view = self.view(plan, wanted, upstream.clone());
        let statement = Arc::new(Statement {
            class: Class::EMPTY,
            described: AtomicBool::new(true),
            ..Statement::passed(b"", Vec::new(), 0, Mentions::default())
        });
        let positions = Some(edited.positions);
        let out = &mut self.server.output;
        frontend::close(out, Target::Statement, b"");
        frontend::close(out, Target::Statement, QUERY_NAME);
        frontend::parse(out, QUERY_NAME, edited.text.as_bytes(), &[]);
        // As natively, it takes the place of the unnamed portal and is gone afterwards.
        frontend::bind_plain(out, b"", QUERY_NAME, &upstream);
        frontend::describe(out, Target::Portal, b"");
        frontend::execute(out, b"");
        frontend::close(out, Target::Portal, b"");
        // Not to be seen in pg_prepared_statements.
        frontend::close(out, Target::Statement, QUERY_NAME);
        let undo = self.names.set_statement(b"", None);
        self.sent(Kind::Close, Job::swallow().undo(undo));
        self.sent(Kind::Close, Job::swallow());
        for kind in [Kind::Parse, Kind::Bind] {
            self.sent(kind, Job { positions: positions.clone(), ..Job::swallow() });
        }
        for (kind, opens) in [(Kind::DescribePortal, false), (Kind::Execute, true)] {
            let reading = Reading::Prepared { statement: Arc::clone(&statement), view: Some(Arc::clone(&view)) };
            self.sent(kind, Job { reading, positions: positions.clone(), opens, ..Job::forward() });
        }
        self.sent(Kind::Close, Job::swallow());
        self.sent(Kind::Close, Job::swallow());
        self.hold_sync();
    }
}

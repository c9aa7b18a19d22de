//! The extended protocol: Parse, Bind, Describe, Execute, Close.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use super::{
    by_name::{self, ByName},
    ending::End,
    engine::{Next, Session, Wait},
    fifo::Kind,
    from_client::malformed,
    job::{Deal, Job, Reading},
    known::{self, Known},
    names::{Planned, Portal, Relies, Statement},
    params::{self, Sealer},
    planning::{Desk, ENDS_TRANSACTION, Edited, Noted, PlannedText, Prepared},
    problem::Problem,
    readiness::{ALTERS, Ready, encoding_problem, may_hide},
    rows::Cell,
};
use crate::{
    admin::metrics::{Meters, Verdict},
    keys::{KeyError, Permit},
    sql::{
        cache::Key,
        catalog::Catalog,
        classify::classify,
        env::Env,
        held::{Effect, Lookup},
        model::Plan,
        prefilter::Mentions,
    },
    values::{self, Settings},
    wire::frontend::{self, Bind, Parse, Target},
};

/// `unknown` declares nothing (`variable_paramref_hook` of src/backend/parser/parse_param.c).
fn declared(oid: u32) -> u32 {
    const UNKNOWN: u32 = 705;
    if oid == UNKNOWN { 0 } else { oid }
}

impl Session {
    pub(super) async fn parse(&mut self, message: Parse<'_>, raw: &[u8]) -> Result<Next, End> {
        if self.must_wait_for_results(|| classify(message.text)) {
            return Ok(Next::Stay);
        }
        let Some(mentions) = self.look(message.text).await else { return Ok(Next::Stay) };
        let epoch = self.db.with_catalog(|catalog| catalog.epoch);
        let oids: Vec<u32> = message.oids().map(declared).collect();
        let by_name = if mentions.protected { ByName::Runs } else { by_name::look(message.text, &self.names) };
        if by_name == ByName::No || by_name == ByName::Names && self.unreadable(message.text) {
            self.server.output.extend_from_slice(raw);
            let readable = !self.unreadable(message.text);
            let statement = Statement { readable, ..Statement::passed(message.text, oids, epoch, mentions) };
            self.prepare(message.name, statement);
            return Ok(Next::Go);
        }
        match self.check_encoding(message.text) {
            None => {}
            Some(Ok(next)) => return Ok(next),
            Some(Err(problem)) => return Ok(self.refuse_parse(message.name, problem)),
        }
        let ready = if by_name == ByName::Names { self.ready_for_names() } else { self.ready_to_plan().await };
        let (catalog, env) = match ready {
            Ready::Now(catalog, env) => (catalog, env),
            Ready::Later => return Ok(Next::Stay),
            Ready::Never(problem) => return Ok(self.refuse_parse(message.name, problem)),
        };
        Ok(match self.plan_prepared(message.text, oids, mentions, catalog, &env, None).await {
            Err(Stop::Stay) => Next::Stay,
            Err(Stop::Refuse(problem)) => {
                by_name::fence_prepared(message.text, &mut self.names);
                self.refuse_parse(message.name, *problem)
            }
            Ok((statement, None)) => {
                self.server.output.extend_from_slice(raw);
                self.prepare(message.name, statement);
                Next::Go
            }
            Ok((statement, Some(edited))) => {
                self.send_parse(message.name, statement, &edited);
                Next::Go
            }
        })
    }

    /// Plans the text of a prepared statement, from the cache if it can be.
    pub(super) async fn plan_prepared(
        &mut self,
        text: &[u8],
        oids: Vec<u32>,
        mentions: Mentions,
        mut catalog: Arc<Catalog>,
        env: &Arc<Env>,
        literals: Option<Arc<Settings>>,
    ) -> Result<(Statement, Option<Arc<Edited>>), Stop> {
        if classify(text).may_write() {
            self.db.keyring.ready_to_seal(text.len()).await;
        }
        let literals = literals.unwrap_or_else(|| Arc::clone(self.environment.settings()));
        let text_str = values::verify(text).map_err(Problem::from)?;
        // What a transaction sees before it commits is of no use to others.
        let cacheable = env.changed.is_none();
        let scope = self.scope(catalog.epoch, env);
        let key = Key { text: text_str, declared: &oids, scope: &scope };
        let cached = if cacheable { self.db.plans.get(&key) } else { None };
        Meters::get().plan_cache(cached.is_some());
        let (mut effect, mut relies, mut changes_env) = (None, None, mentions.env);
        let prepared = if cached.is_some() {
            cached
        } else {
            let mut planned = self.desk(&catalog, env, |desk| desk.prepared(text_str, &oids, false));
            if planned.is_err() {
                if self.asks_for_changes() {
                    return Err(Stop::Stay);
                }
                // Something is not there: look again, once.
                self.db.mark_stale();
                self.db.freshen().await?;
                catalog = self.db.catalog();
                planned = self.desk(&catalog, env, |desk| desk.prepared(text_str, &oids, true));
            }
            let planned = planned.map_err(|refusal| Problem::refusal(refusal, text_str, 0))??;
            // What depends on the session's names is of no use to others.
            let cacheable = cacheable && planned.effect.is_none() && planned.asks.is_none();
            let PlannedText { plan, effect: own_effect, asks, asked_env } = planned;
            effect = own_effect;
            relies = asks.map(|asks| self.names.relies(&asks));
            changes_env = asked_env.unwrap_or(changes_env);
            match plan {
                None => None,
                Some(plan) => {
                    let edited = plan
                        .has_fixed_text()
                        .then(|| self.desk(&catalog, env, |desk| desk.edit_prepared(text_str, &plan)).map(Arc::new));
                    let prepared = Arc::new(Prepared { plan: Arc::new(plan), edited: edited.transpose()? });
                    if cacheable {
                        let scope = self.scope(catalog.epoch, env);
                        let key = Key { text: text_str, declared: &oids, scope: &scope };
                        self.db.plans.insert(&key, Arc::clone(&prepared), prepared.weight());
                    }
                    Some(prepared)
                }
            }
        };
        let mentions = Mentions { env: changes_env, ..mentions };
        let passed = Statement { effect, relies, ..Statement::passed(text, oids, catalog.epoch, mentions) };
        let Some(prepared) = prepared else { return Ok((passed, None)) };
        let plan = Arc::clone(&prepared.plan);
        let edited = if let Some(edited) = &prepared.edited {
            Arc::clone(edited)
        } else {
            let edit = |desk: &mut Desk<'_>| desk.edit_prepared(text_str, &plan);
            Arc::new(self.desk_with(&catalog, env, &literals, edit)?)
        };
        let sealed = self.permits.taken().filter(|_| plan.seals_literals()).map(Permit::stamp);
        let statement = Statement {
            may_write: plan.may_write,
            planned: Some(Planned {
                plan,
                env: Arc::clone(env),
                positions: Arc::clone(&edited.positions),
                literals,
                used: AtomicBool::new(false),
                sealed,
            }),
            ..passed
        };
        Ok((statement, Some(edited)))
    }

    pub(super) fn send_parse(&mut self, name: &[u8], statement: Statement, edited: &Edited) {
        let oids = match &statement.planned {
            Some(planned) => params::upstream_oids(&planned.plan, &statement.oids),
            None => statement.oids.clone(),
        };
        frontend::parse(&mut self.server.output, name, edited.text.as_bytes(), &oids);
        self.prepare(name, statement);
    }

    /// Notes a Parse that was sent.
    pub(super) fn prepare(&mut self, name: &[u8], statement: Statement) {
        self.segment.open = true;
        let verdict = if statement.planned.is_some() { Verdict::Rewritten } else { Verdict::Passed };
        Meters::get().statement(verdict);
        let statement = Statement { named: !name.is_empty(), ..statement };
        let positions = statement.positions();
        // The server refuses a name that is taken: nothing is bound to it before that is settled.
        let taken = !name.is_empty() && self.names.statement(name).is_some();
        self.names.unfence(name);
        if let Some(Effect::Prepare { name, held: Some(_), .. }) = &statement.effect
            && self.names.statement(name.as_bytes()).is_none()
        {
            // Nothing is run by that name before this one has been executed.
            self.names.fence(name.as_bytes());
        }
        let undo = self.names.set_statement(name, Some(Arc::new(statement)));
        self.sent(Kind::Parse, Job { positions, ..Job::forward().undo(undo) });
        if taken {
            frontend::flush(&mut self.server.output);
            self.wait = Wait::Answers;
        }
    }

    /// Refuses a Parse. As natively, it leaves no unnamed statement behind.
    pub(super) fn refuse_parse(&mut self, name: &[u8], problem: Problem) -> Next {
        if name.is_empty() {
            frontend::close(&mut self.server.output, Target::Statement, b"");
            let undo = self.names.set_statement(b"", None);
            self.sent(Kind::Close, Job::swallow().undo(undo));
        }
        self.refuse(problem)
    }

    /// Refuses an extended message: the substitute fails in its place.
    pub(super) fn refuse(&mut self, problem: Problem) -> Next {
        Meters::get().statement(Verdict::Refused);
        self.segment.open = true;
        self.segment.refused = true;
        self.substitute(Deal::Refuse(Box::new(problem)));
        Next::Go
    }

    pub(super) async fn bind(&mut self, message: Bind<'_>, raw: &[u8]) -> Result<Next, End> {
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
        if statement.result_changed() {
            return Ok(self.refuse(Problem::result_changed()));
        }
        let Some(planned) = &statement.planned else {
            return Ok(self.bind_as_is(message.portal, statement, raw));
        };
        let wanted: Vec<i16> = (0..message.results.len()).filter_map(|i| message.results.of(i)).collect();
        let upstream = match result_formats_of(&planned.plan, &statement, &wanted) {
            Ok(formats) => formats,
            Err(problem) => return Ok(self.refuse(problem)),
        };
        if planned.plan.seals_params() {
            self.db.keyring.ready_to_seal(raw.len()).await;
        }
        let settings = Arc::clone(self.environment.settings());
        let (scratch, permits) = (&mut self.scratch, &mut self.permits);
        let mut sealer = Sealer { columns: &self.db.columns, settings: &settings, scratch, permits };
        let out = &mut self.server.output;
        let start = out.len();
        if let Err(problem) = params::bind(&planned.plan, &statement.oids, &message, &upstream, &mut sealer, out) {
            out.truncate(start);
            return Ok(self.refuse(problem));
        }
        planned.used.store(true, Ordering::Relaxed);
        self.segment.open = true;
        let looks = planned.plan.reads_sealed() || planned.plan.explain || planned.plan.looks_at_copy();
        let view = looks.then(|| self.view(&planned.plan, wanted, upstream));
        let positions = statement.positions();
        let portal = Portal { seals: self.permits.taken().is_some(), ..Portal::bound(statement, view) };
        let undo = self.names.set_portal(message.portal, Some(Arc::new(portal)));
        self.sent(Kind::Bind, Job { positions, ..Job::forward().undo(undo) });
        Ok(Next::Go)
    }

    fn bind_as_is(&mut self, portal: &[u8], statement: Arc<Statement>, raw: &[u8]) -> Next {
        self.segment.open = true;
        self.server.output.extend_from_slice(raw);
        let undo = self.names.set_portal(portal, Some(Arc::new(Portal::bound(statement, None))));
        self.sent(Kind::Bind, Job::forward().undo(undo));
        Next::Go
    }

    /// A name that pgveil does not know was prepared by a function, say, or does not exist. Values are sent only once the server has said that it does; if not, its error to this
    /// Describe is the one that it has for Bind.
    fn ask_about(&mut self, name: &[u8]) {
        self.segment.open = true;
        frontend::describe(&mut self.server.output, Target::Statement, name);
        frontend::flush(&mut self.server.output);
        let epoch = self.db.with_catalog(|catalog| catalog.epoch);
        let text = Mentions { protected: false, env: true };
        let prepared_in_sql = Statement { may_write: true, ..Statement::passed(b"", Vec::new(), epoch, text) };
        let undo = self.names.set_statement(name, Some(Arc::new(prepared_in_sql)));
        self.sent(Kind::DescribeStatement, Job::swallow().undo(undo));
        self.wait = Wait::Answers;
    }

    /// The statement of a Bind, planned anew if what its plan depends on has changed, or if its text
    /// holds sealed literals that were used already (each value gets a nonce of its own).
    async fn current(&mut self, message: &Bind<'_>, statement: Arc<Statement>) -> Result<Arc<Statement>, Stop> {
        let same_catalog = !self.db.is_stale() && statement.epoch == self.db.with_catalog(|catalog| catalog.epoch);
        let same_names = statement.relies.as_ref().is_none_or(|relies| self.names.still(relies));
        let same_seals = self.seals_still(&statement)?;
        let fresh = match &statement.planned {
            None if same_catalog && same_names => return Ok(statement),
            None if same_names => {
                // As at its Parse: other changes of the catalog are not waited for.
                if self.environment.hides() || self.db.hides_names() {
                    self.db.freshen().await.map_err(|problem| Stop::Refuse(Box::new(problem)))?;
                }
                let mentions = self.db.with_catalog(|catalog| catalog.prefilter.look(&statement.text));
                if !mentions.protected {
                    statement.changes_env.fetch_or(mentions.env, Ordering::Relaxed);
                    return Ok(statement);
                }
                if !statement.readable {
                    return Err(Stop::Refuse(Box::new(encoding_problem())));
                }
                false
            }
            None => false,
            Some(planned) => {
                // A cursor was planned when it was declared.
                let of_cursor = matches!(statement.relies, Some(Relies::Cursor(..)));
                let same_env = of_cursor || self.environment.known().is_some_and(|env| *env == planned.env);
                let reuses = planned.plan.seals_literals() && planned.used.load(Ordering::Relaxed);
                same_catalog && same_names && same_env && same_seals && !reuses
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
        if statement.by_sql.is_some() {
            let statement = self.renewed(message.statement, &statement, &catalog, &env)?;
            return Ok(statement);
        }
        let mentions = catalog.prefilter.look(&statement.text);
        let (text, oids) = (statement.text.clone(), statement.oids.clone());
        let literals = statement.planned.as_ref().map(|planned| Arc::clone(&planned.literals));
        let (renewed, edited) = self.plan_prepared(&text, oids, mentions, catalog, &env, literals).await?;
        // What EXECUTE and FETCH return may change.
        let former_result = match statement.relies {
            Some(_) => None,
            None => statement.former_result.clone().or_else(|| statement.result.get().cloned()),
        };
        let renewed = Statement { named: statement.named, former_result, ..renewed };
        self.prepare_again(message.statement, renewed, edited.as_deref());
        match self.names.statement(message.statement) {
            Some(statement) if self.wait == Wait::No => Ok(Arc::clone(statement)),
            _ => Err(Stop::Stay),
        }
    }

    /// May what was sealed into the text of a statement be written now?
    fn seals_still(&mut self, statement: &Statement) -> Result<bool, Problem> {
        match statement.sealed() {
            None => Ok(true),
            Some(stamp) => Ok(self.permits.for_text(&self.db.keyring)?.gave(stamp)),
        }
    }

    /// What SQL has prepared is not prepared again: its plan is still good, or it cannot be run.
    fn renewed(
        &mut self,
        name: &[u8],
        old: &Statement,
        catalog: &Catalog,
        env: &Arc<Env>,
    ) -> Result<Arc<Statement>, Stop> {
        let planned = match Known::new(&self.names, catalog, env).of_statement(old) {
            Lookup::Refused(refusal) => return Err(Problem::refusal(*refusal, "", 0).into()),
            Lookup::Unknown | Lookup::Missing => None,
            Lookup::Held(held) => Some(Planned {
                plan: held.plan,
                env: Arc::clone(env),
                positions: Arc::default(),
                literals: Arc::clone(self.environment.settings()),
                used: AtomicBool::new(false),
                sealed: None,
            }),
        };
        let changes = Mentions { protected: false, env: old.changes_env.load(Ordering::Relaxed) };
        let statement = Arc::new(Statement {
            may_write: old.may_write,
            planned,
            named: true,
            by_sql: old.by_sql,
            ..Statement::passed(&old.text, old.oids.clone(), catalog.epoch, changes)
        });
        self.names.set_statement(name, Some(Arc::clone(&statement)));
        Ok(statement)
    }

    /// Replaces a prepared statement upstream under the client's name, which SQL-level DEALLOCATE and
    /// EXECUTE use as well. Portals of the old one stay.
    pub(super) fn prepare_again(&mut self, name: &[u8], statement: Statement, edited: Option<&Edited>) {
        self.segment.open = true;
        frontend::close(&mut self.server.output, Target::Statement, name);
        self.sent(Kind::Close, Job::swallow());
        let text = statement.text.clone();
        let oids = match &statement.planned {
            Some(planned) => params::upstream_oids(&planned.plan, &statement.oids),
            None => statement.oids.clone(),
        };
        let sent = edited.map_or(&text[..], |edited| edited.text.as_bytes());
        frontend::parse(&mut self.server.output, name, sent, &oids);
        let positions = statement.positions();
        // If this fails the old one is noted again, whose plan is not good any more: the next Bind
        // tries once more.
        let statement = Arc::new(statement);
        let undo = self.names.set_statement(name, Some(Arc::clone(&statement)));
        self.sent(Kind::Parse, Job { positions, ..Job::swallow().undo(undo) });
        if statement.former_result.is_some() {
            frontend::describe(&mut self.server.output, Target::Statement, name);
            frontend::flush(&mut self.server.output);
            statement.described.store(true, Ordering::Relaxed);
            let view = self.statement_view(&statement);
            self.sent(Kind::DescribeStatement, Job::swallow().reading(Reading::Prepared { statement, view }));
            self.wait = Wait::Answers;
        }
    }

    pub(super) fn describe(&mut self, body: &[u8], raw: &[u8]) -> Result<Next, End> {
        let (target, name) = frontend::target(body).map_err(malformed)?;
        self.segment.open = true;
        let (kind, known) = match target {
            Target::Statement => {
                let known =
                    self.names.statement(name).map(|statement| (Arc::clone(statement), self.statement_view(statement)));
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
        self.sent(kind, Job::forward().reading(reading));
        Ok(Next::Go)
    }

    pub(super) fn execute(&mut self, name: &[u8], raw: &[u8]) -> Next {
        let portal = self.names.portal(name).cloned();
        let Some(portal) = portal else {
            self.segment.open = true;
            self.segment.may_write = true;
            // A cursor, or a portal that only the server knows of.
            let statement = Arc::new(Statement::passed(b"", Vec::new(), 0, Mentions::default()));
            let reading = || Reading::Prepared { statement: Arc::clone(&statement), view: None };
            self.look_at_portal(name, reading());
            self.server.output.extend_from_slice(raw);
            self.sent(Kind::Execute, Job::forward().reading(reading()));
            return Next::Go;
        };
        let statement = &portal.statement;
        if self.must_wait_for_results(|| statement.class) {
            return Next::Stay;
        }
        if statement.relies.as_ref().is_some_and(|relies| !self.names.still(relies)) {
            // It was bound while the name that it runs stood for something else.
            return self.refuse(Problem::refusal(known::stale(), "", 0));
        }
        if portal.seals {
            if !self.permits.may_send(&self.db.keyring) {
                return self.refuse(KeyError::LeaseLost.into());
            }
            self.permits.sets_going();
        }
        let view = match &portal.view {
            Some(view) if statement.reads_sealed() => match self.view_now(view) {
                None => return Next::Stay,
                Some(Err(problem)) => return self.refuse(problem),
                Some(Ok(view)) => Some(view),
            },
            view => view.clone(),
        };
        self.segment.open = true;
        let reading = || Reading::Prepared { statement: Arc::clone(statement), view: view.clone() };
        if !statement.described.swap(true, Ordering::Relaxed) {
            self.look_at_portal(name, reading());
        }
        let opens = view.is_some() && statement.reads_sealed();
        self.segment.reads_sealed |= opens;
        self.segment.may_write |= statement.may_write;
        if statement.changes_env.load(Ordering::Relaxed) {
            self.environment.touch();
            self.segment.changes_env = true;
            if statement.class.contains(ALTERS) {
                self.environment.alter();
            }
        } else if statement.class.contains(ENDS_TRANSACTION) {
            self.environment.forget();
        }
        let text = &statement.text;
        if may_hide(statement.class, text) && self.db.with_catalog(|catalog| catalog.prefilter.look(text).protected) {
            self.environment.hide();
        }
        self.server.output.extend_from_slice(raw);
        let undo = statement.effect.clone().map(|effect| {
            let env = statement.planned.as_ref().map_or_else(Arc::default, |planned| Arc::clone(&planned.env));
            let makes_plan = effect.makes_plan();
            let changes_env = statement.changes_env.load(Ordering::Relaxed);
            let noted = Noted { effect, text: statement.text.clone(), env: changes_env };
            let undo = self.take_effect(&noted, statement.epoch, &env);
            (undo.displaces(makes_plan), undo)
        });
        let displaced = undo.as_ref().is_some_and(|(displaced, _)| *displaced);
        let job = Job { opens, positions: statement.positions(), ..Job::forward().reading(reading()) };
        self.sent(Kind::Execute, Job { undo: undo.map(|(_, undo)| undo), ..job });
        self.settle_names(displaced);
        Next::Go
    }

    /// The row description of every statement is looked at, also when the client does not ask for it.
    pub(super) fn look_at_portal(&mut self, name: &[u8], reading: Reading) {
        frontend::describe(&mut self.server.output, Target::Portal, name);
        self.sent(Kind::DescribePortal, Job::swallow().reading(reading));
    }

    pub(super) fn close(&mut self, body: &[u8], raw: &[u8]) -> Result<Next, End> {
        let (target, name) = frontend::target(body).map_err(malformed)?;
        self.segment.open = true;
        self.server.output.extend_from_slice(raw);
        let undo = match target {
            Target::Statement => self.names.set_statement(name, None),
            Target::Portal => self.names.set_portal(name, None),
        };
        self.sent(Kind::Close, Job::forward().undo(undo));
        Ok(Next::Go)
    }
}

/// Why a Bind does not go on.
pub(super) enum Stop {
    /// The server is being asked something first.
    Stay,
    /// It cannot be bound.
    Refuse(Box<Problem>),
}

impl From<Problem> for Stop {
    fn from(problem: Problem) -> Self {
        Self::Refuse(Box::new(problem))
    }
}

/// Sealed columns are asked for in binary whatever the client wants, where the number of columns is
/// certain: hex text doubles the bytes.
pub(super) fn result_formats(plan: &Plan, certain: bool, wanted: &[i16]) -> Vec<i16> {
    // COPY has a form of its own.
    if !certain || !plan.reads_sealed() || plan.copy.is_some() || wanted == [1] {
        return wanted.to_vec();
    }
    let code = |i: usize| if wanted.len() > 1 { wanted.get(i) } else { wanted.first() }.copied().unwrap_or(0);
    plan.results.iter().enumerate().map(|(i, output)| if output.sealed().is_some() { 1 } else { code(i) }).collect()
}

fn result_formats_of(plan: &Plan, statement: &Statement, wanted: &[i16]) -> Result<Vec<i16>, Problem> {
    if let Some(bad) = wanted.iter().find(|code| !(0..=1).contains(*code)) {
        return Err(Problem::native("22023", format!("unsupported format code: {bad}")));
    }
    if wanted.len() > 1 && plan.results_certain && plan.copy.is_none() && wanted.len() != plan.results.len() {
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
fn matches_plan(plan: &Plan, shape: Option<&[Cell]>) -> bool {
    shape.is_some_and(|shape| shape.len() == plan.results.len())
}

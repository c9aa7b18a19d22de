//! A client's text → what is sent instead of it.

use std::sync::Arc;

use bytes::Bytes;

use super::{
    cells::{Column, Scratch},
    error_response::Positions,
    known::Known,
    names::Registry,
    params::Sealer,
    permits::Permits,
    problem::{Problem, SUBSTITUTE, check_length},
};
use crate::{
    admin::metrics::Meters,
    sql::{
        catalog::Catalog,
        classify::{Class, classify},
        env::Env,
        grammar::{Parsed, edits::render_measured, tokens},
        held::{Asked, Effect},
        model::{Outcome, Plan, Refusal, Replacement},
        planner,
    },
    values::Settings,
};

/// What planning and sealing need of a session and its database.
pub struct Desk<'a> {
    /// The catalog.
    pub catalog: &'a Catalog,
    /// The session's environment.
    pub env: &'a Env,
    /// Its settings.
    pub settings: &'a Settings,
    /// Protected columns by ordinal.
    pub columns: &'a [Column],
    /// Buffers.
    pub scratch: &'a mut Scratch,
    /// What it seals with.
    pub permits: &'a mut Permits,
    /// Prepared statements and cursors.
    pub names: &'a Registry,
    /// The transaction has changed the environment: its end, or that of a part of it, takes it back.
    pub touched: bool,
}

/// Statements that take back or keep what a transaction has set.
pub const ENDS_TRANSACTION: Class = Class::COMMIT.union(Class::ROLLBACK).union(Class::SAVEPOINT);

/// A text with its edits applied.
pub struct Edited {
    /// What is sent.
    pub text: String,
    /// How its errors map back.
    pub positions: Arc<Positions>,
}

/// What is kept of the text of a Parse.
pub struct Prepared {
    /// Its plan.
    pub plan: Arc<Plan>,
    /// What is sent, if that is always the same.
    pub edited: Option<Arc<Edited>>,
}

impl Prepared {
    /// Bytes it takes, roughly.
    pub fn weight(&self) -> usize {
        size_of::<Self>() + self.plan.weight() + self.edited.as_ref().map_or(0, |edited| edited.text.len())
    }
}

/// What becomes of a Query.
pub struct Script {
    /// What is sent.
    pub edited: Edited,
    /// Plans of its statements; None for those that are passed.
    pub plans: Vec<Option<Arc<Plan>>>,
    /// The error that the last statement stands for, if one is refused.
    pub refused: Option<Problem>,
    /// Nothing was changed: the text can go as it came.
    pub untouched: bool,
    /// One of them may change how names resolve.
    pub env: bool,
    /// What they do to names, with their positions in `plans`.
    pub effects: Vec<(usize, Noted)>,
}

/// What a statement does to names.
#[derive(Debug)]
pub struct Noted {
    /// What it does.
    pub effect: Effect,
    /// The statement's own text.
    pub text: Bytes,
    /// Running what it makes may change how names resolve.
    pub env: bool,
}

/// What planning the text of a Parse gave.
#[derive(Debug, Default)]
pub struct PlannedText {
    /// Its plan; None if it is to be passed.
    pub plan: Option<Plan>,
    /// What its execution does to names.
    pub effect: Option<Effect>,
    /// The name that it depends on.
    pub asks: Option<Asked>,
    /// What that name stands for may change how names resolve; None if nothing is known of it.
    pub asked_env: Option<bool>,
}

/// A refusal that a fresh look at the catalog may lift: something is not there.
pub fn may_be_stale(refusal: &Refusal) -> bool {
    matches!(refusal.sqlstate, "42P01" | "42703")
}

impl Desk<'_> {
    /// Plans all statements of a Query. `Err` is the refusal of a statement that names something
    /// unknown: the caller may look at the catalog again and call once more with `last_try`.
    pub fn script(&mut self, text: &str, last_try: bool) -> Result<Script, Refusal> {
        let mut script = Script {
            edited: Edited { text: String::with_capacity(text.len() + 64), positions: Arc::default() },
            plans: Vec::new(),
            refused: None,
            untouched: true,
            env: false,
            effects: Vec::new(),
        };
        let mut known = Known::new(self.names, self.catalog, self.env);
        if self.passes_with_escapes(text, &known) {
            script.env = self.catalog.prefilter.look(text.as_bytes()).env;
            script.edited.text.push_str(text);
            script.plans.push(None);
            return Ok(script);
        }
        let parsed = match parse(text) {
            Ok(parsed) => parsed,
            Err(problem) => {
                script.stop(problem);
                return Ok(script);
            }
        };
        let (mut copied, mut unsettled, mut positions) = (0, false, Positions::default());
        let mut created: Vec<&str> = Vec::new();
        for index in 0..parsed.len() {
            let span = parsed.statement_span(index);
            let own = parsed.statement_text(index);
            script.edited.text.push_str(&text[copied..span.start]);
            copied = span.end;
            let mentions = self.catalog.prefilter.look(own.as_bytes());
            let planning = planner::plan_among(&parsed, index, self.catalog, self.env, &[], &known);
            let asked = planning.asks.as_ref().and_then(|asks| known.of(asks));
            let depends =
                asked.is_some_and(|(planned, _)| planned) && matches!(planning.asks, Some(Asked::Statement(_)));
            let outcome = match planning.outcome {
                Outcome::Refuse(refusal) if may_be_stale(&refusal) && !last_try => return Err(refusal),
                // What it means is known when the catalog was read again.
                _ if planner::names_one_of(own, &created) => Outcome::Refuse(unsettled_names()),
                // What holds no protected name (a DO block, say) passes however names resolve.
                Outcome::Pass if !planner::names_protected(own, self.catalog) => Outcome::Pass,
                _ if unsettled && (mentions.protected || depends) => Outcome::Refuse(unsettled_names()),
                outcome => outcome,
            };
            if mentions.protected {
                created.extend(planner::new_name(&parsed, index));
            }
            let env = env_of(own, mentions.env, asked.map(|(_, env)| env));
            script.env |= env;
            if let (Some(effect), false) = (planning.effect, matches!(outcome, Outcome::Refuse(_))) {
                let effect = effect.in_env(env);
                known.add(effect.clone());
                let text = Bytes::copy_from_slice(own.as_bytes());
                script.effects.push((script.plans.len(), Noted { effect, text, env }));
            }
            unsettled |= env || self.touched && classify(own.as_bytes()).contains(ENDS_TRANSACTION);
            match outcome {
                Outcome::Pass => {
                    script.edited.text.push_str(own);
                    script.plans.push(None);
                }
                Outcome::Refuse(refusal) => {
                    script.stop(Problem::refusal(refusal, text, span.start));
                    break;
                }
                Outcome::Rewrite(plan) => match self.edit(text, span.start, own, &plan) {
                    Ok((edited, lengths)) => {
                        positions.add(text, span.start, &plan.edits, &lengths);
                        script.edited.text.push_str(&edited);
                        script.untouched &= plan.edits.is_empty();
                        script.plans.push(Some(Arc::new(plan)));
                    }
                    Err(problem) => {
                        script.stop(problem);
                        break;
                    }
                },
            }
        }
        if script.refused.is_none() {
            script.edited.text.push_str(&text[copied..]);
        }
        script.edited.positions = Arc::new(positions);
        Ok(script)
    }

    /// Plans the text of a Parse.
    pub fn prepared(
        &mut self,
        text: &str,
        declared: &[u32],
        last_try: bool,
    ) -> Result<Result<PlannedText, Problem>, Refusal> {
        let known = Known::new(self.names, self.catalog, self.env);
        if self.passes_with_escapes(text, &known) {
            return Ok(Ok(PlannedText::default()));
        }
        let parsed = match parse(text) {
            Ok(parsed) => parsed,
            Err(problem) => return Ok(Err(problem)),
        };
        match parsed.len() {
            0 => return Ok(Ok(PlannedText::default())),
            1 => {}
            _ => {
                return Ok(Err(Problem::native("42601", "cannot insert multiple commands into a prepared statement")));
            }
        }
        let planning = planner::plan_among(&parsed, 0, self.catalog, self.env, declared, &known);
        let plan = match planning.outcome {
            Outcome::Pass => None,
            Outcome::Rewrite(plan) => Some(plan),
            Outcome::Refuse(refusal) if may_be_stale(&refusal) && !last_try => return Err(refusal),
            Outcome::Refuse(refusal) => {
                return Ok(Err(Problem::refusal(refusal, text, parsed.statement_span(0).start)));
            }
        };
        let env = self.catalog.prefilter.look(text.as_bytes()).env;
        let asked_env = planning.asks.as_ref().and_then(|asks| known.of(asks)).map(|(_, env)| env);
        let asked_env = asked_env.map(|_| env_of(text, env, asked_env));
        let effect = planning.effect.map(|effect| effect.in_env(env));
        Ok(Ok(PlannedText { plan, effect, asks: planning.asks, asked_env }))
    }

    /// With `standard_conforming_strings = off` a backslash in a plain string escapes what follows, so
    /// the server may see other strings than the parser here. Read as the server reads it, does the
    /// text pass? (If not, the planner refuses it for its backslash.)
    fn passes_with_escapes(&self, text: &str, known: &Known<'_>) -> bool {
        if self.env.standard_conforming_strings || !text.contains('\\') {
            return false;
        }
        let Some(conforming) = tokens::conforming(text) else { return true };
        let Ok(parsed) = parse(&conforming) else { return false };
        let env = Env { standard_conforming_strings: true, ..self.env.clone() };
        // Of several statements one may change how names resolve in the next.
        let plan = || planner::plan_among(&parsed, 0, self.catalog, &env, &[], known).outcome;
        parsed.len() <= 1 && matches!(plan(), Outcome::Pass)
    }

    /// The text of a planned Parse with its edits applied.
    pub fn edit_prepared(&mut self, text: &str, plan: &Plan) -> Result<Edited, Problem> {
        let parsed = parse(text)?;
        let span = parsed.statement_span(0);
        let (own, lengths) = self.edit(text, span.start, parsed.statement_text(0), plan)?;
        let mut positions = Positions::default();
        positions.add(text, span.start, &plan.edits, &lengths);
        let mut edited = String::with_capacity(text.len() + own.len() - span.len());
        edited.push_str(&text[..span.start]);
        edited.push_str(&own);
        edited.push_str(&text[span.end..]);
        // With a name, and a type for each parameter.
        check_length(edited.len() + 5 * usize::from(u16::MAX))?;
        Ok(Edited { text: edited, positions: Arc::new(positions) })
    }

    /// Applies a plan's edits to its statement; gives the characters that each edit became.
    fn edit(&mut self, text: &str, start: usize, own: &str, plan: &Plan) -> Result<(String, Vec<usize>), Problem> {
        let mut lengths = Vec::with_capacity(plan.edits.len());
        let (scratch, permits) = (&mut *self.scratch, &mut *self.permits);
        let mut sealer = Sealer { columns: self.columns, settings: self.settings, scratch, permits };
        let mut fill = |replacement: &Replacement, out: &mut String| match replacement {
            Replacement::Text(fixed) => {
                out.push_str(fixed);
                Ok(())
            }
            Replacement::Seal(ordinal, literal) => sealer.literal(*ordinal, literal, out).map_err(|e| (e, literal.at)),
            Replacement::SealAs(ordinal, ty, literal) => {
                sealer.literal_as(*ordinal, *ty, literal, out).map_err(|e| (e, literal.at))
            }
            Replacement::SealArray(ordinal, literal) => {
                sealer.array_literal(*ordinal, literal, out).map_err(|e| (e, literal.at))
            }
            Replacement::Token(ordinal, literal) => {
                sealer.token_literal(*ordinal, literal, out).map_err(|e| (e, literal.at))
            }
            Replacement::TokenArray(ordinal, literal) => {
                sealer.token_array_literal(*ordinal, literal, out).map_err(|e| (e, literal.at))
            }
        };
        let edited =
            render_measured(own, &plan.edits, &mut fill, &mut lengths).map_err(|(problem, at)| {
                match problem.position {
                    None if let Some(range) = of_a_cast_number(&problem, text.get(start + at..)) => {
                        Problem::native("22003", range)
                    }
                    None if is_of_a_cast(&problem, text.get(start + at..)) => problem,
                    None => problem.at(text, start + at),
                    Some(_) => problem,
                }
            })?;
        self.scratch.report_sealed();
        Ok((edited, lengths))
    }
}

/// PostgreSQL points at a literal that its type's input function refuses, but not where a cast of an
/// accepted one fails, to another type or to the column's length: that happens when it runs.
fn is_of_a_cast(problem: &Problem, literal: Option<&str>) -> bool {
    match &*problem.sqlstate {
        "22001" => true,
        // The input functions of integers say `value "70000" is out of range for type smallint`.
        // What no numeric can hold, its input function says, too.
        // Those of floats say `"1e400" is out of range for type double precision`, as the cast from
        // numeric does of its own spelling.
        "22003" => {
            let spelled = problem.message.strip_prefix('"').and_then(|rest| rest.split_once('"')).map(|(text, _)| text);
            let quoted = literal.filter(|text| !text.starts_with(|first: char| first.is_ascii_digit() || first == '.'));
            let read = ["value ", "invalid octet value "];
            !read.iter().any(|start| problem.message.starts_with(start))
                && !quoted.zip(spelled).is_some_and(|(literal, spelled)| literal.contains(spelled))
        }
        _ => false,
    }
}

/// A number without quotes has a type before it is cast: the cast fails, not an input function.
fn of_a_cast_number(problem: &Problem, literal: Option<&str>) -> Option<String> {
    let number = literal?.starts_with(|first: char| first.is_ascii_digit() || first == '-' || first == '.');
    let (value, ty) = problem.message.split_once("\" is out of range for type ")?;
    (number && problem.sqlstate == "22003" && value.starts_with("value \"")).then(|| format!("{ty} out of range"))
}

fn parse(text: &str) -> Result<Parsed<'_>, Problem> {
    let start = std::time::Instant::now();
    let parsed = Parsed::parse(text);
    Meters::get().parsed(start.elapsed());
    parsed.map_err(|error| Problem::syntax(error, text))
}

impl Script {
    /// The statement that comes now is refused: the substitute stands in for it, and what follows
    /// would not run anyway, so it is not even sent.
    fn stop(&mut self, problem: Problem) {
        self.edited.text.push_str(SUBSTITUTE);
        self.plans.push(None);
        self.refused = Some(problem);
        self.untouched = false;
    }
}

/// May a statement change how names resolve, given what its words say and what is known of the name
/// that it runs? (The words say so of every EXECUTE, FETCH and EXPLAIN.)
fn env_of(own: &str, mentioned: bool, asked: Option<bool>) -> bool {
    match asked {
        Some(env) if !classify(own.as_bytes()).contains(Class::DDL) => env,
        _ => mentioned,
    }
}

fn unsettled_names() -> Refusal {
    Refusal::unsupported(
        "sql/unsettled-names",
        "pgveil does not plan a statement on a protected name after one that may change how names resolve, \
         in the same message",
    )
    .hint("Send the statements one by one.")
}

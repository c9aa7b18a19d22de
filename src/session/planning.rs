//! A client's text → what is sent instead of it.

use std::sync::Arc;

use super::{
    cells::{Column, Scratch},
    error_response::Positions,
    params::Sealer,
    problem::{Problem, SUBSTITUTE},
};
use crate::{
    admin::metrics::Meters,
    sql::{
        catalog::Catalog,
        classify::{Class, classify},
        env::Env,
        grammar::{Parsed, edits::render_measured, tokens},
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
        };
        if self.passes_with_escapes(text) {
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
            let outcome = match planner::plan(&parsed, index, self.catalog, self.env, &[]) {
                Outcome::Refuse(refusal) if may_be_stale(&refusal) && !last_try => return Err(refusal),
                // What it means is known when the catalog was read again.
                _ if planner::names_one_of(own, &created) => Outcome::Refuse(unsettled_names()),
                // What holds no protected name (a DO block, say) passes however names resolve.
                Outcome::Pass if !planner::names_protected(own, self.catalog) => Outcome::Pass,
                _ if unsettled && mentions.protected => Outcome::Refuse(unsettled_names()),
                outcome => outcome,
            };
            if mentions.protected {
                created.extend(planner::new_name(&parsed, index));
            }
            unsettled |= mentions.env || self.touched && classify(own.as_bytes()).contains(ENDS_TRANSACTION);
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

    /// Plans the text of a Parse. Gives None if it is to be passed.
    pub fn prepared(
        &mut self,
        text: &str,
        declared: &[u32],
        last_try: bool,
    ) -> Result<Result<Option<Plan>, Problem>, Refusal> {
        if self.passes_with_escapes(text) {
            return Ok(Ok(None));
        }
        let parsed = match parse(text) {
            Ok(parsed) => parsed,
            Err(problem) => return Ok(Err(problem)),
        };
        match parsed.len() {
            0 => return Ok(Ok(None)),
            1 => {}
            _ => {
                return Ok(Err(Problem::native("42601", "cannot insert multiple commands into a prepared statement")));
            }
        }
        Ok(match planner::plan(&parsed, 0, self.catalog, self.env, declared) {
            Outcome::Pass => Ok(None),
            Outcome::Rewrite(plan) => Ok(Some(plan)),
            Outcome::Refuse(refusal) if may_be_stale(&refusal) && !last_try => return Err(refusal),
            Outcome::Refuse(refusal) => Err(Problem::refusal(refusal, text, parsed.statement_span(0).start)),
        })
    }

    /// With `standard_conforming_strings = off` a backslash in a plain string escapes what follows, so
    /// the server may see other strings than the parser here. Read as the server reads it, does the
    /// text pass? (If not, the planner refuses it for its backslash.)
    fn passes_with_escapes(&self, text: &str) -> bool {
        if self.env.standard_conforming_strings || !text.contains('\\') {
            return false;
        }
        let Some(conforming) = tokens::conforming(text) else { return true };
        let Ok(parsed) = parse(&conforming) else { return false };
        let env = Env { standard_conforming_strings: true, ..self.env.clone() };
        // Of several statements one may change how names resolve in the next.
        parsed.len() <= 1 && matches!(planner::plan(&parsed, 0, self.catalog, &env, &[]), Outcome::Pass)
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
        Ok(Edited { text: edited, positions: Arc::new(positions) })
    }

    /// Applies a plan's edits to its statement; gives the characters that each edit became.
    fn edit(&mut self, text: &str, start: usize, own: &str, plan: &Plan) -> Result<(String, Vec<usize>), Problem> {
        let mut lengths = Vec::with_capacity(plan.edits.len());
        let mut sealer = Sealer { columns: self.columns, settings: self.settings, scratch: self.scratch };
        let mut fill = |replacement: &Replacement, out: &mut String| match replacement {
            Replacement::Text(fixed) => {
                out.push_str(fixed);
                Ok(())
            }
            Replacement::Seal(ordinal, literal) => sealer.literal(*ordinal, literal, out).map_err(|e| (e, literal.at)),
            Replacement::Token(ordinal, literal) => {
                sealer.token_literal(*ordinal, literal, out).map_err(|e| (e, literal.at))
            }
            Replacement::SealAs(_, _, literal) | Replacement::SealArray(_, literal) => {
                Err((Problem::new("XX000", "session/internal", "pgveil: not yet"), literal.at))
            }
            Replacement::TokenArray(ordinal, literal) => {
                sealer.token_array_literal(*ordinal, literal, out).map_err(|e| (e, literal.at))
            }
        };
        let edited =
            render_measured(own, &plan.edits, &mut fill, &mut lengths).map_err(|(problem, at)| {
                match problem.position {
                    None if is_of_a_cast(&problem) => problem,
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
fn is_of_a_cast(problem: &Problem) -> bool {
    match &*problem.sqlstate {
        "22001" => true,
        // The input functions of integers say `value "70000" is out of range for type smallint`.
        "22003" => !problem.message.starts_with("value \""),
        _ => false,
    }
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

fn unsettled_names() -> Refusal {
    Refusal::unsupported(
        "sql/unsettled-names",
        "pgveil does not plan a statement on a protected name after one that may change how names resolve, \
         in the same message",
    )
    .hint("Send the statements one by one.")
}

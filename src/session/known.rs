//! Prepared statements and cursors as planning may use them: what the registry knows, what earlier
//! statements of the same Query do to it, and whether it is good still.

use std::sync::atomic::Ordering;

use super::names::{Registry, Statement};
use crate::sql::{
    catalog::Catalog,
    env::Env,
    grammar::Parsed,
    held::{Asked, Effect, Held, Lookup, Names, NoNames},
    model::{Outcome, Refusal},
    planner,
};

/// The names that a statement may use.
pub struct Known<'a> {
    registry: &'a Registry,
    catalog: &'a Catalog,
    env: &'a Env,
    /// Of the statements before it in the same Query.
    effects: Vec<Effect>,
}

impl<'a> Known<'a> {
    /// What a session knows.
    pub fn new(registry: &'a Registry, catalog: &'a Catalog, env: &'a Env) -> Self {
        Self { registry, catalog, env, effects: Vec::new() }
    }

    /// A statement that comes before.
    pub fn add(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    /// Is a plan known of what a statement asks for, and may running that change how names resolve?
    /// None if nothing is known of it.
    pub fn of(&self, asked: &Asked) -> Option<(bool, bool)> {
        let (Asked::Statement(name) | Asked::Cursor(name)) = asked;
        let found = match asked {
            Asked::Statement(_) => self.statement(name),
            Asked::Cursor(_) => self.cursor(name),
        };
        match found {
            Lookup::Held(held) => Some((true, held.env)),
            Lookup::Unknown if self.effects.is_empty() && matches!(asked, Asked::Statement(_)) => {
                let passed = self.registry.statement(name.as_bytes())?;
                Some((false, passed.changes_env.load(Ordering::Relaxed)))
            }
            Lookup::Unknown | Lookup::Missing | Lookup::Refused(_) => None,
        }
    }

    /// What a prepared statement is, if its plan is what it would be now.
    pub fn of_statement(&self, statement: &Statement) -> Lookup {
        if statement.effect.is_some() {
            let message = "pgveil does not support EXECUTE of a statement that prepares, declares or closes";
            return refused(Refusal::unsupported("sql/unsupported-construct", message));
        }
        if statement.relies.as_ref().is_some_and(|relies| !self.registry.still(relies)) {
            return refused(stale());
        }
        let same_catalog = statement.epoch == self.catalog.epoch;
        match &statement.planned {
            None if same_catalog || !self.catalog.prefilter.look(&statement.text).protected => Lookup::Unknown,
            Some(planned) if same_catalog && *planned.env == *self.env => {
                statement.held().map_or(Lookup::Unknown, Lookup::Held)
            }
            _ => self.replanned(statement),
        }
    }

    /// Its text is planned anew. The server analyses it again as well if what it means has changed, but
    /// from the text that it was sent: that has to be the one that would be sent now.
    fn replanned(&self, statement: &Statement) -> Lookup {
        let Ok(text) = std::str::from_utf8(&statement.text) else { return refused(stale()) };
        let Ok(parsed) = Parsed::parse(text) else { return refused(stale()) };
        let planning = planner::plan_among(&parsed, 0, self.catalog, self.env, &statement.oids, &NoNames);
        let now = match (planning.outcome, planning.effect) {
            (Outcome::Rewrite(_), Some(Effect::Prepare { held, digest, .. })) if Some(digest) == statement.by_sql => {
                held
            }
            (Outcome::Rewrite(plan), None) => {
                let same = statement.planned.as_ref().is_some_and(|old| old.plan.digest() == plan.digest());
                statement.held().filter(|_| same).map(|held| Held { plan: plan.into(), ..held })
            }
            (Outcome::Pass, _) if statement.planned.is_none() => return Lookup::Unknown,
            _ => None,
        };
        now.map_or_else(|| refused(stale()), Lookup::Held)
    }
}

impl Names for Known<'_> {
    fn statement(&self, name: &str) -> Lookup {
        let guarded = self.registry.is_guarded(name.as_bytes());
        for effect in self.effects.iter().rev() {
            match effect {
                Effect::Prepare { name: new, held, .. } if new == name => {
                    return displaced(guarded, held.as_ref());
                }
                Effect::Deallocate(gone) if gone == name => return displaced(guarded, None),
                _ => {}
            }
        }
        if self.registry.is_fenced(name.as_bytes()) {
            let message = format!("prepared statement \"{name}\" does not exist");
            return refused(Refusal::unsupported("sql/unknown-statement", message).sqlstate("26000"));
        }
        self.registry.statement(name.as_bytes()).map_or(Lookup::Missing, |statement| self.of_statement(statement))
    }

    fn cursor(&self, name: &str) -> Lookup {
        for effect in self.effects.iter().rev() {
            match effect {
                Effect::Declare { name: new, held, .. } if new == name => return displaced(false, held.as_ref()),
                Effect::Close(gone) if gone == name => return Lookup::Unknown,
                _ => {}
            }
        }
        let portal = self.registry.portal(name.as_bytes());
        portal.and_then(|portal| portal.held()).map_or(Lookup::Unknown, Lookup::Held)
    }
}

/// What an earlier statement of the Query makes of a name. Where it takes the place of a plan, that is
/// known only once it has run.
fn displaced(was_guarded: bool, held: Option<&Held>) -> Lookup {
    match held {
        Some(held) => Lookup::Held(held.clone()),
        None if was_guarded => refused(
            Refusal::unsupported(
                "sql/unsettled-names",
                "pgveil does not run a name that is given another meaning in the same message",
            )
            .hint("Send the statements one by one."),
        ),
        None => Lookup::Unknown,
    }
}

fn refused(refusal: Refusal) -> Lookup {
    Lookup::Refused(Box::new(refusal))
}

/// A name has another meaning than when it was planned.
pub fn stale() -> Refusal {
    Refusal::unsupported(
        "session/stale-statement",
        "the prepared statement would mean something else now than when it was prepared",
    )
    .detail("search_path, the role, temporary tables or the catalog have changed since.")
    .hint("DEALLOCATE it and PREPARE it again")
}

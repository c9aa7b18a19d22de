//! Prepared statements and cursors of a file of the corpus.

use pgveil::sql::{
    catalog::Catalog,
    env::Env,
    grammar::Parsed,
    held::{Effect, Lookup, Names},
    model::Outcome,
    planner,
};

/// What the statements run so far have left, the latest last.
#[derive(Default)]
pub struct Remembered(Vec<Effect>);

impl Remembered {
    /// Plans a statement that must not be refused, and remembers what it does to names.
    pub fn run(&mut self, statement: &str, catalog: &Catalog, env: &Env) {
        let parsed = Parsed::parse(statement).unwrap();
        let planning = planner::plan_among(&parsed, 0, catalog, env, &[], self);
        assert!(!matches!(planning.outcome, Outcome::Refuse(_)), "{statement}: {:?}", planning.outcome);
        self.0.push(planning.effect.unwrap_or_else(|| panic!("{statement} has no effect")));
    }
}

impl Names for Remembered {
    fn statement(&self, name: &str) -> Lookup {
        let mut effects = self.0.iter().rev();
        let found = effects.find_map(|effect| match effect {
            Effect::Prepare { name: known, held, .. } if known == name => Some(held.clone()),
            Effect::Deallocate(known) if known == name => Some(None),
            _ => None,
        });
        found.flatten().map_or(Lookup::Unknown, Lookup::Held)
    }

    fn cursor(&self, name: &str) -> Lookup {
        let mut effects = self.0.iter().rev();
        let found = effects.find_map(|effect| match effect {
            Effect::Declare { name: known, held, .. } if known == name => Some(held.clone()),
            Effect::Close(known) if known == name => Some(None),
            _ => None,
        });
        found.flatten().map_or(Lookup::Unknown, Lookup::Held)
    }
}

//! What leads to a protected table without naming it: views, rules, partitions, inheritance, and
//! functions whose body names one, transitively.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::{
    Catalog, Oid, bodies, display_name,
    facts::{Facts, Function, Object, Through},
    registered::Displaced,
};
use crate::config::Database;

/// What reaches a protected table, and why.
#[derive(Debug, Default)]
pub(super) struct Reached {
    /// Objects that reach a protected table, without the protected tables themselves.
    pub(super) reasons: HashMap<Object, String>,
    /// See [`Catalog::firing`].
    pub(super) firing: HashMap<Oid, String>,
}

impl Reached {
    /// Bare names whose mention makes a statement worth parsing.
    pub(super) fn names(&self, catalog: &Catalog, facts: &Facts, database: &Database) -> BTreeSet<String> {
        let relations = self.reasons.keys().filter_map(|object| match object {
            Object::Relation(oid) => catalog.relations.get(oid).map(|r| r.name.clone()),
            Object::Function(_) => None,
        });
        let tables = database.tables.iter().map(|t| t.name.clone());
        let calls = [&facts.operators, &facts.casts].into_iter().flat_map(|list| self.calling(list, facts).into_keys());
        tables.chain(relations).chain(self.functions(facts).into_keys()).chain(calls).collect()
    }

    /// Those of a list of operators or types that call a function which was reached, with its name.
    pub(super) fn calling(&self, list: &[(String, Oid)], facts: &Facts) -> HashMap<String, String> {
        let name = |oid: Oid| facts.functions.iter().find(|f| f.oid == oid).map(|f| f.name.clone());
        let reached = list.iter().filter(|(_, oid)| self.reasons.contains_key(&Object::Function(*oid)));
        reached.filter_map(|(what, oid)| Some((what.clone(), name(*oid)?))).collect()
    }

    /// [`Catalog::tainted_functions`]: reasons by bare name.
    pub(super) fn functions(&self, facts: &Facts) -> HashMap<String, String> {
        let reasons = facts.functions.iter().filter_map(|f| {
            let reason = self.reasons.get(&Object::Function(f.oid))?;
            Some((f.name.clone(), reason.clone()))
        });
        reasons.collect()
    }
}

/// Follows everything that reaches the policy's tables, and those that were renamed.
pub(super) fn follow(
    catalog: &Catalog,
    facts: &Facts,
    database: &Database,
    displaced: BTreeMap<Oid, Displaced>,
) -> Reached {
    let mut walk = Walk::new(catalog, facts, database);
    walk.seed(displaced);
    walk.run();
    walk.fire();
    walk.reached
}

struct Walk<'a> {
    catalog: &'a Catalog,
    facts: &'a Facts,
    /// OIDs of the tables that the policy names.
    protected: HashSet<Oid>,
    /// Functions by OID, and the users of each object.
    functions: HashMap<Oid, &'a Function>,
    users: HashMap<Object, Vec<(Object, Through)>>,
    reached: Reached,
    work: Vec<Object>,
}

impl<'a> Walk<'a> {
    fn new(catalog: &'a Catalog, facts: &'a Facts, database: &Database) -> Self {
        let tables = database.tables.iter().filter_map(|t| catalog.relation(&t.schema, &t.name));
        let mut users: HashMap<Object, Vec<(Object, Through)>> = HashMap::new();
        for edge in &facts.uses {
            users.entry(edge.to).or_default().push((edge.from, edge.through));
        }
        Self {
            catalog,
            facts,
            protected: tables.map(|r| r.oid).collect(),
            functions: facts.functions.iter().map(|f| (f.oid, f)).collect(),
            users,
            reached: Reached::default(),
            work: Vec::new(),
        }
    }

    /// Starts with the protected tables, whatever they are called, and everything below them.
    fn seed(&mut self, displaced: BTreeMap<Oid, Displaced>) {
        let mut children: HashMap<Oid, Vec<Oid>> = HashMap::new();
        for &(child, parent) in &self.facts.inherits {
            children.entry(parent).or_default().push(child);
        }
        let mut tables: Vec<Oid> = self.protected.iter().copied().collect();
        tables.sort_unstable();
        let mut work = tables.clone();
        self.work.extend(tables.into_iter().map(Object::Relation));
        for (oid, table) in displaced {
            if self.add(Object::Relation(oid), table.reason) {
                work.push(oid);
            }
        }
        self.descend(work, &children);
        // A copy of a protected table keeps the type of its columns. (Where nothing is protected pgveil only
        // forwards.)
        if self.protected.is_empty() {
            return;
        }
        let sealed = self.facts.domain.as_ref().map(|domain| domain.oid);
        let mut copies = Vec::new();
        for relation in self.facts.relations.iter().filter(|relation| matches!(relation.kind, 'r' | 'p' | 'f')) {
            let column = relation.columns.iter().find(|column| Some(column.type_oid) == sealed);
            copies.extend(column.map(|column| (relation.oid, column.name.clone())));
        }
        for (oid, column) in copies {
            let noun = self.noun(Object::Relation(oid));
            let reason =
                format!("{noun} has the column \"{column}\" of type pgveil.sealed, but the policy does not name it");
            if self.add(Object::Relation(oid), reason) {
                self.descend(vec![oid], &children);
            }
        }
    }

    /// Adds everything below these tables.
    fn descend(&mut self, mut work: Vec<Oid>, children: &HashMap<Oid, Vec<Oid>>) {
        while let Some(parent) = work.pop() {
            for &child in children.get(&parent).into_iter().flatten() {
                let reason = self.below(child, parent);
                if self.add(Object::Relation(child), reason) {
                    work.push(child);
                }
            }
        }
    }

    /// Until nothing new is reached: what the server's dependencies say, what contains a reached
    /// table, and functions whose text names something reached.
    fn run(&mut self) {
        let mut parents: HashMap<Oid, Vec<Oid>> = HashMap::new();
        for &(child, parent) in &self.facts.inherits {
            parents.entry(child).or_default().push(parent);
        }
        let mut unread: Vec<&Function> = self.facts.functions.iter().filter(|f| !f.body.is_empty()).collect();
        while !self.work.is_empty() {
            let mut fresh = Vec::new();
            while let Some(object) = self.work.pop() {
                fresh.push(object);
                for (user, through) in self.users.get(&object).cloned().unwrap_or_default() {
                    if through != Through::Firing {
                        let reason = self.uses(user, object);
                        self.add(user, reason);
                    }
                }
                let Object::Relation(child) = object else { continue };
                for &parent in parents.get(&child).into_iter().flatten() {
                    let reason = self.above(parent, child);
                    self.add(Object::Relation(parent), reason);
                }
            }
            let names = fresh.iter().filter_map(|&object| Some((self.spelling(object)?, object)));
            let matcher = bodies::Matcher::new(names);
            unread.retain(|function| {
                let Some(&object) = matcher.first(&function.body) else { return true };
                let user = Object::Function(function.oid);
                let reason = self.uses(user, object);
                self.add(user, reason);
                false
            });
        }
    }

    /// Tables where reading or writing rows calls a reached function.
    fn fire(&mut self) {
        for edge in &self.facts.uses {
            let (Object::Relation(oid), Through::Firing) = (edge.from, edge.through) else { continue };
            if let Some(reason) = self.reached.reasons.get(&edge.to) {
                self.reached.firing.entry(oid).or_insert_with(|| reason.clone());
            }
        }
    }

    /// How a function body would spell an object; `None` for what cannot be called by name.
    fn spelling(&self, object: Object) -> Option<bodies::Spelling<'a>> {
        match object {
            Object::Relation(oid) => Some(bodies::Spelling::Word(&self.catalog.relations.get(&oid)?.name)),
            Object::Function(oid) => {
                let function = self.functions.get(&oid)?;
                (!function.trigger).then_some(bodies::Spelling::Call(&function.name))
            }
        }
    }

    /// Adds an object; false if it is protected itself or was reached before.
    fn add(&mut self, object: Object, reason: String) -> bool {
        if matches!(object, Object::Relation(oid) if self.protected.contains(&oid)) {
            return false;
        }
        if self.reached.reasons.contains_key(&object) {
            return false;
        }
        self.reached.reasons.insert(object, reason);
        self.work.push(object);
        true
    }

    fn uses(&self, from: Object, to: Object) -> String {
        let verb = match (from, to) {
            (_, Object::Function(_)) => "calls",
            (Object::Relation(oid), _) if matches!(self.kind(oid), 'v' | 'm') => "reads",
            (Object::Relation(_), _) => "has a rule that names",
            (Object::Function(_), _) => "names",
        };
        format!("{} {verb} {}", self.noun(from), self.target(to))
    }

    fn below(&self, child: Oid, parent: Oid) -> String {
        let (child_noun, parent_noun) = (self.noun(Object::Relation(child)), self.target(Object::Relation(parent)));
        let verb = if self.kind(parent) == 'p' { "is a partition of" } else { "inherits from" };
        format!("{child_noun} {verb} {parent_noun}; name it in the policy as well to use it directly")
    }

    fn above(&self, parent: Oid, child: Oid) -> String {
        let (parent_noun, child_noun) = (self.noun(Object::Relation(parent)), self.target(Object::Relation(child)));
        let what = if self.kind(parent) == 'p' { "contains" } else { "is inherited by" };
        format!("{parent_noun} {what} {child_noun}")
    }

    /// `protected table "people"`, or `view "v", which reaches a protected table`.
    fn target(&self, object: Object) -> String {
        match object {
            Object::Relation(oid) if self.protected.contains(&oid) => format!("protected {}", self.noun(object)),
            _ => format!("{}, which reaches a protected table", self.noun(object)),
        }
    }

    /// `view "v"`
    fn noun(&self, object: Object) -> String {
        match object {
            Object::Relation(oid) => {
                let name = self.catalog.relations.get(&oid).map(|r| r.display()).unwrap_or_default();
                let kind = match self.kind(oid) {
                    'v' => "view",
                    'm' => "materialized view",
                    'f' => "foreign table",
                    _ => "table",
                };
                format!("{kind} \"{name}\"")
            }
            Object::Function(oid) => {
                let function = self.functions.get(&oid);
                let name = function.map(|f| display_name(&f.schema, &f.name)).unwrap_or_default();
                format!("function \"{name}\"")
            }
        }
    }

    fn kind(&self, oid: Oid) -> char {
        self.catalog.relations.get(&oid).map_or('r', |r| r.kind)
    }
}

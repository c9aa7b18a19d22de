//! Facts + policy → [`Catalog`].

use std::{collections::HashMap, sync::Arc};

use hashbrown::hash_map::Entry;

use super::{
    Catalog, Oid, Origins, Relation, bodies, enums,
    facts::{Facts, Object},
    mismatch, reach, registered, unique, views,
};
use crate::{config::Database, sql::prefilter::Prefilter};

/// Applies the policy of one database to what was read from its server.
///
/// Marks sealed columns, protected and refused relations, collects the policy's mismatches, follows
/// everything that reaches a protected table, and derives `by_name`, `origins` and the prefilter. The policy's enum
/// types learn what they are.
pub fn build(epoch: u64, database: &Database, facts: &Facts) -> Catalog {
    let mut catalog = Catalog {
        epoch,
        columns: database.columns.clone(),
        any_value: facts.any_value,
        named_types: facts.named_types.clone(),
        locked: facts.locked,
        sealed_domain: facts.domain.as_ref().map(|d| d.oid),
        ..Catalog::default()
    };
    for relation in &facts.relations {
        catalog.by_name.entry(relation.schema.clone()).or_default().insert(relation.name.clone(), relation.oid);
        catalog.relations.insert(relation.oid, Arc::clone(relation));
    }
    enums::define(database, &facts.named_types);
    catalog.mismatches = mismatch::find(database, &catalog, facts);
    protect(&mut catalog, database);
    let displaced = registered::displaced(database, &catalog, facts);
    for (&oid, table) in &displaced {
        catalog.origins.extend(table.columns.iter().map(|&(number, ordinal)| ((oid, number), ordinal)));
    }
    unique::note(&mut catalog, &facts.unique);
    follow_columns(&mut catalog, facts);

    let reached = reach::follow(&catalog, facts, database, displaced);
    for (&object, reason) in &reached.reasons {
        if let Object::Relation(oid) = object {
            refuse(&mut catalog.relations, oid, reason);
        }
    }
    let env = bodies::env_names(&catalog, facts);
    catalog.prefilter = Prefilter::new(
        reached.names(&catalog, facts, database).iter().map(String::as_str),
        env.iter().map(String::as_str),
    );
    catalog.tainted_functions = reached.functions(facts);
    catalog.tainted_operators = reached.calling(&facts.operators, facts);
    catalog.tainted_casts = reached.calling(&facts.casts, facts);
    catalog.firing = reached.firing;
    // Last: the walk over definitions uses all of it.
    views::resolve(&mut catalog, facts);
    catalog
}

/// Marks what the policy names: sealed columns, and the tables as protected, or refused where
/// something does not match.
fn protect(catalog: &mut Catalog, database: &Database) {
    for table in &database.tables {
        let Some(found) = catalog.relation(&table.schema, &table.name) else { continue };
        let mut relation = Relation::clone(found);
        for protected in &table.columns {
            let wrong = catalog.mismatches.iter().any(|m| {
                m.table.0 == table.schema && m.table.1 == table.name && m.column.as_ref() == Some(&protected.name)
            });
            let column = relation.columns.iter_mut().find(|c| c.name == protected.name && !wrong);
            if let Some(column) = column {
                column.sealed = Some(protected.ordinal);
                catalog.origins.insert((relation.oid, column.number), protected.ordinal);
            }
        }
        match catalog.mismatch(&table.schema, &table.name) {
            None => relation.protected = Some(Arc::clone(table)),
            Some(mismatch) => relation.refused = Some(mismatch.message.clone()),
        }
        catalog.relations.insert(relation.oid, Arc::new(relation));
    }
}

/// Finds the columns of views, partitions, children and parents that lead to protected columns:
/// results of theirs report their own OIDs.
fn follow_columns(catalog: &mut Catalog, facts: &Facts) {
    let (mut down, mut up) = (Edges::new(), Edges::new());
    for (&view_column, &below) in &facts.view_columns {
        up.entry(below).or_default().push(view_column);
    }
    // A partition's or child's column is its parent's by name; numbers may differ.
    for &(child, parent) in &facts.inherits {
        let (Some(c), Some(p)) = (catalog.relations.get(&child), catalog.relations.get(&parent)) else { continue };
        for column in &p.columns {
            if let Some(twin) = c.columns.iter().find(|t| t.name == column.name) {
                down.entry((parent, column.number)).or_default().push((child, twin.number));
                up.entry((child, twin.number)).or_default().push((parent, column.number));
            }
        }
    }
    // First down, then up: what is only a sibling of a protected child holds nothing protected.
    spread(&mut catalog.origins, &down);
    spread(&mut catalog.origins, &up);
}

type Edges = HashMap<(Oid, i16), Vec<(Oid, i16)>>;

/// Extends origins along edges; what already has an origin keeps it.
fn spread(origins: &mut Origins, edges: &Edges) {
    let mut work: Vec<_> = origins.iter().map(|(&at, &ordinal)| (at, ordinal)).collect();
    work.sort_unstable();
    while let Some((at, ordinal)) = work.pop() {
        for &next in edges.get(&at).into_iter().flatten() {
            if let Entry::Vacant(free) = origins.entry(next) {
                free.insert(ordinal);
                work.push((next, ordinal));
            }
        }
    }
}

/// Marks a relation as refused unless it is protected or refused for a better reason.
fn refuse(relations: &mut HashMap<Oid, Arc<Relation>>, oid: Oid, reason: &str) {
    let Some(found) = relations.get_mut(&oid) else { return };
    if found.protected.is_none() && found.refused.is_none() {
        let relation = Arc::make_mut(found);
        relation.refused = Some(reason.to_owned());
    }
}

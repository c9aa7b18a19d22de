//! Views and materialized views over protected tables: which of their columns are sealed ones.
//!
//! What reaches a protected table is refused (`reach`) unless it is known to the end what it makes of
//! it. Here a view's definition is walked like a statement; what it hands through unchanged, its own
//! columns are.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use super::{
    Catalog, Oid, Relation, View,
    facts::{Definition, Facts, Object, Through},
};
use crate::sql::resolve::{Stored, stored};

/// `bytea` (pg_type.dat)
const BYTEA: Oid = 17;

/// Marks the sealed columns of views whose definition is known to the end; says of others why not.
pub(super) fn resolve(catalog: &mut Catalog, facts: &Facts) {
    let mut below: HashMap<Oid, Vec<Oid>> = HashMap::new();
    for edge in facts.uses.iter().filter(|edge| edge.through == Through::Rule) {
        if let (Object::Relation(view), Object::Relation(oid)) = (edge.from, edge.to) {
            below.entry(view).or_default().push(oid);
        }
    }
    let refused = |oid: &Oid| catalog.relations.get(oid).is_some_and(|r| r.refused.is_some());
    let mut open: BTreeMap<Oid, &Definition> =
        facts.definitions.iter().filter(|(oid, _)| refused(oid)).map(|(oid, d)| (*oid, d)).collect();
    // A view after those that it reads.
    loop {
        let waits = |oid: &Oid| below.get(oid).into_iter().flatten().any(|b| open.contains_key(b));
        let ready: Vec<Oid> = open.keys().filter(|oid| !waits(oid)).copied().collect();
        if ready.is_empty() {
            break;
        }
        for oid in ready {
            if let Some(definition) = open.remove(&oid) {
                one(catalog, oid, definition);
            }
        }
    }
    for (oid, view) in &mut catalog.views {
        view.reads = below.remove(oid).unwrap_or_default();
    }
}

fn one(catalog: &mut Catalog, oid: Oid, definition: &Definition) {
    let Some(relation) = catalog.relations.get(&oid) else { return };
    match walk(catalog, relation, definition) {
        Ok(stored) => take(catalog, oid, &stored),
        Err(why) => {
            if let Some(relation) = catalog.relations.get_mut(&oid)
                && let Some(reason) = &mut Arc::make_mut(relation).refused
            {
                *reason = format!("{reason}: {why}");
            }
        }
    }
}

/// What the definition is known to be, or why pgveil does not follow it.
fn walk(catalog: &Catalog, relation: &Relation, definition: &Definition) -> Result<Stored, String> {
    if definition.rules {
        return Err("it has rules of its own".to_owned());
    }
    if definition.instead {
        return Err("it has INSTEAD OF triggers".to_owned());
    }
    let Some(text) = &definition.text else {
        return Err("its definition could not be read, since a table that it reads is locked".to_owned());
    };
    let stored = stored(catalog, text).map_err(|refusal| match refusal.hint {
        Some(hint) => format!("{} ({hint})", refusal.message),
        None => refusal.message,
    })?;
    if stored.carries.len() != relation.columns.len() {
        return Err("its columns are not those of its definition".to_owned());
    }
    for (column, carried) in relation.columns.iter().zip(&stored.carries) {
        let origin = catalog.origins.get(&(relation.oid, column.number)).copied();
        let of_type = column.type_oid == BYTEA || Some(column.type_oid) == catalog.sealed_domain;
        let agrees = match (carried, origin) {
            (None, None) => true,
            (Some(carried), origin) => of_type && origin.is_none_or(|origin| origin == *carried),
            (None, Some(_)) => false,
        };
        if !agrees {
            return Err(format!("what its column \"{}\" is cannot be told", column.name));
        }
    }
    Ok(stored)
}

/// Its columns are what they carry: rows of it report its own OID.
fn take(catalog: &mut Catalog, oid: Oid, stored: &Stored) {
    let Some(found) = catalog.relations.get_mut(&oid) else { return };
    let relation = Arc::make_mut(found);
    relation.refused = None;
    for (column, carried) in relation.columns.iter_mut().zip(&stored.carries) {
        column.sealed = *carried;
        if let Some(ordinal) = carried {
            catalog.origins.insert((oid, column.number), *ordinal);
        }
    }
    catalog.views.insert(oid, View { may_write: stored.may_write, reads: Vec::new() });
}

//! What the session's own transaction has made of the catalog, before it commits.
//!
//! The catalog is read on a connection of pgveil's own, which cannot see uncommitted DDL. So in a
//! transaction that has changed the catalog the session's [`Env`] lists the relations
//! that it has created or changed, and [`merge`] puts them over the snapshot. It only ever takes
//! protection over or refuses: what a new relation means to the policy is decided when the catalog
//! is read again after COMMIT.

use super::{
    catalog::{Catalog, Column, Relation, RelationRow},
    env::Env,
    resolve::contains_word,
};

/// A relation that the transaction has created or changed, as its session sees it. There may be
/// others among them, which are as the catalog has them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// Nothing in it is sealed, protected or refused yet.
    pub relation: Relation,
    /// It has got (or lost) rules, a view's query, parents or children.
    pub rewired: bool,
}

impl From<(RelationRow, bool)> for Changed {
    fn from((row, rewired): (RelationRow, bool)) -> Self {
        Self { relation: row.into(), rewired }
    }
}

/// The changed relations as statements of the session may use them.
pub(super) fn merge<'a>(catalog: &Catalog, changed: impl IntoIterator<Item = &'a Changed>) -> Vec<Relation> {
    let mut merged = changed.into_iter().map(|changed| one(catalog, changed)).collect();
    follow_views(catalog, &mut merged);
    merged
}

/// What a view's columns are is known of the relations below it as they were: with one of these, the
/// view is refused, too.
fn follow_views(catalog: &Catalog, merged: &mut Vec<Relation>) {
    let mut at = 0;
    while let Some(below) = merged.get(at) {
        at += 1;
        if below.refused.is_none() {
            continue;
        }
        let (oid, name) = (below.oid, below.display());
        for view in catalog.views.iter().filter(|(_, view)| view.reads.contains(&oid)).map(|(view, _)| view) {
            let known = merged.iter().position(|relation| relation.oid == *view);
            let mut relation = match (known, catalog.relations.get(view)) {
                (Some(known), _) if merged.get(known).is_some_and(|r| r.refused.is_some()) => continue,
                // To the end, where it is looked at (again).
                (Some(known), _) => {
                    at -= usize::from(known < at);
                    merged.remove(known)
                }
                (None, Some(before)) => Relation::clone(before),
                (None, None) => continue,
            };
            relation.refused =
                Some(in_transaction(&relation, &format!("reads \"{name}\", which was created or changed")));
            merged.push(relation);
        }
    }
}

fn one(catalog: &Catalog, changed: &Changed) -> Relation {
    let mut relation = changed.relation.clone();
    let before = catalog.relations.get(&relation.oid);
    match before.map(|before| inherit(&mut relation, before, changed.rewired)) {
        None => relation.refused = unknown(&relation, changed.rewired),
        Some(Ok(())) => {}
        Some(Err(reason)) => relation.refused = Some(reason),
    }
    if relation.protected.is_none() && relation.refused.is_none() && policy_names(catalog, &relation) {
        relation.refused = Some(in_transaction(&relation, "got a name that the policy protects"));
    }
    if relation.refused.is_some() {
        relation.protected = None;
    }
    relation
}

/// Takes over what the catalog says of the same relation, or says why it can't be.
fn inherit(relation: &mut Relation, before: &Relation, rewired: bool) -> Result<(), String> {
    if let Some(reason) = &before.refused {
        return Err(reason.clone());
    }
    let sealed: Vec<&Column> = before.columns.iter().filter(|c| c.sealed.is_some()).collect();
    let same_name = relation.schema == before.schema && relation.name == before.name;
    if !same_name && (before.protected.is_some() || !sealed.is_empty()) {
        return Err(in_transaction(relation, &format!("got its name (it was \"{}\")", before.display())));
    }
    if rewired {
        return Err(in_transaction(relation, "got or lost rules, parents or children"));
    }
    for old in sealed {
        let now = relation.columns.iter_mut().find(|c| c.number == old.number);
        match now {
            Some(now) if now.name == old.name && now.type_oid == old.type_oid && !now.generated => {
                now.sealed = old.sealed;
            }
            _ => return Err(in_transaction(relation, &format!("lost or changed its column \"{}\"", old.name))),
        }
    }
    relation.protected.clone_from(&before.protected);
    Ok(())
}

/// Why a new relation must not be used yet, if so: what a view, a partition or a child reaches is found
/// out when the catalog is read.
fn unknown(relation: &Relation, rewired: bool) -> Option<String> {
    let what = match relation.kind {
        'v' => "view",
        'm' => "materialized view",
        'f' => "foreign table",
        _ if rewired => "partition, inheritance child or table with rules",
        _ => return None,
    };
    Some(in_transaction(relation, &format!("was created (a {what})")))
}

fn policy_names(catalog: &Catalog, relation: &Relation) -> bool {
    let named = |schema: &str, table: &str| relation.schema == schema && relation.name == table;
    catalog.columns.iter().any(|c| named(&c.schema, &c.table))
        || catalog.mismatches.iter().any(|m| named(&m.table.0, &m.table.1))
}

fn in_transaction(relation: &Relation, what: &str) -> String {
    format!(
        "\"{}\" {what} in this transaction; statements on protected tables can name it after COMMIT, once `pgveil check` finds nothing wrong with it",
        relation.display()
    )
}

/// Does a text name something protected by a name that it has got in this transaction? The prefilter
/// cannot know it.
pub fn names_displaced(text: &[u8], catalog: &Catalog, env: &Env) -> bool {
    let merged = merge(catalog, env.changed.iter().flatten().map(|changed| &**changed));
    let before = |relation: &Relation| catalog.relations.get(&relation.oid).is_some_and(|r| catalog.matters(r));
    let displaced = merged.iter().filter(|relation| relation.refused.is_some() || before(relation));
    let names: Vec<&str> = displaced.map(|relation| relation.name.as_str()).collect();
    !names.is_empty() && {
        let text = String::from_utf8_lossy(text).to_ascii_lowercase();
        names.iter().any(|name| contains_word(&text, name))
    }
}

#[cfg(test)]
mod tests;

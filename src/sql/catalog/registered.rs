//! What the policy's names mean now, compared with what they meant when `pgveil apply` registered them.

use std::collections::BTreeMap;

use super::{Catalog, Mismatch, Oid, Relation, display_name, facts::Facts};
use crate::{
    config::{Database, ProtectedTable},
    sql::model::Ordinal,
};

/// Another table or column than the registered one bears a name of the policy.
///
/// Mismatches here are the table's, not a column's, even where a column is meant: the column is of the
/// right type, so it goes on counting as a place where sealed values are.
pub(super) fn replaced(table: &ProtectedTable, relation: &Relation, facts: &Facts) -> Vec<Mismatch> {
    let other_table = |c| facts.registered(c).is_some_and(|(oid, _)| oid != relation.oid);
    if table.columns.iter().any(|column| other_table(column)) {
        let message = format!(
            "table \"{}\" is not the one that was registered: it was dropped and created again, restored, or \
             another table was given its name",
            relation.display()
        );
        let hint = "if that was on purpose, look at the table, then run `pgveil apply --accept`".to_owned();
        return vec![mismatch(table, "catalog/replaced", message, hint)];
    }
    let others = table.columns.iter().filter(|column| {
        let now = relation.columns.iter().find(|c| c.name == column.name);
        now.zip(facts.registered(column)).is_some_and(|(now, (_, number))| now.number != number)
    });
    let say = |name: &str| {
        let message = format!(
            "column \"{}.{name}\" is not the one that was registered: it was dropped and added again, or another \
             column was given its name",
            relation.display()
        );
        let hint = "if that was on purpose, look at the column, then run `pgveil apply --accept`".to_owned();
        mismatch(table, "catalog/replaced", message, hint)
    };
    others.map(|column| say(&column.name)).collect()
}

/// Columns that nobody has registered; `known` are what is wrong with the table already.
pub(super) fn unregistered(
    table: &ProtectedTable,
    relation: &Relation,
    facts: &Facts,
    known: &[Mismatch],
) -> Option<Mismatch> {
    facts.registered.as_ref()?;
    let fine = |name: &str| known.iter().all(|m| m.column.as_deref().is_some_and(|column| column != name));
    let missing: Vec<&str> = table
        .columns
        .iter()
        .filter(|column| facts.registered(column).is_none() && fine(&column.name))
        .map(|column| column.name.as_str())
        .collect();
    let message = match missing.as_slice() {
        [] => return None,
        all if all.len() == table.columns.len() => format!("table \"{}\" is not registered yet", relation.display()),
        some => format!("of table \"{}\" not all columns are registered yet: {}", relation.display(), some.join(", ")),
    };
    Some(mismatch(table, "catalog/unregistered", message, "run `pgveil apply`".to_owned()))
}

/// The name that a missing table bears now, if it was registered.
pub(super) fn new_name(table: &ProtectedTable, catalog: &Catalog, facts: &Facts) -> Option<String> {
    let (oid, _) = table.columns.iter().find_map(|column| facts.registered(column))?;
    catalog.relations.get(&oid).map(|relation| relation.display())
}

/// A registered table under a name that the policy does not have.
pub(super) struct Displaced {
    /// Why it must not be used.
    pub(super) reason: String,
    /// Attribute numbers of its protected columns.
    pub(super) columns: Vec<(i16, Ordinal)>,
}

/// Tables that were renamed: what the policy protects is in them, whatever they are called.
pub(super) fn displaced(database: &Database, catalog: &Catalog, facts: &Facts) -> BTreeMap<Oid, Displaced> {
    let mut found = BTreeMap::new();
    for column in &database.columns {
        let Some((oid, number)) = facts.registered(column) else { continue };
        let Some(relation) = catalog.relations.get(&oid) else { continue };
        if database.tables.iter().any(|t| t.schema == relation.schema && t.name == relation.name) {
            continue;
        }
        let displaced = found.entry(oid).or_insert_with(|| Displaced {
            reason: format!(
                "table \"{}\" is the one that was registered as \"{}\"",
                relation.display(),
                display_name(&column.schema, &column.table)
            ),
            columns: Vec::new(),
        });
        displaced.columns.push((number, column.ordinal));
    }
    found
}

fn mismatch(table: &ProtectedTable, code: &'static str, message: String, hint: String) -> Mismatch {
    Mismatch { table: (table.schema.clone(), table.name.clone()), column: None, code, message, hint }
}

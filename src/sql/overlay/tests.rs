#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
//! A changed relation keeps its protection, or is refused.

use std::sync::Arc;

use super::*;
use crate::{config::ProtectedTable, sql::catalog::Mismatch};

const SEALED: u32 = 50_000;

/// `people (id, email: sealed, name)`, `plain (id)`, and the view `reaching`, which reads people. The
/// policy also names `missing`.
fn catalog() -> Catalog {
    let mut people = relation(1, "people", 'r');
    people.columns[1].sealed = Some(0);
    people.protected = Some(Arc::new(ProtectedTable {
        schema: "public".to_owned(),
        name: "people".to_owned(),
        columns: Vec::new(),
        allow_functions: Vec::new(),
        position: (1, 1),
    }));
    let mut reaching = relation(3, "reaching", 'v');
    reaching.refused = Some("reads people".to_owned());
    let missing = Mismatch {
        table: ("public".to_owned(), "missing".to_owned()),
        column: None,
        code: "catalog/missing-table",
        message: String::new(),
        hint: String::new(),
    };
    let mut catalog = Catalog { mismatches: vec![missing], ..Catalog::default() };
    for relation in [people, relation(2, "plain", 'r'), reaching] {
        catalog.relations.insert(relation.oid, Arc::new(relation));
    }
    catalog
}

fn relation(oid: u32, name: &str, kind: char) -> Relation {
    Relation::new(oid, "public", name, kind, &[("id", 23), ("email", SEALED), ("name", 25)])
}

fn merged(change: Relation, rewired: bool) -> Relation {
    merge(&catalog(), &[Changed { relation: change, rewired }]).remove(0)
}

fn people(change: impl FnOnce(&mut Relation)) -> Relation {
    let mut people = relation(1, "people", 'r');
    change(&mut people);
    merged(people, false)
}

#[track_caller]
fn refused(relation: &Relation, why: &str) {
    assert!(relation.refused.as_ref().is_some_and(|reason| reason.contains(why)), "{relation:?}");
    assert!(relation.protected.is_none());
}

#[test]
fn a_protected_table_with_other_plain_columns_stays_protected() {
    let age = relation(1, "people", 'r').columns.remove(0);
    let more = people(|p| p.columns.push(Column { number: 4, name: "age".to_owned(), ..age }));
    let fewer = people(|p| drop(p.columns.remove(2)));
    let renamed = people(|p| p.columns[2].name = "called".to_owned());
    for relation in [more, fewer, renamed] {
        assert_eq!((relation.columns[1].sealed, relation.refused), (Some(0), None));
        assert!(relation.protected.is_some());
    }
}

#[test]
fn a_protected_table_that_lost_its_name_or_a_protected_column_is_refused() {
    refused(&people(|p| p.name = "staff".to_owned()), "\"staff\" got its name (it was \"people\")");
    refused(&people(|p| p.schema = "other".to_owned()), "\"other.people\" got its name");
    refused(&people(|p| drop(p.columns.remove(1))), "lost or changed its column \"email\"");
    refused(&people(|p| p.columns[1].name = "mail".to_owned()), "column \"email\"");
    refused(&people(|p| p.columns[1].type_oid = 25), "column \"email\"");
    refused(&people(|p| p.columns[1].generated = true), "column \"email\"");
    // Another column has got the protected one's name.
    let swapped = people(|p| {
        p.columns[1].name = "name".to_owned();
        p.columns[2].name = "email".to_owned();
    });
    refused(&swapped, "column \"email\"");
    refused(&merged(relation(1, "people", 'r'), true), "rules, parents or children");
}

#[test]
fn what_reaches_a_protected_table_does_so_under_a_new_name() {
    refused(&merged(relation(3, "harmless", 'v'), false), "reads people");
}

#[test]
fn new_and_changed_plain_tables_are_plain() {
    for (oid, name) in [(2, "plain"), (2, "plainer"), (9, "new")] {
        let relation = merged(relation(oid, name, 'r'), false);
        assert!(relation.refused.is_none() && relation.protected.is_none(), "{relation:?}");
    }
}

#[test]
fn what_new_views_partitions_and_children_reach_is_not_known() {
    for (kind, rewired, why) in [
        ('v', true, "a view"),
        ('m', true, "a materialized view"),
        ('f', false, "a foreign table"),
        ('r', true, "a partition"),
        ('p', true, "a partition"),
    ] {
        refused(&merged(relation(9, "new", kind), rewired), why);
    }
    refused(&merged(relation(2, "plain", 'r'), true), "parents or children");
}

#[test]
fn no_table_gets_a_name_of_the_policy() {
    refused(&merged(relation(9, "missing", 'r'), false), "a name that the policy protects");
    refused(&merged(relation(2, "missing", 'r'), false), "a name that the policy protects");
}

#[test]
fn a_protected_table_is_found_by_its_name_of_this_transaction() {
    let mut env = Env::default();
    let text = b"INSERT INTO \"STAFF\" VALUES ('x')";
    assert!(!names_displaced(text, &catalog(), &env));
    env.changed = Some(vec![Arc::new(Changed { relation: relation(2, "staff", 'r'), rewired: false })]);
    assert!(!names_displaced(text, &catalog(), &env));
    for oid in [1, 3] {
        env.changed = Some(vec![Arc::new(Changed { relation: relation(oid, "staff", 'r'), rewired: false })]);
        assert!(names_displaced(text, &catalog(), &env));
        assert!(!names_displaced(b"INSERT INTO staffed VALUES ('x')", &catalog(), &env));
    }
}

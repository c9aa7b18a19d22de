#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;

use super::{
    live::{Column, Dependent, DependentKind, Domain, Live, Schema, Table},
    plan::{self, How, Plan},
    registered::Registered,
};
use crate::{
    config::{Database, Mode, OnError, ProtectedColumn, ProtectedTable, Storage},
    crypto::{Cipher, Padding},
    keys::keystore::Registration,
    values::LogicalType,
};

/// As after an earlier `apply`.
fn plan(database: &Database, live: &Live, keystore_missing: bool) -> Plan {
    plan::plan(database, live, keystore_missing, &registered(5000, 3))
}

fn registered(table_oid: u32, number: i16) -> Registered {
    let [schema, table, column] = ["public", "people", "email"].map(str::to_owned);
    Registered { columns: [Registration { schema, table, column, table_oid, number }].into(), accept: false }
}

fn database(mode: Mode) -> Database {
    let column = Arc::new(ProtectedColumn {
        ordinal: 0,
        schema: "public".to_owned(),
        table: "people".to_owned(),
        name: "email".to_owned(),
        ty: LogicalType::Text,
        mode,
        storage: Storage::Bytea,
        domain: "public.people.email".to_owned(),
        normalize: Vec::new(),
        padding: Padding::None,
        cipher: Cipher::Aes256Gcm,
        on_error: OnError::Error,
        identity: "public.people.email".to_owned(),
        allow_low_cardinality: false,
        position: (1, 1),
    });
    let table = ProtectedTable {
        schema: "public".to_owned(),
        name: "people".to_owned(),
        columns: vec![column.clone()],
        allow_functions: Vec::new(),
        position: (1, 1),
    };
    Database { name: "app".to_owned(), tables: vec![Arc::new(table)], columns: vec![column] }
}

/// A database in which `apply` has been before, with an empty table that is not sealed yet.
fn live() -> Live {
    let column = Column { number: 3, type_name: "text".to_owned(), type_oid: 25, typmod: -1, ..Column::default() };
    Live {
        version: 150_000,
        role: "pgveil".to_owned(),
        encoding: "UTF8".to_owned(),
        database_owner: "postgres".to_owned(),
        may_create_schemas: true,
        schema: Some(Schema { owner: "pgveil".to_owned(), may_create: true, public_usage: true }),
        domain: Some(Domain { oid: 99_999, as_expected: true }),
        named_types: Vec::new(),
        any_value: vec!["bytea".to_owned(), "text".to_owned()],
        tables: vec![Some(Table {
            oid: 5000,
            kind: 'r',
            owner: "pgveil".to_owned(),
            owned: true,
            has_rows: Some(false),
            columns: vec![Some(column)],
            taken_names: vec!["people".to_owned()],
        })],
    }
}

#[test]
fn nothing_is_done_in_a_database_of_another_encoding() {
    let live = Live { encoding: "LATIN1".to_owned(), ..live() };
    let plan = plan(&database(Mode::Equality), &live, true);
    assert_eq!(plan.obstacles.iter().map(|o| o.code).collect::<Vec<_>>(), ["catalog/encoding"]);
    assert!(plan.is_hopeless() && plan.steps.is_empty() && plan.registrations.is_empty());
}

fn table(live: &mut Live) -> &mut Table {
    live.tables[0].as_mut().unwrap()
}

fn column(live: &mut Live) -> &mut Column {
    table(live).columns[0].as_mut().unwrap()
}

/// The column as `apply` leaves it.
fn sealed() -> Column {
    let token_index = Some("people_email_eq".to_owned());
    Column { number: 3, sealed: true, external: true, token_index, ..Column::default() }
}

fn sql(plan: &Plan) -> Vec<String> {
    plan.own_steps().iter().map(|step| step.sql.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

#[test]
fn an_empty_table_is_sealed_and_gets_its_index() {
    let plan = plan(&database(Mode::Equality), &live(), false);
    assert_eq!(
        sql(&plan),
        [
            "ALTER TABLE public.people ALTER COLUMN email TYPE pgveil.sealed USING pg_catalog.convert_to(email::pg_catalog.text, 'UTF8')::pgveil.sealed",
            "ALTER TABLE public.people ALTER COLUMN email SET STORAGE EXTERNAL",
            "CREATE INDEX people_email_eq ON public.people (pg_catalog.substring(email, 9, 16))",
        ]
    );
    assert!(plan.obstacles.is_empty() && plan.notes.is_empty(), "{plan:?}");
}

#[test]
fn a_randomized_column_gets_no_index() {
    assert_eq!(plan(&database(Mode::Randomized), &live(), false).own_steps().len(), 2);
}

#[test]
fn a_sealed_column_needs_nothing() {
    let mut live = live();
    *column(&mut live) = sealed();
    table(&mut live).has_rows = Some(true);
    assert_eq!(plan(&database(Mode::Equality), &live, false), Plan::default());
}

#[test]
fn an_index_over_rows_is_built_without_blocking_writers() {
    let mut live = live();
    *column(&mut live) = Column { token_index: None, ..sealed() };
    table(&mut live).has_rows = Some(true);
    let plan = plan(&database(Mode::Equality), &live, false);
    assert_eq!(plan.steps[0].how, How::Alone);
    assert!(plan.steps[0].sql.starts_with("CREATE INDEX CONCURRENTLY people_email_eq"));
}

#[test]
fn a_table_with_rows_is_left_alone_and_the_way_out_is_named() {
    let mut live = live();
    table(&mut live).has_rows = Some(true);
    let plan = plan(&database(Mode::Equality), &live, false);
    assert!(plan.steps.is_empty());
    assert_eq!(plan.obstacles[0].code, "apply/has-rows");
    assert!(plan.obstacles[0].hint.contains("public.people.email"));
    assert!(plan.obstacles[0].hint.contains("create an empty table"), "{}", plan.obstacles[0].hint);
}

#[test]
fn a_unique_constraint_becomes_a_unique_index_of_its_name() {
    let mut live = live();
    column(&mut live).dependents.push(Dependent {
        kind: DependentKind::Constraint { name: "people_email_key".to_owned(), unique_alone: true },
        description: "constraint people_email_key on table people".to_owned(),
    });
    let with_equality = plan(&database(Mode::Equality), &live, false);
    let statements = sql(&with_equality);
    assert_eq!(statements[0], "ALTER TABLE public.people DROP CONSTRAINT people_email_key");
    assert_eq!(
        statements[3],
        "CREATE UNIQUE INDEX people_email_key ON public.people (pg_catalog.substring(email, 9, 16))"
    );
    let randomized = plan(&database(Mode::Randomized), &live, false);
    assert!(randomized.steps.is_empty(), "nothing is dropped where nothing replaces it: {randomized:?}");
    assert_eq!(randomized.obstacles[0].code, "apply/constraint");
}

#[test]
fn what_hangs_on_the_column_is_named_and_nothing_is_changed() {
    let kinds = [
        (DependentKind::Default, "apply/default"),
        (DependentKind::Constraint { name: "c".to_owned(), unique_alone: false }, "apply/constraint"),
        (
            DependentKind::Index { schema: "public".to_owned(), name: "i".to_owned(), unique: false, alone: false },
            "apply/index",
        ),
        (DependentKind::Other, "apply/dependent"),
    ];
    for (kind, code) in kinds {
        let mut live = live();
        column(&mut live).dependents.push(Dependent { kind, description: "it".to_owned() });
        let plan = plan(&database(Mode::Equality), &live, false);
        assert_eq!(plan.obstacles[0].code, code);
        assert!(plan.own_steps().is_empty(), "{plan:?}");
    }
}

#[test]
fn a_foreign_table_is_left_to_its_owner() {
    let mut live = live();
    table(&mut live).owned = false;
    table(&mut live).owner = "app".to_owned();
    let plan = plan(&database(Mode::Equality), &live, false);
    assert!(plan.own_steps().is_empty());
    assert_eq!(plan.foreign_steps().len(), 3);
    assert!(plan.foreign_steps().iter().all(|(role, _)| *role == "app"));
}

#[test]
fn without_the_schema_nothing_else_can_run() {
    let mut live = live();
    (live.schema, live.domain, live.may_create_schemas) = (None, None, false);
    let plan = plan(&database(Mode::Equality), &live, false);
    assert!(plan.own_steps().is_empty());
    assert_eq!(plan.foreign_steps()[0].0, "postgres");
    assert_eq!(plan.foreign_steps()[0].1.sql, "GRANT CREATE ON DATABASE app TO pgveil");
    assert!(plan.waits_for_schemas());
}

#[test]
fn the_aggregate_is_created_only_where_the_server_has_none() {
    let mut live = live();
    live.any_value.clear();
    let aggregates = |plan: &Plan| plan.steps.iter().filter(|step| step.sql.contains("CREATE AGGREGATE")).count();
    assert_eq!(aggregates(&plan(&database(Mode::Randomized), &live, false)), 2);
    live.version = 160_000;
    assert_eq!(aggregates(&plan(&database(Mode::Randomized), &live, false)), 0);
}

#[test]
fn an_altered_domain_is_reported() {
    let mut live = live();
    live.domain = Some(Domain { oid: 99_999, as_expected: false });
    assert_eq!(plan(&database(Mode::Randomized), &live, false).obstacles[0].code, "apply/foreign-domain");
}

#[test]
fn long_names_are_cut_and_taken_names_avoided() {
    let mut live = live();
    table(&mut live).taken_names.push("people_email_eq".to_owned());
    let taken = plan(&database(Mode::Equality), &live, false);
    assert!(taken.steps[2].sql.contains("INDEX people_email_eq2 ON"), "{}", taken.steps[2].sql);
    let mut database = database(Mode::Equality);
    let mut long = (*database.tables[0]).clone();
    long.name = "ü".repeat(31);
    database.tables = vec![Arc::new(long)];
    let cut = plan(&database, &live, false);
    let name = cut.steps[2].sql.split('"').nth(1).unwrap();
    assert!(name.len() <= 63 && name.ends_with("_eq"), "{name}");
}

#[test]
fn missing_tables_and_columns_are_reported_by_name() {
    let mut live = live();
    table(&mut live).columns = vec![None];
    assert_eq!(plan(&database(Mode::Randomized), &live, false).obstacles[0].code, "catalog/missing-column");
    live.tables = vec![None];
    assert_eq!(plan(&database(Mode::Randomized), &live, false).obstacles[0].object, "public.people");
}

#[test]
fn a_partition_is_sealed_through_its_root() {
    let mut live = live();
    column(&mut live).inherited = true;
    let unsealed = plan(&database(Mode::Equality), &live, false);
    assert!(unsealed.steps.is_empty());
    assert_eq!(unsealed.obstacles[0].code, "apply/inherited-column");
    column(&mut live).sealed = true;
    assert!(plan(&database(Mode::Equality), &live, false).obstacles.is_empty());
}

#[test]
fn a_sealed_column_that_is_not_registered_is() {
    let mut live = live();
    let pending = |live: &Live| plan::plan(&database(Mode::Equality), live, false, &Registered::default());
    assert_eq!((pending(&live).registrations.len(), pending(&live).ready_to_register().len()), (1, 0));
    *column(&mut live) = sealed();
    let plan = pending(&live);
    assert_eq!(plan.ready_to_register(), registered(5000, 3).columns.to_vec());
    assert!(plan.own_steps().is_empty() && plan.obstacles.is_empty(), "{plan:?}");
}

#[test]
fn a_column_that_cannot_be_sealed_is_not_registered() {
    let mut live = live();
    table(&mut live).has_rows = Some(true);
    let plan = plan::plan(&database(Mode::Equality), &live, false, &Registered::default());
    assert_eq!((plan.obstacles.len(), plan.registrations.len()), (1, 0));
}

#[test]
fn nothing_is_done_to_a_table_or_column_that_was_replaced_until_it_is_accepted() {
    for (before, object) in [(registered(4999, 3), "public.people"), (registered(5000, 2), "public.people.email")] {
        let refused = plan::plan(&database(Mode::Equality), &live(), false, &before);
        assert_eq!((refused.obstacles[0].code, &*refused.obstacles[0].object), ("apply/replaced", object));
        assert!(refused.obstacles[0].hint.contains("--accept"));
        assert!(refused.steps.is_empty() && refused.registrations.is_empty(), "{refused:?}");
        let accepted = plan::plan(&database(Mode::Equality), &live(), false, &Registered { accept: true, ..before });
        assert!(accepted.obstacles.is_empty(), "{accepted:?}");
        assert_eq!(accepted.own_steps().len(), 3);
        assert!(accepted.registrations[0].replaces);
    }
}

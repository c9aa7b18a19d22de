//! Databases and their protected tables.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use super::{Check, agree, column, given};
use crate::config::{
    Database, ProtectedTable,
    field::{Entries, Field},
    file::{DatabaseFile, TableFile},
    issue::{At, Issue},
    names,
};

pub(super) fn databases(
    field: Option<&Field<Entries<DatabaseFile>>>,
    check: &Check<'_>,
) -> BTreeMap<String, Arc<Database>> {
    let mut databases = BTreeMap::new();
    for (key, value) in given(field).iter().flat_map(|(entries, _)| &entries.0) {
        let Some(name) = &key.value else { continue };
        if let Some(fault) = names::fault(name) {
            check.push(Issue::new("policy/bad-name", fault).at(key.at).label("name of a database"));
        }
        let Some((file, _)) = value.get() else { continue };
        if let Some((tables, _)) = file.tables.get() {
            databases.insert(name.clone(), Arc::new(database(name, tables, check)));
        }
    }
    databases
}

fn database(name: &str, file: &Entries<TableFile>, check: &Check<'_>) -> Database {
    let mut database = Database { name: name.to_owned(), tables: Vec::new(), columns: Vec::new() };
    let mut places: Vec<column::Places> = Vec::new();
    let mut seen: HashMap<(String, String), At> = HashMap::new();
    for (written, at, file) in file.readable() {
        let (schema, table) = match names::table(written) {
            Ok(parts) => parts,
            Err(fault) => {
                check.push(Issue::new("policy/bad-name", fault).at(at).label("name of a table"));
                // Its columns are still looked at.
                ("public".to_owned(), written.to_owned())
            }
        };
        if schema == "pgveil" || schema == "pgveil_keys" || schema == "information_schema" || schema.starts_with("pg_")
        {
            let issue = Issue::new("policy/bad-name", format!("tables of the schema `{schema}` cannot be protected"));
            check.push(issue.at(at).label("a schema of the system or of pgveil itself"));
        }
        if let Some(first) = seen.insert((schema.clone(), table.clone()), at) {
            let issue = Issue::new("policy/duplicate-table", format!("table `{schema}.{table}` is given twice"))
                .label("the same table")
                .related(first, "first given here");
            check.push(issue.at(at));
        }
        let mut protected = ProtectedTable {
            schema,
            name: table,
            columns: Vec::new(),
            allow_functions: functions(file, check),
            position: (check.position)(at),
        };
        if let Some((columns, _)) = file.columns.get() {
            if columns.0.is_empty() {
                let issue = Issue::new("policy/missing-key", "no column of this table is protected");
                check.push(issue.at(at).label("name a column, or leave the table out"));
            }
            for (key, value) in &columns.0 {
                let (Some(name), Some((file, _))) = (&key.value, value.get()) else { continue };
                let ordinal = database.columns.len();
                let (column, place) = column::column((&protected, name, key.at), file, ordinal, check);
                let column = Arc::new(column);
                protected.columns.push(column.clone());
                database.columns.push(column);
                places.push(place);
            }
        }
        database.tables.push(Arc::new(protected));
    }
    agree::columns(&database.columns, &places, check);
    database
}

fn functions(file: &TableFile, check: &Check<'_>) -> Vec<String> {
    let list = given(file.allow_functions.as_ref()).map_or(&[][..], |(list, _)| &list.0);
    let mut functions = Vec::new();
    for (name, at) in list.iter().filter_map(Field::get) {
        if name.is_empty() || name.contains('\0') {
            check.push(
                Issue::new("policy/bad-name", "not the name of a function").at(at).label("expected `schema.function`"),
            );
        }
        functions.push(name.clone());
    }
    functions
}

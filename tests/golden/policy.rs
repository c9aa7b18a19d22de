//! The policy and the catalog that the corpus is planned over.

use std::{collections::HashMap, sync::Arc};

use pgveil::{
    config::{Mode, OnError, ProtectedColumn, ProtectedTable, Storage},
    crypto::{Cipher, Padding},
    sql::{
        catalog::{Catalog, Column, Mismatch, NamedType, Relation, Unique, UniqueKey},
        env::Env,
    },
    values::{EnumDefinition, EnumType, LogicalType},
};

/// Schema, table, columns; a column is `name`, `name=` (equality), `name=domain` or `name!`
/// (randomized).
const TABLES: [(&str, &str, &str); 13] = [
    ("public", "people", "id name email=mail ssn= birth! salary! notes! city created active"),
    ("public", "contacts", "id person_id mail=mail phone!"),
    ("public", "orders", "id person_id total note email tags"),
    ("public", "cities", "id name"),
    ("public", "OddName", "id Secret_x= Email="),
    ("public", "people_view", "id email"),
    ("archive", "people_2019", "id ssn="),
    ("other", "people", "id name email"),
    ("pg_catalog", "pg_class", "oid relname"),
    ("pgveil_keys", "deks", "id wrapped"),
    // Of the enum type public.mood.
    ("public", "diary", "id feels= felt! note!"),
    ("public", "labels", "id tags! codes! counts! days! plain"),
    ("archive", "labels", "id tags!"),
];

/// The session's environment at the start of each file.
pub fn env() -> Env {
    Env {
        search_path: ["pg_catalog", "public"].map(str::to_owned).to_vec(),
        role: "app".to_owned(),
        standard_conforming_strings: true,
        ..Env::default()
    }
}

/// The enum type public.mood.
fn mood() -> LogicalType {
    let ty = EnumType::named("public", "mood", String::new());
    ty.define(EnumDefinition {
        oid: 80_000,
        array_oid: 80_001,
        quoted: ["mood".to_owned(), "public.mood".to_owned()],
        ..EnumDefinition::default()
    });
    LogicalType::Enum(ty)
}

/// The types that are called mood: the enum, another, and a domain.
fn moods() -> Vec<NamedType> {
    let of = |schema: &str, oid, kind| NamedType {
        schema: schema.to_owned(),
        name: "mood".to_owned(),
        oid,
        array_oid: oid + 1,
        kind,
        ..NamedType::default()
    };
    vec![of("public", 80_000, 'e'), of("other", 80_002, 'e'), of("archive", 80_004, 'd')]
}

/// A temporary table of the session.
pub fn temp(name: &str) -> Relation {
    relation(90_000, "pg_temp_3", name, "id name email", &mut Vec::new())
}

fn logical_type(column: &str) -> &'static str {
    match column {
        "tags" => "text[]",
        "codes" => "varchar(5)[]",
        "counts" => "int8[]",
        "days" => "date[]",
        _ => "text",
    }
}

fn relation(oid: u32, schema: &str, name: &str, spec: &str, columns: &mut Vec<Arc<ProtectedColumn>>) -> Relation {
    let first = columns.len();
    let mut attributes = Vec::new();
    for (number, spec) in (1..).zip(spec.split_whitespace()) {
        let end = spec.find(['=', '!']).unwrap_or(spec.len());
        let (column, mode) = spec.split_at(end);
        let column = column.replace("t_x", "t x");
        let sealed = (!mode.is_empty()).then_some(columns.len());
        if let Some(ordinal) = sealed {
            // As if the policy said so.
            let home = if name == "labels" { "public" } else { schema };
            let identity = format!("{home}.{name}.{column}");
            let domain = mode.trim_start_matches(['=', '!']);
            columns.push(Arc::new(ProtectedColumn {
                ordinal,
                schema: schema.to_owned(),
                table: name.to_owned(),
                name: column.clone(),
                ty: if column.starts_with("fe") { mood() } else { LogicalType::parse(logical_type(&column)).unwrap() },
                mode: if mode.starts_with('=') { Mode::Equality } else { Mode::Randomized },
                storage: Storage::Bytea,
                domain: if domain.is_empty() { identity.clone() } else { domain.to_owned() },
                normalize: Vec::new(),
                padding: Padding::None,
                cipher: Cipher::Aes256Gcm,
                on_error: OnError::Error,
                identity,
                allow_low_cardinality: false,
                position: (1, 1),
            }));
        }
        let type_oid = if sealed.is_some() { 70_000 } else { 25 };
        attributes.push(Column { number, name: column, type_oid, typmod: -1, sealed, generated: false });
    }
    let table = ProtectedTable {
        schema: schema.to_owned(),
        name: name.to_owned(),
        columns: columns[first..].to_vec(),
        allow_functions: vec!["safe_report".to_owned()],
        position: (1, 1),
    };
    let protected = (columns.len() > first).then(|| Arc::new(table));
    let refused = (name == "people_view").then(|| "the view reads public.people".to_owned());
    Relation {
        oid,
        schema: schema.to_owned(),
        name: name.to_owned(),
        kind: 'r',
        columns: attributes,
        protected,
        refused,
    }
}

/// The catalog.
pub fn catalog() -> Catalog {
    let mut catalog = Catalog { epoch: 1, ..Catalog::default() };
    let mut columns = Vec::new();
    for (oid, (schema, name, spec)) in (16_384..).zip(TABLES) {
        let relation = relation(oid, schema, name, spec, &mut columns);
        catalog.by_name.entry(schema.to_owned()).or_default().insert(name.to_owned(), oid);
        catalog.relations.insert(oid, Arc::new(relation));
    }
    catalog.columns = columns;
    catalog.named_types = moods();
    for table in ["people", "contacts"] {
        let oid = catalog.by_name["public"][table];
        let key = UniqueKey { column: "id".to_owned(), token: false };
        let primary = Unique { name: format!("{table}_pkey"), primary: true, keys: vec![key] };
        let token = UniqueKey { column: if table == "people" { "email" } else { "mail" }.to_owned(), token: true };
        let by_token = Unique { name: format!("{table}_mail_key"), primary: false, keys: vec![token] };
        catalog.unique.insert(oid, vec![primary, by_token]);
    }
    let why = "its body names public.people".to_owned();
    catalog.tainted_functions =
        HashMap::from([("people_report".to_owned(), why.clone()), ("safe_report".to_owned(), why)]);
    catalog.mismatches = vec![Mismatch {
        table: ("public".to_owned(), "payroll".to_owned()),
        column: None,
        code: "catalog/missing-table",
        message: "table public.payroll does not exist".to_owned(),
        hint: String::new(),
    }];
    catalog
}

//! Reads the facts from the server: one statement, one snapshot, no privilege beyond CONNECT. What
//! views and indexes are is read in further ones: they take locks.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use tokio_postgres::{Client, error::SqlState};

pub use super::facts::Registered;
use super::{
    Catalog, Oid, Relation, RelationRow, build, enums,
    facts::{Definition, Facts, Function, Object, SealedDomain, Through, UniqueIndex, Use},
    view_columns::handed_through,
};
use crate::config::Database;

/// Why a catalog could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// The server refused the query, or the connection broke.
    #[error("the catalog could not be read: {}", describe(.0))]
    Postgres(#[from] tokio_postgres::Error),
    /// The server's answer is not what was asked for.
    #[error("the server's answer about its catalog could not be read ({part}): {source}")]
    Answer {
        /// Which part of it.
        part: String,
        /// What is wrong.
        source: serde_json::Error,
    },
}

/// `tokio_postgres::Error` says "db error" and keeps the server's words in its source.
fn describe(error: &tokio_postgres::Error) -> String {
    error.as_db_error().map_or_else(|| error.to_string(), |db| format!("{} ({})", db.message(), db.code().code()))
}

/// Names are resolved in pg_catalog alone, whatever the role's or database's defaults say, and
/// definitions come in one spelling. Compiling the queries would take longer than running them.
/// Stays set on pgveil's own connection.
const PIN: &str = "SET search_path = pg_catalog, pg_temp; SET bytea_output = hex; SET quote_all_identifiers = off; SET jit = off; SET standard_conforming_strings = on";

const QUERY: &str = include_str!("load.sql");

const DEFINITIONS: &str = include_str!("definitions.sql");

const UNIQUE: &str = include_str!("unique.sql");

/// How long to wait for a lock on what a view reads: for all views together, and then, if one of them
/// is locked, for each alone. In milliseconds, as `lock_timeout` counts.
const LOCK_TIMEOUTS: (&str, &str) = ("200", "10");

/// Loads one database's catalog as the service role. Cancel safe: it leaves no transaction open.
///
/// # Errors
/// If the server cannot be asked; what does not match the policy is no error but in
/// [`Catalog::mismatches`].
pub async fn load(client: &Client, database: &Database, epoch: u64) -> Result<Catalog, CatalogError> {
    load_with(client, database, epoch, None, None).await
}

/// As [`load`]; compares tables and columns with the `registered` ones, and shares what did not change with
/// the `previous` snapshot.
pub async fn load_with(
    client: &Client,
    database: &Database,
    epoch: u64,
    registered: Option<Registered>,
    previous: Option<&Catalog>,
) -> Result<Catalog, CatalogError> {
    pin(client).await?;
    let schemas: Vec<&str> = database.tables.iter().map(|t| t.schema.as_str()).collect();
    let names: Vec<&str> = database.tables.iter().map(|t| t.name.as_str()).collect();
    let mut facts = Facts { registered, ..Facts::default() };
    let mut views = Vec::new();
    let registered: Vec<Oid> = database.columns.iter().filter_map(|c| Some(facts.registered(c)?.0)).collect();
    for row in client.query(QUERY, &[&schemas, &names, &registered]).await? {
        let (part, body): (&str, &str) = (row.try_get(0)?, row.try_get(1)?);
        add(&mut facts, &mut views, part, body, previous)
            .map_err(|source| CatalogError::Answer { part: part.to_owned(), source })?;
    }
    if !views.is_empty() {
        define(client, &views, &mut facts).await?;
    }
    unique_indexes(client, database, &mut facts).await?;
    facts.named_types = enums::named_types(client, database).await?;
    Ok(build(epoch, database, &facts))
}

/// Reads the definitions of views. One that waits for a lock is left out: whoever holds it may be
/// waiting for this catalog.
async fn define(client: &Client, views: &[Oid], facts: &mut Facts) -> Result<(), CatalogError> {
    let (together, alone) = LOCK_TIMEOUTS;
    match definitions(client, views, together, facts).await {
        Err(CatalogError::Postgres(error)) if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) => {}
        done => return done,
    }
    for &view in views {
        match definitions(client, &[view], alone, facts).await {
            Err(CatalogError::Postgres(error)) if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) => {
                facts.definitions.insert(view, Definition::default());
                facts.locked = true;
            }
            done => done?,
        }
    }
    Ok(())
}

/// Reads the unique indexes of the policy's tables; without those over expressions if a table is locked.
async fn unique_indexes(client: &Client, database: &Database, facts: &mut Facts) -> Result<(), CatalogError> {
    let named = |r: &Relation| database.tables.iter().any(|t| t.schema == r.schema && t.name == r.name);
    let tables: Vec<Oid> = facts.relations.iter().filter(|r| named(r)).map(|r| r.oid).collect();
    let rows = match client.query(UNIQUE, &[&tables, &LOCK_TIMEOUTS.0, &true]).await {
        Err(error) if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) => {
            facts.locked = true;
            client.query(UNIQUE, &[&tables, &LOCK_TIMEOUTS.0, &false]).await?
        }
        done => done?,
    };
    for row in rows {
        let (table, name, primary, keys) =
            read(row.try_get(0)?).map_err(|source| CatalogError::Answer { part: "unique".to_owned(), source })?;
        facts.unique.push(UniqueIndex { table, name, primary, keys });
    }
    Ok(())
}

async fn definitions(client: &Client, views: &[Oid], patience: &str, facts: &mut Facts) -> Result<(), CatalogError> {
    for row in client.query(DEFINITIONS, &[&views, &patience]).await? {
        let (view, text, rules, instead) = read::<(Oid, Option<String>, bool, bool)>(row.try_get(0)?)
            .map_err(|source| CatalogError::Answer { part: "definition".to_owned(), source })?;
        facts.definitions.insert(view, Definition { text, rules, instead });
    }
    Ok(())
}

/// See [`PIN`].
pub(super) async fn pin(client: &Client) -> Result<(), CatalogError> {
    Ok(client.batch_execute(PIN).await?)
}

/// Takes one row of the answer in; notes the `views` whose definitions are needed.
fn add(
    facts: &mut Facts,
    views: &mut Vec<Oid>,
    part: &str,
    body: &str,
    previous: Option<&Catalog>,
) -> Result<(), serde_json::Error> {
    let object = |function: bool, oid: Oid| if function { Object::Function(oid) } else { Object::Relation(oid) };
    match part {
        "relation" => {
            let relation = Relation::from(read::<RelationRow>(body)?);
            let same = previous.and_then(|p| p.relations.get(&relation.oid)).filter(|old| ***old == relation);
            facts.relations.push(same.map_or_else(|| Arc::new(relation), Arc::clone));
        }
        "type" => {
            let (table, column, name) = read::<(Oid, i16, String)>(body)?;
            facts.column_types.insert((table, column), name);
        }
        "domain" => facts.domain = Some(domain(body)?),
        "inherits" => facts.inherits.push(read(body)?),
        "rule" => {
            let (view, function, to) = read::<(Oid, bool, Oid)>(body)?;
            facts.uses.push(Use { from: Object::Relation(view), to: object(function, to), through: Through::Rule });
        }
        "body" => {
            let (caller, function, to) = read::<(Oid, bool, Oid)>(body)?;
            facts.uses.push(Use { from: Object::Function(caller), to: object(function, to), through: Through::Body });
        }
        "firing" => {
            let (table, function) = read::<(Oid, Oid)>(body)?;
            let (from, to) = (Object::Relation(table), Object::Function(function));
            facts.uses.push(Use { from, to, through: Through::Firing });
        }
        "function" => facts.functions.push(function(body)?),
        "view" => {
            let (view, tree) = read::<(Oid, String)>(body)?;
            views.push(view);
            facts.view_columns.extend(handed_through(&tree).into_iter().map(|(number, below)| ((view, number), below)));
        }
        "operator" => facts.operators.push(read(body)?),
        "cast" => facts.casts.push(read(body)?),
        "encoding" => facts.encoding = Some(read(body)?),
        "any_value" => {
            facts.any_value = match read(body)? {
                (true, _) => Some("pgveil"),
                (false, true) => Some("pg_catalog"),
                (false, false) => None,
            }
        }
        _ => {}
    }
    Ok(())
}

fn read<T: DeserializeOwned>(body: &str) -> Result<T, serde_json::Error> {
    serde_json::from_str(body)
}

fn function(body: &str) -> Result<Function, serde_json::Error> {
    let (oid, schema, name, language, body, volatile, trigger, extension) = read(body)?;
    Ok(Function { oid, schema, name, language, body, volatile, trigger, extension })
}

fn domain(body: &str) -> Result<SealedDomain, serde_json::Error> {
    type Row = (Oid, char, String, bool, Option<String>, Option<Vec<String>>);
    let (oid, kind, base, not_null, default, checks) = read::<Row>(body)?;
    let checks = checks.unwrap_or_default();
    let altered = if kind != 'd' || base != "bytea" {
        Some(format!("it is not a domain over bytea but over {base}"))
    } else if not_null {
        Some("it is NOT NULL".to_owned())
    } else if let Some(default) = default {
        Some(format!("it has the default {default}"))
    } else if checks.is_empty() {
        Some("its CHECK is gone".to_owned())
    } else {
        checks.into_iter().find(|check| check != SEALED_CHECK).map(|check| format!("it has {check}"))
    };
    Ok(SealedDomain { oid, altered })
}

/// The domain's CHECK as `pg_get_constraintdef` spells it, from PostgreSQL 15 to 18.
const SEALED_CHECK: &str = r#"CHECK (("substring"(VALUE, 1, 3) = '\xff7076'::bytea))"#;

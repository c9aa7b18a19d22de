//! The rights that sweeps need: `service.user` reads every relation that stores protected rows, and writes
//! their sealed columns. Relations are granted one by one: a sweep names each leaf partition and each child by
//! inheritance itself, where rights on the parent do not count.

use tokio_postgres::{Client, Row};

use super::plan::{How, Step};
use crate::{
    cli::{
        error::{CliError, during},
        sql_text::{ident, qualified},
    },
    config::{Database, Policy, Reencrypt},
};

/// A right that is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli) struct Missing {
    /// What it is about: a schema, or a table with its schema.
    pub(in crate::cli) object: String,
    /// What gives it.
    pub(in crate::cli) sql: String,
    /// The role whose rights that takes, if the login does not have them.
    as_role: Option<String>,
}

impl Missing {
    pub(super) fn into_step(self) -> Step {
        Step {
            sql: self.sql,
            why: "sweeps seal stored values anew".to_owned(),
            as_role: self.as_role,
            how: How::InTransaction,
        }
    }
}

/// Does the policy have sweeps run by `pgveil run`, or queued by themselves?
pub(in crate::cli) fn are_wanted(policy: &Policy) -> bool {
    policy.sweep.workers > 0 || policy.keys.reencrypt == Reencrypt::Auto
}

/// What `service` lacks for sweeping the protected columns, in the order of schemas and tables. A role that does
/// not exist lacks everything.
pub(in crate::cli) async fn missing(
    client: &Client,
    database: &Database,
    service: &str,
) -> Result<Vec<Missing>, CliError> {
    let column = |part: fn(&crate::config::ProtectedColumn) -> &str| {
        database.columns.iter().map(|column| part(column)).collect::<Vec<_>>()
    };
    let (schemas, tables) = (column(|column| &column.schema), column(|column| &column.table));
    let names = column(|column| &column.name);
    let rows = client
        .query(QUERY, &[&service, &schemas, &tables, &names])
        .await
        .map_err(during("looking for the rights that sweeps need"))?;
    let relations: Vec<Relation> = rows.iter().map(Relation::read).collect();
    let role = ident(service);
    let mut missing: Vec<Missing> = Vec::new();
    for relation in &relations {
        let Relation { schema, name, .. } = relation;
        if !relation.may_enter {
            let sql = format!("GRANT USAGE ON SCHEMA {} TO {role}", ident(schema));
            if missing.iter().all(|known| known.sql != sql) {
                missing.push(Missing { object: schema.clone(), sql, as_role: relation.schema_owner.clone() });
            }
        }
        let mut rights = Vec::new();
        if !relation.may_read {
            rights.push("SELECT".to_owned());
        }
        if !relation.not_written.is_empty() {
            let columns: Vec<String> = relation.not_written.iter().map(|column| ident(column)).collect();
            rights.push(format!("UPDATE ({})", columns.join(", ")));
        }
        if !rights.is_empty() {
            missing.push(Missing {
                object: format!("{schema}.{name}"),
                sql: format!("GRANT {} ON {} TO {role}", rights.join(", "), qualified(schema, name)),
                as_role: relation.owner.clone(),
            });
        }
    }
    Ok(missing)
}

/// A relation that stores rows, and what the service role may do with it.
struct Relation {
    schema: String,
    name: String,
    /// Whose rights it takes to grant, if the login does not have them; likewise for its schema.
    owner: Option<String>,
    schema_owner: Option<String>,
    may_enter: bool,
    may_read: bool,
    /// Protected columns that may not be updated.
    not_written: Vec<String>,
}

impl Relation {
    fn read(row: &Row) -> Self {
        Self {
            schema: row.get(0),
            name: row.get(1),
            owner: row.get(2),
            schema_owner: row.get(3),
            may_enter: row.get(4),
            may_read: row.get(5),
            not_written: row.get(6),
        }
    }
}

/// $1: the service role; $2, $3, $4: schemas, tables and names of the protected columns, verbatim.
const QUERY: &str = "
WITH RECURSIVE wanted AS MATERIALIZED (
  SELECT c.oid AS root, p.name, p.number
  FROM ROWS FROM (unnest($2::text[]), unnest($3::text[]), unnest($4::text[]))
       WITH ORDINALITY AS p(schema_name, table_name, name, number)
  JOIN pg_catalog.pg_namespace n ON n.nspname = p.schema_name
  JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = p.table_name
), tree(root, oid) AS (
  SELECT root, root FROM wanted
  UNION
  SELECT tree.root, i.inhrelid FROM tree JOIN pg_catalog.pg_inherits i ON i.inhparent = tree.oid
), service AS (SELECT (SELECT r.oid FROM pg_catalog.pg_roles r WHERE r.rolname = $1) AS oid)
SELECT n.nspname::text, c.relname::text,
       CASE WHEN NOT pg_catalog.pg_has_role(c.relowner, 'USAGE') THEN pg_catalog.pg_get_userbyid(c.relowner)::text END,
       CASE WHEN NOT pg_catalog.pg_has_role(n.nspowner, 'USAGE') THEN pg_catalog.pg_get_userbyid(n.nspowner)::text END,
       coalesce(pg_catalog.has_schema_privilege(service.oid, n.oid, 'USAGE'), false),
       coalesce(pg_catalog.has_table_privilege(service.oid, c.oid, 'SELECT'), false),
       coalesce(pg_catalog.array_agg(a.attname::text ORDER BY w.number) FILTER (
         WHERE NOT coalesce(pg_catalog.has_column_privilege(service.oid, c.oid, a.attnum, 'UPDATE'), false)), '{}')
FROM wanted w
JOIN tree ON tree.root = w.root
JOIN pg_catalog.pg_class c ON c.oid = tree.oid AND c.relkind = 'r' AND c.relpersistence <> 't'
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attname = w.name AND a.attnum > 0 AND NOT a.attisdropped
CROSS JOIN service
GROUP BY n.oid, n.nspname, n.nspowner, c.oid, c.relname, c.relowner, service.oid
ORDER BY n.nspname, c.relname";

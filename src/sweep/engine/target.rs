//! The stored relation of a shard, as it is now.

use std::sync::Arc;

use tokio_postgres::Client;

use crate::{
    keys::{ColumnKeys, Keyring},
    sweep::{
        Site, SweepError,
        error::during,
        job::ColumnName,
        journal::{NewShard, StoredColumn},
        names::{qualified, quoted},
    },
};

/// `TRIGGER_TYPE_ROW`, `_BEFORE` and `_UPDATE` (include/catalog/pg_trigger.h).
const ROW_BEFORE_UPDATE: i16 = 1 | 1 << 1 | 1 << 4;

/// A relation that rows are read from and written to.
pub(super) struct Target {
    pub oid: u32,
    pub schema: String,
    pub name: String,
    /// `"schema"."name"`
    pub quoted: String,
    pub columns: Vec<Column>,
    /// The primary key's columns, quoted, in its order.
    pub key: Vec<String>,
    /// Rows are referred to by one of the columns: their locks are of the strong kind.
    pub is_key: bool,
    /// It has triggers that may store something else than what an UPDATE says.
    pub alters: bool,
    /// Bytes of a block.
    pub block_size: i64,
    /// Rows of a block, about; None: unknown.
    pub density: Option<f64>,
}

/// A sealed column of it.
pub(super) struct Column {
    pub name: String,
    pub quoted: String,
    pub policy: ColumnName,
    pub keys: Arc<ColumnKeys>,
    pub keyring: Arc<Keyring>,
}

impl Target {
    /// The relation and those of its columns that are there and hold bytes; None: there is nothing to be done.
    ///
    /// Names are those of now. What the journal says a column is good for is looked up in the policy; if it says so
    /// wrongly no value authenticates, but one that was copied from that column with the same name.
    pub async fn find(client: &Client, site: &Site, part: &NewShard) -> Result<Option<Self>, SweepError> {
        let sql = "SELECT n.nspname::pg_catalog.text, c.relname::pg_catalog.text, c.reltuples::pg_catalog.float8, c.relpages, \
                   pg_catalog.current_setting('block_size')::pg_catalog.int8, \
                   ARRAY(SELECT a.attname::pg_catalog.text FROM pg_catalog.pg_attribute a \
                         JOIN pg_catalog.pg_type t ON t.oid OPERATOR(pg_catalog.=) a.atttypid \
                         WHERE a.attrelid OPERATOR(pg_catalog.=) c.oid AND a.attnum OPERATOR(pg_catalog.>) 0 \
                         AND NOT a.attisdropped AND a.attname OPERATOR(pg_catalog.=) ANY ($2) \
                         AND 17 OPERATOR(pg_catalog.=) ANY (ARRAY[t.oid, t.typbasetype])), \
                   ARRAY(SELECT pg_catalog.quote_ident(a.attname) FROM pg_catalog.pg_index i \
                         CROSS JOIN LATERAL pg_catalog.unnest(i.indkey::pg_catalog.int2[]) WITH ORDINALITY k(attnum, at) \
                         JOIN pg_catalog.pg_attribute a ON a.attrelid OPERATOR(pg_catalog.=) i.indrelid \
                             AND a.attnum OPERATOR(pg_catalog.=) k.attnum \
                         WHERE i.indrelid OPERATOR(pg_catalog.=) c.oid AND i.indisprimary ORDER BY k.at), \
                   EXISTS (SELECT FROM pg_catalog.pg_index i JOIN pg_catalog.pg_attribute a \
                           ON a.attrelid OPERATOR(pg_catalog.=) i.indrelid \
                           AND a.attnum OPERATOR(pg_catalog.=) ANY (i.indkey::pg_catalog.int2[]) \
                           WHERE i.indrelid OPERATOR(pg_catalog.=) c.oid AND i.indisunique AND i.indexprs IS NULL \
                           AND i.indpred IS NULL AND a.attname OPERATOR(pg_catalog.=) ANY ($2)), \
                   EXISTS (SELECT FROM pg_catalog.pg_trigger g WHERE g.tgrelid OPERATOR(pg_catalog.=) c.oid \
                           AND (g.tgtype OPERATOR(pg_catalog.&) $3) OPERATOR(pg_catalog.=) $3) \
                   FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace \
                   WHERE c.oid OPERATOR(pg_catalog.=) $1 AND c.relkind OPERATOR(pg_catalog.=) 'r'";
        let names: Vec<&str> = part.columns.iter().map(|column| column.name.as_str()).collect();
        let Some(row) =
            client.query_opt(sql, &[&part.relation, &names, &ROW_BEFORE_UPDATE]).await.map_err(during(FINDING))?
        else {
            return Ok(None);
        };
        let get = || {
            let (tuples, pages): (f64, i32) = (row.try_get(2)?, row.try_get(3)?);
            let density = (tuples > 0.0 && pages > 0).then(|| tuples / f64::from(pages));
            let there: Vec<String> = row.try_get(5)?;
            let (schema, name): (String, String) = (row.try_get(0)?, row.try_get(1)?);
            let quoted = qualified(&schema, &name);
            let (block_size, key, is_key, alters) =
                (row.try_get(4)?, row.try_get(6)?, row.try_get(7)?, row.try_get(8)?);
            let (oid, columns) = (part.relation, Vec::new());
            let target = Self { oid, schema, name, quoted, columns, key, is_key, alters, block_size, density };
            Ok((target, there))
        };
        let (mut target, there) = get().map_err(during(FINDING))?;
        for column in part.columns.iter().filter(|column| there.contains(&column.name)) {
            target.columns.push(Column::of(site, column)?);
        }
        Ok((!target.columns.is_empty()).then_some(target))
    }

    /// As people call it.
    pub fn shown(&self) -> String {
        format!("{}.{}", self.schema, self.name)
    }

    /// SQL of the row's key for people, over the table as `t`: `id=7, part=2`.
    pub fn key_text(&self) -> String {
        if self.key.is_empty() {
            return "NULL::pg_catalog.text".to_owned();
        }
        let part = |column: &String| {
            let label = format!("{column}=").replace('\'', "''");
            format!("pg_catalog.concat('{label}', pg_catalog.left(t.{column}::pg_catalog.text, 200))")
        };
        format!("pg_catalog.concat_ws(', ', {})", self.key.iter().map(part).collect::<Vec<_>>().join(", "))
    }
}

impl Column {
    fn of(site: &Site, stored: &StoredColumn) -> Result<Self, SweepError> {
        let protected = site.database.columns.iter().find(|column| stored.column.names(column));
        let protected = protected.ok_or_else(|| SweepError::Unprotected(stored.column.clone()))?;
        Ok(Self {
            name: stored.name.clone(),
            quoted: quoted(&stored.name),
            policy: stored.column.clone(),
            keys: site.keyring.column(protected),
            keyring: Arc::clone(&site.keyring),
        })
    }
}

const FINDING: &str = "looking at a table";

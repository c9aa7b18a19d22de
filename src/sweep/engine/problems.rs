//! What is recorded of values that do not open and of rows that cannot be written.

use tokio_postgres::Client;

use super::{
    place::{Tid, Xid},
    target::Target,
};
use crate::sweep::{SweepError, error::during};

/// Something to be recorded.
pub(super) struct Trouble {
    pub place: Tid,
    pub version: Xid,
    /// In the target's columns.
    pub column: usize,
    pub dek: Option<u32>,
    pub reason: &'static str,
    pub detail: String,
}

/// Records all; gives how many row versions of them are still there. What is gone is another row now, which somebody
/// else looks at.
pub(super) async fn record(client: &Client, job: i64, target: &Target, all: &[Trouble]) -> Result<u64, SweepError> {
    let sql = format!(
        "INSERT INTO pgveil_keys.sweep_problem \
             (job, relation, schema_name, table_name, row_key, place, version, column_name, dek, reason, detail) \
         SELECT $1, $2, $3, $4, {key}, t.ctid::pg_catalog.text, t.xmin::pg_catalog.text, v.name, v.dek, v.reason, v.detail \
         FROM ROWS FROM (pg_catalog.unnest($5::pg_catalog.tid[]), pg_catalog.unnest($6::pg_catalog.xid[]), \
                 pg_catalog.unnest($7::pg_catalog.text[]), pg_catalog.unnest($8::pg_catalog.int8[]), \
                 pg_catalog.unnest($9::pg_catalog.text[]), pg_catalog.unnest($10::pg_catalog.text[])) \
                 v(place, version, name, dek, reason, detail) \
         JOIN ONLY {table} AS t \
             ON t.ctid OPERATOR(pg_catalog.=) v.place AND t.xmin OPERATOR(pg_catalog.=) v.version \
         ON CONFLICT (job, relation, place, version, column_name) DO UPDATE SET row_key = excluded.row_key, \
             dek = excluded.dek, reason = excluded.reason, detail = excluded.detail, \
             at = pg_catalog.clock_timestamp()",
        key = target.key_text(),
        table = target.quoted
    );
    let places: Vec<Tid> = all.iter().map(|trouble| trouble.place).collect();
    let versions: Vec<Xid> = all.iter().map(|trouble| trouble.version).collect();
    let name = |trouble: &Trouble| target.columns.get(trouble.column).map(|column| column.name.as_str());
    let columns: Vec<Option<&str>> = all.iter().map(name).collect();
    let deks: Vec<Option<i64>> = all.iter().map(|trouble| trouble.dek.map(i64::from)).collect();
    let reasons: Vec<&str> = all.iter().map(|trouble| trouble.reason).collect();
    let details: Vec<&str> = all.iter().map(|trouble| trouble.detail.as_str()).collect();
    let (schema, table) = (&target.schema, &target.name);
    client
        .execute(&sql, &[&job, &target.oid, schema, table, &places, &versions, &columns, &deks, &reasons, &details])
        .await
        .map_err(during("recording what does not open"))
}

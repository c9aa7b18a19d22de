//! The look through the columns of a job, after a pass.

use std::time::Duration;

use tokio_postgres::{Client, Row};

use super::{
    during,
    look::MOST_TRIES,
    quoted,
    snapshot::{self, Read},
};
use crate::{
    keys::Patience,
    sweep::{SweepError, survey::Stored},
};

/// How long locks are waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// Values of one column of one relation under one DEK.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// OID of the relation.
    pub relation: u32,
    /// The column's name there.
    pub column: String,
    /// The DEK that their headers name; None: they are no envelopes.
    pub dek: Option<u32>,
    /// Rows.
    pub rows: u64,
    /// The first block that holds one.
    pub first_block: i64,
    /// The last.
    pub last_block: i64,
}

/// What is in these relations under which DEK, in one snapshot. To be called behind a fence. The connection must not be in a transaction, nor be used again after a call that was cancelled. Fails
/// with [`SweepError::Unsettled`] if one of the relations is not there any more, or is rewritten again and again.
pub async fn count(client: &Client, relations: &[Stored]) -> Result<Vec<Counted>, SweepError> {
    let mut patience = Patience::new(PATIENCE, |_: &str| {});
    let mut tries = 0;
    loop {
        client.batch_execute(&snapshot::begin()).await.map_err(during("beginning to count values by DEK"))?;
        let outcome = in_snapshot(client, relations, &mut patience).await;
        // It has changed nothing. The first error is the one to tell about.
        let ended = client.batch_execute("ROLLBACK").await.map_err(during("ending the count of values by DEK"));
        let changed = match outcome? {
            Ok(counted) => return ended.map(|()| counted),
            Err(changed) => changed,
        };
        ended?;
        tries += 1;
        if tries >= MOST_TRIES || !patience.wait(&changed).await {
            return Err(SweepError::Unsettled(changed));
        }
    }
}

/// What there is, or what has changed meanwhile.
async fn in_snapshot<F: FnMut(&str)>(
    client: &Client,
    relations: &[Stored],
    patience: &mut Patience<F>,
) -> Result<Result<Vec<Counted>, String>, SweepError> {
    let mut all = Vec::new();
    for relation in relations.iter().filter(|relation| !relation.columns.is_empty()) {
        let sql = "SELECT relfilenode::pg_catalog.int8 FROM pg_catalog.pg_class WHERE oid = $1";
        let failed = during("counting values by DEK");
        let row = client.query_opt(sql, &[&relation.oid]).await.map_err(&failed)?;
        let Some(row) = row else { return Ok(Err(format!("{}.{} is gone", relation.schema, relation.name))) };
        let file = row.try_get(0).map_err(&failed)?;
        let stored = snapshot::Stored {
            oid: relation.oid,
            schema: &relation.schema,
            name: &relation.name,
            file,
            columns: Vec::new(),
        };
        match snapshot::read(client, &stored, &query(relation, &stored), patience).await? {
            Read::Rows(rows) => {
                let found = |row| Counted::read(relation, row).transpose();
                let found: Result<Vec<_>, _> = rows.iter().filter_map(found).collect();
                all.extend(found.map_err(&failed)?);
            }
            Read::Changed(what) => return Ok(Err(what)),
            Read::Refused(why) => {
                let relation = format!("{}.{}", relation.schema, relation.name);
                let remedy = "`pgveil sweep start --dry-run` names what the login lacks".to_owned();
                return Err(SweepError::Unseen(vec![super::Unseen { relation, why, remedy }]));
            }
        }
    }
    Ok(Ok(all))
}

/// By column and DEK: how many, and between which rows. The header is read once for each value.
fn query(relation: &Stored, stored: &snapshot::Stored<'_>) -> String {
    let header = |(at, column): (usize, &crate::sweep::survey::StoredColumn)| {
        format!("({at}, pg_catalog.substring(t.{}::pg_catalog.bytea, 1, 8))", quoted(&column.name))
    };
    let headers: Vec<String> = relation.columns.iter().enumerate().map(header).collect();
    format!(
        "SELECT v.at, v.dek, pg_catalog.count(*), pg_catalog.min(v.ctid)::pg_catalog.text, \
         pg_catalog.max(v.ctid)::pg_catalog.text FROM (SELECT h.at, t.ctid, \
             CASE WHEN pg_catalog.length(h.header) = 8 AND pg_catalog.substring(h.header, 1, 3) = \
                 pg_catalog.decode('ff7076', 'hex') THEN pg_catalog.encode(pg_catalog.substring(h.header, 5, 4), 'hex') \
             END AS dek \
             FROM ONLY {} AS t CROSS JOIN LATERAL (VALUES {}) AS h (at, header) WHERE h.header IS NOT NULL) AS v \
         GROUP BY v.at, v.dek ORDER BY v.at, v.dek",
        stored.sql_name(),
        headers.join(", ")
    )
}

impl Counted {
    /// None if the row is of no column of the relation.
    fn read(relation: &Stored, row: &Row) -> Result<Option<Self>, tokio_postgres::Error> {
        let at: i32 = row.try_get(0)?;
        let Some(column) = usize::try_from(at).ok().and_then(|at| relation.columns.get(at)) else { return Ok(None) };
        let dek: Option<&str> = row.try_get(1)?;
        Ok(Some(Self {
            relation: relation.oid,
            column: column.name.clone(),
            dek: dek.and_then(|hex| u32::from_str_radix(hex, 16).ok()),
            rows: u64::try_from(row.try_get::<_, i64>(2)?).unwrap_or_default(),
            first_block: block(row.try_get(3)?),
            last_block: block(row.try_get(4)?),
        }))
    }
}

/// The block of a row's place, `(block,number)`.
fn block(place: &str) -> i64 {
    let block = place.strip_prefix('(').and_then(|rest| rest.split_once(','));
    block.and_then(|(block, _)| block.parse().ok()).unwrap_or_default()
}

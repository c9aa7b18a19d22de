//! How much a job has to do, and how long it will take.

use std::time::Duration;

use tokio_postgres::Client;

use super::{relations::Found, server::Server};
use crate::sweep::{Kind, SweepError, error::during, names::qualified};

/// Tables up to this size are counted.
const COUNTED: i64 = 4 * 1024 * 1024;
/// Of larger ones that nobody has analysed so many blocks are looked at, about.
const SAMPLED: f64 = 400.0;

/// Rows that one worker rewrites a second while nobody has measured it, and bytes that it reads.
const ROWS_A_SECOND: f64 = 10_000.0;
const BYTES_A_SECOND: f64 = 40_000_000.0;
/// Fewer rewritten rows tell nothing about the speed.
const TELLING: i64 = 1000;

/// Beside the row itself: header of the record, of the block references and of the tuple, and what marks the
/// earlier version (`log_heap_update` of access/heap/heapam.c).
const A_ROW: i64 = 100;
/// An entry of an index with its record (`_bt_insertonpg`); tokens have 16 bytes.
const AN_ENTRY: i64 = 100;

/// What a job would cost, about.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Estimate {
    /// Rows.
    pub rows: i64,
    /// Bytes of heap and TOAST that are read.
    pub bytes: i64,
    /// Bytes of WAL that rewriting all rows writes.
    pub wal_bytes: i64,
    /// How long it takes one worker that nothing slows down.
    pub time: Duration,
    /// Rows a second that `time` is reckoned with.
    pub rows_per_second: f64,
    /// Is that the speed of earlier jobs in this database, or a default?
    pub measured: bool,
    /// Rows a second of the last job that only read, if there was one.
    pub verified: Option<f64>,
}

impl Estimate {
    /// Of a job that reads and writes nothing.
    #[must_use]
    pub fn of_reading(self) -> Self {
        Self { rows_per_second: self.verified.unwrap_or(ROWS_A_SECOND), measured: self.verified.is_some(), ..self }
            .timed()
    }

    /// With the time that follows from the rest.
    fn timed(self) -> Self {
        #[allow(clippy::cast_precision_loss, reason = "an estimate")]
        let (by_rows, by_bytes) = (self.rows as f64 / self.rows_per_second, self.bytes as f64 / BYTES_A_SECOND);
        Self { time: Duration::try_from_secs_f64(by_rows.max(by_bytes)).unwrap_or(Duration::MAX), ..self }
    }
}

/// Fills in the rows of each relation, and adds up.
pub(super) async fn estimate(client: &Client, server: &Server, found: &mut [Found]) -> Result<Estimate, SweepError> {
    let mut estimate = Estimate::default();
    for relation in found {
        relation.stored.rows = rows(client, relation).await?;
        estimate.rows = estimate.rows.saturating_add(relation.stored.rows);
        estimate.bytes = estimate.bytes.saturating_add(relation.stored.bytes);
        estimate.wal_bytes = estimate.wal_bytes.saturating_add(wal(relation, server));
    }
    let speed = speed_of(client, Kind::Reencrypt).await;
    estimate.measured = speed.is_some();
    estimate.rows_per_second = speed.unwrap_or(ROWS_A_SECOND);
    estimate.verified = speed_of(client, Kind::Verify).await;
    Ok(estimate.timed())
}

/// Rows of a relation: counted where that is quick, else by the density that ANALYZE found, as the planner does
/// (`table_block_relation_estimate_size`), else by that of a sample.
async fn rows(client: &Client, relation: &Found) -> Result<i64, SweepError> {
    let stored = &relation.stored;
    if stored.blocks == 0 || !relation.readable {
        return Ok(0);
    }
    let table = qualified(&stored.schema, &stored.name);
    #[allow(clippy::cast_precision_loss, reason = "an estimate")]
    let blocks = stored.blocks as f64;
    if relation.heap_bytes > COUNTED
        && let Some((tuples, pages)) = relation.analysed
    {
        #[allow(clippy::cast_precision_loss, reason = "an estimate")]
        let density = tuples / pages as f64;
        return Ok((density * blocks).round() as i64);
    }
    let share = if relation.heap_bytes <= COUNTED { 1.0 } else { (SAMPLED / blocks).min(1.0) };
    let sample = if share < 1.0 { format!(" TABLESAMPLE SYSTEM ({:.6})", share * 100.0) } else { String::new() };
    let what = "counting rows";
    let row =
        client.query_one(&format!("SELECT count(*) FROM ONLY {table}{sample}"), &[]).await.map_err(during(what))?;
    let counted: i64 = row.try_get(0).map_err(during(what))?;
    #[allow(clippy::cast_precision_loss, reason = "an estimate")]
    let rows = counted as f64 / share;
    Ok(rows.round() as i64)
}

/// WAL of rewriting every row of a relation once:
///
/// - the new version of the row as it lies in the heap, with its record ([`A_ROW`]);
/// - every out-of-line value once more: those of sealed columns are new, and they are nearly all there is;
/// - an entry in every index, as if no update were heap-only: a sealed column that is indexed, or a full page,
///   makes it so;
/// - each block as a whole once, when it is touched first after a checkpoint (`full_page_writes`): a batch
///   rewrites the rows of neighbouring blocks, so that hardly one is touched in two periods. Blocks that new
///   versions go to are new, and are not written as a whole.
fn wal(relation: &Found, server: &Server) -> i64 {
    if !relation.logged {
        return 0;
    }
    let rows = relation.stored.rows;
    let images = if server.full_pages { relation.heap_bytes } else { 0 };
    let per_row = A_ROW.saturating_add(relation.indexes.saturating_mul(AN_ENTRY));
    // All rows together are as wide as the heap is large, bloat aside.
    [rows.saturating_mul(per_row), relation.heap_bytes, relation.toast_bytes, images]
        .into_iter()
        .fold(0, i64::saturating_add)
}

/// Rows that a worker of the last telling job of a kind has rewritten a second, or read if it writes none. None: there
/// was none, or no journal (a survey is possible before `pgveil apply` has brought it).
async fn speed_of(client: &Client, kind: Kind) -> Option<f64> {
    // The sum is numeric, and so would be what it is compared with.
    let rows = if kind.writes_rows() { "rows_done" } else { "rows_seen" };
    let sql = format!(
        "SELECT sum(s.{rows})::float8 / nullif(sum(extract(epoch FROM s.ended_at - s.started_at)), 0)::float8 \
         FROM pgveil_keys.sweep_shard s JOIN pgveil_keys.sweep_job j ON j.id = s.job \
         WHERE j.kind = $2 AND s.state = 'done' \
         GROUP BY j.id HAVING sum(s.{rows}) >= $1::int8 ORDER BY j.id DESC LIMIT 1"
    );
    let row = client.query_opt(&sql, &[&TELLING, &kind.as_str()]).await.ok()??;
    row.try_get::<_, Option<f64>>(0).ok()?.filter(|speed| *speed >= 1.0)
}

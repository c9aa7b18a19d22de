//! Reading relations in one snapshot, one after the other, without being misled by what happens to them meanwhile.

use std::time::{Duration, Instant};

use tokio_postgres::{Client, Row, error::SqlState, types::ToSql};

use super::during;
use crate::{
    keys::Patience,
    sweep::{SweepError, names::qualified},
};

/// A statement queues behind somebody's lock for no longer than this, so that it can be told what it waits for.
pub(super) const LOCK_TIMEOUT: Duration = Duration::from_secs(1);

/// A relation as the snapshot has it.
#[derive(Debug)]
pub(super) struct Stored<'a> {
    pub(super) oid: u32,
    pub(super) schema: &'a str,
    pub(super) name: &'a str,
    /// Its file; 0 for one without. Another one by now: it was rewritten since, and looks empty to the snapshot.
    pub(super) file: i64,
    /// Numbers of the columns that are read, and their names. Others by now: another column was read.
    pub(super) columns: Vec<(i16, &'a str)>,
}

/// What came of reading a relation.
pub(super) enum Read {
    Rows(Vec<Row>),
    /// It is not there any more as the snapshot has it; what has happened, for people.
    Changed(String),
    /// The server does not let it be read, and says why.
    Refused(String),
}

impl Stored<'_> {
    /// Its name in SQL.
    pub(super) fn sql_name(&self) -> String {
        qualified(self.schema, self.name)
    }

    fn shown(&self) -> String {
        format!("{}.{}", self.schema, self.name)
    }
}

/// One snapshot, and nothing that could hide a row: no policy, no index (which may be damaged), no time limit of
/// the login's role (the last one exists since PostgreSQL 17).
pub(super) fn begin() -> String {
    format!(
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL search_path = pg_catalog, pg_temp; \
         SET LOCAL row_security = off; SET LOCAL enable_indexscan = off; SET LOCAL enable_indexonlyscan = off; \
         SET LOCAL enable_bitmapscan = off; SET LOCAL bytea_output = hex; SET LOCAL statement_timeout = 0; \
         SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL lock_timeout = '{}ms'; \
         SELECT set_config(name, '0', true) FROM pg_settings WHERE name = 'transaction_timeout'",
        LOCK_TIMEOUT.as_millis()
    )
}

/// Runs a query on one relation, waiting for its lock. The transaction of [`begin`] goes on whatever happens.
pub(super) async fn read<F: FnMut(&str)>(
    client: &Client,
    relation: &Stored<'_>,
    sql: &str,
    patience: &mut Patience<F>,
) -> Result<Read, SweepError> {
    loop {
        // Its lock is given back right afterwards: whoever wants to alter the table waits for the look through this
        // one, not for all, and everybody else behind them.
        let start = Instant::now();
        let rows = aside(client, rows(client, relation, sql)).await?;
        let error = match rows {
            Ok(Some(rows)) => return Ok(Read::Rows(rows)),
            Ok(None) => return Ok(Read::Changed(format!("{} was rewritten meanwhile", relation.shown()))),
            Err(error) => error,
        };
        if is_lock_timeout(&error) {
            patience.spend(start.elapsed());
            let what = format!("the lock of {} on {}", lock_holders(client, relation).await?, relation.shown());
            if !patience.wait(&what).await {
                return Err(SweepError::Unsettled(what));
            }
        } else if is_gone(&error) && !matches!(aside(client, is_same(client, relation)).await?, Ok(true)) {
            return Ok(Read::Changed(format!("{} was dropped or altered meanwhile", relation.shown())));
        } else if let Some(db) = error.as_db_error().filter(|db| !ends_everything(db.code())) {
            return Ok(Read::Refused(format!("{} ({})", db.message(), db.code().code())));
        } else {
            return Err(during("looking through the database")(error));
        }
    }
}

/// What comes of queries, whose locks are given back and whose error, if it is one, does not end the transaction.
async fn aside<T>(
    client: &Client,
    queries: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Result<Result<T, tokio_postgres::Error>, SweepError> {
    execute(client, "SAVEPOINT relation").await?;
    let outcome = queries.await;
    execute(client, "ROLLBACK TO SAVEPOINT relation; RELEASE SAVEPOINT relation").await?;
    Ok(outcome)
}

/// The query's rows. None if the relation is not the one of the snapshot. The query's lock keeps it from changing
/// before they are compared.
async fn rows(client: &Client, relation: &Stored<'_>, sql: &str) -> Result<Option<Vec<Row>>, tokio_postgres::Error> {
    let rows = client.query(sql, &[]).await?;
    Ok(is_same(client, relation).await?.then_some(rows))
}

/// Is the relation the one of the snapshot? Not if another one has its name, other columns have theirs, or its rows
/// were put into another file since: TRUNCATE and forms of ALTER TABLE leave a table that looks empty to the snapshot
/// ("Caveats" of the chapter on concurrency control).
async fn is_same(client: &Client, relation: &Stored<'_>) -> Result<bool, tokio_postgres::Error> {
    // The functions look at the catalog as it is now; a query of its tables would see them as the snapshot does.
    let same = "SELECT coalesce(pg_catalog.to_regclass($1)::pg_catalog.oid = $2 \
                AND coalesce(pg_catalog.pg_relation_filenode($2)::pg_catalog.int8, 0) = $3, false) \
                AND NOT EXISTS (SELECT FROM ROWS FROM (pg_catalog.unnest($6::pg_catalog.int2[]), \
                        pg_catalog.unnest($7::pg_catalog.text[])) AS c (number, name), \
                    LATERAL pg_catalog.pg_get_object_address('table column', ARRAY[$4, $5, c.name], '{}') AS a \
                    WHERE (a.objid, a.objsubid) <> ($2, c.number))";
    let (numbers, names): (Vec<i16>, Vec<&str>) = relation.columns.iter().copied().unzip();
    let parameters: [&(dyn ToSql + Sync); 7] =
        [&relation.sql_name(), &relation.oid, &relation.file, &relation.schema, &relation.name, &numbers, &names];
    let same = client.query_one(same, &parameters).await?;
    same.try_get(0)
}

/// The processes that keep it locked.
async fn lock_holders(client: &Client, relation: &Stored<'_>) -> Result<String, SweepError> {
    let sql = "SELECT coalesce(pg_catalog.string_agg(DISTINCT coalesce('server process ' || l.pid::pg_catalog.text, \
                   'a prepared transaction'), ', '), 'somebody') \
               FROM pg_catalog.pg_locks l WHERE l.locktype = 'relation' AND l.relation = $1 AND l.granted \
               AND l.mode = 'AccessExclusiveLock' AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d \
                   WHERE d.datname = pg_catalog.current_database())";
    let row = client.query_one(sql, &[&relation.oid]).await.map_err(during("reading who holds a lock"))?;
    row.try_get(0).map_err(during("reading who holds a lock"))
}

async fn execute(client: &Client, sql: &str) -> Result<(), SweepError> {
    client.batch_execute(sql).await.map_err(during("looking through the database"))
}

/// Did a statement wait for a lock too long?
pub(super) fn is_lock_timeout(error: &tokio_postgres::Error) -> bool {
    error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE)
}

/// Is a relation not there any more, or not so?
fn is_gone(error: &tokio_postgres::Error) -> bool {
    const GONE: [SqlState; 5] = [
        SqlState::UNDEFINED_TABLE,
        SqlState::UNDEFINED_COLUMN,
        SqlState::INVALID_SCHEMA_NAME,
        SqlState::UNDEFINED_OBJECT,
        // For a column of another type.
        SqlState::UNDEFINED_FUNCTION,
    ];
    error.code().is_some_and(|code| GONE.contains(code))
}

/// Errors that say nothing about the relation: the server ends, or somebody has cancelled the query. One about a
/// connection (class 08) that comes over this connection is about another, that of a foreign table.
fn ends_everything(code: &SqlState) -> bool {
    let code = code.code();
    code.starts_with("57") || code.starts_with("53")
}

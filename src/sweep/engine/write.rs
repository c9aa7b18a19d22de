//! The statement that writes a batch.

use std::time::Duration;

use tokio::sync::OnceCell;
use tokio_postgres::{
    Client, Statement,
    types::{FromSql, ToSql},
};

use super::{
    place::{Tid, Xid},
    seal::{Group, Sealed},
    target::Target,
};
use crate::sweep::journal::{CHECKPOINT, Shard, Step};

/// Writes rows of a target.
pub(super) struct Writing<'a> {
    client: &'a Client,
    /// For any number of rows.
    many: Statement,
    /// Likewise, without locking them first.
    bold: Statement,
    /// For a bold one, and to take that back.
    hurry: String,
    rest: String,
    /// For one, which tells where that is then, or what has become of it. Seldom needed.
    one: OnceCell<Statement>,
    one_sql: String,
}

/// What became of a batch that is committed.
pub(super) struct Written {
    /// Rows that were written.
    pub done: usize,
    /// Of one: it was as it had been read and nobody held it, but a trigger has skipped it.
    pub skipped: bool,
    /// Rows in which a trigger has stored something else: where they were, and what they are now.
    pub altered: Vec<(Tid, (Tid, Xid))>,
    /// Values in them.
    pub values: u64,
    /// The claim on the shard holds.
    pub held: bool,
    /// The job's state; None: it is gone.
    pub state: Option<String>,
    /// Where the row is now, of one.
    pub place: Option<(Tid, Xid)>,
}

impl Written {
    /// Rows of which it is known what has become of them.
    pub fn accounted(&self) -> usize {
        self.done + self.altered.len()
    }
}

/// `$13` and `$14`: row versions, `$15`: the file that they were read from; then an array of values for each column.
const FIRST: usize = 16;

impl<'a> Writing<'a> {
    /// `patience` is how long its statements wait for a lock otherwise.
    pub async fn prepare(
        client: &'a Client,
        target: &Target,
        patience: Duration,
    ) -> Result<Self, tokio_postgres::Error> {
        let many = client.prepare(&statement(target, How::Locked)).await?;
        let bold = client.prepare(&statement(target, How::Bold)).await?;
        let deadlock = client.query_one(DEADLOCK_TIMEOUT, &[]).await?.try_get::<_, i32>(0)?;
        let hurry = format!("SET statement_timeout = {}; SET lock_timeout = {BOLD_WAITS}", (deadlock / 2).max(1));
        let rest = format!("SET statement_timeout = 0; SET lock_timeout = {}", patience.as_millis().max(1));
        let one_sql = statement(target, How::Alone);
        Ok(Self { client, many, bold, hurry, rest, one: OnceCell::new(), one_sql })
    }

    /// Writes these rows of a group, and adds a step to the shard: in one transaction. More is told of a row that is
    /// written alone. `bold`: without locking them first.
    pub async fn write(
        &self,
        file: u32,
        group: &Group<'_>,
        sealed: &Sealed,
        rows: &[usize],
        (shard, step): (&Shard, &Step),
        bold: bool,
    ) -> Result<Written, tokio_postgres::Error> {
        let places: Vec<Tid> = rows.iter().filter_map(|row| group.places.get(*row).copied()).collect();
        let versions: Vec<Xid> = rows.iter().filter_map(|row| group.versions.get(*row).copied()).collect();
        let columns: Vec<Vec<Option<&[u8]>>> =
            (0..group.width).map(|column| rows.iter().map(|row| sealed.value(*row, column)).collect()).collect();
        let mut values: Vec<&(dyn ToSql + Sync)> = step.parameters(shard).to_vec();
        values.extend([&places as &(dyn ToSql + Sync), &versions, &file]);
        values.extend(columns.iter().map(|column| column as &(dyn ToSql + Sync)));
        let is_one = rows.len() == 1;
        let statement =
            if is_one { self.one.get_or_try_init(|| self.client.prepare(&self.one_sql)).await? } else { &self.many };
        let row = if bold && !is_one {
            // One after the other in one flight; each is a transaction of its own.
            let (hurry, row, rest) = tokio::join!(
                self.client.batch_execute(&self.hurry),
                self.client.query_one(&self.bold, &values),
                self.client.batch_execute(&self.rest),
            );
            hurry?;
            rest?;
            row?
        } else {
            self.client.query_one(statement, &values).await?
        };
        let done = usize::try_from(row.try_get::<_, i64>(1)?).unwrap_or_default();
        let locked: Option<i64> = row.try_get(0)?;
        let (was, places, versions): (Vec<Tid>, Vec<Tid>, Vec<Xid>) =
            (row.try_get(5)?, row.try_get(6)?, row.try_get(7)?);
        let altered: Vec<_> = was.into_iter().zip(places.into_iter().zip(versions)).collect();
        Ok(Written {
            done,
            skipped: locked == Some(1) && done == 0 && altered.is_empty(),
            altered,
            values: row.try_get::<_, i64>(2)?.unsigned_abs(),
            held: row.try_get(3)?,
            state: row.try_get(4)?,
            place: if is_one { optional(&row, 8)?.zip(optional(&row, 9)?) } else { None },
        })
    }
}

fn optional<'r, T: FromSql<'r>>(row: &'r tokio_postgres::Row, at: usize) -> Result<Option<T>, tokio_postgres::Error> {
    row.try_get(at)
}

/// How rows are written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// Those that nobody holds are locked first.
    Locked,
    /// At once.
    Bold,
    /// Locked first, and one that tells what has become of it.
    Alone,
}

/// How long a bold statement waits for a lock, in milliseconds.
const BOLD_WAITS: u32 = 20;

const DEADLOCK_TIMEOUT: &str = "SELECT s.setting::pg_catalog.int4 FROM pg_catalog.pg_settings s \
     WHERE s.name OPERATOR(pg_catalog.=) 'deadlock_timeout'";

/// Row versions are compared with those that were read, both where they are locked and where they are written. That
/// a row was replaced since the statement's snapshot is noticed when it is locked: then PostgreSQL looks at the newest
/// version (`EvalPlanQual`, src/backend/executor/README) and that has another xmin. A row that somebody else holds is
/// skipped, so that nobody is ever waited for while rows are held here.
///
/// A row counts as written if what was sent stands in it: a trigger may have put the old value back, or another one.
/// Where there is no such trigger nobody has to look.
///
/// To lock each row first costs half as much as to write it. A bold statement leaves that out, and passes over rows that
/// somebody has ever held (`xmax`, as it is when their turn comes). One that somebody takes hold of just then is waited
/// for, with other rows held here; but the statement as a whole ends before the server would look for deadlocks
/// (`CheckDeadLock` in storage/lmgr/proc.c: `deadlock_timeout` after somebody began to wait), so that no client is ever
/// told of one.
///
/// For many rows the table's own lock is taken by UPDATE, which is read before its FROM: to hold the weaker one of
/// FOR UPDATE while the stronger one is waited for would be a deadlock with whoever has locked the table IN SHARE MODE
/// and is about to alter it.
pub(super) fn statement(target: &Target, how: How) -> String {
    let width = target.columns.len();
    let each = |format: &dyn Fn(usize) -> String| (0..width).map(format).collect::<Vec<_>>().join(", ");
    let arrays = each(&|at| format!("pg_catalog.unnest(${}::pg_catalog.bytea[])", FIRST + at));
    let names = each(&|at| format!("v{at}"));
    let news = each(&|at| format!("v.v{at}"));
    let olds = each(&|at| format!("l.v{at}"));
    let assigned = target.columns.iter().enumerate().map(|(at, column)| {
        let column = &column.quoted;
        format!("{column} = COALESCE(l.v{at}, t.{column}::pg_catalog.bytea)")
    });
    let assigned = assigned.collect::<Vec<_>>().join(", ");
    let looks = target.alters || how == How::Alone;
    let stands = target.columns.iter().enumerate().map(|(at, column)| {
        let column = &column.quoted;
        format!("COALESCE(t.{column}::pg_catalog.bytea OPERATOR(pg_catalog.=) l.v{at}, l.v{at} IS NULL)")
    });
    let told = if looks {
        let stands = stands.collect::<Vec<_>>().join(" AND ");
        format!(", {stands} AS stands, l.place AS was, t.ctid AS place, t.xmin AS version")
    } else {
        String::new()
    };
    let lock = if target.is_key { "UPDATE" } else { "NO KEY UPDATE" };
    let checkpoint = CHECKPOINT
        .replace("$7::pg_catalog.int8", "($7::pg_catalog.int8 OPERATOR(pg_catalog.+) (SELECT rows FROM counted))")
        .replace("$8::pg_catalog.int8", "($8::pg_catalog.int8 OPERATOR(pg_catalog.+) (SELECT found FROM counted))");
    let (table, oid) = (&target.quoted, target.oid);
    let versions = format!(
        "ROWS FROM (pg_catalog.unnest($13::pg_catalog.tid[]), pg_catalog.unnest($14::pg_catalog.xid[]), {arrays})"
    );
    let same_file =
        format!("(SELECT pg_catalog.pg_relation_filenode({oid})) OPERATOR(pg_catalog.=) $15::pg_catalog.oid");
    let locked = format!(
        "SELECT t.ctid AS place, t.xmin AS version, {news} \
         FROM {versions} v(place, version, {names}) \
         JOIN ONLY {table} AS t \
             ON t.ctid OPERATOR(pg_catalog.=) v.place AND t.xmin OPERATOR(pg_catalog.=) v.version \
         WHERE {same_file} FOR {lock} OF t SKIP LOCKED"
    );
    let update = |from: &str, also: &str| {
        format!(
            "UPDATE ONLY {table} AS t SET {assigned} FROM {from} \
             WHERE t.ctid OPERATOR(pg_catalog.=) l.place AND t.xmin OPERATOR(pg_catalog.=) l.version{also} \
             RETURNING pg_catalog.num_nonnulls({olds}) AS found{told}"
        )
    };
    let unknown = "NULL::pg_catalog.int8";
    let (writes, locked, place) = match how {
        How::Alone => {
            let update = update("locked l", "");
            (
                format!("locked AS MATERIALIZED ({locked}), done AS ({update})"),
                "(SELECT pg_catalog.count(*) FROM locked)",
                ", (SELECT place FROM done), (SELECT version FROM done)",
            )
        }
        How::Locked => (format!("done AS ({})", update(&format!("({locked}) l"), "")), unknown, ""),
        How::Bold => {
            let untouched = format!(" AND t.xmax OPERATOR(pg_catalog.=) '0'::pg_catalog.xid AND {same_file}");
            (
                format!("done AS ({})", update(&format!("{versions} l(place, version, {names})"), &untouched)),
                unknown,
                "",
            )
        }
    };
    let altered = [("was", "tid"), ("place", "tid"), ("version", "xid")].map(|(what, of)| {
        if looks {
            format!("ARRAY(SELECT {what} FROM done WHERE NOT stands ORDER BY was)")
        } else {
            format!("'{{}}'::pg_catalog.{of}[]")
        }
    });
    let (altered, counted) = (altered.join(", "), if looks { " WHERE stands" } else { "" });
    format!(
        "WITH {writes}, \
         counted AS (SELECT pg_catalog.count(*) AS rows, COALESCE(pg_catalog.sum(found), 0)::pg_catalog.int8 AS found \
             FROM done{counted}), \
         held AS ({checkpoint}) \
         SELECT {locked}, c.rows, c.found, EXISTS (SELECT FROM held), \
             (SELECT j.state FROM pgveil_keys.sweep_job j WHERE j.id OPERATOR(pg_catalog.=) $1), {altered}{place} \
         FROM counted c"
    )
}

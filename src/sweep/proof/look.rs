//! One look through the whole database, in one snapshot.

use tokio_postgres::{Client, Row};

use super::{
    Found, Place, PlaceKind, during,
    relations::{Relation, Temporary, relations, temporary},
    snapshot::{self, LOCK_TIMEOUT, Read, is_lock_timeout},
    types::Types,
};
use crate::{keys::Patience, sweep::SweepError};

/// How often a look begins anew because something was rewritten while it went on.
pub(super) const MOST_TRIES: u32 = 10;

/// What is waited for where a look meets other sessions' temporary tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Temporaries {
    /// Their end.
    Wait,
    /// Nothing: they are among what could not be looked at.
    Report,
}

/// What came of one try.
enum Try {
    Done(Found),
    /// Something changed under it.
    Again(String),
    /// A temporary table that may hold values.
    Temporary(Temporary),
}

/// Looks through all that the database stores. The connection must not be in a transaction, nor be used again
/// after a call that was cancelled.
pub(super) async fn look<F: FnMut(&str)>(
    client: &Client,
    dek: u32,
    temporaries: Temporaries,
    patience: &mut Patience<F>,
) -> Result<Found, SweepError> {
    let mut tries = 0;
    loop {
        let outcome = match client.batch_execute(&snapshot::begin()).await {
            Ok(()) => in_snapshot(client, dek, temporaries, patience).await,
            Err(error) => Err(during("beginning to look through the database")(error)),
        };
        // It has changed nothing. The first error is the one to tell about.
        let ended = client.batch_execute("ROLLBACK").await.map_err(during("ending the look through the database"));
        match (outcome, ended) {
            (Ok(Try::Done(found)), Ok(())) => return Ok(found),
            (Ok(Try::Again(what)), Ok(())) => {
                tries += 1;
                if tries >= MOST_TRIES || !patience.wait(&what).await {
                    return Err(SweepError::Unsettled(what));
                }
            }
            (Ok(Try::Temporary(table)), Ok(())) => {
                let unseen = table.unseen();
                if !patience.wait(&unseen.shown()).await {
                    return Err(SweepError::Unseen(vec![unseen]));
                }
            }
            // Of a temporary table whose session empties it, say.
            (Err(SweepError::Database { what, source }), _) if is_lock_timeout(&source) => {
                patience.spend(LOCK_TIMEOUT);
                if !patience.wait("a lock").await {
                    return Err(SweepError::Database { what, source });
                }
            }
            (Err(error), _) | (Ok(_), Err(error)) => return Err(error),
        }
    }
}

async fn in_snapshot<F: FnMut(&str)>(
    client: &Client,
    dek: u32,
    temporaries: Temporaries,
    patience: &mut Patience<F>,
) -> Result<Try, SweepError> {
    let role = client.query_one("SELECT current_user::pg_catalog.text", &[]).await;
    let role: String = role.and_then(|row| row.try_get(0)).map_err(during("reading the login's role"))?;
    let types = Types::read(client).await?;
    let mut found = Found { places: defaults(client, dek).await?, ..Found::default() };
    if let Some(table) = temporary(client, &types).await? {
        match temporaries {
            Temporaries::Wait => return Ok(Try::Temporary(table)),
            Temporaries::Report => found.unseen.push(table.unseen()),
        }
    }
    for relation in relations(client, &types).await? {
        if relation.is_gone() {
            return Ok(Try::Again(format!("{} was dropped meanwhile", relation.shown())));
        }
        if let Some(unseen) = relation.unreadable(&role) {
            found.unseen.push(unseen);
            continue;
        }
        let Some(sql) = query(&relation, &types, dek) else {
            found.unseen.push(relation.unseen("a column's type is nested too deeply", "drop the column"));
            continue;
        };
        if let Some(changed) = read(client, &relation, &sql, &mut found, patience).await? {
            return Ok(Try::Again(changed));
        }
    }
    Ok(Try::Done(found))
}

/// Rows in all, and for each column those with an envelope of the DEK. None if a column cannot be looked into.
fn query(relation: &Relation, types: &Types, dek: u32) -> Option<String> {
    let mut sql = "SELECT pg_catalog.count(*)".to_owned();
    for column in &relation.columns {
        let holds = types.holds(&format!("t.{}", super::quoted(&column.name)), column.type_oid, dek)?;
        sql.push_str(", pg_catalog.count(*) FILTER (WHERE ");
        sql.push_str(&holds);
        sql.push(')');
    }
    // ONLY: what inherits from it is a relation of its own, whether it is attached or not.
    sql.push_str(" FROM ONLY ");
    sql.push_str(&relation.stored().sql_name());
    sql.push_str(" AS t");
    Some(sql)
}

/// Looks through one relation. Tells what has changed if it is not the one of the snapshot any more.
async fn read<F: FnMut(&str)>(
    client: &Client,
    relation: &Relation,
    sql: &str,
    found: &mut Found,
    patience: &mut Patience<F>,
) -> Result<Option<String>, SweepError> {
    match snapshot::read(client, &relation.stored(), sql, patience).await? {
        Read::Rows(rows) => {
            let counts = |row: &Row| (0..row.len()).map(|at| row.try_get(at)).collect::<Result<Vec<i64>, _>>();
            let counts = rows.first().map(counts).transpose().map_err(during("looking through the database"))?;
            found.add(relation, &counts.unwrap_or_default());
            Ok(None)
        }
        Read::Changed(what) => Ok(Some(what)),
        Read::Refused(why) => {
            let remedy = match relation.kind {
                PlaceKind::Foreign => "make its server answer, or drop the foreign table",
                _ => "see what the server says",
            };
            found.unseen.push(relation.unseen(why, remedy));
            Ok(None)
        }
    }
}

impl Found {
    /// The numbers of one relation: rows, and rows of each column with an envelope.
    fn add(&mut self, relation: &Relation, counts: &[i64]) {
        let number = |count: &i64| u64::try_from(*count).unwrap_or_default();
        let Some((rows, of_columns)) = counts.split_first() else { return };
        self.rows += number(rows);
        self.columns += of_columns.len() as u64;
        for (column, rows) in relation.columns.iter().zip(of_columns) {
            if *rows != 0 {
                self.places.push(Place {
                    schema: relation.schema.clone(),
                    table: relation.name.clone(),
                    column: column.name.clone(),
                    kind: relation.kind,
                    root: relation.root.clone(),
                    rows: number(rows),
                });
            }
        }
    }
}

/// Constants that would put an envelope of the DEK into new rows.
async fn defaults(client: &Client, dek: u32) -> Result<Vec<Place>, SweepError> {
    let sql = "SELECT n.nspname::pg_catalog.text, c.relname::pg_catalog.text, a.attname::pg_catalog.text \
               FROM pg_catalog.pg_attrdef d JOIN pg_catalog.pg_class c ON c.oid = d.adrelid \
               JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
               JOIN pg_catalog.pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum \
               WHERE pg_catalog.pg_get_expr(d.adbin, d.adrelid) ~ $1 \
               UNION ALL SELECT n.nspname::pg_catalog.text, t.typname::pg_catalog.text, 'DEFAULT' \
               FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace \
               WHERE t.typtype = 'd' AND t.typdefault ~ $1 ORDER BY 1, 2, 3";
    let failed = during("reading the defaults of columns");
    let rows = client.query(sql, &[&format!("ff7076[0-9a-f]{{2}}{dek:08x}")]).await.map_err(&failed)?;
    let place = |row: &tokio_postgres::Row| {
        let (schema, table): (String, String) = (row.try_get(0)?, row.try_get(1)?);
        let root = (schema.clone(), table.clone());
        Ok(Place { schema, table, column: row.try_get(2)?, kind: PlaceKind::Default, root, rows: 0 })
    };
    rows.iter().map(place).collect::<Result<_, tokio_postgres::Error>>().map_err(&failed)
}

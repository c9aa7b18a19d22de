//! From the policy's columns to the relations that store their values.

use std::collections::{BTreeMap, btree_map::Entry};

use tokio_postgres::{Client, Row};

use super::{Obstacle, Stops, Stored, StoredColumn};
use crate::{
    config::{Database, ProtectedColumn},
    sweep::{
        SweepError,
        error::during,
        job::ColumnName,
        names::{qualified, quoted},
    },
};

const QUERY: &str = include_str!("relations.sql");

/// A stored relation, and what else is known of it.
pub(super) struct Found {
    pub(super) stored: Stored,
    /// Attribute numbers of its columns, in their order.
    pub(super) attnums: Vec<i16>,
    /// Of its main fork.
    pub(super) heap_bytes: i64,
    /// Out of line.
    pub(super) toast_bytes: i64,
    /// How many indexes it has.
    pub(super) indexes: i64,
    /// Is it written to the WAL?
    pub(super) logged: bool,
    /// Can it be read by this role, and whole?
    pub(super) readable: bool,
    /// Can its columns be written by this role?
    pub(super) writable: bool,
    /// Live rows and blocks when it was analysed last; none are negative or zero.
    pub(super) analysed: Option<(f64, i64)>,
}

/// One row of the query: a relation and a column of the policy.
struct Line {
    kind: String,
    schema: String,
    name: String,
    attnum: Option<i16>,
    sealed: bool,
    generated: bool,
    divides: bool,
    may_enter: bool,
    may_read: bool,
    may_write: bool,
    hidden: bool,
    elsewhere: bool,
}

/// The relations that store values of `columns`, by OID, and what keeps them from being swept.
pub(super) async fn find(
    client: &Client,
    database: &Database,
    role: &str,
    columns: &[ColumnName],
) -> Result<(Vec<Found>, Vec<Obstacle>), SweepError> {
    let parts = |part: fn(&ColumnName) -> &str| columns.iter().map(part).collect::<Vec<_>>();
    let (schemas, tables) = (parts(|column| &column.schema), parts(|column| &column.table));
    let names = parts(|column| &column.column);
    let what = "looking for the relations of a sweep";
    let rows = client.query(QUERY, &[&schemas, &tables, &names]).await.map_err(during(what))?;
    let (mut found, mut obstacles) = (BTreeMap::<u32, Found>::new(), Vec::new());
    let mut order = Vec::new();
    for row in &rows {
        let number: i64 = row.try_get("number").map_err(during(what))?;
        let number = usize::try_from(number).unwrap_or_default().saturating_sub(1);
        let Some(column) = columns.get(number) else { continue };
        let Some(oid) = row.try_get::<_, Option<u32>>("oid").map_err(during(what))? else {
            let missing = missing_table(column);
            // Once, however many of its columns are protected.
            if !obstacles.contains(&missing) {
                obstacles.push(missing);
            }
            continue;
        };
        let line = Line::read(row).map_err(during(what))?;
        if let Some(obstacle) = line.partition_key(column) {
            obstacles.push(obstacle);
        }
        // It stores nothing; its partitions come by themselves.
        if line.kind == "p" {
            continue;
        }
        let relation = match found.entry(oid) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => {
                obstacles.extend(line.of_relation(role));
                order.push(oid);
                place.insert(first(row, oid, &line).map_err(during(what))?)
            }
        };
        if line.kind != "r" {
            continue;
        }
        let columns = &mut relation.stored.columns;
        let known = columns.iter_mut().find(|known| known.name == column.column);
        if let Some(known) = known.filter(|known| are_one(database, &known.column, column)) {
            if line.is_of(column) {
                known.column = column.clone();
            }
            continue;
        }
        match line.column(column, columns) {
            Ok(attnum) => {
                columns.push(StoredColumn { name: column.column.clone(), column: column.clone() });
                relation.attnums.push(attnum);
                // No right helps with a temporary table of another session.
                relation.writable &= line.may_write || line.elsewhere;
            }
            Err(obstacle) => obstacles.push(obstacle),
        }
    }
    let relations: Vec<Found> = order.iter().filter_map(|oid| found.remove(oid)).collect();
    obstacles.extend(relations.iter().filter_map(|relation| no_update(relation, role)));
    // Where nothing of a relation can be swept it is an obstacle and not work.
    Ok((relations.into_iter().filter(|relation| !relation.stored.columns.is_empty()).collect(), obstacles))
}

fn first(row: &Row, oid: u32, line: &Line) -> Result<Found, tokio_postgres::Error> {
    let (heap_bytes, toast_bytes): (i64, i64) = (row.try_get("heap_bytes")?, row.try_get("toast_bytes")?);
    let block_size: i64 = row.try_get("block_size")?;
    let (tuples, pages): (f32, i32) = (row.try_get("reltuples")?, row.try_get("relpages")?);
    let stored = Stored {
        oid,
        schema: line.schema.clone(),
        name: line.name.clone(),
        blocks: heap_bytes.checked_div(block_size).unwrap_or(0),
        rows: 0,
        bytes: heap_bytes.saturating_add(toast_bytes),
        columns: Vec::new(),
    };
    Ok(Found {
        stored,
        attnums: Vec::new(),
        heap_bytes,
        toast_bytes,
        indexes: row.try_get("indexes")?,
        logged: row.try_get("logged")?,
        readable: line.kind == "r" && line.may_enter && line.may_read && !line.hidden && !line.elsewhere,
        writable: true,
        analysed: (tuples >= 0.0 && pages > 0).then(|| (f64::from(tuples), i64::from(pages))),
    })
}

impl Line {
    fn read(row: &Row) -> Result<Self, tokio_postgres::Error> {
        Ok(Self {
            kind: row.try_get("relkind")?,
            schema: row.try_get("nspname")?,
            name: row.try_get("relname")?,
            attnum: row.try_get("attnum")?,
            sealed: row.try_get::<_, Option<bool>>("sealed")?.unwrap_or(false),
            generated: row.try_get::<_, Option<bool>>("generated")?.unwrap_or(false),
            divides: row.try_get("divides")?,
            may_enter: row.try_get("may_enter")?,
            may_read: row.try_get("may_read")?,
            may_write: row.try_get("may_write")?,
            hidden: row.try_get("hidden")?,
            elsewhere: row.try_get("elsewhere")?,
        })
    }

    fn path(&self) -> String {
        format!("{}.{}", self.schema, self.name)
    }

    fn quoted(&self) -> String {
        qualified(&self.schema, &self.name)
    }

    fn obstacle(&self, code: &'static str, message: &str, hint: String) -> Obstacle {
        Obstacle { code, object: self.path(), message: message.to_owned(), hint, stops: Stops::Reading }
    }

    /// Is this the table that the policy names?
    fn is_of(&self, column: &ColumnName) -> bool {
        self.schema == column.schema && self.name == column.table
    }

    /// What keeps the whole relation from being read.
    fn of_relation(&self, role: &str) -> Vec<Obstacle> {
        match self.kind.as_str() {
            "r" => {}
            "f" => {
                return vec![self.obstacle(
                    "sweep/foreign-table",
                    "it is a foreign table: its rows lie on another server, where they have no versions to compare with",
                    format!("detach it (ALTER TABLE … DETACH PARTITION {}), or sweep it on its own server", self.quoted()),
                )];
            }
            _ => {
                return vec![self.obstacle(
                    "sweep/not-a-table",
                    "it is neither a table nor a partitioned table",
                    "name the table that it reads from in the policy".to_owned(),
                )];
            }
        }
        if self.elsewhere {
            return vec![self.obstacle(
                "sweep/temporary-table",
                "it is a temporary table of another session, which inherits from a protected one: nobody else can read it",
                "wait until that session has ended, or drop the table there".to_owned(),
            )];
        }
        let mut obstacles = Vec::new();
        let role = quoted(role);
        if !self.may_enter {
            obstacles.push(self.obstacle(
                "sweep/no-privilege",
                "this role may not use its schema",
                format!("GRANT USAGE ON SCHEMA {} TO {role}", quoted(&self.schema)),
            ));
        }
        if !self.may_read {
            obstacles.push(self.obstacle(
                "sweep/no-privilege",
                "this role may not read it (all of it: SELECT of single columns leaves out ctid and xmin)",
                format!("GRANT SELECT ON {} TO {role}", self.quoted()),
            ));
        }
        if self.hidden {
            obstacles.push(self.obstacle(
                "sweep/row-security",
                "row-level security applies to this role, so that values could be hidden from it",
                format!("ALTER ROLE {role} BYPASSRLS (as a superuser), or have the table's owner sweep it without FORCE ROW LEVEL SECURITY"),
            ));
        }
        obstacles
    }

    /// The attribute number of a column that can be swept.
    fn column(&self, column: &ColumnName, others: &[StoredColumn]) -> Result<i16, Obstacle> {
        let obstacle = |code, message: String, hint: String| {
            let object = format!("{}.{}", self.path(), column.column);
            Err(Obstacle { code, object, message, hint, stops: Stops::Reading })
        };
        let Some(attnum) = self.attnum else {
            return obstacle(
                "sweep/missing-column",
                "there is no such column".to_owned(),
                "correct its name in the policy (names are matched verbatim), or add it with `pgveil apply`".to_owned(),
            );
        };
        if let Some(other) = others.iter().find(|other| other.name == column.column) {
            return obstacle(
                "sweep/two-parents",
                format!(
                    "it is two columns of the policy, {} and {column}, and its values can be of either",
                    other.column
                ),
                "give both the same `identity:` in the policy; or protect only one of the tables, or end an inheritance \
                 (ALTER TABLE … NO INHERIT …)"
                    .to_owned(),
            );
        }
        if !self.sealed {
            return obstacle(
                "sweep/not-sealed",
                "it is not of the type pgveil.sealed: it holds plaintext".to_owned(),
                "`pgveil check` says how it comes to be sealed; `pgveil apply` does so while the table is empty"
                    .to_owned(),
            );
        }
        if self.generated {
            return obstacle(
                "sweep/generated",
                "it is a generated column, which cannot be written".to_owned(),
                format!("ALTER TABLE {} ALTER COLUMN {} DROP EXPRESSION", self.quoted(), quoted(&column.column)),
            );
        }
        Ok(attnum)
    }

    /// Rows would have to move to another partition with each new seal.
    fn partition_key(&self, column: &ColumnName) -> Option<Obstacle> {
        self.divides.then(|| Obstacle {
            code: "sweep/partition-key",
            object: format!("{}.{}", self.path(), column.column),
            message: "a sealed column decides about the partition of a row, and a new seal would be of another"
                .to_owned(),
            hint: "partition the table by a column that is not sealed".to_owned(),
            stops: Stops::Writing,
        })
    }
}

/// Do two columns of the policy share an identity? Then their values are interchangeable: a partition or child that the
/// policy names beside its parent, to be used directly.
fn are_one(database: &Database, one: &ColumnName, other: &ColumnName) -> bool {
    let identity = |name: &ColumnName| {
        let is = |column: &&std::sync::Arc<ProtectedColumn>| {
            (&column.schema, &column.table, &column.name) == (&name.schema, &name.table, &name.column)
        };
        database.columns.iter().find(is).map(|column| &column.identity)
    };
    identity(one).is_some_and(|identity_of_one| identity(other) == Some(identity_of_one))
}

fn missing_table(column: &ColumnName) -> Obstacle {
    Obstacle {
        code: "sweep/missing-table",
        object: format!("{}.{}", column.schema, column.table),
        message: "there is no such table".to_owned(),
        hint: "correct its name in the policy (names are matched verbatim), or create it".to_owned(),
        stops: Stops::Reading,
    }
}

fn no_update(relation: &Found, role: &str) -> Option<Obstacle> {
    let Stored { schema, name, columns, .. } = &relation.stored;
    (!relation.writable).then(|| Obstacle {
        code: "sweep/no-privilege",
        object: format!("{schema}.{name}"),
        message: "this role may not update its sealed columns".to_owned(),
        hint: format!(
            "GRANT UPDATE ({}) ON {} TO {}",
            columns.iter().map(|column| quoted(&column.name)).collect::<Vec<_>>().join(", "),
            qualified(schema, name),
            quoted(role)
        ),
        stops: Stops::Writing,
    })
}

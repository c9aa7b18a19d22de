//! The relations that store rows and have columns that may hold envelopes.

use tokio_postgres::{Client, Row};

use super::{PlaceKind, Unseen, during, quoted, snapshot::Stored, types::Types};
use crate::sweep::SweepError;

/// A relation as the snapshot has it.
#[derive(Debug)]
pub(super) struct Relation {
    oid: u32,
    pub(super) schema: String,
    pub(super) name: String,
    pub(super) kind: PlaceKind,
    /// See [`Stored::file`].
    file: i64,
    pub(super) root: (String, String),
    pub(super) columns: Vec<Column>,
    obstacle: Option<Obstacle>,
}

/// A column that may hold envelopes.
#[derive(Debug)]
pub(super) struct Column {
    number: i16,
    pub(super) name: String,
    pub(super) type_oid: u32,
}

/// What keeps the login from reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Obstacle {
    /// It was dropped since: nobody has rights on it.
    Gone,
    /// No USAGE on the schema.
    Schema,
    /// No SELECT on the columns.
    Select,
    /// Row-level security would hide rows.
    Policies,
}

/// A temporary table of another session, which nobody else can read.
#[derive(Debug)]
pub(super) struct Temporary {
    schema: String,
    name: String,
    owner: String,
    /// Processes: the session's if it can be told, else all of the owner's.
    sessions: Option<Vec<i32>>,
}

impl Relation {
    /// What a snapshot needs to know of it.
    pub(super) fn stored(&self) -> Stored<'_> {
        let columns = self.columns.iter().map(|column| (column.number, column.name.as_str())).collect();
        Stored { oid: self.oid, schema: &self.schema, name: &self.name, file: self.file, columns }
    }

    /// Was it dropped since the snapshot was taken?
    pub(super) fn is_gone(&self) -> bool {
        self.obstacle == Some(Obstacle::Gone)
    }

    /// Its name for people.
    pub(super) fn shown(&self) -> String {
        format!("{}.{}", self.schema, self.name)
    }

    /// Why it cannot be read, and what to do, if that can be told beforehand.
    pub(super) fn unreadable(&self, role: &str) -> Option<Unseen> {
        let (role, name) = (quoted(role), self.stored().sql_name());
        let select = format!("GRANT SELECT ON {name} TO {role}");
        Some(match self.obstacle? {
            Obstacle::Gone => self.unseen("it was dropped meanwhile", "look again"),
            Obstacle::Schema => self.unseen(
                "no right to use its schema",
                format!("GRANT USAGE ON SCHEMA {} TO {role}; {select}", quoted(&self.schema)),
            ),
            Obstacle::Select => self.unseen("no right to read it", select),
            Obstacle::Policies => self.unseen(
                "row-level security may hide rows of it from the login",
                format!("ALTER ROLE {role} BYPASSRLS (as a superuser), or let the table's owner do it"),
            ),
        })
    }

    pub(super) fn unseen(&self, why: impl Into<String>, remedy: impl Into<String>) -> Unseen {
        Unseen { relation: self.shown(), why: why.into(), remedy: remedy.into() }
    }
}

/// All of the database, as the current transaction sees them, small ones first: they are what is emptied and
/// refreshed all the time, and whatever is rewritten after the snapshot and before it is read means another look.
pub(super) async fn relations(client: &Client, types: &Types) -> Result<Vec<Relation>, SweepError> {
    let failed = during("reading the relations of the database");
    let rows = client.query(RELATIONS, &[&types.oids()]).await.map_err(&failed)?;
    let relation = |row: &Row| {
        let (names, oids, numbers): (Vec<String>, Vec<u32>, Vec<i16>) =
            (row.try_get(8)?, row.try_get(9)?, row.try_get(13)?);
        let column = |((name, type_oid), number)| Column { number, name, type_oid };
        let kind = match row.try_get(3)? {
            "m" => PlaceKind::MaterializedView,
            "f" => PlaceKind::Foreign,
            _ => PlaceKind::Table,
        };
        let obstacle = match (row.try_get(11)?, row.try_get(10)?, row.try_get(12)?) {
            (None, ..) | (_, None, _) => Some(Obstacle::Gone),
            (Some(false), ..) => Some(Obstacle::Schema),
            (_, Some(false), _) => Some(Obstacle::Select),
            (.., true) => Some(Obstacle::Policies),
            _ => None,
        };
        Ok(Relation {
            oid: row.try_get(0)?,
            schema: row.try_get(1)?,
            name: row.try_get(2)?,
            kind,
            file: row.try_get(4)?,
            root: (row.try_get(5)?, row.try_get(6)?),
            columns: names.into_iter().zip(oids).zip(numbers).map(column).collect(),
            obstacle,
        })
    };
    rows.iter().map(relation).collect::<Result<_, tokio_postgres::Error>>().map_err(&failed)
}

/// The first temporary table of another session that has rows, or may.
pub(super) async fn temporary(client: &Client, types: &Types) -> Result<Option<Temporary>, SweepError> {
    let failed = during("reading other sessions' temporary tables");
    let row = client.query_opt(TEMPORARY, &[&types.oids()]).await.map_err(&failed)?;
    let table = |row: Row| {
        Ok(Temporary {
            schema: row.try_get(0)?,
            name: row.try_get(1)?,
            owner: row.try_get(2)?,
            sessions: row.try_get(3)?,
        })
    };
    row.map(table).transpose().map_err(&failed)
}

impl Temporary {
    pub(super) fn unseen(&self) -> Unseen {
        let sessions = self.sessions.iter().flatten().map(ToString::to_string).collect::<Vec<_>>();
        let (whose, remedy) = match sessions.as_slice() {
            [] => (
                "no session of its owner is there any more".to_owned(),
                "the server removes it when autovacuum comes by".to_owned(),
            ),
            [one] => (format!("server process {one}"), format!("end that session: SELECT pg_terminate_backend({one})")),
            _ => (
                format!("one of the server processes {}", sessions.join(", ")),
                "end that session, or drop the table in it".to_owned(),
            ),
        };
        Unseen {
            relation: format!("{}.{}", self.schema, self.name),
            why: format!("a temporary table of another session, of role {}: {whose}", self.owner),
            remedy,
        }
    }
}

/// Not looked at, since no value can be opened from there, and nothing a client does puts a value there as data:
/// `pg_statistic` (samples that ANALYZE replaces), indexes and TOAST tables (the tables' own), bytes of dropped
/// columns and dead row versions, `pg_largeobject` (its pages do not begin where objects do; docs/keys.md), and the
/// keystore's own tables; whatever else somebody has put into its schema is looked at. Partitioned tables store
/// nothing; their partitions do, attached or not. Nor does a materialized view that was never filled. A table that somebody made in pg_catalog is looked at.
///
/// OID, schema, name, kind, file, root's schema and name, size, columns, their types, may they be read, may the
/// schema be used (both null for what was dropped since), does row-level security apply, the columns' numbers.
const RELATIONS: &str = "WITH RECURSIVE parents(child, parent) AS (
    SELECT i.inhrelid, i.inhparent FROM pg_catalog.pg_inherits i
  UNION
    SELECT p.child, i.inhparent FROM parents p JOIN pg_catalog.pg_inherits i ON i.inhrelid = p.parent
), roots AS (
    SELECT p.child, pg_catalog.min(p.parent) AS root FROM parents p
    WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_inherits i WHERE i.inhrelid = p.parent) GROUP BY p.child
)
SELECT c.oid, n.nspname::pg_catalog.text, c.relname::pg_catalog.text, c.relkind::pg_catalog.text,
    c.relfilenode::pg_catalog.int8, coalesce(rn.nspname, n.nspname)::pg_catalog.text,
    coalesce(rc.relname, c.relname)::pg_catalog.text,
    c.relpages, a.names, a.types, a.readable,
    pg_catalog.has_schema_privilege(n.oid, 'USAGE'), coalesce(pg_catalog.row_security_active(c.oid), true),
    a.numbers
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN roots r ON r.child = c.oid
LEFT JOIN pg_catalog.pg_class rc ON rc.oid = r.root
LEFT JOIN pg_catalog.pg_namespace rn ON rn.oid = rc.relnamespace
CROSS JOIN LATERAL (
    SELECT pg_catalog.array_agg(a.attname::pg_catalog.text ORDER BY a.attnum) AS names,
        pg_catalog.array_agg(a.atttypid ORDER BY a.attnum) AS types,
        pg_catalog.array_agg(a.attnum ORDER BY a.attnum) AS numbers,
        pg_catalog.bool_and(pg_catalog.has_column_privilege(c.oid, a.attnum, 'SELECT')) AS readable
    FROM pg_catalog.pg_attribute a
    WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.atttypid = ANY ($1)
) a
WHERE c.relkind IN ('r', 'm', 'f') AND (c.relkind <> 'm' OR c.relispopulated) AND a.names IS NOT NULL 
    AND (n.nspname <> 'pgveil_keys'
        OR c.relname <> ALL ('{epoch,keystore,scope,kek,index_root,dek,dek_usage,registration,column_identity}'))
    AND (n.nspname <> 'pg_catalog' OR c.oid >= 16384)
    AND (c.relpersistence <> 't' OR c.relnamespace = pg_catalog.pg_my_temp_schema())
ORDER BY 8, 1";

/// A temporary table's first row gives its file a block, though the row may be in the session's own buffers only.
/// A session that is in a transaction, or of a server that tells, is known by the number in the schema's name.
const TEMPORARY: &str = "SELECT n.nspname::pg_catalog.text, c.relname::pg_catalog.text,
    pg_catalog.pg_get_userbyid(c.relowner)::pg_catalog.text,
    coalesce(
        (SELECT pg_catalog.array_agg(DISTINCT l.pid) FROM pg_catalog.pg_locks l
         WHERE l.pid IS NOT NULL AND 'pg_temp_' || pg_catalog.split_part(l.virtualtransaction, '/', 1) = n.nspname
         HAVING pg_catalog.count(*) > 0),
        (SELECT pg_catalog.array_agg(s.pid ORDER BY s.pid) FROM pg_catalog.pg_stat_activity s
         WHERE s.usesysid = c.relowner AND s.datname = pg_catalog.current_database()))
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relpersistence = 't' AND c.relkind = 'r' AND c.relnamespace <> pg_catalog.pg_my_temp_schema()
    AND EXISTS (SELECT FROM pg_catalog.pg_attribute a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.atttypid = ANY ($1))
    AND coalesce(pg_catalog.pg_relation_size(c.oid), 1) > 0
ORDER BY c.oid LIMIT 1";

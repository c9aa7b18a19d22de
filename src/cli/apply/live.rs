//! What the database has now, as far as `apply` decides by it.

use tokio_postgres::{Client, GenericClient, Row};

use crate::{
    cli::{
        error::{CliError, during},
        sql_text::qualified,
    },
    config::{Database, ProtectedTable},
    sql::catalog,
};

/// One database as `apply` finds it.
#[derive(Debug, Default)]
pub(super) struct Live {
    /// `server_version_num`, e.g. 150018.
    pub(super) version: i32,
    /// The login's own role.
    pub(super) role: String,
    /// The database's encoding.
    pub(super) encoding: String,
    /// Owner of the database, who may create schemas.
    pub(super) database_owner: String,
    /// May the login create schemas?
    pub(super) may_create_schemas: bool,
    /// The schema `pgveil`.
    pub(super) schema: Option<Schema>,
    /// The domain `pgveil.sealed`.
    pub(super) domain: Option<Domain>,
    /// Argument types that `pgveil.any_value` exists for.
    pub(super) any_value: Vec<String>,
    /// All types that have the name of one of the policy's enum types.
    pub(super) named_types: Vec<catalog::NamedType>,
    /// Protected tables in the policy's order; None where there is none of that name.
    pub(super) tables: Vec<Option<Table>>,
}

/// The schema `pgveil`.
#[derive(Debug)]
pub(super) struct Schema {
    pub(super) owner: String,
    pub(super) may_create: bool,
    pub(super) public_usage: bool,
}

/// The domain `pgveil.sealed`.
#[derive(Debug)]
pub(super) struct Domain {
    pub(super) oid: u32,
    /// Over bytea, with a check for the magic.
    pub(super) as_expected: bool,
}

/// A protected table.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    /// `pg_class.oid`
    pub(super) oid: u32,
    /// `pg_class.relkind`
    pub(super) kind: char,
    pub(super) owner: String,
    /// Does the login have its owner's rights?
    pub(super) owned: bool,
    /// None if the login may not look.
    pub(super) has_rows: Option<bool>,
    /// Protected columns in the policy's order; None where there is none of that name.
    pub(super) columns: Vec<Option<Column>>,
    /// Names taken in the table's schema by relations: for naming indexes.
    pub(super) taken_names: Vec<String>,
}

/// A protected column.
#[derive(Clone, Debug, Default)]
pub(super) struct Column {
    /// `pg_attribute.attnum`
    pub(super) number: i16,
    /// `format_type` of its type.
    pub(super) type_name: String,
    pub(super) type_oid: u32,
    pub(super) typmod: i32,
    /// Already of the domain `pgveil.sealed`?
    pub(super) sealed: bool,
    /// `SET STORAGE EXTERNAL` done?
    pub(super) external: bool,
    /// Comes from a parent table: the policy should name that one.
    pub(super) inherited: bool,
    /// A valid btree index on exactly the token's expression.
    pub(super) token_index: Option<String>,
    /// Things in the database that hang on the column, bar the token index.
    pub(super) dependents: Vec<Dependent>,
}

/// Something that hangs on a column.
#[derive(Clone, Debug)]
pub(super) struct Dependent {
    pub(super) kind: DependentKind,
    /// `pg_describe_object`, e.g. `view people_list`.
    pub(super) description: String,
}

/// What it is, as far as `apply` cares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum DependentKind {
    /// A default or a generation expression.
    Default,
    /// A constraint; `unique_alone`: UNIQUE over this column only.
    Constraint { name: String, unique_alone: bool },
    /// A plain index; `alone`: btree over this column only, without a predicate.
    Index { schema: String, name: String, unique: bool, alone: bool },
    /// A view, rule, trigger, policy, statistics object, publication, function …
    Other,
}

/// Reads it all.
pub(super) async fn read(client: &Client, database: &Database) -> Result<Live, CliError> {
    let server = client.query_one(SERVER, &[]).await.map_err(during("reading the server's version and roles"))?;
    let mut live = Live {
        version: server.get(0),
        role: server.get(1),
        database_owner: server.get(2),
        may_create_schemas: server.get(3),
        encoding: server.get(4),
        ..Live::default()
    };
    let reading = || during("reading the catalog");
    live.schema = client.query_opt(SCHEMA, &[]).await.map_err(reading())?.map(|row| Schema {
        owner: row.get(0),
        may_create: row.get(1),
        public_usage: row.get(2),
    });
    live.domain = client
        .query_opt(DOMAIN, &[])
        .await
        .map_err(reading())?
        .map(|row| Domain { oid: row.get(0), as_expected: row.get(1) });
    live.any_value = client.query(ANY_VALUE, &[]).await.map_err(reading())?.iter().map(|row| row.get(0)).collect();
    live.named_types = catalog::named_types(client, database).await?;
    catalog::define_enums(database, &live.named_types);
    for table in &database.tables {
        live.tables.push(read_table(client, table, live.domain.as_ref().map(|d| d.oid)).await?);
    }
    Ok(live)
}

async fn read_table(client: &Client, table: &ProtectedTable, domain: Option<u32>) -> Result<Option<Table>, CliError> {
    let reading = || during("reading a protected table's definition");
    let Some(row) = client.query_opt(TABLE, &[&table.schema, &table.name]).await.map_err(reading())? else {
        return Ok(None);
    };
    let oid: u32 = row.get(0);
    let kind = row.get::<_, String>(1).chars().next().unwrap_or(' ');
    let readable: bool = row.get(4);
    let mut columns = Vec::new();
    for column in &table.columns {
        let found = client.query_opt(COLUMN, &[&oid, &column.name]).await.map_err(reading())?;
        columns.push(match found {
            None => None,
            Some(row) => Some(read_column(client, oid, &row, domain).await?),
        });
    }
    let taken = client.query(TAKEN_NAMES, &[&table.schema]).await.map_err(reading())?;
    Ok(Some(Table {
        oid,
        kind,
        owner: row.get(2),
        owned: row.get(3),
        has_rows: if readable { Some(has_rows(client, table).await?) } else { None },
        columns,
        taken_names: taken.iter().map(|row| row.get(0)).collect(),
    }))
}

/// Does the table have a row?
pub(super) async fn has_rows(client: &impl GenericClient, table: &ProtectedTable) -> Result<bool, CliError> {
    let query = format!("SELECT EXISTS (SELECT 1 FROM {})", qualified(&table.schema, &table.name));
    let row = client.query_one(&query, &[]).await.map_err(during("looking whether a protected table has rows"))?;
    Ok(row.get(0))
}

async fn read_column(client: &Client, table: u32, row: &Row, domain: Option<u32>) -> Result<Column, CliError> {
    let number: i16 = row.get(0);
    let type_oid: u32 = row.get(1);
    let mut column = Column {
        number,
        type_oid,
        typmod: row.get(2),
        type_name: row.get(3),
        sealed: domain == Some(type_oid),
        external: row.get(4),
        inherited: row.get(5),
        ..Column::default()
    };
    let found = client
        .query(DEPENDENTS, &[&table, &i32::from(number)])
        .await
        .map_err(during("reading what depends on a protected column"))?;
    for row in found {
        if row.get("is_token_index") {
            if row.get("is_valid") {
                column.token_index = row.get("index_name");
            }
            continue;
        }
        column
            .dependents
            .push(Dependent { kind: dependent_kind(&row), description: description(row.get("description")) });
    }
    Ok(column)
}

/// A view is known to people by its name, not by the rule that it consists of.
fn description(text: &str) -> String {
    text.strip_prefix("rule _RETURN on ").unwrap_or(text).to_owned()
}

fn dependent_kind(row: &Row) -> DependentKind {
    let unique: Option<bool> = row.get("is_unique");
    let alone: Option<bool> = row.get("alone");
    match row.get::<_, &str>("class") {
        "pg_attrdef" => DependentKind::Default,
        "pg_constraint" => DependentKind::Constraint {
            name: row.get::<_, Option<String>>("constraint_name").unwrap_or_default(),
            unique_alone: row.get::<_, Option<bool>>("unique_alone") == Some(true),
        },
        "pg_class" if unique.is_some() => DependentKind::Index {
            schema: row.get::<_, Option<String>>("index_schema").unwrap_or_default(),
            name: row.get::<_, Option<String>>("index_name").unwrap_or_default(),
            unique: unique == Some(true),
            alone: alone == Some(true),
        },
        _ => DependentKind::Other,
    }
}

const SERVER: &str = "
SELECT current_setting('server_version_num')::int4, current_user::text, pg_get_userbyid(d.datdba)::text,
       has_database_privilege(d.oid, 'CREATE'), pg_encoding_to_char(d.encoding)::text
FROM pg_database d WHERE d.datname = current_database()";

const SCHEMA: &str = "
SELECT pg_get_userbyid(n.nspowner)::text, has_schema_privilege(n.oid, 'CREATE'),
       EXISTS (SELECT 1 FROM aclexplode(n.nspacl) a WHERE a.grantee = 0 AND a.privilege_type = 'USAGE')
FROM pg_namespace n WHERE n.nspname = 'pgveil'";

const DOMAIN: &str = "
SELECT t.oid,
       t.typtype = 'd' AND t.typbasetype = 'bytea'::regtype AND EXISTS (
         SELECT 1 FROM pg_constraint c
         WHERE c.contypid = t.oid AND c.contype = 'c' AND pg_get_constraintdef(c.oid) LIKE '%''\\\\xff7076''%')
FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
WHERE n.nspname = 'pgveil' AND t.typname = 'sealed'";

const ANY_VALUE: &str = "
SELECT format_type(p.proargtypes[0], NULL)
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname = 'pgveil' AND p.proname = 'any_value' AND p.prokind = 'a' AND p.pronargs = 1";

const TABLE: &str = "
SELECT c.oid, c.relkind::text, pg_get_userbyid(c.relowner)::text, pg_has_role(c.relowner, 'USAGE'),
       has_table_privilege(c.oid, 'SELECT') AND has_schema_privilege(n.oid, 'USAGE')
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p', 'v', 'm', 'f')";

const COLUMN: &str = "
SELECT attnum, atttypid, atttypmod, format_type(atttypid, atttypmod), attstorage = 'e', attinhcount > 0
FROM pg_attribute WHERE attrelid = $1 AND attname = $2 AND attnum > 0 AND NOT attisdropped";

const TAKEN_NAMES: &str = "
SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1";

// What hangs on a column is in pg_depend. Left out: NOT NULL constraints (rows of their own from 18
// on), which stay as they are, and the owned sequence of a serial column, whose default is listed.
// An index of a constraint hangs on the constraint, not on the column.
const DEPENDENTS: &str = r#"
SELECT DISTINCT d.classid::regclass::text AS class, pg_describe_object(d.classid, d.objid, d.objsubid) AS description,
       con.conname::text AS constraint_name,
       con.contype = 'u' AND con.conrelid = $1 AND cardinality(con.conkey) = 1 AS unique_alone,
       idx.relname::text AS index_name, nsp.nspname::text AS index_schema, i.indisunique AS is_unique,
       i.indnatts = 1 AND i.indpred IS NULL AND i.indexprs IS NULL AND am.amname = 'btree' AS alone,
       coalesce(i.indnatts = 1 AND i.indpred IS NULL AND am.amname = 'btree'
         AND pg_get_expr(i.indexprs, i.indrelid) IN (
           format('"substring"((%I)::bytea, 9, 16)', att.attname),
           format('SUBSTRING((%I)::bytea FROM 9 FOR 16)', att.attname),
           format('"substring"(%I, 9, 16)', att.attname),
           format('SUBSTRING(%I FROM 9 FOR 16)', att.attname)), false) AS is_token_index,
       coalesce(i.indisvalid, true) AS is_valid
FROM pg_depend d
JOIN pg_attribute att ON att.attrelid = d.refobjid AND att.attnum = d.refobjsubid
LEFT JOIN pg_constraint con ON d.classid = 'pg_constraint'::regclass AND con.oid = d.objid
LEFT JOIN pg_class idx ON d.classid = 'pg_class'::regclass AND idx.oid = d.objid AND idx.relkind IN ('i', 'I')
LEFT JOIN pg_namespace nsp ON nsp.oid = idx.relnamespace
LEFT JOIN pg_index i ON i.indexrelid = idx.oid
LEFT JOIN pg_am am ON am.oid = idx.relam
LEFT JOIN pg_class seq ON d.classid = 'pg_class'::regclass AND seq.oid = d.objid AND seq.relkind = 'S'
WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = $1 AND d.refobjsubid = $2
  AND (con.contype IS NULL OR con.contype <> 'n') AND seq.oid IS NULL
ORDER BY description"#;

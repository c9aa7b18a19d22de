//! What of a session decides how names resolve and how strings are lexed.

use std::sync::Arc;

use serde::Deserialize;

use super::{
    catalog::{Relation, RelationRow},
    overlay::Changed,
};

/// A session's environment at one moment. Two equal environments resolve names alike.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Env {
    /// Schemas that an unqualified relation name is looked up in, in order, as
    /// `current_schemas(true)` gives them: includes pg_catalog and the session's own `pg_temp_n`.
    pub search_path: Vec<String>,
    /// `current_user`
    pub role: String,
    /// The session's temporary relations, by name, if it has any.
    pub temp: Vec<Arc<Relation>>,
    /// What the present transaction has created or changed and not committed yet; None if it was not
    /// asked for.
    pub changed: Option<Vec<Arc<Changed>>>,
    /// Schemas and names of the types that the present transaction has created or changed, labels of enums
    /// included.
    pub changed_types: Vec<(String, String)>,
    /// What PostgreSQL's own names mean something else under: what stands in their way.
    pub shadows: Vec<Shadow>,
    /// `standard_conforming_strings`
    pub standard_conforming_strings: bool,
}

/// An object that an unqualified name finds before the one of pg_catalog that has the same name and,
/// where it has any, the same argument types.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Shadow {
    /// What it is.
    pub kind: ShadowKind,
    /// Its name: `lower`, `=`, `text`.
    pub name: String,
}

/// What can stand in the way of one of pg_catalog's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ShadowKind {
    /// A function, aggregate or window function.
    Function,
    /// An operator.
    Operator,
    /// A type, the row type of a relation included.
    Type,
}

/// Settings that decide how the server writes and reads values, as `SHOW` gives them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RawSettings {
    /// `DateStyle`: `ISO, MDY`
    pub date_style: String,
    /// `TimeZone`
    pub time_zone: String,
    /// `bytea_output`: `hex` or `escape`
    pub bytea_output: String,
    /// `extra_float_digits`: `-15` to `3`
    pub extra_float_digits: String,
    /// `client_encoding`
    pub client_encoding: String,
    /// `IntervalStyle`
    pub interval_style: String,
    /// `array_nulls`: `on` or `off`
    pub array_nulls: String,
}

/// Why a row is not an answer to [`QUERY`].
#[derive(Debug, thiserror::Error)]
pub enum EnvError {
    /// Not the number of columns that was asked for, or a NULL.
    #[error("the server's answer about the session's environment lacks column {0}")]
    Missing(usize),
    /// A setting is not UTF-8.
    #[error("the server's answer about the session's environment is not UTF-8: {0}")]
    Encoding(#[from] std::str::Utf8Error),
    /// The names are not in hexadecimal digits.
    #[error("the names in the server's answer about the session's environment could not be read: {0}")]
    Hex(#[from] const_hex::FromHexError),
    /// The names are not the JSON that was asked for.
    #[error("the names in the server's answer about the session's environment could not be read: {0}")]
    Json(#[from] serde_json::Error),
}

/// What stands in the way of pg_catalog's names: functions and operators of schemas that are listed
/// before it, and types of these and of the session's temporary schema, which comes before it unless it
/// is listed behind (namespace.c: functions and operators are never looked for in it).
///
/// Under most search_paths pg_catalog comes first, and nothing is looked up. Otherwise each object of
/// the schemas before it, as pg_depend lists them, is looked up in pg_catalog by the index on its name.
macro_rules! shadows {
    () => {
        r#"CASE WHEN (pg_catalog.current_schemas(true))[1] OPERATOR(pg_catalog.<>) 'pg_catalog'::pg_catalog.name THEN (
WITH before AS MATERIALIZED (
SELECT n.oid, n.oid OPERATOR(pg_catalog.=) pg_catalog.pg_my_temp_schema() AS temp
FROM pg_catalog.unnest(pg_catalog.current_schemas(true)) WITH ORDINALITY s(name, at)
JOIN pg_catalog.pg_namespace n ON n.nspname OPERATOR(pg_catalog.=) s.name
WHERE s.at OPERATOR(pg_catalog.<)
pg_catalog.array_position(pg_catalog.current_schemas(true), 'pg_catalog'::pg_catalog.name)),
inside AS MATERIALIZED (
SELECT d.classid, d.objid, b.temp FROM before b JOIN pg_catalog.pg_depend d ON d.refobjid OPERATOR(pg_catalog.=) b.oid
WHERE d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_namespace'::pg_catalog.regclass::pg_catalog.oid)
SELECT pg_catalog.json_agg(pg_catalog.json_build_object('kind', f.kind, 'name', f.name) ORDER BY f.kind, f.name) FROM (
SELECT 'function' AS kind, p.proname AS name FROM inside i
JOIN pg_catalog.pg_proc p ON p.oid OPERATOR(pg_catalog.=) i.objid
JOIN pg_catalog.pg_proc o ON o.proname OPERATOR(pg_catalog.=) p.proname
AND o.proargtypes OPERATOR(pg_catalog.=) p.proargtypes
WHERE i.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_proc'::pg_catalog.regclass::pg_catalog.oid AND NOT i.temp
AND o.pronamespace OPERATOR(pg_catalog.=) 'pg_catalog'::pg_catalog.regnamespace::pg_catalog.oid
UNION SELECT 'operator', p.oprname FROM inside i
JOIN pg_catalog.pg_operator p ON p.oid OPERATOR(pg_catalog.=) i.objid
JOIN pg_catalog.pg_operator o ON o.oprname OPERATOR(pg_catalog.=) p.oprname
AND o.oprleft OPERATOR(pg_catalog.=) p.oprleft AND o.oprright OPERATOR(pg_catalog.=) p.oprright
WHERE i.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_operator'::pg_catalog.regclass::pg_catalog.oid AND NOT i.temp
AND o.oprnamespace OPERATOR(pg_catalog.=) 'pg_catalog'::pg_catalog.regnamespace::pg_catalog.oid
UNION SELECT 'type', p.typname FROM inside i
JOIN pg_catalog.pg_type p ON p.oid OPERATOR(pg_catalog.=) i.objid
JOIN pg_catalog.pg_type o ON o.typname OPERATOR(pg_catalog.=) p.typname
WHERE i.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_type'::pg_catalog.regclass::pg_catalog.oid
AND o.typnamespace OPERATOR(pg_catalog.=) 'pg_catalog'::pg_catalog.regnamespace::pg_catalog.oid
UNION SELECT 'type', p.relname FROM inside i
JOIN pg_catalog.pg_class p ON p.oid OPERATOR(pg_catalog.=) i.objid
JOIN pg_catalog.pg_type o ON o.typname OPERATOR(pg_catalog.=) p.relname
WHERE i.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid
AND o.typnamespace OPERATOR(pg_catalog.=) 'pg_catalog'::pg_catalog.regnamespace::pg_catalog.oid) f) END,
"#
    };
}

/// The question, and what it asks about the transaction's own changes of the catalog.
macro_rules! query {
    ($changed:literal) => {
        concat!(
            r#"SELECT
pg_catalog.encode(pg_catalog.convert_to(pg_catalog.json_build_array(pg_catalog.current_schemas(true), CURRENT_USER,
CASE WHEN pg_catalog.pg_my_temp_schema() OPERATOR(pg_catalog.<>) 0::pg_catalog.oid THEN (
SELECT pg_catalog.json_agg(pg_catalog.json_build_array(c.oid::pg_catalog.int8, n.nspname, c.relname, c.relkind, (
SELECT pg_catalog.json_agg(pg_catalog.json_build_array(a.attnum, a.attname, a.atttypid::pg_catalog.int8, a.atttypmod,
a.attgenerated OPERATOR(pg_catalog.<>) ''::pg_catalog."char") ORDER BY a.attnum)
FROM pg_catalog.pg_attribute a WHERE a.attrelid OPERATOR(pg_catalog.=) c.oid
AND a.attnum OPERATOR(pg_catalog.>) 0::pg_catalog.int2 AND NOT a.attisdropped)) ORDER BY c.oid)
FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) d.objid
JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
WHERE d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_namespace'::pg_catalog.regclass::pg_catalog.oid
AND d.refobjid OPERATOR(pg_catalog.=) pg_catalog.pg_my_temp_schema()
AND d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid
AND c.relkind OPERATOR(pg_catalog.=) ANY ('{r,p,v,m,f,S}'::pg_catalog."char"[])) END,
"#,
            shadows!(),
            $changed,
            r#")::pg_catalog.text, 'UTF8'), 'hex'),
pg_catalog.current_setting('standard_conforming_strings'),
pg_catalog.current_setting('DateStyle'),
pg_catalog.current_setting('TimeZone'),
pg_catalog.current_setting('bytea_output'),
pg_catalog.current_setting('extra_float_digits'),
pg_catalog.current_setting('client_encoding'),
pg_catalog.current_setting('IntervalStyle'),
pg_catalog.current_setting('array_nulls')"#
        )
    };
}

/// Reads the session's environment on the client's own connection; [`parse_row`] reads the answer.
///
/// One row of nine text columns. Says the same under any search_path, role, encoding and quoting
/// setting: every function, type and operator is qualified, there is no backslash, and names travel
/// as hexadecimal digits of UTF-8 JSON, since client_encoding may have no characters for them. The
/// temporary relations are found through pg_depend, whose index leads to them; pg_class has none by
/// schema.
///
/// No side effect but one: it takes a snapshot, so in a transaction it must not be sent before the
/// client's first statement (`SET TRANSACTION ISOLATION LEVEL` would fail after it). In a failed
/// transaction it fails as everything does.
pub const QUERY: &str = query!("NULL, NULL");

/// As [`QUERY`], for a transaction that may have changed the catalog: asks for what it has changed,
/// too. That takes a look at every row of pg_class, pg_attribute and pg_type.
///
/// The transaction's own row versions are those whose `xmin` is its id or, in subtransactions, a later
/// one. Later transactions of others are found as well, which does no harm: they are as the session
/// sees them. A transaction without an id has written nothing.
pub const QUERY_CHANGED: &str = query!(
    r#"(SELECT COALESCE(pg_catalog.json_agg(pg_catalog.json_build_array(pg_catalog.json_build_array(
c.oid::pg_catalog.int8, n.nspname, c.relname, c.relkind, (
SELECT pg_catalog.json_agg(pg_catalog.json_build_array(a.attnum, a.attname, a.atttypid::pg_catalog.int8, a.atttypmod,
a.attgenerated OPERATOR(pg_catalog.<>) ''::pg_catalog."char") ORDER BY a.attnum)
FROM pg_catalog.pg_attribute a WHERE a.attrelid OPERATOR(pg_catalog.=) c.oid
AND a.attnum OPERATOR(pg_catalog.>) 0::pg_catalog.int2 AND NOT a.attisdropped)), f.rewired) ORDER BY c.oid),
'[]'::pg_catalog.json)
FROM (SELECT v.oid, pg_catalog.bool_or(v.rewired) AS rewired FROM (
SELECT oid, false AS rewired, xmin FROM pg_catalog.pg_class
UNION ALL SELECT attrelid, false, xmin FROM pg_catalog.pg_attribute
UNION ALL SELECT c.oid, false, n.xmin
FROM pg_catalog.pg_namespace n JOIN pg_catalog.pg_class c ON c.relnamespace OPERATOR(pg_catalog.=) n.oid
UNION ALL SELECT ev_class, true, xmin FROM pg_catalog.pg_rewrite
UNION ALL SELECT inhrelid, true, xmin FROM pg_catalog.pg_inherits
UNION ALL SELECT inhparent, true, xmin FROM pg_catalog.pg_inherits
) v WHERE pg_catalog.age(v.xmin) OPERATOR(pg_catalog.<=)
(SELECT pg_catalog.age(pg_catalog.pg_current_xact_id_if_assigned()::pg_catalog.xid))
GROUP BY v.oid) f
JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) f.oid
JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
WHERE c.relkind OPERATOR(pg_catalog.=) ANY ('{r,p,v,m,f,S}'::pg_catalog."char"[])
AND c.relpersistence OPERATOR(pg_catalog.<>) 't'::pg_catalog."char"
AND n.nspname OPERATOR(pg_catalog.<>) ALL ('{pg_catalog,information_schema,pg_toast}'::pg_catalog.name[])),
(SELECT pg_catalog.json_agg(DISTINCT pg_catalog.jsonb_build_array(n.nspname, t.typname)) FROM (
SELECT oid, xmin FROM pg_catalog.pg_type
UNION ALL SELECT enumtypid, xmin FROM pg_catalog.pg_enum
) v JOIN pg_catalog.pg_type t ON t.oid OPERATOR(pg_catalog.=) v.oid
JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) t.typnamespace
WHERE pg_catalog.age(v.xmin) OPERATOR(pg_catalog.<=)
(SELECT pg_catalog.age(pg_catalog.pg_current_xact_id_if_assigned()::pg_catalog.xid)))"#
);

/// The names in the first column: search_path, role, temporary relations, shadows, changed relations and changed
/// types.
type Names = (
    Vec<String>,
    String,
    Option<Vec<RelationRow>>,
    Option<Vec<Shadow>>,
    Option<Vec<(RelationRow, bool)>>,
    Option<Vec<(String, String)>>,
);

/// Reads the row that [`QUERY`] or [`QUERY_CHANGED`] returns, its columns in text format.
///
/// # Errors
/// If it is not such a row.
pub fn parse_row(columns: &[Option<&[u8]>]) -> Result<(Env, RawSettings), EnvError> {
    let bytes = |at: usize| columns.get(at).copied().flatten().ok_or(EnvError::Missing(at));
    let text = |at: usize| Ok::<_, EnvError>(std::str::from_utf8(bytes(at)?)?.to_owned());
    let names: Names = serde_json::from_slice(&const_hex::decode(bytes(0)?)?)?;
    let (search_path, role, temp, shadows, changed, changed_types) = names;
    let env = Env {
        search_path,
        role,
        temp: temp.into_iter().flatten().map(|row| Arc::new(row.into())).collect(),
        changed: changed.map(|rows| rows.into_iter().map(|row| Arc::new(row.into())).collect()),
        changed_types: changed_types.unwrap_or_default(),
        shadows: shadows.unwrap_or_default(),
        standard_conforming_strings: bytes(1)? == b"on",
    };
    let settings = RawSettings {
        date_style: text(2)?,
        time_zone: text(3)?,
        bytea_output: text(4)?,
        extra_float_digits: text(5)?,
        client_encoding: text(6)?,
        interval_style: text(7)?,
        array_nulls: text(8)?,
    };
    Ok((env, settings))
}

impl Env {
    /// Do names resolve alike in both, and strings lex alike?
    pub fn agrees_with(&self, other: &Self) -> bool {
        self == other
    }
}
